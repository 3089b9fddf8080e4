//! What the gateway reads along while a response passes, and what of it a client does not get: of a
//! stream, the usage that only the gateway asked for, and whatever follows `[DONE]`. All else passes byte
//! for byte.

use std::collections::VecDeque;

use bytes::Bytes;
use tokio::time::Instant;

use crate::observe::account::{Account, Usage};
use crate::sse::{self, Boundaries};
use crate::stream::field::Last;
use crate::stream::usage::{USAGE, is_usage_alone, last_usage, may_be_usage_alone};
use crate::upstream::opening::failure_within;

/// The most that is kept of an event that came in pieces, in bytes. The one with `usage` is far
/// smaller.
const MAX_PENDING: usize = 16 * 1024;

/// Reads along with one response.
pub(crate) enum Observer {
    /// An SSE stream.
    Events(Events),
    /// One document.
    Document(Document),
}

/// What a client gets of a piece.
pub(crate) enum Passage {
    /// All of it, and nothing else.
    Whole,
    /// These parts.
    Parts(VecDeque<Bytes>),
}

/// What is to be known of a stream before it begins.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Manner {
    /// The gateway has asked for the usage; its client has not.
    pub(crate) hides_usage: bool,
    /// The body ends when its connection does, so that only `[DONE]` tells an end from a break.
    pub(crate) has_no_end: bool,
}

/// What is known about a stream.
pub(crate) struct Events {
    boundaries: Boundaries,
    manner: Manner,
    /// How many events had data.
    count: u64,
    /// When the first piece with data came, be it the beginning of an event, and the last with the end of one.
    span: Option<(Instant, Instant)>,
    /// The beginning of an event that has not ended yet.
    pending: Vec<u8>,
    /// The client has not got `pending`, which may turn out to be the usage.
    withheld: bool,
    /// The client has not got the event with which the last piece ended.
    hidden: bool,
    /// `[DONE]` has passed.
    done: bool,
    /// An event has told of a failure of the upstream.
    has_failed: bool,
    usage: Option<Usage>,
}

/// What is known about a document. All of it is searched as it passes: after `usage` an engine may write more than
/// stands before it, such as the log-probabilities of the prompt.
pub(crate) struct Document {
    usage: Last<Usage>,
}

impl Observer {
    /// Reads along with an SSE stream.
    pub(crate) fn of_events(manner: Manner) -> Self {
        Self::Events(Events {
            boundaries: Boundaries::new(),
            manner,
            count: 0,
            span: None,
            pending: Vec::new(),
            withheld: false,
            hidden: false,
            done: false,
            has_failed: false,
            usage: None,
        })
    }

    /// Reads along with a document.
    pub(crate) fn of_document() -> Self {
        Self::Document(Document {
            usage: Last::of(&USAGE),
        })
    }

    /// Sees the next piece, at its time.
    pub(crate) fn see(&mut self, piece: &Bytes, now: Instant, account: &Account) -> Passage {
        match self {
            Self::Events(events) => events.see(piece, now, account),
            Self::Document(document) => {
                document.usage.see(piece);
                Passage::Whole
            }
        }
    }

    /// Whether what ends here, ends inside of an event that is not the last, or without an end.
    pub(crate) fn is_cut(&self) -> bool {
        match self {
            Self::Events(events) => events.is_cut(),
            Self::Document(_) => false,
        }
    }

    /// Whether a stream may end here: its last event was seen, except perhaps its empty line, or an error.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self, Self::Events(events) if events.is_over())
    }

    /// Whether the last event of a stream has passed, all of it.
    pub(crate) fn is_done(&self) -> bool {
        matches!(self, Self::Events(events) if events.done)
    }

    /// Whether the upstream itself has told the client that it failed.
    pub(crate) fn has_failed(&self) -> bool {
        matches!(self, Self::Events(events) if events.has_failed)
    }

    /// Whether the client stands between two events of a stream.
    pub(crate) fn between_events(&self) -> bool {
        matches!(self, Self::Events(events) if events.between_events())
    }

    /// Tells the account what was seen: at the end, well or not.
    pub(crate) fn report(&self, account: &mut Account) {
        let usage = match self {
            Self::Events(events) => {
                events.report_pace(account);
                account.streamed(events.count);
                events.usage
            }
            Self::Document(document) => document.usage.found().copied(),
        };
        if let Some(usage) = usage {
            account.used(usage);
        }
    }
}

impl Events {
    /// Whether the client stands between two events.
    pub(crate) fn between_events(&self) -> bool {
        self.withheld || self.boundaries.between_events()
    }

    fn is_over(&self) -> bool {
        // Some servers leave out the empty line after the last event, and some all that would follow an error.
        self.done || self.has_failed || sse::is_done(&self.pending)
    }

