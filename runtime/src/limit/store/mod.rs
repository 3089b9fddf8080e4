//! Limits that all replicas of a gateway share: counted in Redis, in addition to the process.
//!
//! A request is counted here after the process itself has admitted it, so the store only adds
//! refusals, and a process that has to do without it still keeps the limit for itself. One round trip
//! counts everything that a request takes, over the worker's one connection; what was taken and not
//! used is given back at the end, by a task beside the requests.
//!
//! `concurrent` is not counted here: a gateway that dies would hold its places for good.

pub(crate) mod address;
mod link;
pub(in crate::limit) mod names;
mod scripts;
pub(crate) mod server;
pub(in crate::limit) mod shared;

use std::rc::Rc;

use tokio::sync::{mpsc, oneshot};
use tokio::task::spawn_local;
use tokio::time::timeout;

use crate::limit::refusal::Refusal;
use crate::limit::store::link::{Link, reason};
use crate::limit::store::scripts::Scripts;
use crate::limit::store::server::Server;
use crate::limit::store::shared::{Settlement, Shared, Wanted};
use crate::observe::log::Log;
use crate::topology::WhenAway;

/// How many settlements wait for the store; more stay taken until they leave the window.
const WAITING: usize = 4096;

/// How many settlements are sent at once.
const AT_ONCE: usize = 64;

/// The store, as one worker uses it.
pub(crate) struct Store {
    server: &'static Server,
    link: Rc<Link>,
    scripts: Rc<Scripts>,
    settlements: mpsc::Sender<Settlement>,
}

/// Why a request is not admitted that its own process would admit.
pub(crate) enum Unshared {
    /// All replicas together have admitted too much.
    Refused(Refusal),
    /// Nobody knows, and the spec says to refuse then.
    Unknown,
}

/// The store did not answer, or not in time.
pub(in crate::limit) struct Away;

impl Store {
    /// Opens the worker's connection, and keeps it open. Returns when it is open or has failed to; a
    /// store that is away does not keep a gateway from starting.
    pub(crate) async fn start(server: &'static Server, log: &Rc<Log>) -> Rc<Self> {
        let link = Rc::new(Link::new(server, Rc::clone(log)));
        let scripts = Rc::new(Scripts::default());
        let (settlements, waiting) = mpsc::channel(WAITING);
        let store = Rc::new(Self {
            server,
            link: Rc::clone(&link),
            scripts: Rc::clone(&scripts),
            settlements,
        });
        let (trying, tried) = oneshot::channel();
        spawn_local(Rc::clone(&link).keep(Rc::clone(&scripts), trying));
        spawn_local(settle_all(server, link, scripts, waiting));
        // It is dropped, never sent.
        let _ = tried.await;
        store
    }

    /// Whether requests are admitted that it did not count.
    pub(in crate::limit) fn admits_when_away(&self) -> bool {
        self.server.settings.when_away == WhenAway::Admit
    }

    /// Takes everything that is wanted, or nothing.
    pub(in crate::limit) async fn take(
        self: &Rc<Self>,
        wanted: Vec<Wanted>,
    ) -> Result<Shared, Away> {
        let taken = self.try_to_take(wanted).await;
        if taken.is_err() {
            self.server.series.errors.inc();
        }
        taken
    }

    async fn try_to_take(self: &Rc<Self>, wanted: Vec<Wanted>) -> Result<Shared, Away> {
        let (number, mut connection) = self.link.connection().ok_or(Away)?;
        let store = Rc::clone(self);
        let (answering, answer) = oneshot::channel();
        // In a task of its own, so that what is taken for a client that has gone is given back.
        spawn_local(async move {
            let answer = store.scripts.take(&mut connection, &wanted).await;
            let shared = answer.map(|answer| {
                let store = Rc::clone(&store);
                answer.map(|answer| Shared::new(store, wanted, answer))
            });
            if let Err(Ok(Some(unwanted))) = answering.send(shared) {
                unwanted.cancel();
            }
        });
        let limit = self.server.settings.timeout;
        let reason = match timeout(limit, answer).await {
            Ok(Ok(Ok(Some(shared)))) => {
                self.link.answers();
                return Ok(shared);
            }
            Ok(Ok(Ok(None))) => "its answer is not understood".to_owned(),
            Ok(Ok(Err(error))) => reason(&error),
            Ok(Err(_)) => return Err(Away),
            Err(_) => format!("it does not answer within {limit:?}"),
        };
        self.link.give_up(number, &reason);
        Err(Away)
    }

    /// Settles these soon. What cannot be settled stays taken, which refuses too much and never
    /// too little.
    fn settle(&self, settlements: Vec<Settlement>) {
        for settlement in settlements {
            if self.settlements.try_send(settlement).is_err() {
                self.server.series.errors.inc();
            }
        }
    }
}

/// Sends settlements for as long as it is polled.
async fn settle_all(
    server: &'static Server,
    link: Rc<Link>,
    scripts: Rc<Scripts>,
    mut waiting: mpsc::Receiver<Settlement>,
) {
    let mut batch = Vec::with_capacity(AT_ONCE);
    while waiting.recv_many(&mut batch, AT_ONCE).await > 0 {
        if let Some((number, mut connection)) = link.connection() {
            let limit = server.settings.timeout;
            let settled = scripts.settle(&mut connection, &batch);
            match timeout(limit, settled).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => link.give_up(number, &reason(&error)),
                Err(_) => link.give_up(number, &format!("it does not answer within {limit:?}")),
            }
        }
        batch.clear();
    }
}
