//! How an attempt at an upstream ended, as a metric label.

use hyper::StatusCode;

/// How an attempt ended: a status, or a word where there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// A response came, and all of it.
    Status(StatusCode),
    /// No connection came about.
    ConnectError,
    /// A time was exceeded before the response's first byte.
    Timeout,
    /// The connection was closed before the response's first byte.
    Closed,
    /// What came is not HTTP.
    Malformed,
    /// A response began, and its body broke off or stalled.
    Interrupted,
    /// It was taken back before the response's first byte: the client went away, its time was over, or
    /// another upstream answered first.
    Cancelled,
}

impl Outcome {
    /// The words for outcomes without a status.
    pub(crate) const WORDS: [&'static str; 6] = [
        "connect_error",
        "timeout",
        "closed",
        "malformed",
        "interrupted",
        "cancelled",
    ];

    /// The word, with its place in [`Outcome::WORDS`].
    pub(crate) fn word(self) -> Option<(usize, &'static str)> {
        let index = match self {
            Self::Status(_) => return None,
            Self::ConnectError => 0,
            Self::Timeout => 1,
            Self::Closed => 2,
            Self::Malformed => 3,
            Self::Interrupted => 4,
            Self::Cancelled => 5,
        };
        Self::WORDS.get(index).map(|word| (index, *word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_has_its_place() {
        let outcomes = [
            Outcome::ConnectError,
            Outcome::Timeout,
            Outcome::Closed,
            Outcome::Malformed,
            Outcome::Interrupted,
            Outcome::Cancelled,
        ];
        for (index, outcome) in outcomes.into_iter().enumerate() {
            assert_eq!(outcome.word(), Some((index, Outcome::WORDS[index])));
        }
    }
}
