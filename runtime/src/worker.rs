//! What the requests of one worker share: one thread's own connections, log, draws and budgets, so
//! without locks.

use std::rc::Rc;

use decide::draw::Sequence;

use crate::auth::Own;
use crate::dataplane::Dataplane;
use crate::forward::budget::Budget;
#[cfg(feature = "redis")]
use crate::limit::store::Store;
use crate::observe::log::{Log, Sink};
use crate::observe::reports::{Reports, Sinks};
use crate::route;
use crate::server::drain::Drain;
use crate::topology::{Hedge, Model, Shadow, Upstream};
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
    /// What counts the limits of all replicas, once it is opened.
    #[cfg(feature = "redis")]
    pub(crate) store: Option<Rc<Store>>,
    /// Where else its requests are reported to.
    pub(crate) reports: Reports,
    pools: Vec<SharedPool>,
    sequences: Vec<Sequence>,
    shadow_sequences: Vec<Sequence>,
    budgets: Vec<Budget>,
}

impl Worker {
    /// A worker for `dataplane`.
    pub(crate) fn new(dataplane: &'static Dataplane, sink: Sink, sinks: Sinks) -> Self {
        let sequence = || Sequence::starting_at(fastrand::u64(..));
        let models = dataplane.topology.models.len();
        let shadows = dataplane.rooms.shadows();
        let budget = |(_, hedge): (&_, &Hedge)| Budget::new(&hedge.settings);
        Self {
            dataplane,
            log: Rc::new(Log::new(sink)),
            own: dataplane.callers.own(),
            cut: Rc::default(),
            #[cfg(feature = "redis")]
            store: None,
            reports: Reports::new(sinks),
            pools: dataplane
                .upstreams
                .iter()
                .map(|_| Rc::new(Pool::default()))
                .collect(),
            sequences: std::iter::repeat_with(sequence).take(models).collect(),
            shadow_sequences: std::iter::repeat_with(sequence).take(shadows).collect(),
            budgets: route::hedged(dataplane.topology)
                .into_iter()
                .map(budget)
                .collect(),
        }
    }

    /// Opens the store, if there is one.
    #[cfg(feature = "redis")]
    pub(crate) async fn open_store(&mut self) {
        if let Some(server) = &self.dataplane.store {
            self.store = Some(Store::start(server, &self.log).await);
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

    /// The next draw for `shadow`: a sequence of its own, so that it copies of every branch of a route.
    pub(crate) fn draw_for(&self, shadow: &Shadow) -> u64 {
        let sequence = self.shadow_sequences.get(shadow.slot.index());
        sequence
            .expect("every shadow of the tables got a slot at the start")
            .draw()
    }

    /// What it may still send of `hedge`.
    pub(crate) fn budget(&self, hedge: &Hedge) -> &Budget {
        let budget = self.budgets.get(hedge.slot.index());
        budget.expect("every hedge of the tables got a slot at the start")
    }

    /// Closes upstream connections that nobody has used for long.
    pub(crate) fn sweep(&self) {
        for pool in &self.pools {
            pool.sweep();
        }
    }
}
