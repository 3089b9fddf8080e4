//! The only changes that a request's body sees: the model's name, default parameters that it lacks, and
//! that a stream is to end with its usage.
//!
//! They are spliced into the client's own bytes; nothing is parsed and written again.

use bytes::Bytes;

use crate::api::fields::{Fields, Vocabulary};
use crate::api::scan::Scan;
use crate::api::stream_options::Splice;
use crate::topology::{Model, Parameter};

/// The defaults of one model, ready to be spliced.
#[derive(Debug, Default)]
pub(crate) struct Defaults {
    entries: Vec<(Fields, Bytes)>,
}

impl Defaults {
    /// The defaults `parameters`, each as it will stand in a body: `"field":json,`.
    pub(crate) fn new(parameters: &[Parameter], vocabulary: &Vocabulary) -> Self {
        let entry = |parameter: &Parameter| {
            let field = quoted(parameter.field);
            let text = [field.as_slice(), b":", parameter.json.as_bytes(), b","].concat();
            (vocabulary.bit(parameter.field), Bytes::from(text))
        };
        Self {
            entries: parameters.iter().map(entry).collect(),
        }
    }
}

/// `text` as a JSON string.
pub(crate) fn quoted(text: &str) -> Vec<u8> {
    serde_json::to_vec(text).expect("a string can be written as JSON")
}

/// The model name to put into a request as a JSON string, or `None` to leave the client's.
///
/// An upstream that knows the model under a name of its own is told that one. Any other gets what
/// the client wrote, except where `model` is not the one that the client `named`.
pub(crate) fn model_name(
    served_model: Option<&Bytes>,
    model: &Model,
    named: Option<&Model>,
) -> Option<Bytes> {
    match served_model {
        Some(name) => Some(name.clone()),
        None if named.is_some_and(|named| std::ptr::eq(model, named)) => None,
        None => Some(quoted(model.settings.name).into()),
    }
}

/// The body to forward: the same allocation where nothing changes.
pub(crate) fn rewrite(
    body: &Bytes,
    scan: &Scan<'_>,
    model_name: Option<&Bytes>,
    defaults: Option<&Defaults>,
    usage: Option<&Splice>,
) -> Bytes {
    let missing = || {
        let entries = defaults.map_or(&[][..], |defaults| &defaults.entries);
        entries
            .iter()
            .filter(|(field, _)| !scan.present.holds_any_of(*field))
            .map(|(_, text)| text)
    };
    let inserted: usize = missing().map(Bytes::len).sum();
    if inserted == 0 && model_name.is_none() && usage.is_none() {
        return body.clone();
    }
    // A scanned body is an object, with nothing but white space before its brace.
    let brace = body
        .iter()
        .position(|byte| *byte == b'{')
        .map_or(0, |position| position + 1);
    let name = model_name.map(|name| (&scan.model_span, name.as_ref()));
    let usage = usage.map(|splice| (&splice.span, splice.text.as_bytes()));
    let in_order = match (name, usage) {
        (Some(name), Some(usage)) if usage.0.start < name.0.start => [Some(usage), Some(name)],
        unordered => unordered.into(),
    };
    let added: usize = in_order.iter().flatten().map(|(_, text)| text.len()).sum();

    let mut rewritten = Vec::with_capacity(body.len() + inserted + added);
    let original = |from: usize, to: usize| body.get(from..to).unwrap_or_default();
    rewritten.extend_from_slice(original(0, brace));
    for text in missing() {
        rewritten.extend_from_slice(text);
    }
    let mut copied = brace;
    for (span, text) in in_order.into_iter().flatten() {
        rewritten.extend_from_slice(original(copied, span.start));
        rewritten.extend_from_slice(text);
        copied = span.end;
    }
    rewritten.extend_from_slice(original(copied, body.len()));
    rewritten.into()
}

#[cfg(test)]
mod tests {
    use proptest::collection::btree_map;
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;
    use crate::api::scan::scan;

