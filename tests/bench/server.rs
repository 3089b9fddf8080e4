//! The model server behind every subject: answers at once, or streams chunks at a set pace. It does as
//! little as a server can, so that what is measured is what stands before it.
//!
//! The load runs on its thread. With threads of their own the two would interrupt each other for every message, where
//! they have one core, and the subject would have to wake each of them each time: then a figure tells of them.

use std::cell::Cell;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::task::LocalSet;

/// How the server answers.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Answer {
    /// With a completion, at once.
    Whole,
    /// With so many events, this far apart.
    Events { count: u32, gap: Duration },
}

/// A server, which serves while a load runs beside it.
#[derive(Debug)]
pub(crate) struct Server {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    answer: Rc<Cell<Answer>>,
    /// Held by every connection as well.
    open: Rc<()>,
    tasks: LocalSet,
    runtime: Runtime,
}

/// Between two looks at how many connections there are.
const SETTLING: Duration = Duration::from_millis(10);

/// How many connections may wait until they are taken: all subjects' at once, while the load keeps the thread.
const WAITING: u32 = 4096;

const WHOLE: &str = r#"{"id":"chatcmpl-7f3a9c","object":"chat.completion","created":1760000000,"model":"served","choices":[{"index":0,"message":{"role":"assistant","content":"A gateway stands between clients and model servers, and settles who may ask for what, where it goes, and what happens when that fails."},"finish_reason":"stop"}],"usage":{"prompt_tokens":210,"completion_tokens":29,"total_tokens":239}}"#;

const EVENT: &str = "data: {\"id\":\"chatcmpl-7f3a9c\",\"object\":\"chat.completion.chunk\",\"created\":1760000000,\"model\":\"served\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\" word\"},\"logprobs\":null,\"finish_reason\":null}]}\n\n";

const LAST: &str = "data: {\"id\":\"chatcmpl-7f3a9c\",\"object\":\"chat.completion.chunk\",\"created\":1760000000,\"model\":\"served\",\"choices\":[],\"usage\":{\"prompt_tokens\":210,\"completion_tokens\":64,\"total_tokens\":274}}\n\ndata: [DONE]\n\n";

impl Server {
    /// One that listens.
    pub(crate) fn start() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let tasks = LocalSet::new();
        let listener = runtime.block_on(async {
            let socket = TcpSocket::new_v4()?;
            socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
            socket.listen(WAITING)
        })?;
        let address = listener.local_addr()?;
        let answer = Rc::new(Cell::new(Answer::Whole));
        let answers = Rc::clone(&answer);
        let open = Rc::new(());
        let opened = Rc::clone(&open);
        tasks.spawn_local(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let (answer, open) = (Rc::clone(&answers), Rc::clone(&opened));
                tokio::task::spawn_local(async move {
                    let _open = open;
                    // The client's end is the usual end.
                    let _ = serve(socket, &answer).await;
                });
            }
        });
        Ok(Self {
            address,
            answer,
            open,
            tasks,
            runtime,
        })
    }

    /// Sets how it answers from now on.
    pub(crate) fn answers(&self, answer: Answer) {
        self.answer.set(answer);
    }

    /// How many connections it has, and a few it does not know to be over.
    pub(crate) fn open(&self) -> usize {
        Rc::strong_count(&self.open)
    }

    /// Serves until it has no more connections than so many: those of a subject that has been stopped are known to be
    /// over when an event is written to them, and take descriptors until then.
    pub(crate) fn settle(&self, open: usize) {
        self.beside(async {
            while self.open() > open {
                tokio::time::sleep(SETTLING).await;
            }
        });
    }

    /// Runs `load`, and serves meanwhile.
    pub(crate) fn beside<T>(&self, load: impl Future<Output = T>) -> T {
        self.tasks.block_on(&self.runtime, load)
    }
}

async fn serve(mut socket: TcpStream, answer: &Cell<Answer>) -> io::Result<()> {
    socket.set_nodelay(true)?;
    let mut buffer = vec![0; 16 * 1024];
    let mut filled = 0;
    loop {
        let (head, body) = loop {
            if let Some(lengths) = lengths(&buffer[..filled]) {
                break lengths;
            }
            match socket.read(&mut buffer[filled..]).await? {
                0 => return Ok(()),
                read => filled += read,
            }
        };
        let whole = head + body;
        while filled < whole {
            match socket.read(&mut buffer[filled..]).await? {
                0 => return Ok(()),
                read => filled += read,
            }
        }
        buffer.copy_within(whole..filled, 0);
        filled -= whole;
        match answer.get() {
            Answer::Whole => socket.write_all(whole_response().as_bytes()).await?,
            Answer::Events { count, gap } => events(&mut socket, count, gap).await?,
        }
    }
}

async fn events(socket: &mut TcpStream, count: u32, gap: Duration) -> io::Result<()> {
    const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n";
    socket.write_all(HEAD.as_bytes()).await?;
    let event = chunk(EVENT);
    let mut pace = tokio::time::interval(gap.max(Duration::from_micros(1)));
    for _ in 0..count {
        if !gap.is_zero() {
            pace.tick().await;
        }
        socket.write_all(event.as_bytes()).await?;
    }
    let end = chunk(LAST) + "0\r\n\r\n";
    socket.write_all(end.as_bytes()).await
}

fn whole_response() -> String {
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{WHOLE}",
        WHOLE.len()
    )
}

fn chunk(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n", text.len())
}

/// The lengths of a request's head and body, once its head is there.
fn lengths(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut request = httparse::Request::new(&mut headers);
    let httparse::Status::Complete(head) = request.parse(bytes).ok()? else {
        return None;
    };
    let length = request
        .headers
        .iter()
        .find(|header| header.name.eq_ignore_ascii_case("content-length"));
    let body = length.and_then(|header| std::str::from_utf8(header.value).ok()?.parse().ok());
    Some((head, body.unwrap_or(0)))
}
