//! Headers as the text that they come and go as: lines one after the other, and where each of them begins. A message
//! has few of them, so they are found by looking at each, and kept, copied and written by the bufferful; a map would
//! take an allocation and a hash for every one.

use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};

/// Between a name and its value.
const COLON: &[u8] = b": ";

/// At the end of a line.
const END: &[u8] = b"\r\n";

/// Room for headers that are added to those that came.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Room {
    pub(crate) lines: usize,
    pub(crate) bytes: usize,
}

/// The headers of a message, in their order. Names are in small letters.
#[derive(Clone, Debug, Default)]
pub(crate) struct Headers {
    text: Vec<u8>,
    /// Those of the lines in `text` that count.
    lines: Vec<Line>,
    /// The kinds of names that there may be: most of what is looked for is not there, and this settles it.
    kinds: u64,
}

/// Where a line stands in the text.
#[derive(Clone, Copy, Debug)]
struct Line {
    start: usize,
    /// Where its name ends.
    colon: usize,
    /// Where its value ends.
    end: usize,
}

impl Headers {
    /// None yet, with room for so many lines and bytes before anything moves.
    pub(crate) fn with_room(lines: usize, bytes: usize) -> Self {
        Self {
            text: Vec::with_capacity(bytes),
            lines: Vec::with_capacity(lines),
            kinds: 0,
        }
    }

