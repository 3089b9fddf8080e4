//! The lines of an environment file.

use std::collections::BTreeMap;

use crate::import::Error;

/// Reads lines `NAME=value`, with or without `export` and quotes; `#` begins a comment. The last of several lines
/// about one variable holds, as in a shell.
pub(super) fn read(text: &str) -> Result<BTreeMap<String, String>, Error> {
    let mut settings = BTreeMap::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim_start_matches('\u{feff}').trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let line = line.strip_prefix("export ").unwrap_or(line);
        let pair = line
            .split_once('=')
            .map(|(name, value)| (name.trim(), value.trim()));
        // The line itself may be a secret, and is not repeated.
        let Some((name, value)) = pair.filter(|(name, _)| is_name(name)) else {
            return Err(Error::Malformed {
                line: Some(index + 1),
                why: "expected `NAME=value`, a comment or nothing".to_owned(),
            });
        };
        settings.insert(name.to_owned(), unquoted(value).to_owned());
    }
    Ok(settings)
}

fn is_name(name: &str) -> bool {
    let of_name = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    !name.is_empty() && name.bytes().all(of_name)
}

/// A value without its quotes, or without the comment that follows it.
fn unquoted(value: &str) -> &str {
    for quote in ['"', '\''] {
        if let Some(rest) = value.strip_prefix(quote) {
            return rest.split(quote).next().unwrap_or(rest);
        }
    }
    value.split(" #").next().unwrap_or(value).trim_end()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_quotes_comments_and_exports() {
        let text = "# comment\nexport A=1\nB='x # y' # z\nC=\"{\"\nD=a b # c\nE=\n";
        let read = read(text).unwrap();
        let values: Vec<_> = read
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        assert_eq!(
            values,
            [
                ("A", "1"),
                ("B", "x # y"),
                ("C", "{"),
                ("D", "a b"),
                ("E", "")
            ]
        );
    }

    #[test]
    fn a_line_that_is_none_is_named_and_not_repeated() {
        let error = read("A=1\nhunter2\n").unwrap_err();
        assert_eq!(
            error.to_string(),
            "line 2: expected `NAME=value`, a comment or nothing"
        );
    }
}
