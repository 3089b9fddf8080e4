//! Keeps the keys of an issuer fresh for as long as the process lives: one task, on one worker.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::spawn_local;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::jwt::jwks::report::{Report, Told};
use crate::jwt::jwks::set::KeySet;
use crate::jwt::jwks::source::Unfetched;
use crate::jwt::jwks::store::{Standing, Store};
use crate::worker::Worker;

/// The shortest time from the begin of a fetch to that of the next one, whatever clients send; also
/// how soon a failed one is repeated.
pub(crate) const PACE: Duration = Duration::from_secs(3);

/// How long the keys of an issuer that does not answer stay in use.
const MAX_AGE: Duration = Duration::from_secs(24 * 60 * 60);

/// Starts the task, if the topology of `worker` has an issuer that publishes its keys.
pub(crate) fn start(worker: &Worker) {
    let dataplane = worker.dataplane;
    let Some(store) = dataplane.callers.issuer() else {
        return;
    };
    let report = Report::new(Rc::clone(&worker.log), &dataplane.metrics);
    if store.source.is_exposed() {
        report.exposed();
    }
    let fetch = async move || store.fetch().await;
    spawn_local(keep(store, fetch, move |told| report.fetched(&told)));
}

/// Fetches whenever it is due or wanted, but never at a higher pace.
async fn keep(
    store: &Store,
    fetch: impl AsyncFn() -> Result<KeySet, Unfetched>,
    tell: impl Fn(Told),
) {
    let mut keys: Option<Arc<KeySet>> = None;
    let mut standing = Standing::Unasked;
    let mut fetched = Instant::now();
    loop {
        let begin = Instant::now();
        let outcome = fetch().await;
        let (was, due, failure, changed);
        (was, standing, keys, due, failure, changed) = match outcome {
            Ok(new) => {
                fetched = Instant::now();
                let changed = keys.is_some_and(|old| !old.is_like(&new));
                let due = fetched + part_of(store.refresh);
                let keys = Some(Arc::new(new));
                (standing, Standing::Known, keys, due, None, changed)
            }
            Err(failure) => {
                let keys = keys.filter(|_| fetched.elapsed() < MAX_AGE);
                let now = match keys {
                    Some(_) => Standing::Stale,
                    None => Standing::Away,
                };
                (standing, now, keys, begin + PACE, Some(failure), false)
            }
        };
        tell(Told {
            was,
            now: standing,
            keys: keys.as_ref().map_or(0, |keys| keys.len()),
            changed,
            failure,
        });
        store.publish(keys.clone(), standing);
        if timeout_at(due, store.wanted()).await.is_ok() {
            sleep_until(begin + PACE).await;
        }
    }
}