    /// The `lines` that were parsed in a `head`, with room for some `more`, so that none of those makes the others
    /// move. They hold nothing of the head.
    pub(crate) fn of_head(head: &[u8], lines: &[httparse::Header<'_>], more: Room) -> Self {
        let mut headers = Self::with_room(lines.len() + more.lines, head.len() + more.bytes);
        if headers.copy_together(head, lines).is_none() {
            headers.text.clear();
            headers.lines.clear();
            for line in lines {
                headers.append_as_sent(line.name, line.value);
            }
        }
        headers
    }

    /// Adds the `lines` of a `head` as they stand there; `None`, in the middle of it, where they are not written as
    /// they are here.
    fn copy_together(&mut self, head: &[u8], lines: &[httparse::Header<'_>]) -> Option<()> {
        let (first, last) = (lines.first()?, lines.last()?);
        let place = |part: &[u8]| part.as_ptr().addr().wrapping_sub(head.as_ptr().addr());
        let from = place(first.name.as_bytes());
        let to = place(last.value).wrapping_add(last.value.len() + END.len());
        self.text.extend_from_slice(head.get(from..to)?);
        for line in lines {
            let start = place(line.name.as_bytes()).wrapping_sub(from);
            let colon = start.wrapping_add(line.name.len());
            let value = place(line.value).wrapping_sub(from);
            let end = value.wrapping_add(line.value.len());
            let after = end.wrapping_add(END.len());
            if self.text.get(colon..value)? != COLON || self.text.get(end..after)? != END {
                return None;
            }
            let name = self.text.get_mut(start..colon)?;
            lower(name);
            self.kinds |= kind(name);
            self.lines.push(Line { start, colon, end });
        }
        Some(())
    }

    /// The first value of this name, which is in small letters.
    #[inline]
    pub(crate) fn get(&self, name: impl AsRef<[u8]>) -> Option<&[u8]> {
        let name = name.as_ref();
        // Of a name that is known when this is compiled, its kind is as well.
        if self.may_have(name) {
            self.find(name)
        } else {
            None
        }
    }

    fn find(&self, name: &[u8]) -> Option<&[u8]> {
        let line = self.lines.iter().find(|line| self.is_of(line, name))?;
        Some(self.value(line))
    }

    /// All values of this name, which is in small letters.
    #[inline]
    pub(crate) fn all(&self, name: impl AsRef<[u8]>) -> impl Iterator<Item = &[u8]> {
        let lines = if self.may_have(name.as_ref()) {
            &*self.lines
        } else {
            &[]
        };
        let named = lines
            .iter()
            .filter(move |line| self.is_of(line, name.as_ref()));
        named.map(|line| self.value(line))
    }

    /// Whether there is one of this name, which is in small letters.
    #[inline]
    pub(crate) fn has(&self, name: impl AsRef<[u8]>) -> bool {
        self.get(name).is_some()
    }

    /// Names with their values.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let lines = self.lines.iter();
        lines.map(|line| (self.name(line), self.value(line)))
    }

    /// Adds a header, whose name is in small letters. A value is that of a header that was read, or made of what
    /// fits into one: no line can break into another.
    pub(crate) fn append(&mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) {
        self.append_with(name, |text| text.extend_from_slice(value.as_ref()));
    }

    /// Adds a header that was read, whose name may have capitals.
    fn append_as_sent(&mut self, name: &str, value: &[u8]) {
        let start = self.text.len();
        self.text.extend_from_slice(name.as_bytes());
        let name = self.text.get_mut(start..).unwrap_or_default();
        lower(name);
        self.kinds |= kind(name);
        self.end_line(start, |text| text.extend_from_slice(value));
    }

    /// Adds a header, whose name is in small letters, and whose value is what `write` appends.
    // What there is to do with a name that is known when this is compiled is done then, where this is inlined.
    #[inline(always)]
    pub(crate) fn append_with(&mut self, name: impl AsRef<[u8]>, write: impl FnOnce(&mut Vec<u8>)) {
        let (start, name) = (self.text.len(), name.as_ref());
        self.kinds |= kind(name);
        self.text.extend_from_slice(name);
        self.end_line(start, write);
    }

    /// Ends the line that has begun with its name.
    #[inline(always)]
    fn end_line(&mut self, start: usize, write: impl FnOnce(&mut Vec<u8>)) {
        let colon = self.text.len();
        self.text.extend_from_slice(COLON);
        write(&mut self.text);
        let end = self.text.len();
        let value = self.text.get(colon..).unwrap_or_default();
        debug_assert_eq!(memchr::memchr3(b'\r', b'\n', 0, value), None);
        self.text.extend_from_slice(END);
        self.lines.push(Line { start, colon, end });
    }

    /// Adds a header in the place of all others of this name, which is in small letters.
    pub(crate) fn insert(&mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) {
        self.remove(&name);
        self.append(name, value);
    }

    /// Adds a header whose value is what `write` appends, in the place of all others of this name, which is in
    /// small letters.
    #[inline(always)]
    pub(crate) fn insert_with(&mut self, name: impl AsRef<[u8]>, write: impl FnOnce(&mut Vec<u8>)) {
        self.remove(&name);
        self.append_with(name, write);
    }

    /// Removes all of this name, which is in small letters.
    #[inline]
    pub(crate) fn remove(&mut self, name: impl AsRef<[u8]>) {
        let name = name.as_ref();
        if self.has(name) {
            self.retain(|other| other != name);
        }
    }

    /// Keeps those whose name is to be kept.
    pub(crate) fn retain(&mut self, kept: impl Fn(&[u8]) -> bool) {
        let text = &self.text;
        let name = |line: &Line| text.get(line.start..line.colon).unwrap_or_default();
        self.lines.retain(|line| kept(name(line)));
    }

    /// Appends those to `text` whose name is to be written, as lines.
    pub(crate) fn write(&self, text: &mut Vec<u8>, is_written: impl Fn(&[u8]) -> bool) {
        // Lines that follow one another are copied together.
        let mut together = 0..0;
        for line in &self.lines {
            if !is_written(self.name(line)) {
                continue;
            }
            if line.start != together.end {
                text.extend_from_slice(self.text.get(together).unwrap_or_default());
                together = line.start..line.start;
            }
            together.end = line.end + END.len();
        }
        text.extend_from_slice(self.text.get(together).unwrap_or_default());
    }

    /// As hyper has them.
    pub(crate) fn to_map(&self) -> HeaderMap {
        let known = self.iter().filter_map(|(name, value)| {
            let name = HeaderName::from_bytes(name).ok()?;
            Some((name, HeaderValue::from_bytes(value).ok()?))
        });
        let mut map = HeaderMap::with_capacity(self.lines.len());
        for (name, value) in known {
            map.append(name, value);
        }
        map
    }

    fn may_have(&self, name: &[u8]) -> bool {
        self.kinds & kind(name) != 0
    }

    /// Whether a line is of this name; most are not, and of another length.
    fn is_of(&self, line: &Line, name: &[u8]) -> bool {
        line.colon - line.start == name.len() && self.name(line) == name
    }

    fn name(&self, line: &Line) -> &[u8] {
        self.text.get(line.start..line.colon).unwrap_or_default()
    }

    fn value(&self, line: &Line) -> &[u8] {
        self.text
            .get(line.colon + COLON.len()..line.end)
            .unwrap_or_default()
    }
}

/// Puts capitals into small letters.
fn lower(name: &mut [u8]) {
    match name.len() {
        ..8 => lower_by::<4>(name),
        _ => lower_by::<8>(name),
    }
}

/// Puts capitals into small letters, so many at once.
fn lower_by<const N: usize>(name: &mut [u8]) {
    for some in name.as_chunks_mut::<N>().0 {
        some.make_ascii_lowercase();
    }
    // What is left, with some of those before it.
    match name.last_chunk_mut::<N>() {
        Some(last) => last.make_ascii_lowercase(),
        None => name.make_ascii_lowercase(),
    }
}

/// One bit of 64, by the length of a name, the letter in its middle and the last; so weighed that of the names that the
/// gateway looks for few have the bit of another that clients and model servers send.
fn kind(name: &[u8]) -> u64 {
    let middle = name.get(name.len() / 2).copied().unwrap_or_default();
    let last = name.last().copied().unwrap_or_default();
    1 << ((3 * name.len() + 13 * usize::from(middle) + usize::from(last)) % 64)
}

/// In the same order.
impl PartialEq for Headers {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl<N: AsRef<[u8]>, V: AsRef<[u8]>> FromIterator<(N, V)> for Headers {
    fn from_iter<T: IntoIterator<Item = (N, V)>>(headers: T) -> Self {
        let mut all = Self::default();
        for (name, value) in headers {
            all.append(name, value);
        }
        all
    }
}

#[cfg(test)]
impl Headers {
    /// The only value of this name, as text.
    pub(crate) fn text(&self, name: impl AsRef<[u8]>) -> Option<&str> {
        let mut values = self.all(name);
        let value = values.next()?;
        assert_eq!(values.next(), None, "it stands there twice");
        Some(str::from_utf8(value).expect("it is UTF-8"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(headers: &Headers, is_written: impl Fn(&[u8]) -> bool) -> String {
        let mut text = Vec::new();
        headers.write(&mut text, is_written);
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn are_found_by_name_in_their_order() {
        let headers = Headers::from_iter([("a", "1"), ("bb", ""), ("a", "2"), ("ab", "3")]);
        assert_eq!(headers.get("a"), Some(b"1".as_slice()));
        assert!(headers.all("a").eq([b"1", b"2"]));
        assert_eq!(headers.get("bb"), Some(b"".as_slice()));
        assert!(headers.has("ab") && !headers.has("b"));
    }

    #[test]
    fn a_header_takes_the_place_of_all_of_its_name() {
        let mut headers = Headers::from_iter([("a", "1"), ("b", "2"), ("a", "3")]);
        headers.insert("a", "4");
        assert_eq!(written(&headers, |_| true), "b: 2\r\na: 4\r\n");
        headers.remove("b");
        assert_eq!(written(&headers, |_| true), "a: 4\r\n");
    }

    #[test]
    fn what_is_not_to_be_written_is_not() {
        let headers = Headers::from_iter([("a", "1"), ("b", "2"), ("c", "3"), ("d", "4")]);
        assert_eq!(
            written(&headers, |name| name != b"b"),
            "a: 1\r\nc: 3\r\nd: 4\r\n"
        );
        assert_eq!(written(&headers, |name| name == b"b"), "b: 2\r\n");
    }

    #[test]
    fn headers_of_a_head_are_the_same_however_they_are_written() {
        for (head, expected) in [
            ("", ""),
            (
                "Host: a\r\nX-Request-Id: B\r\n",
                "host: a\r\nx-request-id: B\r\n",
            ),
            ("Host:a\r\nX-B: b\r\n", "host: a\r\nx-b: b\r\n"),
            ("Host: a\r\nX-B:  b \r\n", "host: a\r\nx-b: b\r\n"),
            ("Host: a\nX-B: b\n", "host: a\r\nx-b: b\r\n"),
            ("Host: a\r\nX-B:\r\n", "host: a\r\nx-b: \r\n"),
            ("X-B: \r\nHost: a\r\n", "x-b: \r\nhost: a\r\n"),
        ] {
            let head = format!("GET / HTTP/1.1\r\n{head}\r\n");
            let mut lines = [httparse::EMPTY_HEADER; 2];
            let mut request = httparse::Request::new(&mut lines);
            assert!(request.parse(head.as_bytes()).unwrap().is_complete());
            let mut headers = Headers::of_head(head.as_bytes(), request.headers, Room::default());
            assert_eq!(written(&headers, |_| true), expected, "{head:?}");
            headers.append("last", "c");
            let expected = format!("{expected}last: c\r\n");
            assert_eq!(written(&headers, |_| true), expected, "{head:?}");
        }
    }

    proptest! {
        #[test]
        fn capitals_become_small_letters(name in prop::collection::vec(any::<u8>(), 0..40)) {
            let mut lowered = name.clone();
            lower(&mut lowered);
            prop_assert_eq!(lowered, name.to_ascii_lowercase());
        }

        /// Those of a head are what was parsed, whatever stands around names and values.
        #[test]
        fn nothing_of_a_head_is_lost(
            lines in prop::collection::vec(("[A-Za-z-]{1,20}", " {0,2}", "([!-~]( ?[!-~]){0,9})?", " ?", "\r?\n"), 0..6),
        ) {
            let line = |(name, before, value, after, end): &(String, String, String, String, String)| {
                format!("{name}:{before}{value}{after}{end}")
            };
            let head = format!("GET / HTTP/1.1\r\n{}\r\n", lines.iter().map(line).collect::<String>());
            let mut parsed = [httparse::EMPTY_HEADER; 6];
            let mut request = httparse::Request::new(&mut parsed);
            prop_assert!(request.parse(head.as_bytes()).unwrap().is_complete());
            let headers = Headers::of_head(head.as_bytes(), request.headers, Room::default());
            let expected = lines.iter().map(|line| (line.0.to_ascii_lowercase(), &line.2));
            prop_assert!(expected.collect::<Headers>() == headers);
        }

        /// Whatever is done to them, they are what a list of names and values would be.
        #[test]
        fn are_a_list(steps in prop::collection::vec((0..3, "[a-c]{1,2}", "[ -~]{0,4}"), 0..20)) {
            let mut headers = Headers::with_room(2, 8);
            let mut list: Vec<(String, String)> = Vec::new();
            for (step, name, value) in steps {
                if step > 0 {
                    list.retain(|(other, _)| *other != name);
                }
                match step {
                    0 => headers.append(&name, &value),
                    1 => headers.insert(&name, &value),
                    _ => headers.remove(&name),
                }
                if step < 2 {
                    list.push((name, value));
                }
            }
            let expected: String = list.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
            prop_assert_eq!(written(&headers, |_| true), expected);
            prop_assert!(list.into_iter().collect::<Headers>() == headers);
        }
    }
}