    const DEFAULTS: &[Parameter] = &[
        Parameter {
            field: "max_tokens",
            json: "1024",
        },
        Parameter {
            field: "temperature",
            json: "0.7",
        },
    ];

    fn rewritten(body: &str, name: Option<&str>) -> String {
        let vocabulary = Vocabulary::new(DEFAULTS.iter().map(|parameter| parameter.field));
        let defaults = Defaults::new(DEFAULTS, &vocabulary);
        let body = Bytes::from(body.to_owned());
        let scan = scan(&body, &vocabulary, None).unwrap();
        let name = name.map(|name| Bytes::from(quoted(name)));
        let bytes = rewrite(&body, &scan, name.as_ref(), Some(&defaults), None);
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    #[test]
    fn replaces_the_model_and_nothing_else() {
        let body =
            r#"{ "temperature":1.0, "model" : "chat","max_tokens":1e3,"x":12345678901234567890}"#;
        assert_eq!(
            rewritten(body, Some("Qwen/Qwen2.5")),
            body.replace(r#""chat""#, r#""Qwen/Qwen2.5""#)
        );
    }

    #[test]
    fn adds_the_defaults_that_are_missing() {
        assert_eq!(
            rewritten(r#" {"model":"chat","temperature":null}"#, None),
            r#" {"max_tokens":1024,"model":"chat","temperature":null}"#
        );
    }

    #[test]
    fn the_newer_name_of_max_tokens_counts() {
        let body = r#"{"model":"a","max_completion_tokens":5,"temperature":0}"#;
        assert_eq!(rewritten(body, None), body);
    }

    #[test]
    fn asks_for_usage_before_or_after_the_model() {
        for (body, expected) in [
            (
                r#"{"model":"a","stream":true,"stream_options":{}}"#,
                r#"{"model":"b","stream":true,"stream_options":{"include_usage":true}}"#,
            ),
            (
                r#"{"stream":true,"stream_options":null, "model" : "a"}"#,
                r#"{"stream":true,"stream_options":{"include_usage":true}, "model" : "b"}"#,
            ),
            (
                r#"{"stream":true,"model":"a"}"#,
                r#"{"stream_options":{"include_usage":true},"stream":true,"model":"b"}"#,
            ),
        ] {
            let body = Bytes::from_static(body.as_bytes());
            let scan = scan(&body, &Vocabulary::default(), None).unwrap();
            let name = Bytes::from_static(br#""b""#);
            let usage = scan.unasked_usage.as_ref();
            assert_eq!(rewrite(&body, &scan, Some(&name), None, usage), expected);
        }
    }

    #[test]
    fn unchanged_bytes_are_not_copied() {
        let vocabulary = Vocabulary::default();
        let body = Bytes::from_static(br#"{"model":"a"}"#);
        let scan = scan(&body, &vocabulary, None).unwrap();
        let forwarded = rewrite(&body, &scan, None, None, None);
        assert_eq!(forwarded.as_ptr(), body.as_ptr());
    }

    proptest! {
        #[test]
        fn means_the_same_except_for_the_intended(
            fields in btree_map("[a-z\"\\\\é]{1,6}", any::<i64>().prop_map(Value::from), 0..6),
            name in ".{0,12}",
            served in ".{1,12}",
            pretty in any::<bool>(),
        ) {
            let mut expected: serde_json::Map<String, Value> = fields.into_iter().collect();
            expected.insert("model".to_owned(), name.into());
            let text = if pretty {
                serde_json::to_string_pretty(&expected).unwrap()
            } else {
                serde_json::to_string(&expected).unwrap()
            };
            let actual: Value = serde_json::from_str(&rewritten(&text, Some(&served))).unwrap();
            expected.insert("model".to_owned(), served.into());
            expected.entry("max_tokens").or_insert(1024.into());
            expected.entry("temperature").or_insert(0.7.into());
            prop_assert_eq!(actual, Value::Object(expected));
        }
    }
}
