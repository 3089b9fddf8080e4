//! Reading `usage` out of a response: how many tokens went in and came out.

use std::sync::LazyLock;

use memchr::memmem::Finder;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::api::json::Reader;
use crate::observe::account::Usage;
use crate::sse;
use crate::stream::field::Field;

/// The last `usage` object, of one document or of all that stand in a stream.
pub(crate) static USAGE: Field<Usage> = Field::new(|| Finder::new(b"\"usage\""), value_of_field);

/// The last `usage` object in a piece of JSON, which may lack its beginning.
pub(crate) fn last_usage(json: &[u8]) -> Option<Usage> {
    USAGE.last(json)
}

/// Whether an event is the chunk that `include_usage` adds: no choices, and the usage.
pub(crate) fn is_usage_alone(event: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Chunk {
        choices: Vec<IgnoredAny>,
        #[serde(rename = "usage")]
        _usage: Usage,
    }
    let chunk = sse::data(event).map(|data| serde_json::from_slice::<Chunk>(&data));
    chunk.is_some_and(|chunk| chunk.is_ok_and(|chunk| chunk.choices.is_empty()))
}

/// Whether an event that begins like this may turn out to be that chunk. Servers write the choices before
/// all that takes room, so of any other event this is known soon.
pub(crate) fn may_be_usage_alone(begun: &[u8]) -> bool {
    if begun.trim_ascii_end().ends_with(sse::DONE) {
        return false;
    }
    let choice = CHOICES.find(begun).and_then(|start| {
        let list = begun
            .get(start + CHOICES.needle().len()..)?
            .trim_ascii_start();
        let list = list.strip_prefix(b":")?.trim_ascii_start();
        list.strip_prefix(b"[")?.trim_ascii_start().first()
    });
    choice.is_none_or(|byte| *byte == b']')
}

/// Prepared once: that costs more than a search.
static CHOICES: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"choices\""));

/// The most tokens that are believed: beyond it an upstream is mistaken, and a counter would be ruined.
const MOST: u64 = 1_000_000_000;

fn value_of_field(after_name: &[u8]) -> (usize, Option<Usage>) {
    let mut reader = Reader::of(after_name);
    let usage = read(after_name, &mut reader);
    let is_plausible = |tokens: Option<u64>| tokens.is_none_or(|tokens| tokens <= MOST);
    let usage = usage.filter(|usage| is_plausible(usage.input) && is_plausible(usage.output));
    (reader.at(), usage)
}

/// Reads the object that follows the name, and leaves what comes after it, which may be cut.
fn read(json: &[u8], reader: &mut Reader<'_>) -> Option<Usage> {
    reader.expect(b':')?;
    // vLLM and OpenAI write `"usage":null` into every chunk but the last.
    if reader.peek()? != b'{' {
        return None;
    }
    let start = reader.at();
    let mut usage = Usage::default();
    let mut has_more = reader.enter(b'{')?;
    while has_more {
        let (name, value) = (reader.name()?, reader.value()?);
        match json.get(name.inside)? {
            b"prompt_tokens" => usage.input = tokens(json.get(value)?)?,
            b"completion_tokens" => usage.output = tokens(json.get(value)?)?,
            _ => {}
        }
        has_more = reader.another(b'{')?;
    }
    let object = json.get(start..reader.at())?;
    let is_text = object.is_ascii() || str::from_utf8(object).is_ok();
    is_text.then_some(usage)
}

