//! Text for YAML files: templates whose every value is written so that YAML 1.1 and 1.2 read it alike.
//!
//! A string stands as it is where both versions read it as that string, and in double quotes otherwise; a list or a
//! table becomes its JSON, which is YAML of both versions. So nothing that a spec says can change the structure around it.

use std::fmt::Write;

use minijinja::value::{Serde, Value, ValueKind};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, Output, State, UndefinedBehavior};
use serde::Serialize;

use crate::emit::template::blocks_leave_no_line;

/// A template with its values, ending in one line end.
///
/// # Panics
/// If the template asks for a value that is not given, or is malformed: faults of the compiler.
pub(super) fn fill(template: &str, values: &impl Serialize) -> String {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::Custom("yaml".into()));
    environment.set_formatter(write);
    environment.set_syntax(blocks_leave_no_line());
    let text = environment
        .render_str(template, Serde(values))
        .expect("a template asks only for what it is given");
    format!("{}\n", text.trim_end())
}

fn write(out: &mut Output<'_>, _: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    let written = match value.as_str() {
        // What a template marks as safe is a text that was escaped as a whole.
        Some(text) if value.is_safe() => out.write_str(text),
        Some(text) => out.write_str(&scalar(text)),
        None => match value.kind() {
            ValueKind::Undefined => return Err(Error::from(ErrorKind::UndefinedError)),
            ValueKind::None => out.write_str("null"),
            _ => {
                let json = serde_json::to_string(value)
                    .map_err(|cause| Error::new(ErrorKind::BadSerialization, cause.to_string()))?;
                out.write_str(&json)
            }
        },
    };
    written.map_err(Error::from)
}

/// A string as a scalar of one line: plain where that means the same in all versions, or in double quotes.
pub(super) fn scalar(text: &str) -> String {
    if is_plain(text) {
        return text.to_owned();
    }
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            // Line ends of Unicode, which are folded, and what no YAML may contain (1.2, 5.1).
            c if c.is_control()
                || matches!(
                    c,
                    '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'
                ) =>
            {
                let _ = write!(quoted, "\\u{:04x}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// Whether all versions of YAML read these bare characters as this string, wherever a scalar may stand.
fn is_plain(text: &str) -> bool {
    // What YAML 1.1 reads as something else: its booleans and null, in any case.
    const WORDS: &[&str] = &["y", "yes", "n", "no", "true", "false", "on", "off", "null"];
    let is_inner = |c: char| c.is_ascii_alphanumeric() || "_./@+%~-".contains(c);
    let starts_well = |c: char| c.is_ascii_alphabetic() || c == '/' || c == '_';
    // The arguments of programs.
    let first = text.strip_prefix("--").unwrap_or(text);
    let word_ends_well = text.ends_with(|c: char| c.is_ascii_alphanumeric() || "_/%)".contains(c));
    let spaced = text
        .split(' ')
        .all(|word| !word.is_empty() && word.chars().all(|c| is_inner(c) || "(),:=".contains(c)));
    // `: ` and a colon at the end begin a value; `, ` may end one inside of a list.
    let is_quiet = !text.contains(": ") && !text.contains(", ") && !text.contains(',');
    first.starts_with(starts_well)
        && word_ends_well
        && spaced
        && is_quiet
        && !WORDS.iter().any(|word| text.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn plain_where_every_version_agrees() {
        for text in [
            "gateway",
            "/v1/models",
            "--max-model-len",
            "http://vllm-a:8000",
            "Requests answered 429",
            "a_b.c",
        ] {
            assert_eq!(scalar(text), text);
        }
        for (text, written) in [
            ("no", "\"no\""),
            ("ON", "\"ON\""),
            ("1e3", "\"1e3\""),
            ("0o7", "\"0o7\""),
            ("1:20", "\"1:20\""),
            ("", "\"\""),
            ("~", "\"~\""),
            ("a: b", "\"a: b\""),
            ("a #b", "\"a #b\""),
            ("\u{85}", "\"\\u0085\""),
            ("say \"hi\"\\", "\"say \\\"hi\\\"\\\\\""),
        ] {
            assert_eq!(scalar(text), written);
        }
    }

    #[test]
    fn a_template_cannot_be_left_by_what_it_is_given() {
        let values = serde_json::json!({ "name": "x\"\n- y: z", "list": ["no", 1], "none": null });
        let text = fill(
            "name: {{ name }}\nlist: {{ list }}\nnone: {{ none }}\n",
            &values,
        );
        assert_eq!(
            text,
            "name: \"x\\\"\\n- y: z\"\nlist: [\"no\",1]\nnone: null\n"
        );
    }

    proptest! {
        #[test]
        fn what_is_written_is_what_is_read(text in "\\PC*|[a-z0-9:# ,.-]{0,12}|--[a-z0-9-]{0,6}|.{0,20}") {
            let document = format!("- {}\n- key: {}\n", scalar(&text), scalar(&text));
            let read: Vec<serde_json::Value> = serde_saphyr::from_str(&document).unwrap();
            prop_assert_eq!(&read[0], &serde_json::json!(text));
            prop_assert_eq!(&read[1], &serde_json::json!({ "key": text }));
        }
    }
}
