//! Connections that wait for their next request: one pool for each upstream on each worker, so
//! without locks.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use tokio::time::Instant;

use crate::upstream::connection::Connection;

/// The most idle connections kept for one upstream by one worker.
const MAX_IDLE: usize = 256;

/// How long an idle connection is kept.
pub(crate) const IDLE_TIME: Duration = Duration::from_secs(30);

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
            // Its task has yet to notice that the exchange is over.
            let pool = Rc::clone(&self.pool);
            tokio::task::spawn_local(async move {
                if connection.sender.ready().await.is_ok() {
                    pool.put(connection);
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
