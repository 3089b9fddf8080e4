//! Why a request was not admitted, and when it would be.

use std::fmt;
use std::time::Duration;

use crate::topology::{Limit, LimitSettings, Rate};

/// A request that a limit refuses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refusal {
    /// The limit.
    pub(crate) limit: &'static Limit,
    /// What was too much.
    pub(crate) kind: Kind,
    /// After which time it would be admitted, if nobody else is; `None`: never.
    pub(crate) wait: Option<Duration>,
}

/// What a limit bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Requests in a window of time.
    Requests,
    /// Tokens in a window of time, of which the request may take so many.
    Tokens(u64),
    /// Requests at once.
    Concurrent,
    /// Requests that wait for one of those to end.
    QueueFull,
    /// The time that a request may wait.
    WaitedInVain,
    /// Subjects of tokens that are counted at once: so many are that one more has no room.
    #[cfg(feature = "jwt")]
    Subjects,
}

impl Kind {
    /// The words for kinds, in the order of [`Kind::index`].
    pub(crate) const WORDS: [&'static str; 6] = [
        "requests",
        "tokens",
        "concurrent",
        "queue_full",
        "queue_timeout",
        "subjects",
    ];

    /// What this limit may refuse a request for, but for subjects of tokens, for which there is nearly always room.
    pub(crate) fn of(limit: &LimitSettings) -> impl Iterator<Item = Self> {
        let waits = limit.queue.is_some();
        let all = [
            (limit.requests.is_some(), Self::Requests),
            (limit.tokens.is_some(), Self::Tokens(0)),
            (limit.concurrent.is_some() && !waits, Self::Concurrent),
            (waits, Self::QueueFull),
            (waits, Self::WaitedInVain),
        ];
        let some = all.into_iter().filter(|(is_there, _)| *is_there);
        some.map(|(_, kind)| kind)
    }

    /// The place in [`Kind::WORDS`].
    pub(crate) fn index(self) -> usize {
        match self {
            Self::Requests => 0,
            Self::Tokens(_) => 1,
            Self::Concurrent => 2,
            Self::QueueFull => 3,
            Self::WaitedInVain => 4,
            #[cfg(feature = "jwt")]
            Self::Subjects => 5,
        }
    }
}

impl Refusal {
    /// How long it stands.
    pub(super) fn length(&self) -> Duration {
        self.wait.unwrap_or(Duration::MAX)
    }

    /// After how many seconds to come again: a whole number that is not too small.
    pub(crate) fn retry_after(&self) -> Option<u64> {
        self.wait.map(|wait| whole_seconds(wait).max(1))
    }
}

/// The time in seconds, rounded up.
pub(super) fn whole_seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

impl std::error::Error for Refusal {}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.limit.settings.name;
        write!(f, "rate limit reached: the limit `{name}` ")?;
        let settings = &self.limit.settings;
        match (self.kind, &settings.requests, &settings.tokens) {
            (Kind::Requests, Some(rate), _) => {
                write!(f, "allows {} {}", requests(rate.amount), Per(rate))?;
            }
            (Kind::Tokens(demand), _, Some(rate)) => {
                let (amount, per) = (rate.amount, Per(rate));
                write!(
                    f,
                    "allows {amount} tokens {per}, and this request may take {demand}"
                )?;
            }
            #[cfg(feature = "jwt")]
            (Kind::Subjects, ..) => f.write_str("counts as many callers as it has room for")?,
            _ => {
                let most = settings.concurrent.unwrap_or(0);
                write!(f, "allows {} at once", requests(u64::from(most)))?;
                if self.kind == Kind::QueueFull {
                    f.write_str(", and as many wait as may")?;
                } else if self.kind == Kind::WaitedInVain {
                    f.write_str(", and none ended while this one waited")?;
                }
            }
        }
        match self.retry_after() {
            Some(1) => f.write_str("; try again in 1 second"),
            Some(seconds) => write!(f, "; try again in {seconds} seconds"),
            None => f.write_str("; send a shorter prompt or a smaller `max_tokens`"),
        }
    }
}

fn requests(count: u64) -> String {
    if count == 1 {
        "1 request".to_owned()
    } else {
        format!("{count} requests")
    }
}

/// `per minute`.
struct Per<'a>(&'a Rate);

impl fmt::Display for Per<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.per.as_secs() {
            1 => f.write_str("per second"),
            60 => f.write_str("per minute"),
            3600 => f.write_str("per hour"),
            seconds => write!(f, "in {seconds} seconds"),
        }
    }
}
