//! A model server that answers byte by byte.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::sleep;

/// A server whose answers begin at once and never end: after some text, another byte after each pause, whatever
/// is asked.
#[derive(Debug)]
pub struct Trickler {
    address: SocketAddr,
    accept: JoinHandle<()>,
}

impl Trickler {
    /// Starts on a free port. Each answer is `text`, then `byte` again and again.
    ///
    /// # Panics
    /// When there is no free port.
    pub async fn start(text: &'static str, byte: u8, pause: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("there is a free port");
        let address = listener.local_addr();
        let accept = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(answer(stream, text, byte, pause));
            }
        });
        Self {
            address: address.expect("a bound socket has an address"),
            accept,
        }
    }

    /// Its base URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Trickler {
    fn drop(&mut self) {
        self.accept.abort();
    }
}

async fn answer(mut stream: TcpStream, text: &str, byte: u8, pause: Duration) {
    let mut request = Vec::new();
    // What is asked for does not matter, and whoever asks may leave at any time.
    let _ = stream.read_buf(&mut request).await;
    let mut said = stream.write_all(text.as_bytes()).await;
    while said.is_ok() {
        sleep(pause).await;
        said = stream.write_all(&[byte]).await;
    }
}
