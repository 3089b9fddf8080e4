//! A field of JSON that may lack its beginning, and may come in pieces, found by its name.
//!
//! In JSON, a name in its quotes can only be a whole string: inside of one, the quotes have backslashes.
//! So a search for these bytes cannot be misled by what a model writes; only a match is parsed.

use std::sync::LazyLock;

use memchr::memmem::Finder;

/// The most of what follows a name that is read, in bytes: a value that does not end within it is none. So little has
/// to be kept where a piece ends inside of one.
const MOST: usize = 2 * 1024;

/// As many bytes before the end of what there is, or more, a reader stops only at what is wrong: nearer to it, it may
/// lack what follows, at most the digits of a `\u`.
const NEAR: usize = 4;

/// What makes a value of the bytes that follow a name, quotes included, from the colon on. It says as well how many
/// of them it has looked at: they are not looked at again, as those of fields within fields would be for each.
type Read<T> = fn(&[u8]) -> (usize, Option<T>);

/// A field of which the last counts.
pub(crate) struct Field<T> {
    /// Prepared once: that costs more than a search.
    name: LazyLock<Finder<'static>>,
    read: Read<T>,
}

impl<T> Field<T> {
    /// The one whose name, in its quotes, `name` finds, and of which `read` makes something.
    pub(crate) const fn new(name: fn() -> Finder<'static>, read: Read<T>) -> Self {
        Self {
            name: LazyLock::new(name),
            read,
        }
    }

    /// What the last one in `json` is of which anything can be made.
    pub(crate) fn last(&self, json: &[u8]) -> Option<T> {
        let mut last = None;
        self.search(json, &mut last);
        last
    }

    /// Puts what it finds in `json` into `last`. Says from where on all depends on what follows: there begins what
    /// may be such a field, and has not ended.
    fn search(&self, json: &[u8], last: &mut Option<T>) -> usize {
        let length = self.name.needle().len();
        let mut at = 0;
        // Not by an iterator, which begins with a copy of all that was prepared.
        while let Some(start) = self.name.find(tail(json, at)) {
            let start = at + start;
            let value = tail(json, start + length);
            let value = value.get(..MOST).unwrap_or(value);
            let (looked_at, found) = (self.read)(value);
            if found.is_none() && value.len() < MOST && looked_at + NEAR > value.len() {
                return start;
            }
            if found.is_some() {
                *last = found;
            }
            at = start + length + looked_at.min(value.len());
        }
        at + self.whole(tail(json, at))
    }

    /// How much of `json`, in which there is no such name, is over before one begins of which the end is missing.
    fn whole(&self, json: &[u8]) -> usize {
        let name = self.name.needle();
        let near = json.len().saturating_sub(name.len() - 1);
        // A name that lacks its end has one quote: its first byte.
        let quote = memchr::memrchr(b'"', tail(json, near)).map(|quote| near + quote);
        quote
            .filter(|quote| name.starts_with(tail(json, *quote)))
            .unwrap_or(json.len())
    }
}

/// The last field of its kind in what comes in pieces: the same as in all of them together.
pub(crate) struct Last<T: 'static> {
    field: &'static Field<T>,
    found: Option<T>,
    /// The end of what has come, where such a field may have begun in it: so much as may be of it, and no more.
    begun: Vec<u8>,
}

impl<T> Last<T> {
    /// Before the first piece.
    pub(crate) const fn of(field: &'static Field<T>) -> Self {
        Self {
            field,
            found: None,
            begun: Vec::new(),
        }
    }

    /// Looks at the next piece, where it lies but for what belongs to something that has begun before it.
    pub(crate) fn see(&mut self, piece: &[u8]) {
        let most = self.field.name.needle().len() + MOST;
        let mut rest = piece;
        while !self.begun.is_empty() {
            let begun = self.begun.len();
            let room = rest.len().min(most.saturating_sub(begun));
            let (more, later) = rest.split_at(room);
            self.begun.extend_from_slice(more);
            let over = self.field.search(&self.begun, &mut self.found);
            if over < begun && later.is_empty() {
                self.begun.drain(..over);
                return;
            }
            if over < begun {
                // What has begun was none, and something may have begun in it.
                self.begun.drain(..over);
                rest = later;
            } else {
                self.begun.clear();
                rest = tail(rest, over - begun);
            }
        }
        let over = self.field.search(rest, &mut self.found);
        self.begun.extend_from_slice(tail(rest, over));
    }

    /// What the last one is, as far as they have come.
    pub(crate) fn found(&self) -> Option<&T> {
        self.found.as_ref()
    }
}

