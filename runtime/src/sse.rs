//! Server-sent events: where they begin and end in a stream, found without holding anything back, and
//! what one holds.

use std::borrow::Cow;

/// The data of a stream's last event.
pub(crate) const DONE: &[u8] = b"[DONE]";

/// What a line of data begins with.
const DATA: &[u8] = b"data:";

/// Follows a stream byte by byte: lines may end in LF, CR or CRLF, and a piece may end anywhere.
#[derive(Debug)]
pub(crate) struct Boundaries {
    /// The current line is empty so far.
    line_is_empty: bool,
    /// The current event has had a line.
    event_has_lines: bool,
    /// The last byte was a CR: a LF now is the rest of the same line end.
    after_cr: bool,
}

impl Boundaries {
    /// At the start of a stream.
    pub(crate) fn new() -> Self {
        Self {
            line_is_empty: true,
            event_has_lines: false,
            after_cr: false,
        }
    }

    /// Whether the stream stands between two events.
    pub(crate) fn between_events(&self) -> bool {
        self.line_is_empty && !self.event_has_lines
    }

    /// How much of the next piece still belongs to an event that has ended: the LF of a CRLF that was
    /// split.
    pub(crate) fn rest_of_line_end(&mut self, piece: &[u8]) -> usize {
        let rest = self.after_cr && self.between_events() && piece.first() == Some(&b'\n');
        if rest {
            self.after_cr = false;
        }
        usize::from(rest)
    }

    /// Follows the stream through `piece` to where its next event ends, or through all of it.
    pub(crate) fn next_end(&mut self, piece: &[u8]) -> Option<usize> {
        let mut line_start = 0;
        for end in memchr::memchr2_iter(b'\n', b'\r', piece) {
            let is_cr = piece.get(end) == Some(&b'\r');
            let completes_crlf = self.after_cr && !is_cr && end == line_start;
            if end > line_start {
                self.line_is_empty = false;
            }
            line_start = end + 1;
            self.after_cr = is_cr;
            if completes_crlf {
                continue;
            }
            if !self.line_is_empty {
                self.line_is_empty = true;
                self.event_has_lines = true;
            } else if self.event_has_lines {
                self.event_has_lines = false;
                let rest = piece.get(line_start..).unwrap_or_default();
                return Some(line_start + self.rest_of_line_end(rest));
            }
        }
        if line_start < piece.len() {
            self.line_is_empty = false;
            self.after_cr = false;
        }
        None
    }
}

/// What an event holds: its `data`, whose lines are joined; `None` where it is nothing but comments and
/// other fields.
pub(crate) fn data(event: &[u8]) -> Option<Cow<'_, [u8]>> {
    let lines = event.split(|&byte| matches!(byte, b'\n' | b'\r'));
    let mut data = lines.filter_map(|line| {
        let data = line.strip_prefix(DATA)?;
        Some(data.strip_prefix(b" ").unwrap_or(data))
    });
    let first = data.next()?;
    let mut whole = Cow::Borrowed(first);
    for next in data {
        let whole = whole.to_mut();
        whole.push(b'\n');
        whole.extend_from_slice(next);
    }
    Some(whole)
}

/// Whether an event, or the beginning of one, holds any data: of nearly all, the first bytes tell.
pub(crate) fn has_data(event: &[u8]) -> bool {
    event.starts_with(DATA) || {
        let mut lines = event.split(|&byte| matches!(byte, b'\n' | b'\r'));
        lines.any(|line| line.starts_with(DATA))
    }
}

