//! Keeps what looks like a secret out of everything the compiler prints.
//!
//! A spec that holds a literal secret is refused, and the diagnostic shows the line, so the text is masked
//! before anything is rendered. It is better to hide a harmless word than to print a key.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::LazyLock;

use serde_json::Value as Json;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::ir::Percent;
use crate::schema;

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
const SECRET_WORDS: &[&str] = &[
    "secret",
    "password",
    "passwd",
    "token",
    "api_key",
    "apikey",
    "api-key",
    "private_key",
    "salt",
    "bearer",
    "credential",
];

/// What stands for a masked value in a message.
const MASK: &str = "***";

/// A value for a message: in backquotes, masked if it looks like a secret, cut if it is long, with what
/// cannot be seen spelled out.
pub(crate) fn shown(value: &str) -> String {
    const LONGEST: usize = 60;
    if looks_secret(value) || may_carry_credentials(value) {
        return format!("`{MASK}`");
    }
    let mut cut = String::new();
    for c in value.chars().take(LONGEST) {
        if matches!(c, '"' | '\'') {
            cut.push(c)
        } else {
            cut.extend(c.escape_debug())
        }
    }
    let more = if value.chars().count() > LONGEST {
        "..."
    } else {
        ""
    };
    format!("`{cut}{more}`")
}

/// Whether a character is not seen but carried out: by terminals, and by whoever tells lines from each other.
pub(crate) fn is_unseen(c: char) -> bool {
    let is_of_lines_and_directions =
        matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    c.is_control() || is_of_lines_and_directions
}

/// A text with what is not seen in it spelled out, but for the ends of its lines.
pub(crate) fn visible(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for c in text.chars() {
        if is_unseen(c) && c != '\n' {
            clean.extend(c.escape_default());
        } else {
            clean.push(c);
        }
    }
    clean
}

/// A message without the words that look like secrets, wherever they came from.
pub(crate) fn scrubbed(message: &str) -> Cow<'_, str> {
    if !looks_secret(message) {
        return Cow::Borrowed(message);
    }
    let mut clean = message.to_owned();
    for word in words(message).filter(|word| is_token(word)) {
        clean = clean.replace(word, MASK);
    }
    Cow::Owned(clean)
}

/// Whether a word of this text looks like a secret by itself.
pub(crate) fn looks_secret(text: &str) -> bool {
    words(text).any(is_token)
}

/// Whether a text of a spec holds a secret, by itself or among other words. Digests of images and commits look like
/// keys, and are none where they stand behind what says so.
pub(crate) fn holds_secret(text: &str) -> bool {
    const TELL_WHAT_FOLLOWS: [&str; 6] =
        ["sha256:", "blob/", "commit/", "raw/", "snapshots/", "tree/"];
    let is_told = |word: &str| {
        let before = text.get(..word.as_ptr() as usize - text.as_ptr() as usize);
        let is_hash = matches!(word.len(), 40 | 64) && word.bytes().all(|b| b.is_ascii_hexdigit());
        is_hash
            && before
                .is_some_and(|before| TELL_WHAT_FOLLOWS.iter().any(|tell| before.ends_with(tell)))
    };
    words(text).any(|word| is_issued(word) || is_random(word) && !is_told(word))
}

/// Whether a text holds a key of a service, which nothing else looks like.
pub(crate) fn holds_issued(text: &str) -> bool {
    words(text).any(is_issued)
}

/// Whether an address may hold a user, a password or a token, or be one: whoever has the address of one of Slack's
/// webhooks may write to its channel.
pub(crate) fn may_carry_credentials(address: &str) -> bool {
    address.contains("hooks.slack.com")
        || address.contains('@') && address.contains(':')
        || address.contains('?') && address.contains('=')
}

/// Whether the query of an address has a parameter that is called like a secret.
pub(crate) fn asks_with_secret(address: &str) -> bool {
    let parameters = address.split(['?', '&']).skip(1);
    parameters
        .filter_map(|parameter| parameter.split_once('='))
        .any(|(name, _)| names_secret(name))
}

/// Whether this is the name of an environment variable as the language takes it.
pub(crate) fn is_variable(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes
        .next()
        .is_some_and(|b| b.is_ascii_uppercase() || b == b'_')
        && bytes.all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
        && !looks_secret(name)
}

