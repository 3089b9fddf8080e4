//! Reading `usage` out of a response: how many tokens went in and came out.

use memchr::memmem;

use crate::observe::account::Usage;

/// The last `usage` object in a piece of JSON, which may lack its beginning.
///
/// In JSON, the bytes `"usage"` can only be a whole string: inside of one, the quotes have
/// backslashes. So a search for them cannot be misled by what a model writes; only a match is
/// parsed.
pub(crate) fn last_usage(json: &[u8]) -> Option<Usage> {
    let mut end = json.len();
    while let Some(start) = memmem::rfind(json.get(..end)?, NAME) {
        if let Some(usage) = json.get(start + NAME.len()..).and_then(value_of_field) {
            return Some(usage);
        }
        end = start;
    }
    None
}

const NAME: &[u8] = b"\"usage\"";

/// The most tokens that are believed: beyond it an upstream is mistaken, and a counter would be ruined.
const MOST: u64 = 1_000_000_000;

fn value_of_field(after_name: &[u8]) -> Option<Usage> {
    let value = after_name
        .trim_ascii_start()
        .strip_prefix(b":")?
        .trim_ascii_start();
    // vLLM and OpenAI write `"usage":null` into every chunk but the last.
    if !value.starts_with(b"{") {
        return None;
    }
    // Takes the one value and leaves what follows it.
    let usage: Usage = serde_json::Deserializer::from_slice(value)
        .into_iter()
        .next()?
        .ok()?;
    let is_plausible = |tokens: Option<u64>| tokens.is_none_or(|tokens| tokens <= MOST);
    (is_plausible(usage.input) && is_plausible(usage.output)).then_some(usage)
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
}
