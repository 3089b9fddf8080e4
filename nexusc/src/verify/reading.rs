//! Reading what programs print: places, and words that say where.

use crate::emit::FileSet;
use crate::verify::Finding;

/// A line such as `rules/a.yml:12:15: message`, also with a folder in front, about one of these files.
pub(super) fn positioned(line: &str, files: &[String]) -> Option<Finding> {
    let (file, rest) = after_file(line, files)?;
    let (number, rest) = leading_number(rest.strip_prefix(':')?.trim_start())?;
    let rest = match rest.strip_prefix(':').and_then(leading_number) {
        Some((_, rest)) => rest,
        None => rest,
    };
    let message = rest.trim_start_matches([':', ' ']).trim_end();
    Some(Finding {
        file: file.to_owned(),
        line: Some(number),
        message: message.to_owned(),
    })
}

/// The file that a line names, and what follows its name.
pub(super) fn after_file<'l, 'f>(line: &'l str, files: &'f [String]) -> Option<(&'f str, &'l str)> {
    files.iter().find_map(|file| {
        let (_, rest) = line.split_once(file.as_str())?;
        Some((file.as_str(), rest))
    })
}

/// A line of a YAML parser, such as `yaml: line 5: message`.
pub(super) fn yaml_line(line: &str) -> Option<(usize, &str)> {
    let (_, rest) = line.split_once("line ")?;
    let (number, rest) = leading_number(rest)?;
    Some((number, rest.strip_prefix(": ")?.trim_end()))
}

fn leading_number(text: &str) -> Option<(usize, &str)> {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    Some((digits.parse().ok()?, rest))
}

/// The line, from 1 and not before `from`, that a message is about, where it says so by names alone.
///
/// Its words are looked for one after the other, each below the one before: a word as a key, one in quotes anywhere.
/// So `services.gateway Additional property read_onlyy` leads down from the services to that property.
pub(super) fn locate(text: &str, from: usize, message: &str) -> Option<usize> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = None;
    for (word, quoted) in words(message) {
        let below = found.unwrap_or(from);
        let mut candidates = lines.iter().enumerate().skip(below - 1);
        let line = candidates.find(|(index, line)| {
            let is_new = found != Some(index + 1);
            is_new && (is_key(line, word) || quoted && holds(line, word))
        });
        if let Some((index, _)) = line {
            found = Some(index + 1);
        }
    }
    found
}

/// The names in a message, in order, and whether they stand in quotes.
fn words(message: &str) -> Vec<(&str, bool)> {
    let mut words = Vec::new();
    let mut rest = message;
    while let Some(start) = rest.find(|c: char| !c.is_whitespace()) {
        rest = rest.split_at(start).1;
        let quote = rest.chars().next().filter(|c| "\"'`".contains(*c));
        let inside = quote.and_then(|quote| rest.get(1..)?.split_once(quote));
        if let Some((word, after)) = inside {
            words.push((word, true));
            rest = after;
            continue;
        }
        let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        let word = word.trim_matches(|c: char| !c.is_alphanumeric() && c != '_');
        words.extend(word.split(['.', '/']).map(|part| (part, false)));
        rest = after;
    }
    words.retain(|(word, _)| !word.is_empty());
    words
}

/// Whether a line gives this key a value, in YAML or JSON.
fn is_key(line: &str, key: &str) -> bool {
    let line = line.trim_start_matches([' ', '-', '"', '{']);
    line.strip_prefix(key)
        .is_some_and(|rest| rest.starts_with(':') || rest.starts_with("\":"))
}

/// Whether a line that is no comment has this word.
fn holds(line: &str, word: &str) -> bool {
    let is_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '-');
    !line.trim_start().starts_with('#')
        && line.match_indices(word).any(|(at, _)| {
            let (before, rest) = line.split_at(at);
            let after = rest.get(word.len()..).unwrap_or_default();
            !is_word(before.chars().last()) && !is_word(after.chars().next())
        })
}

/// The finding of a message without a place, in the file that it is about.
pub(super) fn by_words(file: &str, message: &str, files: &FileSet) -> Finding {
    Finding {
        file: file.to_owned(),
        line: files.get(file).and_then(|text| locate(text, 1, message)),
        message: message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPOSE: &str = "name: x\nservices:\n  redis:\n    image: a\n  gateway:\n    # redis\n    depends_on: [redis]\n    \
                           read_onlyy: true\n";

    #[test]
    fn places_are_read_in_the_forms_of_each_tool() {
        let files = ["rules/a.yml".to_owned()];
        let found = |line: &str| {
            let found = positioned(line, &files).unwrap();
            (found.line, found.message)
        };
        assert_eq!(found("rules/a.yml: 12:15: group \"b\"").0, Some(12));
        assert_eq!(
            found("/tmp/x/rules/a.yml:7: Unknown key"),
            (Some(7), "Unknown key".to_owned())
        );
        assert_eq!(yaml_line("  line 5: field x"), Some((5, "field x")));
        assert_eq!(positioned("rules/a.yml: group \"b\"", &files), None);
    }

    #[test]
    fn words_lead_down_to_the_line() {
        let at = |message| locate(COMPOSE, 1, message);
        assert_eq!(
            at("services.gateway Additional property read_onlyy is not allowed"),
            Some(8)
        );
        assert_eq!(
            at("service \"gateway\" depends on undefined service \"redis\""),
            Some(7)
        );
        assert_eq!(at("something else"), None);
    }
}
