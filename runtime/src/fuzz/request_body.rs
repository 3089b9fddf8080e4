//! What is found in a request's body is what any other reader of JSON finds there, and rewriting it changes nothing
//! else.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::api::fault::Fault;
use crate::api::fields::Vocabulary;
use crate::api::rewrite::{Defaults, rewrite};
use crate::api::scan::{Scan, scan};
use crate::topology::Parameter;

/// Parameters that are added where they are missing.
const DEFAULTS: [Parameter; 2] = [
    Parameter::new("max_tokens", "64"),
    Parameter::new("temperature", "0.5"),
];

const SERVED: &[u8] = b"\"served\"";

const MOST_MESSAGES: usize = 3;

/// The property.
pub fn holds(body: &[u8]) {
    let vocabulary = Vocabulary::new(DEFAULTS.iter().map(|parameter| parameter.field));
    let entries = Entries::of(body);
    match scan(body, &vocabulary, None) {
        Ok(scan) => {
            let entries = entries.expect("what is scanned is an object");
            is_what_is_there(body, &scan, &entries);
            bounds_change_nothing_else(body, &scan, &entries, &vocabulary);
            rewriting_changes_nothing_else(body, &scan, &entries, &vocabulary);
        }
        Err(fault) => is_at_fault(body, &fault, entries.as_ref()),
    }
}

/// The top level of an object, in order, each value as it is written.
struct Entries<'a>(Vec<(Cow<'a, str>, &'a str)>);

impl<'a> Entries<'a> {
    fn of(body: &'a [u8]) -> Option<Self> {
        let mut deserializer = serde_json::Deserializer::from_slice(body);
        let entries = deserializer.deserialize_map(Reader).ok()?;
        deserializer.end().ok()?;
        Some(entries)
    }

    /// The values of all fields of this name.
    fn all(&self, name: &str) -> impl DoubleEndedIterator<Item = &'a str> {
        let named = self.0.iter().filter(move |(field, _)| field == name);
        named.map(|(_, value)| *value)
    }

    fn has(&self, name: &str) -> bool {
        self.all(name).next().is_some()
    }

    /// The most prompts that any `prompt` lists.
    fn prompts(&self) -> u64 {
        let lists = self.all("prompt").map(|prompt| {
            let list: Vec<&RawValue> = serde_json::from_str(prompt).unwrap_or_default();
            let is_prompt = |entry: &&&RawValue| entry.get().starts_with(['"', '[', '{']);
            list.iter().filter(is_prompt).count() as u64
        });
        lists.max().unwrap_or(0)
    }

    /// The largest number of those of these names, as far as one fits.
    fn largest(&self, names: [&str; 2]) -> Option<u64> {
        let values = names.iter().flat_map(|name| self.all(name));
        let numbers = values.filter_map(|value| value.parse::<f64>().ok());
        let positive = numbers.filter(|number| *number >= 0.0);
        positive.map(|number| number as u64).max()
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Entries<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        #[derive(serde::Deserialize)]
        struct Name<'a>(#[serde(borrow)] Cow<'a, str>);
        let mut entries = Vec::new();
        while let Some((Name(name), value)) = map.next_entry::<Name<'de>, &'de RawValue>()? {
            entries.push((name, value.get()));
        }
        Ok(Entries(entries))
    }
}

fn is_what_is_there(body: &[u8], scan: &Scan<'_>, entries: &Entries<'_>) {
    let models: Vec<&str> = entries.all("model").collect();
    let [model] = models.as_slice() else {
        panic!("{} models", models.len())
    };
    assert_eq!(
        body.get(scan.model_span.clone()),
        Some(model.as_bytes()),
        "the model stands there"
    );
    let name: String = serde_json::from_str(model).expect("the model is a string");
    assert_eq!(scan.model, name);
    let text = str::from_utf8(body).expect("JSON is text");
    let without_backslashes = text.replace(r"\\", "");
    assert_eq!(
        scan.has_unicode_escapes,
        without_backslashes.contains(r"\u")
    );
    let mut media = ["\"data:", "\"input_audio\""].iter();
    assert_eq!(scan.has_media, media.any(|begin| text.contains(begin)));
    assert_eq!(
        scan.streams,
        entries.all("stream").any(|said| said == "true")
    );
    let context = ["messages", "prompt", "input"]
        .iter()
        .flat_map(|name| entries.all(name))
        .map(str::len)
        .max();
    assert_eq!(scan.context.map(<[u8]>::len), context);
    assert_eq!(scan.prompts, entries.prompts());
    for (found, names) in [
        (scan.output_limit, ["max_tokens", "max_completion_tokens"]),
        (scan.choices, ["n", "best_of"]),
    ] {
        let largest = entries.largest(names);
        // Beyond what a float can tell apart, any neighbour will do.
        assert_eq!(
            found.map(|number| number as f64),
            largest.map(|number| number as f64)
        );
    }
}

