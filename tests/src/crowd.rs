//! Many clients of one mind, and what they may open.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::time::Duration;

use socket2::{Domain, SockFilter, SockRef, Socket, Type};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::patience::patiently;

/// Clients that are connected. They take little at once, so that a thousand of them do not take the memory of
/// the machine for what they leave unread.
#[derive(Debug)]
pub struct Crowd {
    members: Vec<TcpStream>,
}

/// As many of `wanted` connections as a test can have: a process may have only so many files open, and a test
/// holds both ends of some connections. Where that is fewer, it is said, so that nobody takes the figures of a small
/// crowd for those of a large one.
///
/// # Panics
/// When the system does not say, or there is not even room for a tenth of them.
pub fn room_for(wanted: usize) -> usize {
    let most = rlimit::increase_nofile_limit(u64::MAX).expect("the limit of open files is known");
    let room = wanted.min(usize::try_from(most).unwrap_or(usize::MAX) / 3);
    if room < wanted {
        let short = format!("a crowd of {room} instead of {wanted}: `ulimit -Hn` is {most}");
        assert!(room >= wanted / 10, "{short}");
        // Not by a macro: what these print is shown only for tests that fail.
        let _ = writeln!(io::stderr(), "{short}");
    }
    room
}

impl Crowd {
    /// So many clients, each of which connects and sends this at once.
    ///
    /// # Panics
    /// When one of them is not let in.
    pub fn gather(address: SocketAddr, size: usize, says: &[u8]) -> Self {
        // Without a pause between the two, however busy the thread is: a dataplane waits only so long.
        let member = || -> io::Result<TcpStream> {
            let mut socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
            socket.set_recv_buffer_size(4096)?;
            socket.set_tcp_mss(536)?;
            socket.connect(&address.into())?;
            socket.write_all(says)?;
            socket.set_nonblocking(true)?;
            TcpStream::from_std(socket.into())
        };
        let members = (0..size).map(|_| member()).collect::<io::Result<_>>();
        Self {
            members: members.expect("the dataplane listens"),
        }
    }

    /// Each reads until it has got this.
    ///
    /// # Panics
    /// When one of them was cut off.
    pub async fn hear(&mut self, text: &str) {
        for member in &mut self.members {
            let mut heard = Vec::new();
            while !String::from_utf8_lossy(&heard).contains(text) {
                let read = patiently("a response", member.read_buf(&mut heard)).await;
                assert!(
                    matches!(read, Ok(1..)),
                    "{}",
                    String::from_utf8_lossy(&heard)
                );
            }
        }
    }

    /// Each sends `text` byte by byte, until it is cut off. Returns what each was told.
    ///
    /// # Panics
    /// When one of them is not cut off.
    pub async fn trickle(self, text: &'static [u8], pace: Duration) -> Vec<String> {
        let mut members = JoinSet::new();
        for member in self.members {
            members.spawn(trickle(member, text, pace));
        }
        patiently("all to be cut off", members.join_all()).await
    }

    /// From now on nothing that is sent to them arrives, not even at their machines: they acknowledge nothing,
    /// answer no probe and close nothing, as clients whose cable was pulled.
    ///
    /// # Panics
    /// When the system does not know socket filters.
    pub fn vanish(&self) {
        for member in &self.members {
            deafen(SockRef::from(member));
        }
    }
}

/// From now on nothing that is sent to this socket arrives, and nothing that came is acknowledged any more.
///
/// # Panics
/// When the system does not know socket filters.
pub(crate) fn deafen(socket: SockRef<'_>) {
    // "Keep 0 bytes of it", in the language of packet filters.
    let nothing = [SockFilter::new(0x06, 0, 0, 0)];
    let attached = socket.attach_filter(&nothing);
    attached.expect("a socket takes a filter");
}

async fn trickle(member: TcpStream, text: &[u8], pace: Duration) -> String {
    let (mut reader, mut writer) = member.into_split();
    let mut told = Vec::new();
    let listening = async {
        // Whether it ends by a close or by a reset, it has ended.
        let _ = reader.read_to_end(&mut told).await;
    };
    let talking = async {
        for byte in text {
            if writer.write_all(&[*byte]).await.is_err() {
                break;
            }
            sleep(pace).await;
        }
        std::future::pending().await
    };
    tokio::select! {
        () = listening => {}
        () = talking => {}
    }
    String::from_utf8_lossy(&told).into_owned()
}
