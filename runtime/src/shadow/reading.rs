//! What is kept of a response that is compared with another.

use std::cell::RefCell;

use tokio::time::Instant;

use crate::observe::outcome::Outcome;
use crate::shadow::finish;

/// The most that is kept of a response, in bytes: engines write at its end why they stopped, and `usage`.
const MAX_TAIL: usize = 4 * 1024;

/// A response as it comes.
#[derive(Debug, Default)]
pub(super) struct Reading(RefCell<State>);

#[derive(Debug, Default)]
struct State {
    first_byte: Option<Instant>,
    end: Option<(Outcome, Instant)>,
    output: Option<u64>,
    tail: Vec<u8>,
}

/// A response that has ended.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) outcome: Outcome,
    pub(super) first_byte: Option<Instant>,
    pub(super) end: Instant,
    /// Why the model stopped.
    pub(super) reason: Option<&'static str>,
    /// The tokens that the model wrote.
    pub(super) output: Option<u64>,
}

impl Reading {
    /// A piece has come.
    pub(super) fn see(&self, piece: &[u8]) {
        let mut state = self.0.borrow_mut();
        state.first_byte.get_or_insert_with(Instant::now);
        let piece = piece.split_at(piece.len().saturating_sub(MAX_TAIL)).1;
        state.tail.extend_from_slice(piece);
        // Moved rarely: a stream has many small pieces.
        if state.tail.len() > 2 * MAX_TAIL {
            let surplus = state.tail.len() - MAX_TAIL;
            state.tail.drain(..surplus);
        }
    }

    /// What `reader` finds at its end, as far as it has come.
    pub(super) fn tail<T>(&self, reader: impl FnOnce(&[u8]) -> T) -> T {
        reader(&self.0.borrow().tail)
    }

    /// It has ended like this, after so many tokens as its upstream reported.
    pub(super) fn end(&self, outcome: Outcome, output: Option<u64>) {
        let mut state = self.0.borrow_mut();
        state.end = Some((outcome, Instant::now()));
        state.output = output;
    }

    /// What there is to compare, if it has ended.
    pub(super) fn read(&self) -> Option<Read> {
        let state = self.0.borrow();
        let (outcome, end) = state.end?;
        Some(Read {
            outcome,
            first_byte: state.first_byte,
            end,
            reason: finish::last_reason(&state.tail),
            output: state.output,
        })
    }
}

impl Read {
    /// The first digit of its status; 0 where there is none.
    pub(super) fn class(&self) -> u16 {
        match self.outcome {
            Outcome::Status(status) => status.as_u16() / 100,
            _ => 0,
        }
    }

    /// Whether it is the whole of a good response.
    pub(super) fn is_good(&self) -> bool {
        self.class() == 2
    }
}

#[cfg(test)]
mod tests {
    use hyper::StatusCode;
    use proptest::prelude::*;

    use super::*;
    use crate::stream::usage::last_usage;

    const ENDING: &[u8] = b"data: {\"choices\":[{\"finish_reason\":\"length\"}]}\n\n\
        data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4}}\n\n\
        data: [DONE]\n\n";

    fn read(reading: &Reading) -> Read {
        let usage = reading.tail(last_usage);
        let output = usage.and_then(|usage| usage.output);
        reading.end(Outcome::Status(StatusCode::OK), output);
        reading.read().unwrap()
    }

    #[test]
    fn says_nothing_before_the_end() {
        let reading = Reading::default();
        reading.see(ENDING);
        assert!(reading.read().is_none());
    }

    #[test]
    fn nothing_is_known_of_a_response_without_a_body() {
        let read = read(&Reading::default());
        assert_eq!((read.reason, read.output), (None, None));
        assert!(read.first_byte.is_none());
        assert!(read.is_good());
    }

    proptest! {
        #[test]
        fn the_end_is_read_however_long_and_split(
            length in 0..40_000_usize,
            piece in 1..9_000_usize,
        ) {
            let mut body = vec![b' '; length];
            body.extend_from_slice(ENDING);
            let reading = Reading::default();
            for piece in body.chunks(piece) {
                reading.see(piece);
            }
            prop_assert!(reading.0.borrow().tail.len() <= 2 * MAX_TAIL);
            let read = read(&reading);
            prop_assert_eq!((read.reason, read.output), (Some("length"), Some(4)));
        }
    }
}
