//! What the gateway needs to know about a request's body, found in one pass without building a
//! document.
//!
//! Everything else in the body is checked for being JSON and then left alone: unknown fields and
//! the spelling of numbers reach the upstream as the client wrote them.

use std::borrow::Cow;
use std::ops::Range;

use serde::de::IgnoredAny;

use crate::api::fault::Fault;
use crate::api::fields::{Fields, Vocabulary};
use crate::api::json::{Name, Reader};
use crate::api::stream_options::{self, Splice};

/// What was found.
#[derive(Debug)]
pub(crate) struct Scan<'a> {
    /// The body, which is UTF-8.
    #[cfg_attr(
        not(feature = "words"),
        expect(dead_code, reason = "of use to `words` alone")
    )]
    pub(crate) text: &'a str,
    /// Whether some character in it is written as `\u`.
    #[cfg_attr(
        not(any(feature = "words", test, fuzzing)),
        expect(dead_code, reason = "of use to `words` alone")
    )]
    pub(crate) has_unicode_escapes: bool,
    /// Whether an image, a recording or the like may stand in it: whether some quote is followed by what begins one.
    pub(crate) has_media: bool,
    /// The model that the client asks for.
    pub(crate) model: Cow<'a, str>,
    /// Where the value of `model` stands in the body, quotes included.
    pub(crate) model_span: Range<usize>,
    /// Which of the parameters that have defaults somewhere are set.
    pub(crate) present: Fields,
    /// Whether the client wants the answer as a stream.
    pub(crate) streams: bool,
    /// The JSON of what the model is to read: `messages`, `prompt` or `input`, the longest of them.
    pub(crate) context: Option<&'a [u8]>,
    /// The most tokens to write, where the client says: the largest number of all that it says.
    pub(crate) output_limit: Option<u64>,
    /// How many answers the client wants.
    pub(crate) choices: Option<u64>,
    /// How many prompts `prompt` lists, each of which is answered by itself: the most of all that there are. 0 where
    /// it is no list of prompts.
    pub(crate) prompts: u64,
    /// What would ask for the usage of a stream whose client does not.
    pub(crate) unasked_usage: Option<Splice>,
}

/// Scans `body`, noting which fields of `vocabulary` are present, and counting the messages where
/// there is a bound.
pub(crate) fn scan<'a>(
    body: &'a [u8],
    vocabulary: &Vocabulary,
    max_messages: Option<usize>,
) -> Result<Scan<'a>, Fault> {
    let not_utf8 = |_| Fault::NotJson("it is not UTF-8".to_owned());
    let text = simdutf8::basic::from_utf8(body).map_err(not_utf8)?;
    let mut reader = Reader::of(body);
    match reader.peek() {
        Some(b'{') => {}
        None => return Err(Fault::NotJson("it is empty".to_owned())),
        // Broken JSON is reported as such before the shape is.
        Some(_) => {
            let is_json = reader.value().and_then(|_| reader.end()).is_some();
            return Err(if is_json {
                Fault::NotAnObject
            } else {
                not_json(text)
            });
        }
    }
    let mut found = Found {
        text,
        ..Found::default()
    };
    if found
        .read(&mut reader, vocabulary, max_messages.is_some())
        .is_none()
    {
        return Err(not_json(text));
    }
    if let Some(field) = found.duplicate {
        return Err(Fault::Duplicate(field));
    }
    let model_span = found.model.ok_or(Fault::NoModel)?;
    let not_a_string = |_| Fault::WrongType {
        field: "model",
        expected: "a string",
    };
    let model = text.get(model_span.clone()).unwrap_or_default();
    let Text(model) = Text::of(model).map_err(not_a_string)?;
    if let Some(stream) = found.stream
        && !matches!(stream, "true" | "false" | "null")
    {
        return Err(Fault::WrongType {
            field: "stream",
            expected: "true or false",
        });
    }
    if let Some(field) = found.not_a_number {
        return Err(Fault::WrongType {
            field,
            expected: "a number",
        });
    }
    let streams = found.stream == Some("true");
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
    if let Some(most) = max_messages
        && found.messages > most
    {
        let count = found.messages;
        return Err(Fault::TooManyMessages { count, most });
    }
    Ok(Scan {
        text,
        has_unicode_escapes: reader.met.unicode_escapes,
        has_media: reader.met.media,
        model,
        model_span,
        present: found.present,
        streams,
        context: found.context,
        output_limit: found.output_limit,
        choices: found.choices,
        prompts: found.prompts,
        unasked_usage,
    })
}