fn bounds_change_nothing_else(
    body: &[u8],
    plain: &Scan<'_>,
    entries: &Entries<'_>,
    vocabulary: &Vocabulary,
) {
    let lists = || entries.all("messages").filter(|list| *list != "null");
    match scan(body, vocabulary, Some(MOST_MESSAGES)) {
        Ok(bounded) => {
            assert!(lists().all(|list| list.starts_with('[')));
            assert_eq!(bounded.model_span, plain.model_span);
            assert_eq!(bounded.streams, plain.streams);
            assert_eq!(bounded.output_limit, plain.output_limit);
            assert_eq!(bounded.choices, plain.choices);
            assert_eq!(bounded.prompts, plain.prompts);
        }
        Err(Fault::TooManyMessages { count, .. }) => {
            assert!(count > MOST_MESSAGES);
            let counted = lists().filter_map(|list| {
                let list: Result<Vec<&RawValue>, _> = serde_json::from_str(list);
                list.ok()
            });
            assert_eq!(counted.map(|list| list.len()).max(), Some(count));
        }
        Err(fault) => {
            assert_eq!(fault.field(), Some("messages"), "{fault}");
            assert!(lists().any(|list| !list.starts_with('[')));
        }
    }
}

fn rewriting_changes_nothing_else(
    body: &[u8],
    scanned: &Scan<'_>,
    entries: &Entries<'_>,
    vocabulary: &Vocabulary,
) {
    let original = Bytes::copy_from_slice(body);
    assert_eq!(rewrite(&original, scanned, None, None, None), original);

    let defaults = Defaults::new(&DEFAULTS, vocabulary);
    let name = Bytes::from_static(SERVED);
    let usage = scanned.unasked_usage.as_ref();
    let rewritten = rewrite(&original, scanned, Some(&name), Some(&defaults), usage);
    let changed = Entries::of(&rewritten).expect("it is an object still");
    // The client's own fields, in their order, after those that were added.
    let added = changed.0.len() - entries.0.len();
    for ((name, value), (now, changed)) in entries.0.iter().zip(changed.0.iter().skip(added)) {
        assert_eq!(name, now);
        match name.as_ref() {
            "model" => assert_eq!(changed.as_bytes(), SERVED),
            "stream_options" => {}
            _ => assert_eq!(value, changed),
        }
    }
    let limits = entries.has("max_tokens") || entries.has("max_completion_tokens");
    let mut expected = vec!["max_tokens", "temperature", "stream_options"];
    expected.retain(|name| match *name {
        "max_tokens" => !limits,
        "stream_options" => usage.is_some() && !entries.has(name),
        name => !entries.has(name),
    });
    let names = changed.0.iter().take(added).map(|(name, _)| name.as_ref());
    assert_eq!(names.collect::<Vec<_>>(), expected);
    if usage.is_some() {
        let options = changed.all("stream_options").next();
        let options: Option<Value> = options.and_then(|text| serde_json::from_str(text).ok());
        // Of options that are too deep to be read here, the second look tells.
        if let Some(options) = options {
            assert_eq!(options.get("include_usage"), Some(&Value::Bool(true)));
        }
        let again = scan(&rewritten, vocabulary, None).expect("it is a request still");
        assert_eq!(again.unasked_usage, None);
    }
}

/// A body is refused for what it is.
fn is_at_fault(body: &[u8], fault: &Fault, entries: Option<&Entries<'_>>) {
    match (fault, entries) {
        (Fault::NotJson(_), entries) => assert!(entries.is_none(), "{fault}"),
        (Fault::NotAnObject, _) => {
            serde_json::from_slice::<&RawValue>(body).expect("it is JSON");
        }
        (_, None) => panic!("{fault}, in what is no object"),
        (Fault::NoModel, Some(entries)) => assert!(!entries.has("model")),
        (Fault::Duplicate("stream_options.include_usage"), Some(_)) => {}
        (Fault::Duplicate(field), Some(entries)) => assert!(entries.all(field).count() > 1),
        (Fault::WrongType { field, .. }, Some(entries)) => assert!(entries.has(field)),
        (Fault::TooManyMessages { .. }, Some(_)) => panic!("there is no bound"),
    }
}
