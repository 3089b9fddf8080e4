//! The `.env` of a gateway that is set up by variables `GATEWAY_*`.
//!
//! Its upstreams are its models: a client names the upstream that it wants, unless a route policy says otherwise.

mod caller;
mod file;
mod model;

use std::collections::BTreeMap;

use crate::import::Error;
use crate::import::draft::{Draft, Section, list, string, variable};
use crate::import::names::{not_carried, shown, shown_all};

/// The spec that says what the variables of `text` say.
pub(super) fn import(text: &str) -> Result<String, Error> {
    let mut settings = Settings(file::read(text)?);
    let mut draft = Draft::default();
    draft.head.push(
        "Imported from an environment file. Secrets stay where they are: each is read from the variable that is named \
         here."
            .to_owned(),
    );
    let models = model::read(&mut settings)?;
    let callers = caller::read(&mut settings, &models.names());
    let mut gateway = Section::default();
    gateway.set("listen", string("0.0.0.0:8080"));
    if let Some(default) = &models.default {
        gateway.set("default_model", string(default));
    }
    if callers.keys.is_empty() && !callers.tokens {
        gateway.note("Without `GATEWAY_API_KEYS` and `GATEWAY_JWT_SECRET` everybody could ask for everything.");
        gateway.set("development", "true");
    }
    draft.add(&["gateway"], gateway);
    add_timeouts(&mut settings, &mut draft);
    add_breaker(&mut settings, &mut draft);
    models.add_to(&mut draft);
    callers.add_to(&mut draft);
    add_records(&mut settings, &mut draft);
    let (own, others): (Vec<String>, Vec<String>) = settings
        .0
        .into_keys()
        .partition(|name| name.starts_with("GATEWAY_"));
    draft
        .rest
        .extend(own.iter().map(|name| not_carried(name, "")));
    if !others.is_empty() {
        let others = shown_all(others.iter().map(String::as_str));
        draft.rest.push(format!(
            "not looked at, because they are no settings of the gateway: {others}"
        ));
    }
    Ok(draft.text())
}

/// The variables that nobody has taken yet.
struct Settings(BTreeMap<String, String>);

impl Settings {
    /// The value of this variable, if it is set to anything.
    fn take(&mut self, name: &str) -> Option<String> {
        self.0
            .remove(name)
            .map(|value| value.trim().to_owned())
            .filter(|value| !value.is_empty())
    }

    /// Whether this variable is set to something that means yes. What means neither yes nor no stays, to be named.
    fn is_on(&mut self, name: &str) -> bool {
        let value = self
            .0
            .get(name)
            .map(|value| value.trim().to_ascii_lowercase());
        let meaning = match value.as_deref() {
            Some("1" | "true" | "yes" | "on") => Some(true),
            None | Some("" | "0" | "false" | "no" | "off") => Some(false),
            Some(_) => None,
        };
        if meaning.is_some() {
            self.0.remove(name);
        }
        meaning.unwrap_or(false)
    }

    /// The whole number of this variable, from 1 to `most`; otherwise a note in `section`.
    fn number(&mut self, name: &str, most: u64, section: &mut Section) -> Option<u64> {
        let text = self.take(name)?;
        let number = text
            .parse()
            .ok()
            .filter(|number| (1..=most).contains(number));
        if number.is_none() {
            section.note(not_carried(
                name,
                &format!("its value is no whole number from 1 to {most}"),
            ));
        }
        number
    }
}

/// The longest time that a spec can have, in seconds.
const DAY: u64 = 24 * 60 * 60;

fn add_timeouts(settings: &mut Settings, draft: &mut Draft) {
    let mut section = Section::default();
    let name = "GATEWAY_REQUEST_TIMEOUT_SECONDS";
    if let Some(seconds) = settings.number(name, DAY, &mut section) {
        section.note(
            "`GATEWAY_REQUEST_TIMEOUT_SECONDS` bounded one attempt: it is the time to the first byte of a response, and \
             between two pieces of one.",
        );
        section.set("first_byte", string(&format!("{seconds}s")));
        section.set("between_chunks", string(&format!("{seconds}s")));
    }
    draft.add_if_said(&["timeouts"], section);
}

fn add_breaker(settings: &mut Settings, draft: &mut Draft) {
    let mut section = Section::default();
    if let Some(failures) =
        settings.number("GATEWAY_CIRCUIT_BREAKER_MAX_FAILURES", 1_000, &mut section)
    {
        section.set("failures", failures.to_string());
    }
    if let Some(seconds) =
        settings.number("GATEWAY_CIRCUIT_BREAKER_RESET_SECONDS", DAY, &mut section)
    {
        section.set("reset", string(&format!("{seconds}s")));
    }
    draft.add_if_said(&["breaker"], section);
}

fn add_records(settings: &mut Settings, draft: &mut Draft) {
    const SALT: &str = "GATEWAY_PII_HASH_SALT";
    if settings.is_on("GATEWAY_PII_MASKING_ENABLED") {
        let mut section = Section::default();
        section.set("mask", list(["client_ip", "email", "phone", "key"]));
        draft.add(&["privacy"], section);
    }
    let salted = settings.take(SALT).is_some();
    if settings.is_on("GATEWAY_AUDIT_LOGGING_ENABLED") {
        let mut section = Section::default();
        if !salted {
            section.note(format!(
                "{} was not set: give it at least 16 characters.",
                shown(SALT)
            ));
        }
        section.note("Requests are served while records cannot be written; `\"refuse\"` would answer them 503.");
        section.set("salt", variable(SALT));
        section.set("when_failing", string("admit"));
        draft.add(&["audit"], section);
    } else if salted {
        draft.rest.push(not_carried(
            SALT,
            "callers are hashed in the audit log alone, which was off",
        ));
    }
}
