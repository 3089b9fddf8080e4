//! The settings of engines: numbers, parts, and names that the plan knows.

use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::key_path::KeyPath;
use crate::plan::quantisation::{Dtype, KV_DTYPES, KvDtype, QUANTISATIONS, Quantisation};
use crate::redact::shown;
use crate::resolve::scope::Scope;
use crate::source::Place;
use crate::suggest;

pub(super) fn whole(
    written: Option<u64>,
    default: u64,
    most: u64,
    field: &str,
    path: &KeyPath,
    scope: &mut Scope<'_>,
) -> u64 {
    match written {
        Some(number) => scope
            .within(number, 1..=most, &path.key(field))
            .clamp(1, most),
        None => default,
    }
}

pub(super) fn fraction(
    written: Option<&String>,
    field: &str,
    default: f64,
    path: &KeyPath,
    scope: &mut Scope<'_>,
) -> f64 {
    let percent = written.and_then(|text| scope.percent(text, &path.key(field)));
    let fraction = percent.map_or(default, |percent| f64::from(percent.0) / 10_000.0);
    if fraction == 0.0 {
        let at = path.key(field);
        let message = format!("`{at}` is 0 %");
        let place = Place::Value(at);
        scope.report(Diagnostic::new(
            Code::NX0206,
            message,
            place,
            "expected more than 0 %",
        ));
        return default;
    }
    fraction
}

pub(super) fn dtype(written: Option<&str>, path: &KeyPath, scope: &mut Scope<'_>) -> Dtype {
    const NAMES: &[&str] = &["bfloat16", "float16", "float32"];
    let name = one_of(
        written.unwrap_or("bfloat16"),
        NAMES,
        "a type",
        &path.key("dtype"),
        scope,
    );
    name.and_then(Dtype::find).unwrap_or(Dtype::Half)
}

pub(super) fn quantisation(
    written: Option<&str>,
    path: &KeyPath,
    scope: &mut Scope<'_>,
) -> Quantisation {
    let names: Vec<&str> = QUANTISATIONS.iter().map(|form| form.name).collect();
    let at = path.key("quantization");
    let name = one_of(
        written.unwrap_or("none"),
        &names,
        "a quantisation",
        &at,
        scope,
    );
    name.and_then(Quantisation::find)
        .unwrap_or(Quantisation::NONE)
}

pub(super) fn kv_dtype(
    written: Option<&str>,
    field: &str,
    path: &KeyPath,
    scope: &mut Scope<'_>,
) -> KvDtype {
    let names: Vec<&str> = KV_DTYPES.iter().map(|form| form.name).collect();
    let at = path.key(field);
    let name = one_of(
        written.unwrap_or("auto"),
        &names,
        "a type of keys and values",
        &at,
        scope,
    );
    name.and_then(KvDtype::find).unwrap_or(KvDtype::AUTO)
}

/// The name, if it is one of these.
pub(super) fn one_of<'n>(
    name: &str,
    names: &[&'n str],
    what: &str,
    path: &KeyPath,
    scope: &mut Scope<'_>,
) -> Option<&'n str> {
    let found = names.iter().find(|other| **other == name).copied();
    if found.is_none() {
        let message = format!("{} is not {what} that the plan knows", shown(name));
        let help = suggest::nearest(name, names.iter().copied())
            .unwrap_or_else(|| format!("known are {}", suggest::list(names.iter().copied())));
        scope.report(
            Diagnostic::new(Code::NX0605, message, Place::Value(path.clone()), "").help(help),
        );
    }
    found
}

/// The second part of a version of vLLM: 19 of `0.19.0`.
pub(super) fn version(text: &str, path: &KeyPath, scope: &mut Scope<'_>) -> Option<u64> {
    let mut parts = text.split('.');
    let minor = match (parts.next(), parts.next().map(str::parse::<u64>)) {
        (Some("0"), Some(Ok(minor))) if minor <= 1000 => Some(minor),
        _ => None,
    };
    if minor.is_none() {
        let message = format!(
            "{} is not a version of vLLM that the plan knows",
            shown(text)
        );
        let help = "write it as `pip show vllm` does: `\"0.19.0\"`";
        scope.report(
            Diagnostic::new(Code::NX0605, message, Place::Value(path.clone()), "").help(help),
        );
    }
    minor
}
