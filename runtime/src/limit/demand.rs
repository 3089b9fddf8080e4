//! How many tokens a request may take, before anybody knows how many it will.

use decide::limit::demand::{ASSUMED_OUTPUT, prompt};

use crate::api::scan::Scan;
use crate::endpoint::Operation;
use crate::limit::media::Media;
use crate::topology::Model;

/// What a request may take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Demand {
    /// Tokens that the model reads: an estimate.
    pub(crate) prompt: u64,
    /// Tokens that the model may write.
    pub(crate) output: u64,
}

impl Demand {
    /// What the request that was scanned may take, of a model that is assumed to write
    /// `assumed_output`.
    pub(crate) fn of(scan: &Scan<'_>, operation: Operation, assumed_output: u64) -> Self {
        let media = scan.context.filter(|_| scan.has_media).map(Media::of);
        let media = media.unwrap_or_default();
        let length = scan.context.map_or(0, <[u8]>::len);
        let text = length.saturating_sub(media.bytes);
        let output = if operation.generates() {
            let each = scan.output_limit.unwrap_or(assumed_output);
            // Engines write as many answers to each prompt of a list.
            let prompts = match operation {
                Operation::Completions => scan.prompts.max(1),
                _ => 1,
            };
            let choices = scan.choices.unwrap_or(1).max(1);
            each.saturating_mul(choices).saturating_mul(prompts)
        } else {
            0
        };
        Self {
            prompt: prompt(text as u64, media.tokens as u64),
            output,
        }
    }

    /// Both.
    pub(crate) fn total(self) -> u64 {
        self.prompt.saturating_add(self.output)
    }
}

/// The output to assume of a request to `model` that does not say: settled at start.
pub(crate) fn assumed_output(model: &Model) -> u64 {
    let mut defaults = model.settings.defaults.iter();
    let limit = defaults.find(|parameter| parameter.field == "max_tokens");
    limit
        .and_then(|parameter| parameter.json.parse().ok())
        .unwrap_or(ASSUMED_OUTPUT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::fields::Vocabulary;
    use crate::api::scan::scan;

    fn demand(body: &str, operation: Operation) -> (u64, u64) {
        let scan = scan(body.as_bytes(), &Vocabulary::default(), None).unwrap();
        let demand = Demand::of(&scan, operation, 100);
        (demand.prompt, demand.output)
    }

    #[test]
    fn is_the_prompt_and_what_may_be_written() {
        let body = r#"{"model":"a","messages":[1234567890],"max_tokens":7}"#;
        assert_eq!(demand(body, Operation::Chat), (3, 7));
        assert_eq!(demand(r#"{"model":"a"}"#, Operation::Chat), (1, 100));
        let twice = r#"{"model":"a","max_tokens":7,"max_completion_tokens":9,"n":3}"#;
        assert_eq!(demand(twice, Operation::Completions), (1, 27));
    }

    #[test]
    fn each_prompt_of_a_list_may_be_answered_at_full_length() {
        let output = |fields: &str, operation| {
            let body = format!(r#"{{"model":"a","max_tokens":7,{fields}}}"#);
            demand(&body, operation).1
        };
        for (fields, expected) in [
            (r#""prompt":"x""#, 7),
            (r#""prompt":[]"#, 7),
            (r#""prompt":["x","y","z"]"#, 21),
            (r#""prompt":[1,2,3]"#, 7),
            (r#""prompt":[[1],[2]]"#, 14),
            // Of five that are written to each prompt two are told.
            (r#""prompt":["x","y","z"],"n":2,"best_of":5"#, 105),
            (r#""prompt":["x","y"],"n":18446744073709551615"#, u64::MAX),
        ] {
            assert_eq!(output(fields, Operation::Completions), expected, "{fields}");
        }
        // A chat has one prompt, whatever else its request says, and embeddings write nothing.
        assert_eq!(output(r#""prompt":["x","y","z"]"#, Operation::Chat), 7);
        assert_eq!(output(r#""input":["x","y"]"#, Operation::Embeddings), 0);
        assert_eq!(output(r#""prompt":["x","y"]"#, Operation::Embeddings), 0);
    }

    #[test]
    fn an_image_is_not_taken_for_text() {
        let image = "A".repeat(1 << 20);
        let body = format!(r#"{{"model":"a","messages":["data:image/png;base64,{image}"]}}"#);
        let (prompt, _) = demand(&body, Operation::Chat);
        assert_eq!(prompt, 1024);
    }

    #[test]
    fn what_is_heard_and_seen_is_not_taken_for_text() {
        let of = |part: &str| {
            let body = format!(r#"{{"model":"a","messages":[{{"content":[{part}]}}]}}"#);
            demand(&body, Operation::Chat).0
        };
        let forms = [
            r#"{"type":"audio_url","audio_url":{"url":"data:audio/wav;base64,DATA"}}"#,
            r#"{"type":"video_url","video_url":{"url":"data:video/mp4;base64,DATA"}}"#,
            r#"{"type":"file","file":{"file_data":"data:application/pdf;base64,DATA"}}"#,
            r#"{"type":"input_audio","input_audio":{"data":"DATA","format":"wav"}}"#,
        ];
        let base64 = "UklGR+/8".repeat(1 << 17);
        let text = "words so ".repeat(1 << 17);
        for form in forms {
            let tokens = of(&form.replace("DATA", &base64));
            assert!((1024..10_000).contains(&tokens), "{form}: {tokens}");
            // Nothing that a model might read is let past.
            let tokens = of(&form.replace("DATA", &text));
            assert!(tokens > 1 << 18, "{form}: {tokens}");
        }
    }

    #[test]
    fn an_image_is_found_wherever_it_may_stand() {
        let image = "data:image/png;base64,AA==";
        for messages in [
            format!("{{\"a\":[\"x\\n\",{{\"url\":\"{image}\"}}]}}"),
            format!("[\"a text \\\"{image}\\\" and more\"]"),
            format!("{{\"{image}\":1}}"),
        ] {
            let body = format!("{{\"model\":\"a\",\"messages\":{messages}}}");
            let (prompt, _) = demand(&body, Operation::Chat);
            assert!(prompt >= 1024, "{messages}");
        }
    }

    #[test]
    fn embeddings_write_nothing() {
        let body = r#"{"model":"a","input":"12345678","max_tokens":7}"#;
        assert_eq!(demand(body, Operation::Embeddings), (2, 0));
    }

    #[test]
    fn nonsense_is_a_lot_or_the_assumed() {
        let body = r#"{"model":"a","max_tokens":99999999999999999999,"n":3}"#;
        assert_eq!(demand(body, Operation::Chat), (1, u64::MAX));
        let body = r#"{"model":"a","max_tokens":-1,"n":null}"#;
        assert_eq!(demand(body, Operation::Chat), (1, 100));
        let body = r#"{"model":"a","max_tokens":1e2,"n":0}"#;
        assert_eq!(demand(body, Operation::Chat), (1, 100));
    }
}
