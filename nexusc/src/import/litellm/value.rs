//! Values of a configuration.

use serde_json::{Map, Value as Json};

use crate::import::names::{not_carried, secret_variable, shown};
use crate::redact::is_variable;

/// A mapping, from which settings are taken as they are understood.
pub(super) type Table = Map<String, Json>;

/// Takes a setting out of a mapping, if `read` understands its value; otherwise it stays, to be named with what is left.
pub(super) fn take<T>(table: &mut Table, name: &str, read: fn(&Json) -> Option<T>) -> Option<T> {
    let value = read(table.get(name)?)?;
    table.remove(name);
    Some(value)
}

/// A text that is not empty.
pub(super) fn text(value: &Json) -> Option<String> {
    let text = value.as_str()?;
    (!text.trim().is_empty()).then(|| text.to_owned())
}

/// A list of texts.
pub(super) fn texts(value: &Json) -> Option<Vec<String>> {
    value.as_array()?.iter().map(text).collect()
}

/// A number, also one in quotes.
pub(super) fn number(value: &Json) -> Option<f64> {
    let number = match value {
        Json::Number(number) => number.as_f64(),
        Json::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    number.filter(|number| number.is_finite())
}

/// A whole number from 1 up to 10^9.
pub(super) fn count(value: &Json) -> Option<u64> {
    whole(value).filter(|number| *number >= 1)
}

/// A whole number from 0 up to 10^9.
pub(super) fn whole(value: &Json) -> Option<u64> {
    let number = number(value)?;
    let fits = (0.0..=1e9).contains(&number) && number.fract() == 0.0;
    fits.then_some(number as u64)
}

/// A time in seconds as a spec has it, within what it accepts.
pub(super) fn seconds(value: &Json) -> Option<String> {
    const DAY: f64 = 24.0 * 3600.0;
    let seconds = number(value).filter(|seconds| *seconds > 0.0)?.min(DAY);
    let milliseconds = (seconds * 1000.0).round().max(1.0) as u64;
    Some(if milliseconds.is_multiple_of(1000) {
        format!("{}s", milliseconds / 1000)
    } else {
        format!("{milliseconds}ms")
    })
}

/// Where a secret comes from, and what is to be said about it: the variable that `os.environ/` names, else one for a
/// key that is written into the file. The key is not repeated.
pub(super) fn secret(value: &str, otherwise: &str) -> (String, Option<String>) {
    match value.strip_prefix("os.environ/") {
        Some(name) if is_variable(name) && secret_variable(name) == name => (name.to_owned(), None),
        Some(name) => {
            let variable = secret_variable(otherwise);
            let note = format!(
                "Was read from {}, which is no name of a variable here: set `{variable}`.",
                shown(name)
            );
            (variable, Some(note))
        }
        None => {
            let variable = secret_variable(otherwise);
            let note = format!(
                "The key was written into the configuration: set `{variable}` to it, or better to a new one, because this \
                 one may be known."
            );
            (variable, Some(note))
        }
    }
}

/// What somebody has set and nobody has taken, by name; values may be secrets.
pub(super) fn left_over(table: &Table, place: &str) -> Vec<String> {
    let set = table.iter().filter(|(_, value)| !value.is_null());
    set.map(|(name, _)| not_carried(&format!("{place}{name}"), reason(name)))
        .collect()
}

/// Why a known setting has no counterpart.
fn reason(name: &str) -> &'static str {
    match name {
        "environment_variables" => "set these variables where the gateway starts",
        "model_info" | "base_model" => "it describes the model, and changes no request",
        "database_url" | "store_model_in_db" | "store_prompts_in_spend_logs" => {
            "there is no database: the spec says it all"
        }
        "success_callback" | "failure_callback" | "callbacks" | "service_callback" => {
            "metrics are at `/metrics`, and `[telemetry.otlp]` sends spans"
        }
        "cache" | "cache_params" => "answers are not cached",
        "drop_params" | "modify_params" => "requests pass as they are",
        "set_verbose" | "json_logs" => "logs are JSON; `NEXUS_LOG_LEVEL` says how much",
        "max_parallel_requests" | "global_max_parallel_requests" => {
            "`concurrent` of a limit bounds a key or a model"
        }
        "input_cost_per_token" | "output_cost_per_token" => "there are no prices",
        "api_version" | "organization" | "extra_headers" | "headers" => {
            "no headers and parameters are added to requests"
        }
        "ui_username" | "ui_password" => "there is no user interface to log in to",
        "guardrails" => "`forbidden_words` of `[gateway.input]` is what there is",
        "context_window_fallbacks" | "content_policy_fallbacks" => {
            "a fallback takes over when upstreams fail, whatever the reason"
        }
        "rpm" | "tpm" | "weight" | "order" | "timeout" | "max_retries" | "temperature"
        | "top_p" | "max_tokens" | "api_key" | "routing_strategy" | "num_retries"
        | "request_timeout" | "allowed_fails" | "cooldown_time" | "fallbacks"
        | "default_fallbacks" | "model_group_alias" | "model_alias_map" | "master_key" => {
            "its value is none that a spec can have, or another setting comes first"
        }
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_fit_what_a_spec_accepts() {
        let seconds = |number: f64| seconds(&Json::from(number));
        assert_eq!(seconds(30.0).as_deref(), Some("30s"));
        assert_eq!(seconds(0.5).as_deref(), Some("500ms"));
        assert_eq!(seconds(1e9).as_deref(), Some("86400s"));
        assert_eq!(seconds(-1.0), None);
    }

    #[test]
    fn what_cannot_be_read_is_left_to_be_named() {
        let table = serde_json::json!({ "rpm": "many", "tpm": 5, "weight": null });
        let Json::Object(mut table) = table else {
            panic!("a mapping")
        };
        assert_eq!(
            (
                take(&mut table, "rpm", count),
                take(&mut table, "tpm", count)
            ),
            (None, Some(5))
        );
        assert_eq!(
            left_over(&table, ""),
            [
                "not carried over: `rpm`: its value is none that a spec can have, or another setting comes first"
            ]
        );
    }

    #[test]
    fn a_key_in_the_file_is_not_repeated() {
        let (variable, note) = secret("sk-hunter2hunter2", "chat_API_KEY");
        assert_eq!(variable, "CHAT_API_KEY");
        assert!(note.is_some_and(|note| !note.contains("hunter2")));
        assert_eq!(
            secret("os.environ/OPENAI_API_KEY", "x"),
            ("OPENAI_API_KEY".to_owned(), None)
        );
    }
}