/// A string, borrowed where it has no escapes.
#[derive(serde::Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'a> Text<'a> {
    /// The text that `raw`, a value that was passed over, means.
    fn of(raw: &'a str) -> serde_json::Result<Self> {
        let inside = raw.strip_prefix('"').and_then(|raw| raw.strip_suffix('"'));
        match inside {
            Some(plain) if !plain.contains('\\') => Ok(Self(Cow::Borrowed(plain))),
            _ => serde_json::from_str(raw),
        }
    }
}

#[derive(Default)]
struct Found<'a> {
    /// All of the body.
    text: &'a str,
    model: Option<Range<usize>>,
    stream: Option<&'a str>,
    stream_options: Option<&'a str>,
    duplicate: Option<&'static str>,
    present: Fields,
    context: Option<&'a [u8]>,
    output_limit: Option<u64>,
    choices: Option<u64>,
    prompts: u64,
    /// The most messages of all that the client lists, where they are counted.
    messages: usize,
    uncountable: bool,
    /// A field that should be a number and is something else.
    not_a_number: Option<&'static str>,
}

impl<'a> Found<'a> {
    /// Notes what the model is to read. Of several an engine reads one, nobody knows which: the longest
    /// counts.
    fn context(&mut self, json: &'a [u8]) {
        if self.context.is_none_or(|other| other.len() < json.len()) {
            self.context = Some(json);
        }
    }

    /// The number that `field` is.
    fn number(&mut self, field: &'static str, value: &str) -> Option<u64> {
        let number = number(value);
        if number.is_err() {
            self.not_a_number = Some(field);
        }
        number.unwrap_or_default()
    }

    /// Reads a whole body; `None` where it is no JSON.
    fn read(
        &mut self,
        reader: &mut Reader<'a>,
        vocabulary: &Vocabulary,
        counts_messages: bool,
    ) -> Option<()> {
        let mut has_more = reader.enter(b'{')?;
        while has_more {
            let name = self.name(reader)?;
            self.field(&name, reader, vocabulary, counts_messages)?;
            has_more = reader.another(b'{')?;
        }
        reader.end()
    }

