//! What is read of a response that is compared with another.

use std::cell::RefCell;

use tokio::time::Instant;

use crate::observe::outcome::Outcome;
use crate::shadow::finish::REASON;
use crate::stream::field::Last;

/// A response as it comes.
pub(super) struct Reading(RefCell<State>);

struct State {
    first_byte: Option<Instant>,
    end: Option<(Outcome, Instant)>,
    output: Option<u64>,
    reason: Last<&'static str>,
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

impl Default for Reading {
    fn default() -> Self {
        Self(RefCell::new(State {
            first_byte: None,
            end: None,
            output: None,
            reason: Last::of(&REASON),
        }))
    }
}

impl Reading {
    /// A piece has come.
    pub(super) fn see(&self, piece: &[u8]) {
        let mut state = self.0.borrow_mut();
        state.first_byte.get_or_insert_with(Instant::now);
        state.reason.see(piece);
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
            reason: state.reason.found().copied(),
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

    const ENDING: &[u8] = b"data: {\"choices\":[{\"finish_reason\":\"length\"}]}\n\n\
        data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4}}\n\n\
        data: [DONE]\n\n";

    fn read(reading: &Reading) -> Read {
        reading.end(Outcome::Status(StatusCode::OK), None);
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
        assert_eq!(read.reason, None);
        assert!(read.first_byte.is_none());
        assert!(read.is_good());
    }

    proptest! {
        #[test]
        fn the_reason_is_read_however_much_follows_and_however_it_is_split(
            before in 0..40_000_usize,
            after in 0..40_000_usize,
            piece in 1..9_000_usize,
        ) {
            let mut body = vec![b' '; before];
            body.extend_from_slice(ENDING);
            body.resize(body.len() + after, b' ');
            let reading = Reading::default();
            for piece in body.chunks(piece) {
                reading.see(piece);
            }
            prop_assert_eq!(read(&reading).reason, Some("length"));
        }
    }
}
