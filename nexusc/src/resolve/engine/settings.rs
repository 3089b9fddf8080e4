//! The settings of engines: numbers, parts, and names that the plan knows.

use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::key_path::KeyPath;
use crate::plan::quantisation::{Dtype, KvDtype, QUANTISATIONS, Quantisation};
use crate::plan::service::Media;
use crate::redact::shown;
use crate::resolve::scope::Scope;
use crate::source::Place;
use crate::spec::engine::LimitMmPerPrompt;
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

/// More images or videos than that fit into no sequence.
const MOST_ITEMS: u64 = 1 << 20;

pub(super) fn media(
    written: Option<&LimitMmPerPrompt>,
    path: &KeyPath,
    scope: &mut Scope<'_>,
) -> Media {
    let Some(written) = written else {
        return Media::default();
    };
    let path = path.key("limit_mm_per_prompt");
    let mut limit = |number, kind| scope.only_within(number, 0..=MOST_ITEMS, &path.key(kind));
    Media {
        images: limit(written.image, "image"),
        videos: limit(written.video, "video"),
    }
}

pub(super) fn dtype(name: &str, path: &KeyPath, scope: &mut Scope<'_>) -> Dtype {
    const NAMES: &[&str] = &["bfloat16", "float16", "float32"];
    let name = one_of(name, NAMES, "a type", &path.key("dtype"), scope);
    name.and_then(Dtype::find).unwrap_or(Dtype::Bfloat16)
}

/// The files that an engine loads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Files {
    /// Of any kind.
    Any,
    /// GGUF.
    Gguf,
}

pub(super) fn quantisation(
    written: Option<&str>,
    files: Files,
    path: &KeyPath,
    scope: &mut Scope<'_>,
) -> Quantisation {
    let names: Vec<&str> = QUANTISATIONS
        .iter()
        .filter(|form| files == Files::Any || form.is_gguf())
        .map(|form| form.name)
        .collect();
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

/// What vLLM and SGLang keep keys and values as.
pub(super) fn kv_cache_dtype(
    written: Option<&str>,
    path: &KeyPath,
    scope: &mut Scope<'_>,
) -> KvDtype {
    const NAMES: &[&str] = &["auto", "fp8", "fp8_e4m3", "fp8_e5m2"];
    kv_dtype(
        written.unwrap_or("auto"),
        NAMES,
        "kv_cache_dtype",
        path,
        scope,
    )
}

/// What llama.cpp keeps keys and values as.
pub(super) fn cache_type(written: Option<&str>, path: &KeyPath, scope: &mut Scope<'_>) -> KvDtype {
    const NAMES: &[&str] = &["f16", "q8_0", "q5_1", "q5_0", "q4_1", "q4_0"];
    kv_dtype(written.unwrap_or("f16"), NAMES, "cache_type", path, scope)
}

fn kv_dtype(
    written: &str,
    names: &[&'static str],
    field: &str,
    path: &KeyPath,
    scope: &mut Scope<'_>,
) -> KvDtype {
    let at = path.key(field);
    let name = one_of(written, names, "a type of keys and values", &at, scope);
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
pub(super) fn vllm_version(text: &str, path: &KeyPath, scope: &mut Scope<'_>) -> Option<u64> {
    let mut parts = text.split('.');
    let minor = match (parts.next(), parts.next().map(str::parse::<u64>)) {
        (Some("0"), Some(Ok(minor))) if minor <= 1000 && is_tag(text) => Some(minor),
        _ => None,
    };
    if minor.is_none() {
        let help = "write it as `pip show vllm` does: `\"0.19.0\"`";
        report_version("vLLM", text, help, path, scope);
    }
    minor
}

/// Reports what is no release of SGLang.
pub(super) fn sglang_version(text: &str, path: &KeyPath, scope: &mut Scope<'_>) {
    if !(text.starts_with(|c: char| c.is_ascii_digit()) && is_tag(text)) {
        let help = "write it as the tag of its image without `v`: `\"0.5.9\"` or `\"0.5.9-cu129\"`";
        report_version("SGLang", text, help, path, scope);
    }
}

/// The number of a build of llama.cpp: 6325 of `b6325`.
pub(super) fn llama_cpp_build(text: &str, path: &KeyPath, scope: &mut Scope<'_>) -> Option<u64> {
    let number = text
        .strip_prefix('b')
        .filter(|digits| digits.len() <= 9 && digits.bytes().all(|byte| byte.is_ascii_digit()));
    let build = number.and_then(|digits| digits.parse().ok());
    if build.is_none() {
        let help = "write the build as `llama-server --version` and its releases do: `\"b6325\"`";
        report_version("llama.cpp", text, help, path, scope);
    }
    build
}

fn report_version(engine: &str, text: &str, help: &str, path: &KeyPath, scope: &mut Scope<'_>) {
    let message = format!("{} is not a version of {engine}", shown(text));
    let place = Place::Value(path.clone());
    scope.report(Diagnostic::new(Code::NX0605, message, place, "").help(help));
}

/// Whether it can be part of an image's tag.
fn is_tag(text: &str) -> bool {
    let clean = |b: u8| b.is_ascii_alphanumeric() || b"-._".contains(&b);
    (1..=64).contains(&text.len()) && text.bytes().all(clean)
}