    fn is_cut(&self) -> bool {
        !self.is_over() && (!self.boundaries.between_events() || self.manner.has_no_end)
    }

    fn see(&mut self, piece: &Bytes, now: Instant, account: &Account) -> Passage {
        let mut has_data = false;
        let mut parts = VecDeque::new();
        // What goes out next begins at `from`; the event that is looked at, at `start`.
        let mut start = self.boundaries.rest_of_line_end(piece);
        // The rest of a line end goes where its event went: here, or nowhere.
        let mut from = if std::mem::take(&mut self.hidden) {
            start
        } else {
            0
        };
        while !self.done
            && let Some(length) = self.boundaries.next_end(tail(piece, start))
        {
            let end = start + length;
            let ended = piece.get(start..end).unwrap_or_default();
            let begun = self.pending.len();
            let event = if begun == 0 {
                ended
            } else {
                self.keep(ended);
                &self.pending
            };
            let usage = last_usage(event);
            let is_ours_to_hide = self.manner.hides_usage && (begun == 0 || self.withheld);
            self.hidden = is_ours_to_hide && usage.is_some() && is_usage_alone(event);
            if self.hidden {
                push(&mut parts, piece.slice(from..start));
                from = end;
            } else if self.withheld {
                push(&mut parts, self.kept(begun));
            }
            self.done = sse::is_done(event);
            self.has_failed |= failure_within(event).is_some();
            self.usage = usage.or(self.usage);
            // Some routers send comments for as long as a prompt is read: these are no tokens.
            if sse::has_data(event) {
                self.count += 1;
                has_data = true;
            }
            self.withheld = false;
            self.pending.clear();
            start = end;
        }
        self.hidden &= start == piece.len();
        let until = if self.done {
            start
        } else {
            self.begin(piece, start, &mut parts)
        };
        match &mut self.span {
            Some((_, last)) if has_data => *last = now,
            None if has_data || sse::has_data(&self.pending) => {
                self.span = Some((now, now));
                account.first_token();
            }
            _ => {}
        }
        if parts.is_empty() && from == 0 && until == piece.len() {
            return Passage::Whole;
        }
        push(&mut parts, piece.slice(from..until));
        Passage::Parts(parts)
    }

    /// Keeps what has begun at `start` of a piece. Returns up to where the client gets the piece, after what
    /// is added to `parts`.
    fn begin(&mut self, piece: &Bytes, start: usize, parts: &mut VecDeque<Bytes>) -> usize {
        let begun = self.pending.len();
        if !self.boundaries.between_events() {
            self.keep(tail(piece, start));
        }
        let withholds = self.manner.hides_usage
            && (begun == 0 || self.withheld)
            && (1..MAX_PENDING).contains(&self.pending.len())
            && may_be_usage_alone(&self.pending);
        if self.withheld && !withholds {
            push(parts, self.kept(begun));
        }
        self.withheld = withholds;
        if withholds { start } else { piece.len() }
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = MAX_PENDING - self.pending.len();
        self.pending
            .extend_from_slice(bytes.get(..room).unwrap_or(bytes));
    }

