//! What the gateway reads along while a response passes. It never changes or holds back a byte.

use bytes::Bytes;
use tokio::time::Instant;

use crate::observe::account::{Account, Usage};
use crate::stream::events::Boundaries;
use crate::stream::usage::last_usage;

/// The most that is kept of an event that came in pieces, in bytes. The one with `usage` is far
/// smaller.
const MAX_PENDING: usize = 16 * 1024;

/// The most that is kept of the end of a document, in bytes: servers write `usage` after the
/// content.
const MAX_TAIL: usize = 4 * 1024;

/// The data of a stream's last event.
const DONE: &[u8] = b"[DONE]";

/// Reads along with one response.
pub(crate) enum Observer {
    /// An SSE stream.
    Events(Events),
    /// One document.
    Document(Document),
}

/// What is known about a stream.
pub(crate) struct Events {
    boundaries: Boundaries,
    count: u64,
    /// When the first and the last piece came.
    span: Option<(Instant, Instant)>,
    /// The beginning of an event that has not ended yet.
    pending: Vec<u8>,
    usage: Option<Usage>,
}

/// What is known about a document.
#[derive(Default)]
pub(crate) struct Document {
    tail: Vec<u8>,
    last: Bytes,
}

impl Observer {
    /// Reads along with an SSE stream.
    pub(crate) fn of_events() -> Self {
        Self::Events(Events {
            boundaries: Boundaries::new(),
            count: 0,
            span: None,
            pending: Vec::new(),
            usage: None,
        })
    }

    /// Reads along with a document.
    pub(crate) fn of_document() -> Self {
        Self::Document(Document::default())
    }

    /// Sees the next piece, at its time.
    pub(crate) fn see(&mut self, piece: &Bytes, now: Instant, account: &Account) {
        match self {
            Self::Events(events) => events.see(piece, now, account),
            Self::Document(document) => document.see(piece),
        }
    }

    /// Whether what ends here, ends inside of an event that is not the last.
    pub(crate) fn is_cut(&self) -> bool {
        match self {
            Self::Events(events) => events.is_cut(),
            Self::Document(_) => false,
        }
    }

    /// Tells the account what was seen: at the end, well or not.
    pub(crate) fn report(&self, account: &mut Account) {
        let usage = match self {
            Self::Events(events) => {
                events.report_pace(account);
                account.streamed(events.count);
                events.usage
            }
            Self::Document(document) => document.usage(),
        };
        if let Some(usage) = usage {
            account.used(usage);
        }
    }
}

impl Events {
    /// Whether the stream stands between two events.
    pub(crate) fn between_events(&self) -> bool {
        self.boundaries.between_events()
    }

    fn is_cut(&self) -> bool {
        // Some servers leave out the empty line after the last event.
        !self.between_events() && !self.pending.trim_ascii_end().ends_with(DONE)
    }

    fn see(&mut self, piece: &Bytes, now: Instant, account: &Account) {
        match &mut self.span {
            Some((_, last)) => *last = now,
            None => {
                self.span = Some((now, now));
                account.first_token();
            }
        }
        let passed = self.boundaries.pass(piece);
        self.count += passed.events;
        let (ended, begun) = piece.split_at(passed.last_end.unwrap_or(0));
        if !ended.is_empty() {
            let found = if self.pending.is_empty() {
                last_usage(ended)
            } else {
                self.keep(ended);
                let found = last_usage(&self.pending);
                self.pending.clear();
                found.or_else(|| last_usage(ended))
            };
            self.usage = found.or(self.usage);
        }
        self.keep(begun);
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = MAX_PENDING - self.pending.len();
        self.pending
            .extend_from_slice(bytes.get(..room).unwrap_or(bytes));
    }

    /// The mean time between two tokens. Servers put one token into an event, more or less; where
    /// they said how many there were, that is exact.
    fn report_pace(&self, account: &Account) {
        let Some((first, last)) = self.span else {
            return;
        };
        let tokens = self
            .usage
            .and_then(|usage| usage.output)
            .unwrap_or(self.count);
        let steps = u32::try_from(tokens.saturating_sub(1)).unwrap_or(u32::MAX);
        if steps > 0 {
            account.per_token((last - first) / steps);
        }
    }
}

impl Document {
    fn see(&mut self, piece: &Bytes) {
        // Most documents come in one piece, which is looked at where it lies.
        let previous = std::mem::replace(&mut self.last, piece.clone());
        if !previous.is_empty() {
            self.tail.extend_from_slice(&previous);
            let surplus = self.tail.len().saturating_sub(MAX_TAIL);
            self.tail.drain(..surplus);
        }
    }

    fn usage(&self) -> Option<Usage> {
        if self.tail.is_empty() {
            return last_usage(&self.last);
        }
        let last = self
            .last
            .split_at(self.last.len().saturating_sub(MAX_TAIL))
            .1;
        last_usage(&[&self.tail, last].concat())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{account, dataplane, worker};

    const STREAM: &str = "data: {\"choices\":[{}],\"usage\":null}\n\n\
        data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4}}\n\n\
        data: [DONE]\n\n";

    fn usage_of(mut observer: Observer, pieces: &[&str]) -> Option<Usage> {
        let account = account(&worker(dataplane()));
        for piece in pieces {
            observer.see(
                &Bytes::copy_from_slice(piece.as_bytes()),
                Instant::now(),
                &account,
            );
        }
        match observer {
            Observer::Events(events) => events.usage,
            Observer::Document(document) => document.usage(),
        }
    }

    #[test]
    fn reads_usage_from_a_stream_however_it_is_split() {
        let expected = Some(Usage {
            input: Some(3),
            output: Some(4),
        });
        for cut in 0..=STREAM.len() {
            let (head, tail) = STREAM.split_at(cut);
            assert_eq!(
                usage_of(Observer::of_events(), &[head, tail]),
                expected,
                "cut at {cut}"
            );
        }
        let bytes: Vec<&str> = STREAM.split("").collect();
        assert_eq!(usage_of(Observer::of_events(), &bytes), expected);
    }

    #[test]
    fn a_huge_event_is_not_kept() {
        let account = account(&worker(dataplane()));
        let mut observer = Observer::of_events();
        let piece = Bytes::from(vec![b'x'; 10_000]);
        for _ in 0..100 {
            observer.see(&piece, Instant::now(), &account);
        }
        let Observer::Events(events) = observer else {
            panic!("it reads events")
        };
        assert_eq!(events.pending.len(), MAX_PENDING);
    }

    #[test]
    fn reads_usage_from_the_end_of_a_document() {
        let long = format!(
            "{{\"content\":\"{}\",\"usage\":{{\"prompt_tokens\":3,\"completion_tokens\":4}}}}",
            "x".repeat(100_000)
        );
        let expected = Some(Usage {
            input: Some(3),
            output: Some(4),
        });
        assert_eq!(usage_of(Observer::of_document(), &[&long]), expected);
        for cut in [1, 50_000, long.len() - 20, long.len() - 1] {
            let (head, tail) = long.split_at(cut);
            assert_eq!(
                usage_of(Observer::of_document(), &[head, tail]),
                expected,
                "cut at {cut}"
            );
        }
    }
}