/// Most of `time`: the replicas of a gateway do not all ask at one moment.
fn part_of(time: Duration) -> Duration {
    time.mul_f64(0.9 + 0.1 * fastrand::f64())
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use serde_json::json;
    use tokio::time::{advance, sleep};

    use super::*;
    use crate::jwt::jwks::source::Source;
    use crate::jwt::jwks::store::Keyring;
    use crate::topology::Algorithm;
    use crate::upstream::once::Unanswered;

    const REFRESH: Duration = Duration::from_secs(600);

    /// A set with one key of this name.
    fn set(kid: &str) -> KeySet {
        let modulus = format!("{}w", "_".repeat(341));
        let key = json!({"kty": "RSA", "kid": kid, "n": modulus, "e": "AQAB"});
        let document = json!({"keys": [key]}).to_string();
        KeySet::parse(document.as_bytes(), Algorithm::Rs256).unwrap()
    }

    fn source() -> Source {
        Source::at("http://127.0.0.1:1/keys").unwrap()
    }

    /// An issuer with a store, and what happened to it.
    struct Scene {
        store: Store,
        /// The name of its key; `None` while it is away.
        kid: Cell<Option<&'static str>>,
        fetches: RefCell<Vec<Instant>>,
        told: RefCell<Vec<(Standing, Standing, bool)>>,
    }

    impl Scene {
        fn new(kid: Option<&'static str>) -> Self {
            Self {
                store: Store::new(source(), Algorithm::Rs256, REFRESH),
                kid: Cell::new(kid),
                fetches: RefCell::default(),
                told: RefCell::default(),
            }
        }

        /// Keeps the keys for as long as `during` takes.
        async fn keep<T>(&self, during: impl Future<Output = T>) -> T {
            let fetch = async || {
                self.fetches.borrow_mut().push(Instant::now());
                let kid = self.kid.get();
                kid.map(set).ok_or(Unfetched::Unanswered(Unanswered::Late))
            };
            let tell = |told: Told| {
                let told = (told.was, told.now, told.changed);
                self.told.borrow_mut().push(told);
            };
            tokio::select! {
                () = async { keep(&self.store, fetch, tell).await } => unreachable!("it never ends"),
                done = during => done,
            }
        }

        fn count(&self) -> usize {
            self.fetches.borrow().len()
        }
    }

    fn knows(keyring: &Keyring, kid: &str) -> bool {
        let keys = keyring.keys();
        keys.as_ref()
            .is_some_and(|keys| keys.find(Some(kid)).is_some())
    }

    #[tokio::test(start_paused = true)]
    async fn keys_are_fetched_again_before_they_are_old() {
        let scene = Scene::new(Some("a"));
        scene.keep(sleep(REFRESH * 10)).await;
        assert!((10..=12).contains(&scene.count()), "{}", scene.count());
        assert!(
            scene
                .told
                .borrow()
                .iter()
                .all(|(_, now, _)| *now == Standing::Known)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_new_key_is_there_for_the_request_that_brings_it() {
        let scene = Scene::new(Some("a"));
        let keyring = scene.store.keyring();
        scene
            .keep(async {
                sleep(Duration::from_secs(60)).await;
                assert!(knows(&keyring, "a") && !knows(&keyring, "b"));
                scene.kid.set(Some("b"));
                let asked = Instant::now();
                keyring.renewed(&scene.store).await;
                assert!(knows(&keyring, "b") && !knows(&keyring, "a"));
                assert_eq!(asked.elapsed(), Duration::ZERO);
            })
            .await;
        assert!(scene.told.borrow().last().unwrap().2, "other keys");
    }

    #[tokio::test(start_paused = true)]
    async fn a_worker_that_starts_late_has_the_keys_at_once() {
        let scene = Scene::new(Some("a"));
        scene.keep(sleep(Duration::from_secs(1))).await;
        assert!(knows(&scene.store.keyring(), "a"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_of_unknown_names_changes_the_pace_of_nothing() {
        let scene = Scene::new(Some("a"));
        let keyrings: Vec<_> = (0..100).map(|_| scene.store.keyring()).collect();
        let flood = async {
            for _ in 0..1_000 {
                for keyring in &keyrings {
                    let ask = keyring.renewed(&scene.store);
                    let _ = tokio::time::timeout(Duration::from_micros(300), ask).await;
                }
            }
        };
        let start = Instant::now();
        scene.keep(flood).await;
        let most = start.elapsed().as_secs() / PACE.as_secs() + 1;
        assert!(scene.count() as u64 <= most, "{} > {most}", scene.count());
        let fetches = scene.fetches.borrow();
        assert!(fetches.windows(2).all(|pair| pair[1] - pair[0] >= PACE));
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_long() {
        let scene = Scene::new(Some("a"));
        let keyring = scene.store.keyring();
        scene
            .keep(async {
                for _ in 0..20 {
                    let asked = Instant::now();
                    keyring.renewed(&scene.store).await;
                    assert!(asked.elapsed() <= PACE + Duration::from_secs(1));
                    assert!(!knows(&keyring, "b"));
                    advance(Duration::from_millis(700)).await;
                }
            })
            .await;
    }

    #[tokio::test(start_paused = true)]
    async fn keys_outlive_an_issuer_that_is_away_but_not_for_ever() {
        let scene = Scene::new(Some("a"));
        let keyring = scene.store.keyring();
        scene
            .keep(async {
                sleep(REFRESH / 2).await;
                scene.kid.set(None);
                sleep(REFRESH).await;
                assert_eq!(scene.store.standing(), Standing::Stale);
                assert!(knows(&keyring, "a"));
                sleep(MAX_AGE).await;
                assert_eq!(scene.store.standing(), Standing::Away);
                assert!(!knows(&keyring, "a"));
                scene.kid.set(Some("a"));
                sleep(PACE).await;
                assert_eq!(scene.store.standing(), Standing::Known);
                assert!(knows(&keyring, "a"));
            })
            .await;
        let told = scene.told.borrow();
        let changes: Vec<_> = told.iter().filter(|(was, now, _)| was != now).collect();
        assert_eq!(changes.len(), 4, "{changes:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn an_issuer_that_comes_later_is_noticed_within_the_pace() {
        let scene = Scene::new(None);
        let keyring = scene.store.keyring();
        scene
            .keep(async {
                sleep(Duration::from_secs(100)).await;
                assert_eq!(scene.store.standing(), Standing::Away);
                scene.kid.set(Some("a"));
                sleep(PACE).await;
                assert!(knows(&keyring, "a"));
            })
            .await;
    }
}
