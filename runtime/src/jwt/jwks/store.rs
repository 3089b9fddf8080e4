//! The keys that were fetched last, and what is known of their issuer.

use std::cell::{Ref, RefCell};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::timeout;

use crate::api::health::WELL;
use crate::jwt::jwks::set::KeySet;
use crate::jwt::jwks::source::{Source, Unfetched};
use crate::topology::Algorithm;

/// How long a request waits for keys that may verify its token. A fetch is begun within
/// [`super::keeper::PACE`]; this leaves it 2 s.
const PATIENCE: Duration = Duration::from_secs(5);

/// The keys of an issuer, for all workers.
pub(crate) struct Store {
    /// Where they come from.
    pub(crate) source: Source,
    algorithm: Algorithm,
    /// How old they may become before they are fetched again.
    pub(super) refresh: Duration,
    state: watch::Sender<State>,
    wanted: Notify,
}

/// What the last fetch led to.
#[derive(Clone, Debug, Default)]
struct State {
    keys: Option<Arc<KeySet>>,
    standing: Standing,
}

/// How it stands with an issuer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It has not been asked yet.
    #[default]
    Unasked,
    /// It gave its keys when it was last asked.
    Known,
    /// It did not, and the keys of before are in use.
    Stale,
    /// It did not, and there are none.
    Away,
}

impl Standing {
    /// As `/health` says it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Unasked => "unknown",
            Self::Known => WELL,
            Self::Stale => "stale",
            Self::Away => "away",
        }
    }
}

impl Store {
    /// A store without keys yet.
    pub(crate) fn new(source: Source, algorithm: Algorithm, refresh: Duration) -> Self {
        Self {
            source,
            algorithm,
            refresh,
            state: watch::Sender::default(),
            wanted: Notify::new(),
        }
    }

    /// Fetches the keys.
    pub(super) async fn fetch(&self) -> Result<KeySet, Unfetched> {
        self.source.fetch(self.algorithm).await
    }

    /// How it stands with the issuer.
    pub(crate) fn standing(&self) -> Standing {
        self.state.borrow().standing
    }

    /// Puts what a fetch led to in place of what was known, and lets go on who waits for it.
    pub(super) fn publish(&self, keys: Option<Arc<KeySet>>, standing: Standing) {
        // Who asked before this is answered by it.
        let mut wanted = std::pin::pin!(self.wanted.notified());
        wanted.as_mut().enable();
        self.state.send_replace(State { keys, standing });
    }

    /// Waits until somebody wants keys that are not known.
    pub(super) async fn wanted(&self) {
        self.wanted.notified().await;
    }

    /// A worker's copy.
    pub(crate) fn keyring(&self) -> Keyring {
        let mut news = self.state.subscribe();
        // There may be keys already.
        news.mark_changed();
        Keyring {
            news: RefCell::new(news),
            keys: RefCell::default(),
        }
    }
}

/// A worker's own copy of the keys.
pub(crate) struct Keyring {
    news: RefCell<watch::Receiver<State>>,
    keys: RefCell<Option<Arc<KeySet>>>,
}

impl Keyring {
    /// The keys, if there are any. Looks at one atomic; only when there are newer ones is a lock taken.
    pub(crate) fn keys(&self) -> Ref<'_, Option<Arc<KeySet>>> {
        let mut news = self.news.borrow_mut();
        if news.has_changed().unwrap_or_default() {
            self.keys.replace(news.borrow_and_update().keys.clone());
        }
        self.keys.borrow()
    }

    /// Asks for newer keys than these, and waits for them within bounds. Many may ask: the issuer is
    /// asked once for all of them, and never more often than its keeper allows. Whether it was asked.
    pub(crate) async fn renewed(&self, store: &Store) -> bool {
        // Has seen what this has seen; so nothing that came since is missed.
        let mut news = self.news.borrow().clone();
        store.wanted.notify_one();
        timeout(PATIENCE, news.changed())
            .await
            .is_ok_and(|changed| changed.is_ok())
    }
}