/// A number of tokens, or `null`.
fn tokens(json: &[u8]) -> Option<Option<u64>> {
    if json == b"null" {
        return Some(None);
    }
    let number = json.iter().try_fold(0_u64, |number, byte| {
        let digit = char::from(*byte).to_digit(10)?;
        number.checked_mul(10)?.checked_add(digit.into())
    });
    number.map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(input: u64, output: u64) -> Option<Usage> {
        Some(Usage {
            input: Some(input),
            output: Some(output),
        })
    }

    #[test]
    fn finds_the_last_usage() {
        let json = br#"{"usage":{"prompt_tokens":1,"completion_tokens":2}}
            {"usage" : { "prompt_tokens":3,"x":[{}],"completion_tokens":4},"id":1}"#;
        assert_eq!(last_usage(json), usage(3, 4));
    }

    #[test]
    fn absurd_numbers_are_not_believed() {
        let json = br#"{"usage":{"prompt_tokens":1,"completion_tokens":18446744073709551615}}"#;
        assert_eq!(last_usage(json), None);
    }

    #[test]
    fn what_is_no_number_of_tokens_is_no_usage() {
        for tokens in ["-1", "1.5", "\"1\"", "{}", "99999999999999999999"] {
            let json = format!(r#"{{"usage":{{"prompt_tokens":{tokens},"completion_tokens":2}}}}"#);
            assert_eq!(last_usage(json.as_bytes()), None, "{tokens}");
        }
        let json = br#"{"usage":{"prompt_tokens":null,"completion_tokens":2}}"#;
        assert_eq!(last_usage(json).unwrap().input, None);
    }

    #[test]
    fn null_is_no_usage_and_hides_none() {
        assert_eq!(last_usage(br#"{"usage":null}"#), None);
        let json = br#"{"usage":{"prompt_tokens":1,"completion_tokens":2}} {"usage":null}"#;
        assert_eq!(last_usage(json), usage(1, 2));
    }

    #[test]
    fn is_not_misled_by_what_a_model_writes() {
        let json = br#"{"content":"\"usage\":{\"prompt_tokens\":9}"}"#;
        assert_eq!(last_usage(json), None);
        assert_eq!(last_usage(br#"{"content":"usage"}"#), None);
        assert_eq!(last_usage(br#"["usage","#), None);
    }

    #[test]
    fn usage_within_usage_is_passed_over_with_it() {
        let json = br#"{"usage":{"prompt_tokens":1,"x":{"usage":{"prompt_tokens":2}}}}"#;
        assert_eq!(last_usage(json).unwrap().input, Some(1));
        // To read each of them by itself would take the time of their square.
        let nested = br#":{"usage":{"prompt_tokens":{"usage""#.repeat(1000);
        assert_eq!(value_of_field(&nested), (nested.len(), None));
    }

    #[test]
    fn an_embedding_has_no_output() {
        let json = br#"{"data":[],"usage":{"prompt_tokens":5,"total_tokens":5}}"#;
        assert_eq!(
            last_usage(json),
            Some(Usage {
                input: Some(5),
                output: None
            })
        );
    }

    #[test]
    fn a_truncated_usage_is_none() {
        assert_eq!(last_usage(br#"{"usage":{"prompt_tok"#), None);
    }

    const ALONE: &str = "data: {\"id\":\"c\",\"choices\":[],\"usage\":{\"prompt_tokens\":3}}\n\n";

    #[test]
    fn the_usage_alone_is_told_from_chunks_with_more() {
        for alone in [
            ALONE,
            "data: {\"usage\" : {\"prompt_tokens\":3}, \"choices\" : [ ] }\r\n\r\n",
            "id: 7\ndata: {\"choices\":[],\ndata: \"usage\":{}}\n\n",
        ] {
            assert!(is_usage_alone(alone.as_bytes()), "{alone}");
        }
        for other in [
            "data: {\"choices\":[{}],\"usage\":{\"prompt_tokens\":3}}\n\n",
            "data: {\"choices\":[],\"usage\":null}\n\n",
            "data: {\"choices\":[]}\n\n",
            "data: {\"usage\":{\"prompt_tokens\":3}}\n\n",
            "data: {\"x\":{\"choices\":[],\"usage\":{}},\"choices\":[{}]}\n\n",
            "data: {\"choices\":[],\"choices\":[{}],\"usage\":{}}\n\n",
            ": {\"choices\":[],\"usage\":{}}\n\n",
        ] {
            assert!(!is_usage_alone(other.as_bytes()), "{other}");
        }
    }

    #[test]
    fn a_choice_settles_what_an_event_is() {
        for end in 0..ALONE.len() {
            assert!(may_be_usage_alone(&ALONE.as_bytes()[..end]), "{end}");
        }
        for other in [
            "data: {\"choices\":[{",
            "data: {\"choices\" : [ 1",
            "data: [DONE]\n",
        ] {
            assert!(!may_be_usage_alone(other.as_bytes()), "{other}");
        }
    }
}
