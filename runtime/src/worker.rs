//! What the requests of one worker share: one thread's own connections, log and draws, so without
//! locks.

use std::rc::Rc;

use crate::auth::Own;
use crate::dataplane::Dataplane;
use crate::observe::log::{Log, Sink};
use crate::observe::reports::{Reports, Sinks};
use crate::route::draw::Sequence;
use crate::server::drain::Drain;
use crate::topology::{Model, Upstream};
use crate::upstream::pool::{Pool, SharedPool};

/// What the requests of one thread share.
pub(crate) struct Worker {
    /// What all threads share.
    pub(crate) dataplane: &'static Dataplane,
    /// Where its lines go.
    pub(crate) log: Rc<Log>,
    /// What it has of its own to tell callers by.
    pub(crate) own: Own,
    /// The end of the time that responses in flight have after a stop was asked for.
    pub(crate) cut: Rc<Drain>,
    /// Where else its requests are reported to.
    pub(crate) reports: Reports,
    pools: Vec<SharedPool>,
    sequences: Vec<Sequence>,
}

impl Worker {
    /// A worker for `dataplane`.
    pub(crate) fn new(dataplane: &'static Dataplane, sink: Sink, sinks: Sinks) -> Self {
        let sequence = |_: &_| Sequence::starting_at(fastrand::u64(..));
        Self {
            dataplane,
            log: Rc::new(Log::new(sink)),
            own: dataplane.callers.own(),
            cut: Rc::default(),
            reports: Reports::new(sinks),
            pools: dataplane
                .upstreams
                .iter()
                .map(|_| Rc::new(Pool::default()))
                .collect(),
            sequences: dataplane.topology.models.iter().map(sequence).collect(),
        }
    }

    /// Its idle connections to `upstream`.
    pub(crate) fn pool(&self, upstream: &Upstream) -> &SharedPool {
        let pool = self.pools.get(upstream.slot.index());
        pool.expect("every upstream of the tables got a slot at the start")
    }

    /// The next draw for a route of `model`.
    pub(crate) fn draw(&self, model: &Model) -> u64 {
        let sequence = self.sequences.get(model.slot.index());
        sequence
            .expect("every model of the tables got a slot at the start")
            .draw()
    }

    /// Closes upstream connections that nobody has used for long.
    pub(crate) fn sweep(&self) {
        for pool in &self.pools {
            pool.sweep();
        }
    }
}