/// The text with every secret that it holds replaced by asterisks, of the same length in bytes.
///
/// `complete` says that `document` is all of the text; where it is not, because the text is no valid TOML,
/// whole lines are judged by their words.
pub(crate) fn masked(text: &str, document: &Spanned<DeTable<'_>>, complete: bool) -> String {
    let mut spans = Spans::default();
    spans.in_table(document.get_ref(), Holds::Tables);
    spans.in_lines(text, complete);
    let mut bytes = text.as_bytes().to_vec();
    for span in spans.secret {
        for byte in bytes
            .get_mut(span)
            .into_iter()
            .flatten()
            .filter(|byte| **byte != b'\n')
        {
            *byte = b'*';
        }
    }
    // A span that ends inside a character cannot be; if it were, printing nothing is the safe side.
    String::from_utf8(bytes).unwrap_or_default()
}

/// Where secrets and where values stand in a text.
#[derive(Default)]
struct Spans {
    secret: Vec<Range<usize>>,
    values: Vec<Range<usize>>,
}

/// What a table is for, as far as masking goes by it.
#[derive(Clone, Copy, PartialEq)]
enum Holds {
    /// The root, whose entries are tables.
    Tables,
    /// A part of the language.
    Fields,
    /// A test of the spec, whose `key` is the name of one. Elsewhere such a field is a mistake, and may hold a key.
    Test,
    /// `secret`, `api_key`, `salt` and `password`: only the name of a variable or a file may be shown.
    Secret,
}

impl Spans {
    fn in_table(&mut self, table: &DeTable<'_>, holds: Holds) {
        for (key, value) in table {
            if looks_secret(key.get_ref()) {
                self.secret.push(key.span());
            }
            self.in_value(key.get_ref(), value, holds);
        }
    }

    fn in_value(&mut self, key: &str, value: &Spanned<DeValue<'_>>, holds: Holds) {
        match value.get_ref() {
            DeValue::Table(table) => {
                let inner = match holds {
                    Holds::Secret => Holds::Secret,
                    _ if is_secret_field(key) => Holds::Secret,
                    Holds::Tables if key == "tests" => Holds::Test,
                    Holds::Tables | Holds::Fields | Holds::Test => Holds::Fields,
                };
                self.in_table(table, inner);
            }
            DeValue::Array(array) => {
                array
                    .iter()
                    .for_each(|element| self.in_value(key, element, holds));
            }
            leaf => {
                self.values.push(value.span());
                if is_secret_leaf(key, leaf, holds) {
                    self.secret.push(value.span());
                }
            }
        }
    }

    /// Words that look like secrets anywhere; what follows a telling word in a comment; and, in text that
    /// could not be parsed, what follows one anywhere.
    fn in_lines(&mut self, text: &str, complete: bool) {
        let mut start = 0;
        for line in text.split_inclusive('\n') {
            for word in words(line).filter(|word| is_token(word)) {
                let offset = start + (word.as_ptr() as usize - line.as_ptr() as usize);
                self.secret.push(offset..offset + word.len());
            }
            let judged_from = if complete {
                self.comment(line, start)
            } else {
                Some(0)
            };
            if let Some(from) = judged_from
                && let Some(rest) = line.get(from..)
                && let Some(word) = after_secret_word(rest)
            {
                self.secret.push(start + from + word..start + line.len());
            }
            start += line.len();
        }
    }

    /// Where the comment of a line begins.
    fn comment(&self, line: &str, start: usize) -> Option<usize> {
        let in_value = |at: usize| self.values.iter().any(|span| span.contains(&(start + at)));
        line.char_indices()
            .find(|&(at, c)| c == '#' && !in_value(at))
            .map(|(at, _)| at)
    }
}

fn is_secret_leaf(key: &str, leaf: &DeValue<'_>, holds: Holds) -> bool {
    let text = match leaf {
        DeValue::String(text) => Some(text.as_ref()),
        _ => None,
    };
    match (key, holds) {
        (_, Holds::Tables) => key != "edition",
        ("env", _) => !text.is_some_and(is_variable),
        ("file", _) => !text.is_some_and(|text| text.starts_with('/')),
        (_, Holds::Secret) => true,
        _ if is_secret_field(key) => true,
        _ if FIELDS.contains(key) && (key != "key" || holds == Holds::Test) => {
            text.is_some_and(|text| looks_secret(text) || may_carry_credentials(text))
        }
        // What the language does not know may be anything, but for a share that has the name of an upstream.
        _ => text.is_some_and(|text| text.parse::<Percent>().is_err()) || names_secret(key),
    }
}

/// The fields of the language whose value says where a secret comes from.
fn is_secret_field(key: &str) -> bool {
    matches!(key, "secret" | "api_key" | "salt" | "password")
}