fn tail(json: &[u8], at: usize) -> &[u8] {
    json.get(at..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::Index;

    use super::*;
    use crate::api::json::Reader;

    thread_local! {
        static LOOKED_AT: Cell<usize> = const { Cell::new(0) };
    }

    /// Any value that ends, and is no list.
    static ANY: Field<Vec<u8>> = Field::new(
        || Finder::new(b"\"a\""),
        |json| {
            let mut reader = Reader::of(json);
            let value = reader.expect(b':').and_then(|()| {
                let is_list = reader.peek()? == b'[';
                let value = reader.value().filter(|_| !is_list)?;
                // A number may go on.
                reader.peek()?;
                json.get(value).map(<[u8]>::to_vec)
            });
            LOOKED_AT.set(LOOKED_AT.get() + reader.at());
            (reader.at(), value)
        },
    );

    fn in_pieces<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Last<Vec<u8>> {
        let mut last = Last::of(&ANY);
        for piece in pieces {
            last.see(piece);
            assert!(last.begun.len() < MOST + ANY.name.needle().len());
        }
        last
    }

    #[test]
    fn what_was_looked_at_is_not_looked_at_again() {
        for json in [
            b"\"a\"".repeat(4000),
            b"\"a\":{\"a\":[".repeat(1000),
            b"\"a\":{\"a\":{x".repeat(1000),
        ] {
            LOOKED_AT.set(0);
            assert_eq!(ANY.last(&json), None);
            let looked_at = LOOKED_AT.get();
            assert!(looked_at <= json.len(), "{looked_at} of {}", json.len());
        }
    }

    #[test]
    fn of_a_document_in_one_piece_nothing_is_kept() {
        let last = in_pieces([b"{\"a\":1,\"b\":2}".as_slice()]);
        assert_eq!(last.found(), Some(&b"1".to_vec()));
        assert_eq!(last.begun.capacity(), 0);
    }

    #[test]
    fn a_value_without_end_is_none_and_hides_none() {
        let long = format!("\"a\":{{\"x\":\"{}\"}},", "x".repeat(MOST));
        for json in [
            format!("{{{long}\"b\":1}}"),
            format!("{{\"a\":7,{long}\"b\":1}}"),
            format!("{{{long}\"a\":7,\"b\":1}}"),
        ] {
            let expected = json.contains('7').then(|| b"7".to_vec());
            assert_eq!(ANY.last(json.as_bytes()), expected);
            for size in [1, 2, 7, 100, MOST - 1, MOST, MOST + 1] {
                let last = in_pieces(json.as_bytes().chunks(size));
                assert_eq!(last.found(), expected.as_ref(), "{size}");
            }
        }
    }

    proptest! {
        #[test]
        fn in_pieces_it_is_the_same_as_in_one(
            parts in vec(
                prop_oneof![
                    4 => prop_oneof![
                        Just("\"a\""), Just(":"), Just("{"), Just("}"), Just(","), Just("\"a\":{\"b\":"),
                        Just("\"a\":7,"), Just("\"a\":{\"b\":-8.5e1,\"c\":[]}"), Just("\"a\":null "), Just("\""),
                    ].prop_map(str::to_owned),
                    2 => prop_oneof![
                        Just("\\\"a\\\":9,"), Just("\\u00e"), Just("\"\\u00e9\\n\""), Just("\"a"), Just(" "),
                        Just("tru"), Just("-"), Just("[1"), Just("\"\""), Just("\u{e9}"),
                    ].prop_map(str::to_owned),
                    1 => (0..MOST + 20).prop_map(|length| format!("\"{}\"", "x".repeat(length))),
                    1 => (MOST - 40..MOST + 20).prop_map(|length| format!("\"a\":{{\"b\":\"{}\"}}", "x".repeat(length))),
                ],
                0..12,
            ),
            cuts in vec(any::<Index>(), 0..8),
            size in 20..2 * MOST,
        ) {
            let json = parts.concat().into_bytes();
            let expected = ANY.last(&json);
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(json.len() + 1)).collect();
            cuts.sort_unstable();
            cuts.push(json.len());
            let mut from = 0;
            let pieces = cuts.iter().map(|&cut| &json[std::mem::replace(&mut from, cut)..cut]);
            let last = in_pieces(pieces);
            prop_assert_eq!(last.found(), expected.as_ref());
            let size = if json.len() < MOST / 2 { 1 } else { size };
            let last = in_pieces(json.chunks(size));
            prop_assert_eq!(last.found(), expected.as_ref(), "{}", size);
        }
    }
}
