//! What is asked of Redis: two scripts, each of which it runs as one step.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{RedisResult, Script};

use crate::limit::store::shared::{Answer, Settlement, State, Wanted};

/// The scripts. Redis knows them by their digest and is sent the text where it does not.
pub(super) struct Scripts {
    take: Script,
    settle: Script,
}

impl Default for Scripts {
    fn default() -> Self {
        Self {
            take: Script::new(concat!(
                include_str!("windows.lua"),
                include_str!("take.lua")
            )),
            settle: Script::new(concat!(
                include_str!("windows.lua"),
                include_str!("settle.lua")
            )),
        }
    }
}

impl Scripts {
    /// Looks whether the server counts: it may answer and refuse to write.
    pub(super) async fn probe(
        &self,
        connection: &mut MultiplexedConnection,
        window: &str,
    ) -> RedisResult<()> {
        let mut call = self.take.prepare_invoke();
        call.key(window).arg(1).arg(0).arg(1_000_000);
        call.invoke_async(connection).await
    }

    /// Takes everything that is wanted, or nothing. `None` where the answer is none.
    pub(super) async fn take(
        &self,
        connection: &mut MultiplexedConnection,
        wanted: &[Wanted],
    ) -> RedisResult<Option<Answer>> {
        let mut call = self.take.prepare_invoke();
        for wanted in wanted {
            let name = wanted.name();
            call.key(&*name.key);
            call.arg(name.limit).arg(wanted.amount).arg(name.width);
        }
        let numbers: Vec<i64> = call.invoke_async(connection).await?;
        Ok(Answer::of(&numbers).filter(|answer| answer.windows.len() == wanted.len()))
    }

    /// Settles everything.
    pub(super) async fn settle(
        &self,
        connection: &mut MultiplexedConnection,
        settlements: &[Settlement],
    ) -> RedisResult<()> {
        let mut call = self.settle.prepare_invoke();
        for settlement in settlements {
            let name = settlement.name();
            call.key(&*name.key);
            call.arg(name.width).arg(settlement.tick);
            call.arg(settlement.unused).arg(settlement.more);
        }
        call.invoke_async(connection).await
    }
}

impl Answer {
    fn of(numbers: &[i64]) -> Option<Self> {
        let (taken, numbers) = numbers.split_first()?;
        let (windows, rest) = numbers.as_chunks::<4>();
        let state = |&[tick, remaining, wait, reset]: &[i64; 4]| State {
            tick,
            remaining: remaining.max(0).unsigned_abs(),
            wait: u64::try_from(wait).ok().map(Duration::from_micros),
            reset: Duration::from_micros(reset.max(0).unsigned_abs()),
        };
        rest.is_empty().then(|| Self {
            taken: *taken == 1,
            windows: windows.iter().map(state).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_whole_or_not_at_all() {
        let answer = Answer::of(&[1, 7, 599, 0, 60_000_000]).unwrap();
        let [window] = &answer.windows[..] else {
            panic!("one window")
        };
        assert!(answer.taken);
        assert_eq!((window.tick, window.remaining), (7, 599));
        assert_eq!(window.wait, Some(Duration::ZERO));
        assert_eq!(window.reset, Duration::from_secs(60));
        let refused = Answer::of(&[0, 7, 0, -1, 5]).unwrap();
        assert!(!refused.taken && refused.windows[0].wait.is_none());
        assert!(Answer::of(&[]).is_none());
        assert!(Answer::of(&[1, 7, 599]).is_none());
    }
}
