//! Findings mended in the text of a spec: what `nexusc fix` does, as a pure function.
//!
//! A fix is a change to one place, so the rest of the text, comments and layout, stays as it was written. What is
//! mended may bring to light what was hidden before, so the spec is compiled again after each round, until there
//! is nothing left to mend.

use std::ops::Range;

use similar::TextDiff;
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use crate::diagnostic::Diagnostic;
use crate::diagnostic::fix::{Change, Fix, Safety};
use crate::key_path::{self, KeyPath, Segment};
use crate::source::Source;
use crate::{Compilation, compile, redact};

/// More rounds than a spec has layers of mistakes that hide each other.
const MOST_ROUNDS: usize = 8;

/// A spec whose findings are mended.
#[derive(Debug)]
pub struct Fixed {
    /// The spec, with its new text.
    pub source: Source,
    /// What was mended, in the order of the file within each round.
    pub mended: Vec<Diagnostic>,
    /// What the new text compiles to, with what is left to say about it.
    pub left: Compilation,
}

/// A piece of text in the place of another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patch {
    /// The bytes that go.
    pub span: Range<usize>,
    /// What comes instead.
    pub text: String,
}

/// Mends what can be mended, up to and including what is as unsafe as `most`.
pub fn fix(source: &Source, most: Safety) -> Fixed {
    let mut source = source.clone();
    let mut mended = Vec::new();
    let mut left = compile(&source);
    for _ in 0..MOST_ROUNDS {
        let round = round(&source.text, &left.diagnostics, most);
        if round.is_empty() {
            break;
        }
        let mut text = source.text.clone();
        for (patch, _) in round.iter().rev() {
            text.replace_range(patch.span.clone(), &patch.text);
        }
        // Keys can be written in ways that no patch foresees; such a spec is left as it is.
        if DeTable::parse(&text).is_err() {
            break;
        }
        mended.extend(round.into_iter().map(|(_, diagnostic)| diagnostic.clone()));
        source.text = text;
        left = compile(&source);
    }
    Fixed {
        source,
        mended,
        left,
    }
}

/// The difference between two texts of a spec as a unified diff, with the secrets in it masked.
pub fn diff(before: &Source, after: &Source) -> String {
    let masked = |source: &Source| {
        let (document, errors) = DeTable::parse_recoverable(&source.text);
        redact::masked(&source.text, &document, errors.is_empty())
    };
    let (old, new) = (masked(before), masked(after));
    let header = [format!("a/{}", before.path), format!("b/{}", after.path)];
    let diff = TextDiff::from_lines(&old, &new);
    let [a, b] = &header;
    diff.unified_diff().header(a, b).to_string()
}

/// The patches of one round in the order of the text: none touches what another does.
fn round<'d>(
    text: &str,
    diagnostics: &'d [Diagnostic],
    most: Safety,
) -> Vec<(Patch, &'d Diagnostic)> {
    let (document, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        return Vec::new();
    }
    let mut patches: Vec<(Patch, &Diagnostic)> = diagnostics
        .iter()
        .filter_map(|diagnostic| {
            let fix = diagnostic.fix.as_ref()?;
            let is_wanted = fix.safety == Safety::Safe || most == Safety::Unsafe;
            let patch = is_wanted.then(|| patch(text, document.get_ref(), fix))??;
            Some((patch, diagnostic))
        })
        .collect();
    patches.sort_by_key(|(patch, _)| (patch.span.start, patch.span.end));
    let mut end = None;
    patches.retain(|(patch, _)| {
        let is_free = end.is_none_or(|end| patch.span.start > end);
        if is_free {
            end = Some(patch.span.end);
        }
        is_free
    });
    patches
}

/// What a fix does to a text; `None` where the text is not as the fix expects it.
pub(crate) fn patch(text: &str, document: &DeTable<'_>, fix: &Fix) -> Option<Patch> {
    match &fix.change {
        Change::Rename(path, name) => Some(Patch {
            span: find(document, path)?.key?,
            text: key_path::written(name),
        }),
        Change::Replace(path, value) => Some(Patch {
            span: find(document, path)?.value.span(),
            text: value.clone(),
        }),
        Change::Remove(path) => {
            let found = find(document, path)?;
            let span = match (found.key, found.neighbours) {
                (Some(key), _) => entry(text, key, found.value.span()),
                (None, Some((array, index))) => Some(element(text, array, index)),
                (None, None) => None,
            };
            Some(Patch {
                span: span?,
                text: String::new(),
            })
        }
        Change::FirstLine(line) => {
            // Below the line that names the schema, which editors want first.
            let comment = text.lines().next().filter(|line| line.starts_with("#:"));
            let at = comment.map_or(0, |line| (line.len() + 1).min(text.len()));
            let before = text.get(..at).unwrap_or_default();
            let newline = if before.is_empty() || before.ends_with('\n') {
                ""
            } else {
                "\n"
            };
            Some(Patch {
                span: at..at,
                text: format!("{newline}{line}\n"),
            })
        }
    }
}

/// What stands at a path.
struct Found<'d, 'i> {
    /// The span of its key, in a table.
    key: Option<Range<usize>>,
    value: &'d Spanned<DeValue<'i>>,
    /// The array that it is in, and its place there.
    neighbours: Option<(&'d DeArray<'i>, usize)>,
}

fn find<'d, 'i>(document: &'d DeTable<'i>, path: &KeyPath) -> Option<Found<'d, 'i>> {
    let (first, rest) = path.segments().split_first()?;
    let mut found = in_table(document, first)?;
    for segment in rest {
        found = match found.value.get_ref() {
            DeValue::Table(table) => in_table(table, segment)?,
            DeValue::Array(array) => {
                let &Segment::Index(index) = segment else {
                    return None;
                };
                Found {
                    key: None,
                    value: array.get(index)?,
                    neighbours: Some((array, index)),
                }
            }
            _ => return None,
        };
    }
    Some(found)
}

