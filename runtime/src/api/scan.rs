//! What the gateway needs to know about a request's body, found in one pass without building a
//! document.
//!
//! Everything else in the body is checked for being JSON and then left alone: unknown fields and
//! the spelling of numbers reach the upstream as the client wrote them.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use thiserror::Error;

use crate::api::fields::{Fields, Vocabulary};
use crate::api::messages::{Messages, MessagesSeed};
use crate::api::span::span;
use crate::api::stream_options::{self, Splice};
use crate::topology::Input;

/// What was found.
#[derive(Debug)]
pub(crate) struct Scan<'a> {
    /// The model that the client asks for.
    pub(crate) model: Cow<'a, str>,
    /// Where the value of `model` stands in the body, quotes included.
    pub(crate) model_span: Range<usize>,
    /// Which of the parameters that have defaults somewhere are set.
    pub(crate) present: Fields,
    /// The JSON of what the model is to read: `messages`, `prompt` or `input`.
    pub(crate) context: Option<&'a [u8]>,
    /// The most tokens to write, where the client says: the largest number of all that it says.
    pub(crate) output_limit: Option<u64>,
    /// How many answers the client wants.
    pub(crate) choices: Option<u64>,
    /// Whether the client wants a stream.
    pub(crate) streams: bool,
    /// What would ask for the usage of a stream whose client does not.
    pub(crate) unasked_usage: Option<Splice>,
}

/// Why a body is not a request.
#[derive(Debug, Error, PartialEq, Eq)]
pub(crate) enum Fault {
    #[error("the request body is not valid JSON: {0}")]
    NotJson(String),
    #[error("the request body is not a JSON object")]
    NotAnObject,
    #[error("you must provide a `model`")]
    NoModel,
    #[error("`{field}` must be {expected}")]
    WrongType {
        field: &'static str,
        expected: &'static str,
    },
    #[error("`{0}` is there more than once")]
    Duplicate(&'static str),
    #[error("`messages` has {count} entries; this gateway takes at most {most}")]
    TooManyMessages { count: usize, most: usize },
}

impl Fault {
    /// The field at fault: the `param` of the error object.
    pub(crate) fn field(&self) -> Option<&'static str> {
        match self {
            Self::NotJson(_) | Self::NotAnObject => None,
            Self::NoModel => Some("model"),
            Self::TooManyMessages { .. } => Some("messages"),
            Self::WrongType { field, .. } | Self::Duplicate(field) => Some(field),
        }
    }
}

/// Scans `body`, noting which fields of `vocabulary` are present, and counting what `input` bounds.
pub(crate) fn scan<'a>(
    body: &'a [u8],
    vocabulary: &Vocabulary,
    input: Option<&Input>,
) -> Result<Scan<'a>, Fault> {
    match body.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'{') => {}
        None => return Err(Fault::NotJson("it is empty".to_owned())),
        // Broken JSON is reported as such before the shape is.
        Some(_) => {
            let not_json = |error: serde_json::Error| Fault::NotJson(error.to_string());
            serde_json::from_slice::<IgnoredAny>(body).map_err(not_json)?;
            return Err(Fault::NotAnObject);
        }
    }
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let found = deserializer
        .deserialize_map(TopLevel {
            vocabulary,
            body,
            count_messages: input.is_some(),
        })
        .and_then(|found| deserializer.end().map(|()| found))
        .map_err(|error| Fault::NotJson(error.to_string()))?;
    if let Some(field) = found.duplicate {
        return Err(Fault::Duplicate(field));
    }
    let raw = found.model.ok_or(Fault::NoModel)?.get();
    let not_a_string = |_| Fault::WrongType {
        field: "model",
        expected: "a string",
    };
    let Text(model) = serde_json::from_str(raw).map_err(not_a_string)?;
    if let Some(stream) = found.stream.map(RawValue::get)
        && !matches!(stream, "true" | "false" | "null")
    {
        return Err(Fault::WrongType {
            field: "stream",
            expected: "true or false",
        });
    }
    let streams = found.stream.is_some_and(|stream| stream.get() == "true");
    let unasked_usage = if streams {
        stream_options::unasked_usage(body, found.stream_options)?
    } else {
        None
    };
    if found.uncountable {
        return Err(Fault::WrongType {
            field: "messages",
            expected: "a list",
        });
    }
    if let Some(most) = input.map(|input| input.max_messages)
        && found.messages > most
    {
        let count = found.messages;
        return Err(Fault::TooManyMessages { count, most });
    }
    Ok(Scan {
        model,
        model_span: span(body, raw),
        present: found.present,
        context: found.context,
        output_limit: found.output_limit,
        choices: found.choices,
        streams,
        unasked_usage,
    })
}

