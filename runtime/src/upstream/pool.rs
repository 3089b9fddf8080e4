//! Connections that wait for their next request: one pool for each upstream on each worker, so
//! without locks.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use tokio::time::Instant;

use crate::alarm::Alarm;
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
    /// The alarms of nobody, for those who wait for an answer. One that goes off here wakes somebody for whom there is
    /// nothing to do.
    alarms: RefCell<Vec<Alarm>>,
}

struct Idle {
    connection: Box<Connection>,
    /// How long it is kept.
    until: Instant,
}

impl Pool {
    /// An idle connection, open as far as this side knows.
    pub(crate) fn take(&self, now: Instant) -> Option<Box<Connection>> {
        let mut idle = self.idle.borrow_mut();
        while let Some(Idle {
            mut connection,
            until,
        }) = idle.pop_back()
        {
            if now < until && connection.is_quiet() {
                return Some(connection);
            }
        }
        None
    }

    /// Closes what has been idle for too long, and what the server has closed.
    pub(crate) fn sweep(&self) {
        let now = Instant::now();
        self.idle
            .borrow_mut()
            .retain_mut(|idle| now < idle.until && idle.connection.is_quiet());
    }

    /// An alarm for whoever asks.
    pub(super) fn alarm(&self) -> Alarm {
        self.alarms.borrow_mut().pop().unwrap_or_default()
    }

    /// Keeps the `alarm` of somebody who does not wait any more.
    pub(super) fn keep(&self, alarm: Alarm) {
        let mut alarms = self.alarms.borrow_mut();
        if alarms.len() < MAX_IDLE {
            alarms.push(alarm);
        }
    }

    fn put(&self, mut connection: Box<Connection>) {
        let mut idle = self.idle.borrow_mut();
        if idle.len() < MAX_IDLE {
            connection.rest();
            idle.push_back(Idle {
                connection,
                until: Instant::now() + IDLE_TIME,
            });
        }
    }
}

/// A connection in use. Dropped before it was given back, it is closed at once: that is how a
/// request is taken back.
pub(crate) struct Lease {
    pool: SharedPool,
    /// The connection; boxed for as long as it lives, as it is large and passes through many hands.
    pub(crate) connection: Box<Connection>,
}

impl Lease {
    /// `connection`, to be given back to `pool`.
    pub(crate) fn new(pool: &SharedPool, connection: Box<Connection>) -> Self {
        Self {
            pool: Rc::clone(pool),
            connection,
        }
    }

    /// Gives the connection back after the whole response was read.
    pub(crate) fn give_back(self) {
        // What follows a response was not asked for.
        if self.connection.is_empty() {
            self.pool.put(self.connection);
        }
    }
}