    /// The first bytes of what was kept.
    fn kept(&self, length: usize) -> Bytes {
        Bytes::copy_from_slice(self.pending.get(..length).unwrap_or_default())
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

fn tail(piece: &[u8], start: usize) -> &[u8] {
    piece.get(start..).unwrap_or_default()
}

fn push(parts: &mut VecDeque<Bytes>, part: Bytes) {
    if !part.is_empty() {
        parts.push_back(part);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::Index;

    use super::*;
    use crate::fixture::{account, dataplane, worker};

    const STREAM: &str = "data: {\"choices\":[{}],\"usage\":null}\n\n\
        data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4}}\n\n\
        data: [DONE]\n\n";

    fn usage_of(mut observer: Observer, pieces: &[&str], account: &Account) -> Option<Usage> {
        for piece in pieces {
            let piece = Bytes::copy_from_slice(piece.as_bytes());
            observer.see(&piece, Instant::now(), account);
        }
        match observer {
            Observer::Events(events) => events.usage,
            Observer::Document(document) => document.usage.found().copied(),
        }
    }

    #[test]
    fn reads_usage_from_a_stream_however_it_is_split() {
        let account = account(&worker(dataplane()));
        let usage = |pieces: &[&str]| {
            let observer = Observer::of_events(Manner::default());
            usage_of(observer, pieces, &account)
        };
        let expected = Some(Usage {
            input: Some(3),
            output: Some(4),
        });
        for cut in 0..=STREAM.len() {
            let (head, tail) = STREAM.split_at(cut);
            assert_eq!(usage(&[head, tail]), expected, "cut at {cut}");
        }
        let bytes: Vec<&str> = STREAM.split("").collect();
        assert_eq!(usage(&bytes), expected);
    }

    #[test]
    fn a_huge_event_is_not_kept() {
        let account = account(&worker(dataplane()));
        let mut observer = Observer::of_events(Manner::default());
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
    fn reads_usage_from_a_document_wherever_it_stands_and_however_it_is_split() {
        let account = account(&worker(dataplane()));
        let usage = |pieces: &[&str]| usage_of(Observer::of_document(), pieces, &account);
        let expected = Some(Usage {
            input: Some(3),
            output: Some(4),
        });
        let field = "\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4}";
        let long = "x".repeat(8 * 1024);
        for document in [
            format!("{{\"choices\":[\"{long}\"],{field}}}"),
            format!("{{\"choices\":[],{field},\"x\":\"{long}\"}}"),
        ] {
            assert_eq!(usage(&[&document]), expected);
            for cut in 0..=document.len() {
                let (head, tail) = document.split_at(cut);
                assert_eq!(usage(&[head, tail]), expected, "cut at {cut}");
            }
            let bytes: Vec<&str> = document.split("").collect();
            assert_eq!(usage(&bytes), expected);
        }
    }

    #[test]
    fn of_bytes_that_are_not_neighbours_no_usage_is_made() {
        let account = account(&worker(dataplane()));
        let begun = "{\"usage\":{\"prompt_tokens\":3,\"x\":\"";
        let long = "y".repeat(8 * 1024);
        let other = format!("{long}\",\"completion_tokens\":4}}}}");
        let usage = usage_of(Observer::of_document(), &[begun, &other], &account);
        assert_eq!(usage, None);
    }

    thread_local! {
        static ACCOUNT: Box<Account> = account(&worker(dataplane()));
    }

    /// What a client gets of a stream that comes in these pieces.
    fn passed(manner: Manner, pieces: &[&[u8]]) -> (Vec<u8>, Observer) {
        let mut observer = Observer::of_events(manner);
        let mut got = Vec::new();
        for piece in pieces {
            let piece = Bytes::copy_from_slice(piece);
            match ACCOUNT.with(|account| observer.see(&piece, Instant::now(), account)) {
                Passage::Whole => got.extend_from_slice(&piece),
                Passage::Parts(parts) => parts.iter().for_each(|part| got.extend_from_slice(part)),
            }
        }
        (got, observer)
    }

    const HIDING: Manner = Manner {
        hides_usage: true,
        has_no_end: false,
    };

    const BEFORE: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"日本\"}}],\"usage\":null}\n\n\
        : comment\r\n\r\nevent: odd\rdata: 1\rdata: 2\r\r";
    const USAGE: &str = "data: {\"id\":\"c\",\"choices\":[],\
        \"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4}}\n\n";
    const LAST: &str = "data: [DONE]\n\n";

    #[test]
    fn usage_that_only_the_gateway_asked_for_is_hidden_however_it_is_split() {
        let text = [BEFORE, USAGE, LAST].concat();
        let expected = [BEFORE, LAST].concat();
        let bytes = text.as_bytes();
        for first in 0..=bytes.len() {
            for second in (first..=bytes.len()).step_by(7) {
                let (a, b) = bytes.split_at(first);
                let (b, c) = b.split_at(second - first);
                let (got, observer) = passed(HIDING, &[a, b, c]);
                assert_eq!(
                    String::from_utf8(got).unwrap(),
                    expected,
                    "{first} {second}"
                );
                assert!(observer.is_over());
                let Observer::Events(events) = observer else {
                    panic!("it reads events")
                };
                assert_eq!(events.usage.and_then(|usage| usage.output), Some(4));
            }
        }
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(passed(HIDING, &single).0, expected.as_bytes());
    }

    #[test]
    fn no_rest_of_a_line_end_is_left_of_hidden_usage() {
        let text = [BEFORE, USAGE, LAST].concat().replace('\n', "\r\n");
        let expected = [BEFORE, LAST].concat().replace('\n', "\r\n");
        let single: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
        let got = passed(HIDING, &single).0;
        assert_eq!(String::from_utf8(got).unwrap(), expected);
    }

    #[test]
    fn what_a_model_writes_is_not_the_end_wherever_it_is_split() {
        let begun = b"data: {\"choices\":[{\"delta\":{\"content\":\"ends with [DONE]";
        for manner in [HIDING, Manner::default()] {
            let (_, observer) = passed(manner, &[begun]);
            assert!(!observer.is_over() && observer.is_cut());
        }
        for end in ["", "\n"] {
            let (_, observer) = passed(HIDING, &[b"data: 1\n\ndata: [DONE]", end.as_bytes()]);
            assert!(observer.is_over() && !observer.is_cut());
        }
    }

    #[test]
    fn comments_are_no_tokens_and_not_the_first_one() {
        let account = account(&worker(dataplane()));
        let at = |seconds| Instant::now() + Duration::from_secs(seconds);
        let pieces = [
            ": PROCESSING\n\n",
            ": PROCES",
            "SING\n\n: PROCESSING\n\nevent: x\n\n",
            "data: {\"choices\":[{",
            "}]}\n\n: PROCESSING\n\n",
            "data: {\"choices\":[{}]}\n\ndata: {\"choices\":[{}]}\n\n",
            ": PROCESSING\n\n",
        ];
        let mut observer = Observer::of_events(Manner::default());
        let times: Vec<_> = (0..).map(at).take(pieces.len()).collect();
        for (piece, now) in pieces.iter().zip(&times) {
            observer.see(&Bytes::from_static(piece.as_bytes()), *now, &account);
        }
        let Observer::Events(events) = observer else {
            panic!("it reads events")
        };
        assert_eq!(events.count, 3);
        assert_eq!(events.span, Some((times[3], times[5])));
    }

    #[test]
    fn a_client_that_asked_for_usage_gets_it() {
        let text = [BEFORE, USAGE, LAST].concat();
        let (got, _) = passed(Manner::default(), &[text.as_bytes()]);
        assert_eq!(got, text.as_bytes());
    }

    #[test]
    fn nothing_but_what_may_be_the_usage_is_held_back() {
        let held = |text: &str| {
            let (got, observer) = passed(HIDING, &[text.as_bytes()]);
            assert!(observer.between_events() || got == text.as_bytes());
            text.len() - got.len()
        };
        assert_eq!(held("data: {\"choices\":[{\"delta\":{\"con"), 0);
        assert_eq!(held("data: 1\n\ndata: {\"choices\":[],"), 20);
        assert_eq!(held("data: [DONE]\n"), 0);
        assert_eq!(held(&format!("data: {}", "x".repeat(MAX_PENDING))), 0);
    }

    #[test]
    fn nothing_passes_after_done() {
        for after in ["data: [DONE]\n\n", "data: {}\n\n", "x", "\n"] {
            let text = [BEFORE, LAST, after].concat();
            for cut in 0..=text.len() {
                let (a, b) = text.as_bytes().split_at(cut);
                let (got, _) = passed(Manner::default(), &[a, b]);
                assert_eq!(
                    String::from_utf8_lossy(&got),
                    [BEFORE, LAST].concat(),
                    "{cut}"
                );
            }
        }
    }

    #[test]
    fn where_only_the_connection_ends_a_stream_it_must_be_done() {
        let manner = Manner {
            has_no_end: true,
            ..Manner::default()
        };
        assert!(passed(manner, &[BEFORE.as_bytes()]).1.is_cut());
        assert!(!passed(Manner::default(), &[BEFORE.as_bytes()]).1.is_cut());
        assert!(
            !passed(manner, &[BEFORE.as_bytes(), b"data: [DONE]\n"])
                .1
                .is_cut()
        );
    }

    proptest! {
        #[test]
        fn whatever_is_hidden_the_rest_passes_byte_for_byte(
            events in vec(
                prop_oneof![
                    Just("data: {\"choices\":[{\"text\":\"日\"}]}"),
                    Just("data: {\"choices\":[]}"),
                    Just(": ping"),
                    Just("data: a\ndata: b"),
                    Just("data: {\"choices\":[],\"usage\":{}}"),
                ],
                0..8,
            ),
            line_end in prop_oneof![Just("\n"), Just("\r"), Just("\r\n")],
            cuts in vec(any::<Index>(), 0..6),
        ) {
            let written = |events: &[&str]| -> String {
                let event = |event: &&str| format!("{event}\n\n").replace('\n', line_end);
                events.iter().map(event).collect()
            };
            let text = written(&events);
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(text.len() + 1)).collect();
            cuts.sort_unstable();
            cuts.push(text.len());
            let mut from = 0;
            let pieces: Vec<&[u8]> = cuts
                .iter()
                .map(|&cut| &text.as_bytes()[std::mem::replace(&mut from, cut)..cut])
                .collect();
            let kept: Vec<&str> = events.iter().copied().filter(|event| !event.contains("usage")).collect();
            // Of a CRLF that was split after an event that is hidden, the LF is left.
            let plain = |text: &[u8]| String::from_utf8_lossy(text).replace("\r\n", "\n").replace('\r', "\n");
            let (got, _) = passed(HIDING, &pieces);
            let joined = |text: String| text.split('\n').filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n");
            prop_assert_eq!(joined(plain(&got)), joined(plain(written(&kept).as_bytes())));
            prop_assert_eq!(passed(Manner::default(), &pieces).0, text.as_bytes());
        }
    }
}
