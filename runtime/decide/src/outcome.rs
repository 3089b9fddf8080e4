//! Which answers of upstreams are the client's, and what it is told when nobody has answered.

/// Whether a response with this status goes to the client. Any other is a failure, and the next candidate is
/// asked.
///
/// Not the client's business: that the upstream is broken (5xx) or busy (429), that the gateway's own
/// credentials are wrong (401, 403, 407) or the gateway was slow to send (408), and where else it would send
/// the gateway (3xx).
pub const fn is_relayed(status: u16) -> bool {
    match status {
        200..=299 => true,
        401 | 403 | 407 | 408 | 429 => false,
        400..=499 => true,
        _ => false,
    }
}

/// Whether an upstream that has answered with this status, and not said when to come again, may answer the same
/// request a moment later: what stands before a model server had no server for it.
pub const fn may_pass(status: u16) -> bool {
    matches!(status, 408 | 429 | 502 | 503 | 504)
}

/// Why a candidate has not answered, as far as the request's own answer goes by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Miss {
    /// It was left alone.
    Skipped,
    /// It said that it is busy.
    Busy,
    /// It took longer than it may.
    Slow,
    /// The request's own time was over.
    OutOfTime,
    /// Anything else.
    Broken,
}

impl Miss {
    /// What an answer is that is not the client's.
    pub const fn of_status(status: u16) -> Self {
        match status {
            429 => Self::Busy,
            _ => Self::Broken,
        }
    }
}

/// Why nobody has answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Nobody was asked.
    Shut,
    /// All that were asked are busy.
    Busy,
    /// All that were asked took too long.
    Slow,
    /// The request's own time was over.
    OutOfTime,
    /// Anything else.
    Broken,
}

impl Cause {
    /// Why none of those with these `misses` has answered.
    pub fn of(misses: impl Iterator<Item = Miss> + Clone) -> Self {
        let mut asked = misses.clone().filter(|miss| *miss != Miss::Skipped);
        let all = |kind| asked.clone().all(|miss| miss == kind);
        if misses.clone().any(|miss| miss == Miss::OutOfTime) {
            Self::OutOfTime
        } else if all(Miss::Busy) {
            match asked.next() {
                Some(_) => Self::Busy,
                None => Self::Shut,
            }
        } else if all(Miss::Slow) {
            Self::Slow
        } else {
            Self::Broken
        }
    }

    /// The status of the request.
    pub const fn status(self) -> u16 {
        match self {
            Self::Shut => 503,
            Self::Busy => 429,
            Self::Slow | Self::OutOfTime => 504,
            Self::Broken => 502,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_broke_decides_over_the_busy_and_the_slow() {
        let cause = |misses: &[Miss]| Cause::of(misses.iter().copied());
        assert_eq!(cause(&[]), Cause::Shut);
        assert_eq!(cause(&[Miss::Skipped, Miss::Skipped]), Cause::Shut);
        assert_eq!(cause(&[Miss::Skipped, Miss::Busy]), Cause::Busy);
        assert_eq!(cause(&[Miss::Slow, Miss::Skipped]), Cause::Slow);
        assert_eq!(cause(&[Miss::Slow, Miss::Busy]), Cause::Broken);
        assert_eq!(cause(&[Miss::Busy, Miss::Broken]), Cause::Broken);
        assert_eq!(cause(&[Miss::Broken, Miss::OutOfTime]), Cause::OutOfTime);
    }

    #[test]
    fn a_clients_mistakes_are_told_to_it_and_the_gateways_are_not() {
        let relayed = [200, 204, 400, 404, 422];
        let failures = [101, 301, 401, 403, 407, 408, 429, 500, 503, 599];
        assert!(relayed.into_iter().all(is_relayed));
        assert!(!failures.into_iter().any(is_relayed));
    }
}