    /// The next name, and what it means.
    fn name(&self, reader: &mut Reader<'a>) -> Option<Cow<'a, str>> {
        let Name {
            inside,
            has_escapes,
        } = reader.name()?;
        if has_escapes {
            let quoted = self.text.get(inside.start - 1..inside.end + 1)?;
            return Text::of(quoted).ok().map(|Text(name)| name);
        }
        self.text.get(inside).map(Cow::Borrowed)
    }

    /// The next value, as it is written.
    fn value(&self, reader: &mut Reader<'a>) -> Option<&'a str> {
        self.text.get(reader.value()?)
    }

    fn field(
        &mut self,
        name: &str,
        reader: &mut Reader<'a>,
        vocabulary: &Vocabulary,
        counts_messages: bool,
    ) -> Option<()> {
        match name {
            "messages" if counts_messages => self.messages(reader)?,
            "prompt" => self.prompts(reader)?,
            "messages" | "input" => self.context(self.value(reader)?.as_bytes()),
            "model" => {
                if self.model.replace(reader.value()?).is_some() {
                    self.duplicate = Some("model");
                }
            }
            "stream" => {
                if self.stream.replace(self.value(reader)?).is_some() {
                    self.duplicate = Some("stream");
                }
            }
            "stream_options" => {
                if self.stream_options.replace(self.value(reader)?).is_some() {
                    self.duplicate = Some("stream_options");
                }
            }
            "max_tokens" => self.output_limit("max_tokens", self.value(reader)?),
            "max_completion_tokens" => {
                self.output_limit("max_completion_tokens", self.value(reader)?)
            }
            "n" => self.choices("n", self.value(reader)?),
            // So many are written, of which `n` are told.
            "best_of" => self.choices("best_of", self.value(reader)?),
            _ => {
                reader.value()?;
            }
        }
        self.present |= vocabulary.fields(name);
        Some(())
    }

    fn output_limit(&mut self, field: &'static str, value: &str) {
        let limit = self.number(field, value);
        self.output_limit = self.output_limit.max(limit);
    }

    fn choices(&mut self, field: &'static str, value: &str) {
        let choices = self.number(field, value);
        self.choices = self.choices.max(choices);
    }

    /// Counts the messages that stand here.
    fn messages(&mut self, reader: &mut Reader<'a>) -> Option<()> {
        if reader.peek()? != b'[' {
            // `null` says nothing.
            self.uncountable |= self.value(reader)? != "null";
            return Some(());
        }
        let (list, count) = self.list(reader, |_| true)?;
        self.messages = self.messages.max(count);
        self.context(list.as_bytes());
        Some(())
    }

    /// Counts the prompts that stand here. A list of numbers is one of them, in tokens.
    fn prompts(&mut self, reader: &mut Reader<'a>) -> Option<()> {
        if reader.peek()? != b'[' {
            self.context(self.value(reader)?.as_bytes());
            return Some(());
        }
        let is_prompt = |first| matches!(first, b'"' | b'[' | b'{');
        let (list, count) = self.list(reader, is_prompt)?;
        self.prompts = self.prompts.max(count as u64);
        self.context(list.as_bytes());
        Some(())
    }

    /// The list that stands here, as it is written, and how many of its entries count, by their first byte.
    fn list(
        &self,
        reader: &mut Reader<'a>,
        counts: impl Fn(u8) -> bool,
    ) -> Option<(&'a str, usize)> {
        let start = reader.at();
        let mut count = 0;
        let mut has_more = reader.enter(b'[')?;
        while has_more {
            count += usize::from(counts(reader.peek()?));
            reader.value()?;
            has_more = reader.another(b'[')?;
        }
        Some((self.text.get(start..reader.at())?, count))
    }
}

/// What a parser says of a text that is no JSON.
fn not_json(text: &str) -> Fault {
    let parsed = serde_json::from_str::<IgnoredAny>(text);
    let reason = parsed.map_or_else(
        |error| error.to_string(),
        |_| "a name in it is none".to_owned(),
    );
    Fault::NotJson(reason)
}

/// What is no number.
struct NotANumber;

/// A whole number; a larger one than can be is the largest that can, and one below zero is none. A text
/// is no number here, though some engines would read one from it: nothing may be taken that was not
/// counted.
fn number(text: &str) -> Result<Option<u64>, NotANumber> {
    if text == "null" {
        return Ok(None);
    }
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(Some(text.parse().unwrap_or(u64::MAX)));
    }
    // 1e3 and 64.0 are numbers to a model server too.
    let number: f64 = text.parse().map_err(|_| NotANumber)?;
    Ok((number >= 0.0).then_some(number as u64))
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
        scan(
            body.as_bytes(),
            &Vocabulary::new(std::iter::empty()),
            Some(2),
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
    fn prompts_are_counted_and_tokens_are_none() {
        for (prompt, expected) in [
            (r#""text""#, 0),
            ("null", 0),
            ("[]", 0),
            (r#"["x"]"#, 1),
            (r#" [ "x" , "], [" ]"#, 2),
            ("[1,2,3]", 0),
            ("[[1],[2, 3]]", 2),
            // llama.cpp's, with pictures.
            (r#"[{"prompt_string":"x"},{"prompt_string":"y"}]"#, 2),
        ] {
            let body = format!(r#"{{"prompt":{prompt},"model":"a"}}"#);
            let scan = scanned(&body).unwrap();
            assert_eq!(scan.prompts, expected, "{prompt}");
            assert_eq!(scan.context, Some(prompt.trim().as_bytes()));
        }
        // Whichever of two an upstream goes by, it was counted.
        let twice = r#"{"model":"a","prompt":["x","y"],"pr\u006fmpt":"z"}"#;
        assert_eq!(scanned(twice).unwrap().prompts, 2);
        for broken in ["[", r#"["x""#, r#"["x",]"#, "[1 2]"] {
            let body = format!(r#"{{"model":"a","prompt":{broken}}}"#);
            assert!(matches!(fault(&body), Fault::NotJson(_)), "{broken}");
        }
    }

    #[test]
    fn what_is_not_utf8_is_no_json() {
        for body in [
            &b"{\"model\":\"a\",\"user\":\"\xff\"}"[..],
            b"{\"model\":\"a\",\"\xc3(\":1}",
            b"{\"model\":\"\xed\xa0\x80\"}",
            b"\xff\xfe{\x00}\x00",
        ] {
            let fault = scan(body, &Vocabulary::default(), None).unwrap_err();
            assert!(matches!(fault, Fault::NotJson(_)), "{fault}");
        }
    }

    #[test]
    fn what_only_looks_like_json_is_none() {
        for body in [
            "\u{feff}{\"model\":\"a\"}",
            "\u{a0}{\"model\":\"a\"}",
            "\u{c}{\"model\":\"a\"}",
            "{\"model\":\"a\"}\0",
            "{\"model\":\"a\"}{}",
            "{\"model\":\"a\",}",
            "{\"model\":\"a\",\"x\":\"a\0b\"}",
            "{\"model\":\"a\",\"x\":\"a\nb\"}",
            "{\"model\":\"a\",\"x\":NaN}",
            "{\"model\":\"a\",\"x\":01}",
            "{\"model\":\"a\",\"x\":0x1}",
            "{'model':'a'}",
            "{\"model\":\"a\"/**/}",
        ] {
            assert!(matches!(fault(body), Fault::NotJson(_)), "{body:?}");
        }
    }

    #[test]
    fn a_model_of_half_a_character_is_refused() {
        for body in [
            r#"{"model":"a\ud800"}"#,
            r#"{"model":"\udc00"}"#,
            r#"{"model":"\ud800\u0041"}"#,
        ] {
            assert_eq!(fault(body).field(), Some("model"), "{body}");
        }
        // Elsewhere it is the upstream's to judge.
        assert!(scanned(r#"{"model":"a","messages":["\ud800"]}"#).is_ok());
    }

    #[test]
    fn a_number_that_no_memory_holds_is_the_largest() {
        for number in ["1e999", "1e18446744073709551616", &"9".repeat(400)] {
            let body =
                format!(r#"{{"model":"a","x":{number},"n":{number},"max_tokens":{number}}}"#);
            let scan = scanned(&body).unwrap();
            assert_eq!(scan.output_limit, Some(u64::MAX), "{number}");
            assert_eq!(scan.choices, Some(u64::MAX), "{number}");
        }
    }

    #[test]
    fn what_takes_tokens_is_a_number_or_nothing() {
        for value in ["-1", "-0", "-1e999", "1e-9", "null"] {
            let body = format!(r#"{{"model":"a","max_tokens":{value}}}"#);
            assert_eq!(
                scanned(&body).unwrap().output_limit.unwrap_or(0),
                0,
                "{value}"
            );
        }
        for field in ["max_tokens", "max_completion_tokens", "n", "best_of"] {
            for value in [r#""9999""#, r#""\u0039""#, "true", "[9]", "{}"] {
                let fault = fault(&format!(r#"{{"model":"a","{field}":{value}}}"#));
                assert_eq!(fault.to_string(), format!("`{field}` must be a number"));
            }
        }
    }

    #[test]
    fn of_two_fields_with_one_meaning_the_larger_counts() {
        let body = r#"{"model":"a","messages":[1,2,3],"prompt":"","messages":[],"n":2,"best_of":9,"n":1,
            "max_tokens":7,"max_completion_tokens":3,"max_tokens":1}"#;
        let scan = scanned(body).unwrap();
        assert_eq!(scan.context, Some(b"[1,2,3]".as_slice()));
        assert_eq!((scan.choices, scan.output_limit), (Some(9), Some(7)));
    }

    #[test]
    fn a_name_may_be_spelled_with_escapes() {
        let body = r#"{"mod\u0065l":"a","str\u0065am":true,"max_t\u006fkens":7}"#;
        let scan = scanned(body).unwrap();
        assert!(scan.streams);
        assert_eq!(scan.output_limit, Some(7));
        assert!(!scanned(r#"{"model":"a","stream":null}"#).unwrap().streams);
    }

    #[test]
    fn what_calls_for_a_closer_look_is_met_wherever_it_stands() {
        let met = |rest: &str| {
            let body = format!(r#"{{"model":"a",{rest}}}"#);
            let scan = scanned(&body).unwrap();
            (scan.has_unicode_escapes, scan.has_media)
        };
        let long = "x".repeat(40);
        for (rest, expected) in [
            (r#""x":[{"a":"b\\u0061"}]"#, (false, false)),
            (r#""x":[{"a":"b\\\u0061"}]"#, (true, false)),
            (r#""x\u0061":1"#, (true, false)),
            (r#""x":"LONG\nLONG\u0061""#, (true, false)),
            (r#""x":[{"a":"data:image"}]"#, (false, true)),
            (r#""x":[{"a":" data:image"}]"#, (false, false)),
            (r#""data:image/":1"#, (false, true)),
            (r#""x":[{"a":"data:audio/wav"}]"#, (false, true)),
            (r#""x":[{"a":"data is"},"data"]"#, (false, false)),
            (r#""x":[{"input_audio":{}}]"#, (false, true)),
            (r#""x":[{"type":"input_audio"}]"#, (false, true)),
            (r#""x":[{"input_audios":"input_audio is"}]"#, (false, false)),
            (r#""x":"LONG\"data:imageLONG""#, (false, true)),
        ] {
            assert_eq!(met(&rest.replace("LONG", &long)), expected, "{rest}");
        }
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
