//! Connections that wait for their next request: one pool for each upstream on each worker, so
//! without locks.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use crate::upstream::connection::Connection;

/// The most idle connections kept for one upstream by one worker.
const MAX_IDLE: usize = 256;

/// How long an idle connection is kept.
pub(crate) const IDLE_TIME: Duration = Duration::from_secs(30);

/// How long a connection whose response was read may take to be ready for the next request.
const SETTLE_TIME: Duration = Duration::from_secs(1);

/// A pool and the leases that will give back to it.
pub(crate) type SharedPool = Rc<Pool>;

/// Idle connections to one upstream. The one used last is taken first, so that surplus ones grow
/// old.
#[derive(Default)]
pub(crate) struct Pool {
    idle: RefCell<VecDeque<Idle>>,
}

struct Idle {
    connection: Connection,
    since: Instant,
}

impl Pool {
    /// An idle connection, open as far as this side knows.
    pub(crate) fn take(&self) -> Option<Connection> {
        let mut idle = self.idle.borrow_mut();
        while let Some(Idle { connection, since }) = idle.pop_back() {
            if since.elapsed() < IDLE_TIME && connection.sender.is_ready() {
                return Some(connection);
            }
        }
        None
    }

    /// Closes what has been idle for too long.
    pub(crate) fn sweep(&self) {
        let mut idle = self.idle.borrow_mut();
        while idle
            .front()
            .is_some_and(|oldest| oldest.since.elapsed() >= IDLE_TIME)
        {
            idle.pop_front();
        }
    }

    fn put(&self, connection: Connection) {
        let mut idle = self.idle.borrow_mut();
        if idle.len() < MAX_IDLE {
            idle.push_back(Idle {
                connection,
                since: Instant::now(),
            });
        }
    }
}

/// A connection in use. Dropped before it was given back, it is closed at once: that is how a
/// request is taken back.
pub(crate) struct Lease {
    pool: SharedPool,
    connection: Option<Connection>,
}

impl Lease {
    /// `connection`, to be given back to `pool`.
    pub(crate) fn new(pool: &SharedPool, connection: Connection) -> Self {
        Self {
            pool: Rc::clone(pool),
            connection: Some(connection),
        }
    }

    /// The connection, until it was given back.
    pub(crate) fn connection(&mut self) -> Option<&mut Connection> {
        self.connection.as_mut()
    }

    /// Gives the connection back after the whole response was read.
    pub(crate) fn give_back(mut self) {
        let Some(mut connection) = self.connection.take() else {
            return;
        };
        if connection.sender.is_ready() {
            self.pool.put(connection);
        } else if !connection.sender.is_closed() {
            // Its task has yet to notice that the exchange is over; or never will, where the server
            // answered without reading the whole request.
            let pool = Rc::clone(&self.pool);
            tokio::task::spawn_local(async move {
                match timeout(SETTLE_TIME, connection.sender.ready()).await {
                    Ok(Ok(())) => pool.put(connection),
                    _ => connection.task.abort(),
                }
            });
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            connection.task.abort();
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http_body_util::{BodyExt, Full};
    use hyper::Request;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    use tokio::task::LocalSet;

    use super::*;
    use crate::upstream::connection::handshake;

    #[tokio::test(start_paused = true)]
    async fn a_connection_whose_request_is_never_read_is_closed() {
        LocalSet::new()
            .run_until(async {
                let (client, mut server) = duplex(1024);
                let mut connection = handshake(client).await.unwrap();
                let body = Full::new(Bytes::from(vec![b'x'; 64 * 1024]));
                let answered = connection
                    .sender
                    .try_send_request(Request::post("/").body(body).unwrap());
                server.read_exact(&mut [0; 100]).await.unwrap();
                let answer = b"HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\n{}";
                server.write_all(answer).await.unwrap();
                let response = answered.await.map_err(|_| "no response").unwrap();
                response.into_body().collect().await.unwrap();

                let pool = SharedPool::default();
                Lease::new(&pool, connection).give_back();
                tokio::time::sleep(2 * SETTLE_TIME).await;
                let mut rest = Vec::new();
                let closed = timeout(SETTLE_TIME, server.read_to_end(&mut rest)).await;
                assert!(closed.is_ok() && rest.len() < 64 * 1024);
                assert!(pool.take().is_none());
            })
            .await;
    }
}