fn in_table<'d, 'i>(table: &'d DeTable<'i>, segment: &Segment) -> Option<Found<'d, 'i>> {
    let Segment::Key(key) = segment else {
        return None;
    };
    let (key, value) = table.get_key_value(key.as_str())?;
    Some(Found {
        key: Some(key.span()),
        value,
        neighbours: None,
    })
}

/// The bytes of an element with its comma. Comments stay, whatever they are about.
fn element(text: &str, array: &DeArray<'_>, index: usize) -> Range<usize> {
    let span = |index: usize| array.get(index).map(Spanned::span);
    let Some(own) = span(index) else { return 0..0 };
    if let Some(comma) = comma_after(text, own.end) {
        return with_blank_line(text, own.start..comma);
    }
    // The last one: the comma before it goes as well, unless a comment stands between.
    let before = index.checked_sub(1).and_then(span).map(|before| before.end);
    let between = before.and_then(|end| Some((end, text.get(end..own.start)?)));
    match between {
        Some((end, between)) if between.trim() == "," => end..own.end,
        _ => with_blank_line(text, own),
    }
}

/// The bytes of `key = value`: a line of its own, or a part of a table in braces. `None` for a header.
fn entry(text: &str, key: Range<usize>, value: Range<usize>) -> Option<Range<usize>> {
    let is_key = |c: char| c.is_ascii_alphanumeric() || "-_.\"'".contains(c);
    let before = text.get(..key.start)?;
    // `timeouts.connect = "1s"` goes as a whole.
    let start = before.trim_end_matches(is_key).len();
    let line = before.get(..start)?.rfind('\n').map_or(0, |at| at + 1);
    let lead = before.get(line..start)?;
    if lead.trim().is_empty() {
        return Some(with_blank_line(text, start..value.end));
    }
    if !lead.contains(['{', ',']) {
        return None;
    }
    if let Some(comma) = comma_after(text, value.end) {
        let rest = text.get(comma..)?;
        let spaces = rest.len() - rest.trim_start_matches(' ').len();
        return Some(start..comma + spaces);
    }
    let comma = before.get(..start)?.trim_end().strip_suffix(',');
    Some(comma.map_or(start, str::len)..value.end)
}

/// The end of the comma that follows, if one does.
fn comma_after(text: &str, end: usize) -> Option<usize> {
    let rest = text.get(end..)?;
    let at = rest.len() - rest.trim_start().len();
    rest.get(at..)?.starts_with(',').then_some(end + at + 1)
}

/// A span with the rest of its line, if nothing else stands on it; else with the spaces after it.
fn with_blank_line(text: &str, span: Range<usize>) -> Range<usize> {
    let before = text.get(..span.start).unwrap_or_default();
    let line = before.rfind('\n').map_or(0, |at| at + 1);
    let after = text.get(span.end..).unwrap_or_default();
    let rest = after.split_inclusive('\n').next().unwrap_or_default();
    let is_alone = before
        .get(line..)
        .is_some_and(|lead| lead.trim().is_empty());
    if is_alone && rest.trim().is_empty() {
        return line..span.end + rest.len();
    }
    let spaces = rest.len() - rest.trim_start_matches([' ', '\t']).len();
    span.start..span.end + spaces
}

#[cfg(test)]
mod tests {
    use super::*;

    fn removed(text: &str, path: KeyPath) -> String {
        let document = DeTable::parse(text).unwrap();
        let fix = Fix::safe(Change::Remove(path));
        let patch = patch(text, document.get_ref(), &fix).unwrap();
        let mut text = text.to_owned();
        text.replace_range(patch.span, &patch.text);
        DeTable::parse(&text).unwrap();
        text
    }

    #[test]
    fn a_removed_element_takes_its_comma_and_no_comment() {
        let element = |index| KeyPath::root().key("a").index(index);
        assert_eq!(removed("a = [1, 2]", element(0)), "a = [2]");
        assert_eq!(removed("a = [1, 2]", element(1)), "a = [1]");
        assert_eq!(removed("a = [1, 2, ]", element(1)), "a = [1, ]");
        assert_eq!(removed("a = [1]", element(0)), "a = []");
        assert_eq!(
            removed("a = [\n  1, # one\n  2,\n]", element(1)),
            "a = [\n  1, # one\n]"
        );
        assert_eq!(
            removed("a = [\n  1, # one\n  2 # two\n]", element(1)),
            "a = [\n  1, # one\n  # two\n]"
        );
    }

    #[test]
    fn a_removed_entry_takes_its_line_and_no_comment() {
        let path = KeyPath::root().key("t").key("a");
        assert_eq!(removed("[t]\na = 1\nb = 2\n", path.clone()), "[t]\nb = 2\n");
        assert_eq!(removed("t.a = 1\nt.b = 2\n", path.clone()), "t.b = 2\n");
        assert_eq!(removed("[t]\na = 1 # one\n", path.clone()), "[t]\n# one\n");
        assert_eq!(
            removed("t = { a = 1, b = 2 }", path.clone()),
            "t = { b = 2 }"
        );
        assert_eq!(
            removed("t = { b = 2, a = 1 }", path.clone()),
            "t = { b = 2 }"
        );
        assert_eq!(removed("t = { a = 1 }", path), "t = {  }");
    }

    #[test]
    fn a_header_is_not_removed() {
        let text = "[t.a]\nb = 1\n";
        let document = DeTable::parse(text).unwrap();
        let fix = Fix::safe(Change::Remove(KeyPath::root().key("t").key("a")));
        assert_eq!(patch(text, document.get_ref(), &fix), None);
    }
}
