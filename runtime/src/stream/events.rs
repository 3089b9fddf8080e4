//! Where the events of an SSE stream begin and end, found without holding anything back.

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

/// What a piece of a stream held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Passed {
    /// How many events ended in it.
    pub(crate) events: u64,
    /// The place after the last of these ends.
    pub(crate) last_end: Option<usize>,
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

    /// Follows the stream through its next piece.
    pub(crate) fn pass(&mut self, piece: &[u8]) -> Passed {
        let mut passed = Passed::default();
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
                // The event had ended with the CR; its LF still belongs to it.
                if passed.last_end == Some(end) || (end == 0 && self.between_events()) {
                    passed.last_end = Some(end + 1);
                }
                continue;
            }
            if !self.line_is_empty {
                self.line_is_empty = true;
                self.event_has_lines = true;
            } else if self.event_has_lines {
                self.event_has_lines = false;
                passed.events += 1;
                passed.last_end = Some(end + 1);
            }
        }
        if line_start < piece.len() {
            self.line_is_empty = false;
            self.after_cr = false;
        }
        passed
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Passes `pieces` and returns the number of events, and whether the stream stands between two.
    fn passed(pieces: &[&[u8]]) -> (u64, bool) {
        let mut boundaries = Boundaries::new();
        let events = pieces
            .iter()
            .map(|piece| boundaries.pass(piece).events)
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
    fn says_where_the_last_event_ended() {
        let mut boundaries = Boundaries::new();
        assert_eq!(boundaries.pass(b"a\n\nb\n\nc").last_end, Some(6));
        assert_eq!(boundaries.pass(b"\r\n").last_end, None);
        assert_eq!(boundaries.pass(b"\r\nd").last_end, Some(2));
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
