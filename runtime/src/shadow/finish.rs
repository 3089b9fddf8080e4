//! Reading out of a response why the model stopped.

use memchr::memmem::Finder;

use crate::api::json::Reader;
use crate::stream::field::Field;

/// The last reason in a response.
pub(super) static REASON: Field<&'static str> =
    Field::new(|| Finder::new(b"\"finish_reason\""), value_of_field);

/// The reasons that engines give; any other is [`OTHER`].
const REASONS: [&str; 5] = [
    "stop",
    "length",
    "tool_calls",
    "content_filter",
    "function_call",
];

const OTHER: &str = "other";

fn value_of_field(after_name: &[u8]) -> (usize, Option<&'static str>) {
    let mut reader = Reader::of(after_name);
    let reason = read(after_name, &mut reader);
    (reader.at(), reason)
}

fn read(json: &[u8], reader: &mut Reader<'_>) -> Option<&'static str> {
    reader.expect(b':')?;
    // Engines write `null` into every chunk but the last.
    if reader.peek()? != b'"' {
        return None;
    }
    let text = json.get(reader.value()?)?;
    let text = text.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    let known = REASONS.iter().find(|reason| reason.as_bytes() == text);
    Some(known.copied().unwrap_or(OTHER))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn last_reason(json: &[u8]) -> Option<&'static str> {
        REASON.last(json)
    }

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