/// Whether an event is the last of its stream.
pub(crate) fn is_done(event: &[u8]) -> bool {
    // What ends otherwise need not be taken apart.
    event.trim_ascii_end().ends_with(DONE) && data(event).is_some_and(|data| *data == *DONE)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Where events end in a piece.
    fn ends(boundaries: &mut Boundaries, piece: &[u8]) -> Vec<usize> {
        let mut at = boundaries.rest_of_line_end(piece);
        let mut ends = Vec::new();
        while let Some(end) = boundaries.next_end(&piece[at..]) {
            at += end;
            ends.push(at);
        }
        ends
    }

    /// Passes `pieces` and returns the number of events, and whether the stream stands between two.
    fn passed(pieces: &[&[u8]]) -> (usize, bool) {
        let mut boundaries = Boundaries::new();
        let events = pieces
            .iter()
            .map(|piece| ends(&mut boundaries, piece).len())
            .sum();
        (events, boundaries.between_events())
    }

    #[test]
    fn counts_events_whatever_their_line_ends() {
        assert_eq!(passed(&[b"data: 1\n\ndata: 2\n\n"]), (2, true));
        assert_eq!(passed(&[b"data: 1\r\rdata: 2\r\r"]), (2, true));
        assert_eq!(passed(&[b"data: 1\r\n\r\ndata: 2\r\n\r\n"]), (2, true));
        assert_eq!(passed(&[b"event: x\ndata: 1\ndata: 2\n\n"]), (1, true));
    }

    #[test]
    fn knows_when_it_is_inside_of_an_event() {
        assert_eq!(passed(&[]), (0, true));
        assert_eq!(passed(&[b"data: 1"]), (0, false));
        assert_eq!(passed(&[b"data: 1\n"]), (0, false));
        assert_eq!(passed(&[b"data: 1\r\n\r"]), (1, true));
        assert_eq!(passed(&[b"\n\n\n"]), (0, true));
    }

    #[test]
    fn a_line_end_may_be_split() {
        assert_eq!(
            passed(&[b"data: 1\r", b"\n\r", b"\n", b"data: 2\n", b"\n"]),
            (2, true)
        );
    }

    #[test]
    fn says_where_events_end_with_all_of_their_last_line_end() {
        let mut boundaries = Boundaries::new();
        assert_eq!(ends(&mut boundaries, b"a\n\nb\r\n\r\nc"), [3, 8]);
        assert_eq!(ends(&mut boundaries, b"\r\r"), [2]);
        assert_eq!(boundaries.rest_of_line_end(b"\nd"), 1);
        assert_eq!(boundaries.rest_of_line_end(b"\nd"), 0);
    }

    #[test]
    fn the_lines_of_data_are_joined() {
        let held = |event: &str| {
            let held = data(event.as_bytes());
            assert_eq!(has_data(event.as_bytes()), held.is_some(), "{event}");
            held.map(|data| String::from_utf8(data.into_owned()).unwrap())
        };
        assert_eq!(held("data: {}\n\n").as_deref(), Some("{}"));
        assert_eq!(
            held("id: 1\r\ndata:a\r\ndata:  b\r\n\r\n").as_deref(),
            Some("a\n b")
        );
        assert_eq!(held(": data: x\n\n"), None);
    }

    #[test]
    fn only_the_last_event_is_done() {
        for last in [
            "data: [DONE]\n\n",
            "data:[DONE]\r\r",
            ": c\ndata: [DONE]\r\n\r\n",
        ] {
            assert!(is_done(last.as_bytes()), "{last}");
        }
        for other in [
            "data: {\"content\":\"[DONE]\"}\n\n",
            "data: a [DONE]\n\n",
            "data: a\ndata: [DONE]\n\n",
            ": [DONE]\n\n",
            "event: [DONE]\n\n",
        ] {
            assert!(!is_done(other.as_bytes()), "{other}");
        }
    }

    proptest! {
        #[test]
        fn any_split_gives_the_same(text in "[a\n\r]{0,40}", cut in any::<prop::sample::Index>()) {
            let bytes = text.as_bytes();
            let (head, tail) = bytes.split_at(cut.index(bytes.len() + 1));
            prop_assert_eq!(passed(&[head, tail]), passed(&[bytes]));
        }

        #[test]
        fn all_line_ends_mean_the_same(text in "[a\n]{0,40}") {
            let expected = passed(&[text.as_bytes()]);
            prop_assert_eq!(passed(&[text.replace('\n', "\r").as_bytes()]), expected);
            prop_assert_eq!(passed(&[text.replace('\n', "\r\n").as_bytes()]), expected);
        }
    }
}