/// Every field name of the language.
static FIELDS: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
    fn collect(schema: &Json, fields: &mut BTreeSet<String>) {
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            fields.insert(name.clone());
            collect(property, fields);
        }
        for inner in ["additionalProperties", "items"] {
            if schema[inner].is_object() {
                collect(&schema[inner], fields);
            }
        }
    }
    let mut fields = BTreeSet::new();
    collect(&schema::json(), &mut fields);
    fields
});

fn names_secret(text: &str) -> bool {
    after_secret_word(text).is_some()
}

/// Where the first telling word of a text ends.
fn after_secret_word(text: &str) -> Option<usize> {
    let lower = text.to_ascii_lowercase();
    let ends = SECRET_WORDS
        .iter()
        .filter_map(|word| Some(lower.find(word)? + word.len()));
    ends.min()
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    let separates = |c: char| {
        c.is_whitespace()
            || matches!(
                c,
                '"' | '\'' | '`' | ',' | '=' | '{' | '}' | '[' | ']' | '.' | ':' | '/' | '@'
            )
    };
    text.split(separates)
}

/// A key, not a name.
fn is_token(word: &str) -> bool {
    is_issued(word) || is_random(word)
}

/// Issued by a service, which its beginning tells.
fn is_issued(word: &str) -> bool {
    const SHORTEST: usize = 8;
    TOKEN_PREFIXES.iter().any(|prefix| {
        word.strip_prefix(prefix)
            .is_some_and(|rest| rest.len() >= SHORTEST)
    })
}

/// Long and of letters and digits alone, with many of both.
fn is_random(word: &str) -> bool {
    const SHORTEST: usize = 32;
    let digits = word.bytes().filter(u8::is_ascii_digit).count();
    let letters = word.bytes().filter(u8::is_ascii_alphabetic).count();
    word.len() >= SHORTEST && digits >= 4 && letters >= 4 && digits + letters == word.len()
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
            "[keys.a]\nsecret = \"hunter2\"",
            "[keys.a]\nkey = \"hunter2\"\nsecret.value = \"hunter2\"\nsecret.env.x = \"hunter2\"",
            "keys = [\"hunter2\"]",
            "keys.a = \"hunter2\"",
            "a = { password = \"hunter2\" }",
            "receivers.a.email.password = \"hunter2\"",
            "receivers.a.slack.url = \"https://hooks.slack.com/services/T0/B0/hunter2\"",
            "upstreams.a.headers = { Authorization = \"Bearer hunter2\" }",
            "upstreams.a.url = \"sk-hunter2hunter2\"",
            "upstreams.a.url = \"Bearer sk-hunter2hunter2\"",
            "secret = { env = \"hunter2\" }",
            "upstreams.a.url = \"https://user:hunter2@host\"",
            "upstreams.a.url = \"\\n\\n\\néééé://user:hunter2@host\"",
            "upstreams.a.url = \"http://host/?token=hunter2\"",
            "routes.a.models = [\"sk-hunter2hunter2\"]",
            "keys.sk-hunter2hunter2.models = []",
            "secret = \"hunter2",
            "secret: hunter2",
            "x = = sk-hunter2hunter2",
            "edition = 1 # password = hunter2",
        ] {
            let masked = mask(text);
            assert!(!masked.contains("hunter2"), "{masked}");
            assert_eq!(masked.len(), text.len());
        }
        assert!(!mask("[keys.a]\nsecret = 123456").contains("123456"));
    }

    #[test]
    fn leaves_names_and_references_alone() {
        let text = "upstreams.a.api_key = { env = \"OPENAI_API_KEY\" }\n\
                    upstreams.a.model = \"deepseek-ai/DeepSeek-R1-Distill-Qwen-32B\"\n\
                    models.a.defaults.max_tokens = \"12\" # a comment\n\
                    keys.b.secret.file = \"/run/secrets/key\"";
        assert_eq!(mask(text), text);
    }

    #[test]
    fn messages_are_masked_cut_and_made_visible() {
        assert_eq!(shown("chat-a"), "`chat-a`");
        assert_eq!(shown("sk-hunter2hunter2"), "`***`");
        assert_eq!(shown("user:hunter2@host"), "`***`");
        assert_eq!(shown("chat\u{200b}"), "`chat\\u{200b}`");
        assert!(shown(&"x".repeat(500)).len() < 80);
        assert_eq!(scrubbed("key `sk-hunter2hunter2` may"), "key `***` may");
    }

    #[test]
    fn keys_are_no_variables() {
        assert!(is_variable("OPENAI_API_KEY"));
        assert!(!is_variable("AKIAIOSFODNN7EXAMPLE"));
        assert!(!is_variable("hunter2"));
    }
}
