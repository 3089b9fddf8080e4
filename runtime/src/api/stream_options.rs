//! Whether a client that asks for a stream asks for its usage too, and where to write it for one that does
//! not.

use std::fmt;
use std::ops::Range;

use serde::Deserialize;
use serde::de::{Deserializer as _, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::api::fault::Fault;
use crate::api::span::span;

/// A change to a body: what stands in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Splice {
    /// Where, in the body.
    pub(crate) span: Range<usize>,
    /// What comes there.
    pub(crate) text: &'static str,
}

/// What would ask for the usage of the stream that `body` asks for, with these `options`; `None` where the
/// client does that itself, and where its options are something that an upstream will refuse.
pub(super) fn unasked_usage(body: &[u8], options: Option<&str>) -> Result<Option<Splice>, Fault> {
    let Some(options) = options else {
        let brace = body.iter().position(|&byte| byte == b'{');
        return Ok(brace.map(|brace| Splice {
            span: brace + 1..brace + 1,
            // A request has a model at least, so something follows.
            text: r#""stream_options":{"include_usage":true},"#,
        }));
    };
    let whole = span(body, options);
    if options == "null" {
        let text = r#"{"include_usage":true}"#;
        return Ok(Some(Splice { span: whole, text }));
    }
    let mut deserializer = serde_json::Deserializer::from_str(options);
    let Ok(wish) = deserializer.deserialize_map(Options) else {
        return Ok(None);
    };
    if wish.is_doubled {
        return Err(Fault::Duplicate("stream_options.include_usage"));
    }
    Ok(match wish.include_usage {
        Some(said) => matches!(said.get(), "false" | "null").then(|| Splice {
            span: span(body, said.get()),
            text: "true",
        }),
        None => {
            let inside = whole.start + 1;
            let text = if wish.is_empty {
                r#""include_usage":true"#
            } else {
                r#""include_usage":true,"#
            };
            let span = inside..inside;
            Some(Splice { span, text })
        }
    })
}

/// What the options of a stream say of its usage.
struct Wish<'a> {
    include_usage: Option<&'a RawValue>,
    is_doubled: bool,
    is_empty: bool,
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum Name {
    IncludeUsage,
    #[serde(other)]
    Other,
}

struct Options;

impl<'de> Visitor<'de> for Options {
    type Value = Wish<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the options of a stream")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Wish<'de>, A::Error> {
        let mut wish = Wish {
            include_usage: None,
            is_doubled: false,
            is_empty: true,
        };
        while let Some(name) = map.next_key()? {
            wish.is_empty = false;
            match name {
                Name::IncludeUsage => {
                    wish.is_doubled |= wish.include_usage.replace(map.next_value()?).is_some();
                }
                Name::Other => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(wish)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::fields::Vocabulary;
    use crate::api::scan::scan;

    /// The body that asks for usage, `None` where the client's does.
    fn asking(body: &str) -> Result<Option<String>, Fault> {
        let splice = scan(body.as_bytes(), &Vocabulary::default(), None)?.unasked_usage;
        Ok(splice.map(|Splice { span, text }| {
            let (before, after) = (&body[..span.start], &body[span.end..]);
            format!("{before}{text}{after}")
        }))
    }

    #[test]
    fn what_is_not_asked_for_is_written_where_it_belongs() {
        for (body, expected) in [
            (
                r#" {"model":"a","stream":true}"#,
                r#" {"stream_options":{"include_usage":true},"model":"a","stream":true}"#,
            ),
            (
                r#"{"model":"a","stream_options" : null ,"stream":true}"#,
                r#"{"model":"a","stream_options" : {"include_usage":true} ,"stream":true}"#,
            ),
            (
                r#"{"model":"a","stream":true,"stream_options":{}}"#,
                r#"{"model":"a","stream":true,"stream_options":{"include_usage":true}}"#,
            ),
            (
                r#"{"model":"a","stream":true,"stream_options":{ "x":[1.0]}}"#,
                r#"{"model":"a","stream":true,"stream_options":{"include_usage":true, "x":[1.0]}}"#,
            ),
            (
                r#"{"model":"a","stream":true,"stream_options":{"x":{},"include\u005fusage": false }}"#,
                r#"{"model":"a","stream":true,"stream_options":{"x":{},"include\u005fusage": true }}"#,
            ),
        ] {
            assert_eq!(asking(body).unwrap().as_deref(), Some(expected));
        }
    }

    #[test]
    fn whoever_asks_or_says_nonsense_is_left_alone() {
        for body in [
            r#"{"model":"a","stream":true,"stream_options":{"include_usage":true}}"#,
            r#"{"model":"a","stream":true,"stream_options":{"include_usage":1}}"#,
            r#"{"model":"a","stream":true,"stream_options":[]}"#,
            r#"{"model":"a","stream":true,"stream_options":"x"}"#,
            r#"{"model":"a","stream":false}"#,
            r#"{"model":"a","stream":null}"#,
            r#"{"model":"a","stream_options":{}}"#,
        ] {
            assert_eq!(asking(body).unwrap(), None, "{body}");
        }
    }

    #[test]
    fn what_decides_may_stand_once() {
        for body in [
            r#"{"model":"a","stream":true,"stream_options":{"include_usage":true,"include_usage":false}}"#,
            r#"{"model":"a","stream":true,"stream_options":{},"stream_options":{}}"#,
        ] {
            let fault = asking(body).unwrap_err();
            assert!(
                fault.field().unwrap().starts_with("stream_options"),
                "{body}"
            );
        }
    }
}
