//! Reading out of a response why the model stopped.

use std::sync::LazyLock;

use memchr::memmem::Finder;

use crate::stream::field;

/// Prepared once: that costs more than a search.
static NAME: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"finish_reason\""));

/// The reasons that engines give; any other is [`OTHER`].
const REASONS: [&str; 5] = [
    "stop",
    "length",
    "tool_calls",
    "content_filter",
    "function_call",
];

const OTHER: &str = "other";

/// The last reason in a piece of JSON, which may lack its beginning.
pub(super) fn last_reason(json: &[u8]) -> Option<&'static str> {
    // A reason is short.
    field::last(json, &NAME, |after_name| (0, value_of_field(after_name)))
}

fn value_of_field(after_name: &[u8]) -> Option<&'static str> {
    let value = after_name.trim_ascii_start().strip_prefix(b":")?;
    // Engines write `null` into every chunk but the last.
    let text = value.trim_ascii_start().strip_prefix(b"\"")?;
    let length = memchr::memchr(b'"', text)?;
    let text = text.get(..length)?;
    let known = REASONS.iter().find(|reason| reason.as_bytes() == text);
    Some(known.copied().unwrap_or(OTHER))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_last_reason() {
        let json = br#"{"finish_reason":"stop"} {"finish_reason" : "length","x":1}
            {"finish_reason":null}"#;
        assert_eq!(last_reason(json), Some("length"));
    }

    #[test]
    fn a_reason_that_nobody_knows_is_another() {
        assert_eq!(last_reason(br#""finish_reason":"tired""#), Some(OTHER));
    }

    #[test]
    fn is_not_misled_by_what_a_model_writes() {
        assert_eq!(
            last_reason(br#"{"content":"\"finish_reason\":\"stop\""}"#),
            None
        );
        assert_eq!(last_reason(br#""finish_reason":"sto"#), None);
        assert_eq!(last_reason(br#""finish_reason""#), None);
        assert_eq!(last_reason(b""), None);
    }
}
