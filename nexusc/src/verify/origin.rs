//! From a finding in an emitted file back to the spec: each block of a file names the key path that it comes from.

use toml::de::DeTable;

use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::emit::FileSet;
use crate::key_path::{KeyPath, Segment};
use crate::schema;
use crate::source::{Place, Source};
use crate::verify::Finding;

/// What to say about a spec whose emitted file, below `folder`, a tool has found something in.
pub fn diagnostic(
    source: &Source,
    folder: &str,
    tool: &str,
    files: &FileSet,
    finding: &Finding,
) -> Diagnostic {
    let Finding {
        file,
        line,
        message,
    } = finding;
    let at = line.map_or(String::new(), |line| format!(":{line}"));
    let said: Vec<&str> = message.split_whitespace().collect();
    let message = format!(
        "{tool} does not take `{folder}/{file}{at}`: {}",
        said.join(" ")
    );
    let help = "a file that `nexusc build` wrote and nobody changed should not come to this: it is a fault of the \
                compiler, or a version of the tool that it does not know";
    let (document, _) = DeTable::parse_recoverable(&source.text);
    let text = files.get(file).unwrap_or_default();
    let spec = document.get_ref();
    let is_written = |path: &KeyPath| {
        path.segments()
            .first()
            .is_some_and(|segment| match segment {
                Segment::Key(key) => spec.contains_key(key.as_str()),
                Segment::Index(_) => false,
            })
    };
    let schema = schema::json();
    let is_table = |name: &str| {
        schema
            .get("properties")
            .is_some_and(|tables| tables.get(name).is_some())
    };
    match line.and_then(|line| origin(text, line, &is_table)) {
        Some(path) if is_written(&path) => Diagnostic::new(
            Code::NX0850,
            message,
            Place::Key(path),
            "it comes from here",
        )
        .help(help),
        Some(path) => {
            let help =
                format!("it comes from `{path:?}`, which the spec leaves to its default; {help}");
            Diagnostic::without_place(Code::NX0850, message).help(help)
        }
        None => Diagnostic::without_place(Code::NX0850, message).help(help),
    }
}

/// The key path of the block around a line, from 1: that of the comment right above the line, or above the nearest block
/// that it is in. Where none of these has one, that of the nearest comment above that is indented no more than anything
/// between the two: the head of a file, say.
fn origin(text: &str, line: usize, is_table: &impl Fn(&str) -> bool) -> Option<KeyPath> {
    let lines: Vec<&str> = text.lines().take(line).collect();
    let mut least = usize::MAX;
    for (index, line) in lines.iter().enumerate().rev() {
        let is_around = !line.trim().is_empty() && !is_comment(line) && indentation(line) < least;
        if is_around {
            least = indentation(line);
            let above = lines.iter().take(index).rev();
            let mut comments = above.take_while(|line| is_comment(line));
            if let Some(path) = comments.find_map(|line| named(line, is_table)) {
                return Some(path);
            }
        }
    }
    least = usize::MAX;
    for line in lines.iter().rev().filter(|line| !line.trim().is_empty()) {
        let indentation = indentation(line);
        if indentation <= least
            && let Some(path) = named(line, is_table)
        {
            return Some(path);
        }
        least = least.min(indentation);
    }
    None
}

fn indentation(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

fn is_comment(line: &str) -> bool {
    ["#", "//", "<!--"]
        .iter()
        .any(|start| line.trim_start().starts_with(start))
}

/// The key path in brackets in a line, if it begins with a table of the language.
fn named(line: &str, is_table: &impl Fn(&str) -> bool) -> Option<KeyPath> {
    let mut paths = line
        .match_indices('[')
        .filter_map(|(at, _)| KeyPath::in_brackets(line.get(at + 1..)?));
    let is_of_the_language = |path: &KeyPath| match path.segments().first() {
        Some(Segment::Key(key)) => is_table(key),
        _ => false,
    };
    paths.find(is_of_the_language)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# @generated\nservices:\n  # [gateway]\n  gateway:\n    environment:\n      # [keys.web]\n      \
                        KEY: x\n    read_only: true\n  # [upstreams.\"a b\".engine] and more\n  vllm:\n    image: [b]\n    \
                        # [keys.web]: it alone\n    user: c\n    init: true\nvolumes: {}\n";

    fn at(line: usize) -> Option<String> {
        let is_table = |name: &str| ["gateway", "keys", "upstreams"].contains(&name);
        origin(FILE, line, &is_table).map(|path| path.to_string())
    }

    #[test]
    fn the_nearest_comment_around_a_line_says_where_it_comes_from() {
        assert_eq!(at(4).unwrap(), "gateway");
        assert_eq!(at(7).unwrap(), "keys.web");
        assert_eq!(at(8).unwrap(), "gateway");
        assert_eq!(at(11).unwrap(), "upstreams.\"a b\".engine");
        assert_eq!(at(13).unwrap(), "keys.web");
        assert_eq!(at(14).unwrap(), "upstreams.\"a b\".engine");
        assert_eq!(at(2), None);
        assert_eq!(at(15), None);
    }

    #[test]
    fn the_head_of_a_file_is_about_all_that_nothing_else_is_about() {
        let text = "# @generated\n# [keys.web]\na: 1\nb:\n  c: 2\n";
        let is_table = |name: &str| name == "keys";
        for line in 3..=5 {
            assert_eq!(
                origin(text, line, &is_table).unwrap().to_string(),
                "keys.web"
            );
        }
    }
}
