//! Keeps what looks like a secret out of everything the compiler prints.
//!
//! A spec that holds a literal secret is refused, and the diagnostic shows the line, so the text is masked
//! before anything is rendered. It is better to hide a harmless word than to print a key.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Prefixes of keys and tokens that services issue.
const TOKEN_PREFIXES: &[&str] = &[
    "sk-",
    "sk_",
    "pk_",
    "rk_",
    "ghp_",
    "gho_",
    "ghs_",
    "github_pat_",
    "glpat-",
    "hf_",
    "xoxb-",
    "xoxp-",
    "AKIA",
    "ASIA",
    "AIza",
    "eyJ",
    "gsk_",
    "nvapi-",
    "-----BEGIN",
];

/// Words in the name of a field that holds a secret.
const SECRET_FIELDS: &[&str] = &[
    "secret",
    "password",
    "passwd",
    "token",
    "api_key",
    "apikey",
    "api-key",
    "private_key",
    "salt",
];

/// Whether a value looks like a secret by itself.
pub(crate) fn looks_secret(value: &str) -> bool {
    let value = value.trim();
    let issued = TOKEN_PREFIXES.iter().any(|prefix| {
        value
            .strip_prefix(prefix)
            .is_some_and(|rest| rest.len() >= 8)
    });
    issued || is_random(value)
}

/// A value for a message: in backquotes, masked if it looks like a secret, cut if it is long.
pub(crate) fn shown(value: &str) -> String {
    const LONGEST: usize = 60;
    if looks_secret(value) || userinfo(value).is_some() {
        return "`***`".to_owned();
    }
    let cut: String = value
        .chars()
        .take(LONGEST)
        .map(|c| if c.is_control() { '?' } else { c })
        .collect();
    if value.chars().count() > LONGEST {
        format!("`{cut}...`")
    } else {
        format!("`{cut}`")
    }
}

/// The text with every secret that it holds replaced by asterisks, of the same length in bytes.
///
/// `complete` says that `document` is all of the text; where it is not, because the text is no valid TOML,
/// lines are judged by their words too.
pub(crate) fn masked(text: &str, document: &Spanned<DeTable<'_>>, complete: bool) -> String {
    let mut spans = Vec::new();
    in_table(document.get_ref(), &mut spans);
    if !complete {
        in_lines(text, &mut spans);
    }
    let mut bytes = text.as_bytes().to_vec();
    for span in spans {
        for byte in bytes
            .get_mut(span)
            .into_iter()
            .flatten()
            .filter(|byte| **byte != b'\n')
        {
            *byte = b'*';
        }
    }
    String::from_utf8(bytes).expect("whole characters were replaced by ASCII")
}

/// The `user:password` of a URL, by its place in `value`.
pub(crate) fn userinfo(value: &str) -> Option<Range<usize>> {
    let start = value.find("://")? + 3;
    let authority = value.get(start..)?.split(['/', '?', '#']).next()?;
    authority
        .rfind('@')
        .filter(|&at| at > 0)
        .map(|at| start..start + at)
}

/// Whether this is the name of an environment variable as the language takes it.
pub(crate) fn is_variable(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes
        .next()
        .is_some_and(|b| b.is_ascii_uppercase() || b == b'_')
        && bytes.all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
}

fn in_table(table: &DeTable<'_>, spans: &mut Vec<Range<usize>>) {
    for (key, value) in table {
        in_value(key.get_ref(), value, spans);
    }
}

fn in_value(key: &str, value: &Spanned<DeValue<'_>>, spans: &mut Vec<Range<usize>>) {
    match value.get_ref() {
        DeValue::Table(table) => in_table(table, spans),
        DeValue::Array(array) => array
            .iter()
            .for_each(|element| in_value(key, element, spans)),
        DeValue::String(text) => {
            let secret = match key {
                "env" => !is_variable(text),
                "file" => !text.starts_with('/'),
                _ => names_secret(key),
            };
            if secret || looks_secret(text) {
                spans.push(value.span());
            } else if let Some(user) = userinfo(text) {
                // Inside the quotes; a basic string with escapes is longer than its value.
                let start = value.span().start + 1;
                spans.push(start + user.start..value.span().end.saturating_sub(1));
            }
        }
        _ => {}
    }
}

/// Masks, in text that could not be parsed, what follows a word such as `secret`, and issued tokens.
fn in_lines(text: &str, spans: &mut Vec<Range<usize>>) {
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        if let Some(equals) = line.find('=')
            && let (name, value) = line.split_at(equals)
            && (names_secret(name) && !value.contains('{') || words(value).any(looks_secret))
        {
            spans.push(start + equals + 1..start + line.len());
        }
        start += line.len();
    }
}

fn names_secret(field: &str) -> bool {
    let field = field.to_ascii_lowercase();
    SECRET_FIELDS.iter().any(|word| field.contains(word))
}

fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ',' | '=' | '{' | '}'))
}

/// Long, of letters and digits alone, and with many of both: a generated key, not a name.
fn is_random(value: &str) -> bool {
    const SHORTEST: usize = 32;
    let digits = value.bytes().filter(u8::is_ascii_digit).count();
    let letters = value.bytes().filter(u8::is_ascii_alphabetic).count();
    value.len() >= SHORTEST && digits >= 4 && letters >= 4 && digits + letters == value.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mask(text: &str) -> String {
        let (document, errors) = DeTable::parse_recoverable(text);
        masked(text, &document, errors.is_empty())
    }

    #[test]
    fn masks_literal_secrets_wherever_they_stand() {
        for text in [
            "[keys.a]\nsecret = \"hunter2hunter2\"",
            "a = { password = \"hunter2hunter2\" }",
            "a = \"sk-hunter2hunter2\"",
            "secret = { env = \"hunter2hunter2\" }",
            "url = \"https://user:hunter2hunter2@host\"",
            "list = [\"sk-hunter2hunter2\"]",
            "secret = \"hunter2hunter2",
            "x = = sk-hunter2hunter2",
        ] {
            let masked = mask(text);
            assert!(!masked.contains("hunter2"), "{masked}");
            assert_eq!(masked.len(), text.len());
        }
    }

    #[test]
    fn leaves_names_and_references_alone() {
        let text = "secret = { env = \"OPENAI_API_KEY\" }\n\
                    model = \"deepseek-ai/DeepSeek-R1-Distill-Qwen-32B\"\n\
                    max_tokens = 12\nfile = \"/run/secrets/key\"";
        assert_eq!(mask(text), text);
    }

    #[test]
    fn messages_mask_and_cut() {
        assert_eq!(shown("chat-a"), "`chat-a`");
        assert_eq!(shown("sk-hunter2hunter2"), "`***`");
        assert!(shown(&"x".repeat(500)).len() < 80);
    }
}