/// A string, borrowed where it has no escapes.
#[derive(serde::Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

#[derive(Default)]
struct Found<'a> {
    model: Option<&'a RawValue>,
    stream: Option<&'a RawValue>,
    stream_options: Option<&'a RawValue>,
    duplicate: Option<&'static str>,
    present: Fields,
    context: Option<&'a [u8]>,
    output_limit: Option<u64>,
    choices: Option<u64>,
    /// The most messages of all that the client lists, where they are counted.
    messages: usize,
    uncountable: bool,
}

struct TopLevel<'v, 'a> {
    vocabulary: &'v Vocabulary,
    body: &'a [u8],
    count_messages: bool,
}

impl<'de> Visitor<'de> for TopLevel<'_, 'de> {
    type Value = Found<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Found<'de>, A::Error> {
        let mut found = Found::default();
        while let Some(field) = map.next_key_seed(FieldSeed {
            vocabulary: self.vocabulary,
        })? {
            match field {
                Field::Model => {
                    if found.model.replace(map.next_value()?).is_some() {
                        found.duplicate = Some("model");
                    }
                }
                Field::Stream => {
                    if found.stream.replace(map.next_value()?).is_some() {
                        found.duplicate = Some("stream");
                    }
                }
                Field::StreamOptions => {
                    if found.stream_options.replace(map.next_value()?).is_some() {
                        found.duplicate = Some("stream_options");
                    }
                }
                Field::Messages if self.count_messages => {
                    match map.next_value_seed(MessagesSeed { body: self.body })? {
                        Messages::Listed { count, json } => {
                            found.messages = found.messages.max(count);
                            found.context = Some(json);
                        }
                        Messages::Absent => {}
                        Messages::Other => found.uncountable = true,
                    }
                }
                Field::Messages | Field::Context => {
                    let value: &RawValue = map.next_value()?;
                    found.context = Some(value.get().as_bytes());
                }
                Field::OutputLimit(parameters) => {
                    found.present |= parameters;
                    found.output_limit = found.output_limit.max(number(map.next_value()?));
                }
                Field::Choices(parameters) => {
                    found.present |= parameters;
                    found.choices = found.choices.max(number(map.next_value()?));
                }
                Field::Other(parameters) => {
                    found.present |= parameters;
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(found)
    }
}

/// A whole number that is not negative; a larger one than can be is the largest that can.
fn number(value: &RawValue) -> Option<u64> {
    let text = value.get();
    let is_whole = text.bytes().all(|byte| byte.is_ascii_digit());
    if is_whole {
        return Some(text.parse().unwrap_or(u64::MAX));
    }
    // 1e3 and 64.0 are numbers to a model server too.
    let number: f64 = text.parse().ok()?;
    (number >= 0.0).then_some(number as u64)
}

enum Field {
    Model,
    Stream,
    StreamOptions,
    Messages,
    Context,
    OutputLimit(Fields),
    Choices(Fields),
    Other(Fields),
}

struct FieldSeed<'v> {
    vocabulary: &'v Vocabulary,
}

impl<'de> DeserializeSeed<'de> for FieldSeed<'_> {
    type Value = Field;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Field, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl Visitor<'_> for FieldSeed<'_> {
    type Value = Field;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a field name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Field, E> {
        Ok(match name {
            "model" => Field::Model,
            "stream" => Field::Stream,
            "stream_options" => Field::StreamOptions,
            "messages" => Field::Messages,
            "prompt" | "input" => Field::Context,
            "max_tokens" | "max_completion_tokens" => {
                Field::OutputLimit(self.vocabulary.fields(name))
            }
            "n" => Field::Choices(self.vocabulary.fields(name)),
            _ => Field::Other(self.vocabulary.fields(name)),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn scanned(body: &str) -> Result<Scan<'_>, Fault> {
        scan(
            body.as_bytes(),
            &Vocabulary::new(["max_tokens", "temperature"].into_iter()),
            None,
        )
    }

    /// With at most two messages.
    fn bounded(body: &str) -> Result<Scan<'_>, Fault> {
        let input = Input { max_messages: 2 };
        scan(
            body.as_bytes(),
            &Vocabulary::new(std::iter::empty()),
            Some(&input),
        )
    }

    fn fault(body: &str) -> Fault {
        scanned(body).unwrap_err()
    }

    #[test]
    fn finds_the_model_and_where_it_stands() {
        let body = r#" { "stream" : true, "model" : "chat" , "messages":[{}]}"#;
        let scan = scanned(body).unwrap();
        assert_eq!(scan.model, "chat");
        assert_eq!(&body[scan.model_span], r#""chat""#);
        assert_eq!(scan.context, Some(b"[{}]".as_slice()));
    }

    #[test]
    fn reads_escapes_in_names_and_values() {
        assert_eq!(
            scanned(r#"{"mod\u0065l":"ch\u0061t"}"#).unwrap().model,
            "chat"
        );
    }

    #[test]
    fn a_nested_model_is_none_of_its_business() {
        assert_eq!(
            scanned(r#"{"metadata":{"model":1},"model":"a"}"#)
                .unwrap()
                .model,
            "a"
        );
        assert_eq!(fault(r#"{"metadata":{"model":"a"}}"#), Fault::NoModel);
    }

    #[test]
    fn says_what_is_wrong() {
        assert!(matches!(fault("{"), Fault::NotJson(_)));
        assert!(matches!(fault(""), Fault::NotJson(_)));
        assert!(matches!(fault("nonsense"), Fault::NotJson(_)));
        assert!(matches!(fault(r#"{"model":"a"} x"#), Fault::NotJson(_)));
        assert_eq!(fault("[]"), Fault::NotAnObject);
        assert_eq!(fault("{}"), Fault::NoModel);
        assert_eq!(
            fault(r#"{"model":7}"#).to_string(),
            "`model` must be a string"
        );
        assert_eq!(fault(r#"{"model":"a","stream":1}"#).field(), Some("stream"));
    }

    #[test]
    fn a_field_that_decides_something_may_stand_once() {
        assert_eq!(
            fault(r#"{"model":"a","model":"b"}"#),
            Fault::Duplicate("model")
        );
        let twice = r#"{"model":"a","stream":true,"stream":false}"#;
        assert_eq!(fault(twice), Fault::Duplicate("stream"));
    }

    #[test]
    fn messages_are_counted_where_they_are_bounded() {
        let body = |messages: &str| format!(r#"{{"messages":{messages},"model":"a"}}"#);
        let three = r#"[{"content":"],[,"} , {}, [[1,2],3]]"#;
        assert!(scanned(&body(three)).is_ok());
        for messages in [
            "[]",
            "[ ]",
            "[{}]",
            r#"[{"content":["a","b","c"]}, {}]"#,
            "null",
        ] {
            assert!(bounded(&body(messages)).is_ok(), "{messages}");
        }
        let too_many = Fault::TooManyMessages { count: 3, most: 2 };
        assert_eq!(too_many.field(), Some("messages"));
        assert_eq!(bounded(&body(three)).unwrap_err(), too_many);
        for messages in ["7", "-7", "0.5", "true", r#""a\n""#, r#"{"a":[1,2,3]}"#] {
            let fault = bounded(&body(messages)).unwrap_err();
            assert_eq!(fault.to_string(), "`messages` must be a list", "{messages}");
        }
        // Whichever of two an upstream goes by, it is not too long.
        let twice = format!(r#"{{"model":"a","messages":{three},"messages":[]}}"#);
        assert_eq!(bounded(&twice).unwrap_err(), too_many);
        // Only what chats: a batch of prompts is something else.
        assert!(bounded(r#"{"model":"a","prompt":["1","2","3"]}"#).is_ok());
    }

    #[test]
    fn a_deep_document_does_not_exhaust_the_stack() {
        let depth = 100_000;
        let body = format!(
            r#"{{"model":"a","x":{}{}}}"#,
            "[".repeat(depth),
            "]".repeat(depth)
        );
        assert_eq!(scanned(&body).unwrap().model, "a");
        assert_eq!(bounded(&body).unwrap().model, "a");
        let messages = body.replace("\"x\"", "\"messages\"");
        assert_eq!(bounded(&messages).unwrap().model, "a");
    }

    proptest! {
        #[test]
        fn counting_changes_nothing_else(
            entries in proptest::collection::vec(
                r#"[ \n]{0,2}(\{\}|"[\[\],a]{0,4}"|\[1, 2\]|7)[ \n]{0,2}"#,
                0..3,
            ),
        ) {
            let body = format!(r#"{{"model":"a", "messages" : [{}] , "n":2}}"#, entries.join(","));
            let (counted, plain) = (bounded(&body).unwrap(), scanned(&body).unwrap());
            prop_assert_eq!(counted.model_span, plain.model_span);
            prop_assert_eq!(counted.choices, plain.choices);
            if !entries.is_empty() {
                prop_assert_eq!(counted.context, plain.context);
            }
        }

        #[test]
        fn never_panics_and_never_points_outside(body in ".{0,200}") {
            if let Ok(scan) = scanned(&body) {
                prop_assert!(body.get(scan.model_span).is_some());
            }
        }
    }
}
