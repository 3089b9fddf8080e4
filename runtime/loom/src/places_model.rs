//! No place is lost between one who gives it back and one who begins or stops to wait, and none is overtaken.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::model;
use crate::places::{NoPlace, Places};
use crate::topology::{PriorityClass, Queue};

static QUEUE: Queue = Queue {
    length: 4,
    wait: Duration::from_secs(5),
};

/// Somebody who takes a place, or waits for one.
type Waiting = Pin<Box<dyn Future<Output = Result<(), NoPlace>> + Send>>;

/// One place, which is taken, and those who have begun to wait for it.
struct Taken {
    places: Arc<Places>,
    waiting: Mutex<Vec<Waiting>>,
}

impl Taken {
    fn new() -> Self {
        let places = Arc::new(Places::new(1, Some(&QUEUE)));
        assert!(places.take());
        Self {
            places,
            waiting: Mutex::default(),
        }
    }

    /// With somebody who waits.
    fn with_one_waiting() -> Self {
        let taken = Self::new();
        let waiting = taken.wait();
        taken.waiting.lock().unwrap().extend(waiting);
        taken
    }

    /// Waits; `None` for somebody who has the place at once.
    fn wait(&self) -> Option<Waiting> {
        let places = Arc::clone(&self.places);
        let mut waiting: Waiting =
            Box::pin(async move { places.wait(PriorityClass::Normal).await });
        (!has_place(&mut waiting)).then_some(waiting)
    }

    fn first(&self) -> Waiting {
        self.waiting.lock().unwrap().remove(0)
    }
}

/// Whether somebody has the place that they wait for.
fn has_place(waiting: &mut Waiting) -> bool {
    let polled = waiting
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()));
    polled == Poll::Ready(Ok(()))
}

/// Gives time to those who wait: none of it passes.
fn with_a_clock(models: impl FnOnce()) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let _entered = runtime.enter();
    models();
}

/// Whoever had the place gives it back, and nobody else has it.
fn is_free_in_the_end(taken: &Taken) {
    taken.places.give_back();
    assert!(taken.places.take(), "the place is lost");
    assert!(!taken.places.take(), "there is one place");
}

#[test]
fn who_begins_to_wait_while_the_place_is_given_back_gets_it() {
    with_a_clock(|| {
        model(
            Taken::new,
            [
                |taken| {
                    taken.places.give_back();
                    None
                },
                Taken::wait,
            ],
            |taken, [_, waiting]| {
                if let Some(mut waiting) = waiting {
                    assert!(has_place(&mut waiting), "nobody has called");
                }
                is_free_in_the_end(taken);
            },
        );
    });
}

#[test]
fn who_stops_to_wait_while_the_place_is_given_back_loses_no_place() {
    with_a_clock(|| {
        model(
            Taken::with_one_waiting,
            [
                |taken| taken.places.give_back(),
                |taken| drop(taken.first()),
            ],
            |taken, _| {
                assert!(taken.places.take(), "the place is lost");
                assert!(!taken.places.take(), "there is one place");
            },
        );
    });
}

#[test]
fn who_comes_later_does_not_overtake_who_waits() {
    with_a_clock(|| {
        model(
            Taken::with_one_waiting,
            [
                |taken| {
                    taken.places.give_back();
                    false
                },
                |taken| taken.places.take(),
            ],
            |taken, [_, overtook]| {
                assert!(!overtook, "somebody waits");
                assert!(has_place(&mut taken.first()));
                is_free_in_the_end(taken);
            },
        );
    });
}
