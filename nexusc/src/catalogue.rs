//! The models and GPUs that the plan knows by name: `nexusc/catalogue/`, embedded.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use crate::plan::architecture::Architecture;
use crate::{resolve, spec, suggest, unit};

/// A model of GPU.
#[derive(Clone, Debug, PartialEq)]
pub struct Gpu {
    /// Its name.
    pub name: &'static str,
    /// Its memory in bytes, as the driver reports it.
    pub memory: u64,
    /// Its CUDA compute capability: 86 for 8.6.
    pub capability: u64,
}

/// `architectures.toml`.
#[derive(Deserialize)]
struct Models {
    /// Other names.
    also: BTreeMap<String, String>,
    architectures: BTreeMap<String, spec::architecture::Architecture>,
}

static MODELS: LazyLock<Models> = LazyLock::new(|| {
    let text = include_str!("../catalogue/architectures.toml");
    toml::from_str(text).expect("a test reads the catalogue of architectures")
});

/// The name of the entry that each name and other name means, by its key.
static NAMES: LazyLock<BTreeMap<String, &'static str>> = LazyLock::new(|| {
    let names = MODELS
        .architectures
        .keys()
        .map(|name| (key(name), name.as_str()));
    let others = MODELS
        .also
        .iter()
        .map(|(other, name)| (key(other), name.as_str()));
    names.chain(others).collect()
});

static GPUS: LazyLock<Vec<Gpu>> = LazyLock::new(|| {
    #[derive(Deserialize)]
    struct Entry {
        memory: String,
        capability: String,
    }
    static ENTRIES: LazyLock<BTreeMap<String, Entry>> = LazyLock::new(|| {
        let text = include_str!("../catalogue/gpus.toml");
        toml::from_str(text).expect("a test reads the catalogue of GPUs")
    });
    let entry = |(name, entry): (&'static String, &Entry)| Gpu {
        name,
        memory: unit::size::parse(&entry.memory).expect("a test reads the catalogue of GPUs"),
        capability: entry
            .capability
            .replace('.', "")
            .parse()
            .expect("a test reads the catalogue of GPUs"),
    };
    ENTRIES.iter().map(entry).collect()
});

/// The architecture of a model: `Qwen2.5-14B`, `Qwen/Qwen2.5-14B-Instruct-AWQ`.
pub fn architecture(name: &str) -> Option<Architecture> {
    let figures = MODELS.architectures.get(*NAMES.get(&key(name))?)?;
    Some(resolve::figures::architecture(figures).expect("a test builds every architecture"))
}

/// "did you mean", for a name that no architecture has.
pub fn nearest_architecture(name: &str) -> Option<String> {
    let name = key(name);
    let nearest = suggest::nearest_name(&name, NAMES.keys().map(String::as_str))?;
    NAMES
        .get(nearest)
        .map(|name| format!("did you mean `{name}`?"))
}

/// The GPU of this name.
pub fn gpu(name: &str) -> Option<&'static Gpu> {
    GPUS.iter().find(|gpu| gpu.name.eq_ignore_ascii_case(name))
}

/// Every GPU, by memory.
pub fn gpus() -> &'static [Gpu] {
    &GPUS
}

/// What of a name tells a model from another: without publisher, capitals and the words that change no figure.
fn key(name: &str) -> String {
    const WORDS: &[&str] = &[
        "-instruct",
        "-chat",
        "-it",
        "-hf",
        "-base",
        "-pt",
        "-fp8",
        "-fp8-dynamic",
        "-fp8-block",
        "-dynamic",
        "-awq",
        "-gptq",
        "-gptq-int4",
        "-gptq-int8",
        "-int4",
        "-int8",
        "-quantized.w8a8",
        "-quantized.w4a16",
        "-bnb-4bit",
        "-unsloth",
        "-gguf",
        "-bf16",
        "-fp16",
        "-meta",
    ];
    let name = name.rsplit('/').next().unwrap_or(name).to_ascii_lowercase();
    let mut name = name.strip_prefix("meta-").unwrap_or(&name);
    while let Some(rest) = WORDS.iter().find_map(|word| name.strip_suffix(word)) {
        name = rest;
    }
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_can_be_used() {
        for name in MODELS.architectures.keys().chain(MODELS.also.keys()) {
            assert!(architecture(name).is_some(), "{name}");
        }
        assert!(gpu("RTX-3090").is_some());
        assert!(gpus().len() > 15);
    }

    #[test]
    fn no_two_entries_have_one_name() {
        assert_eq!(NAMES.len(), MODELS.architectures.len() + MODELS.also.len());
    }

    #[test]
    fn words_that_change_no_figure_are_passed_over() {
        for name in [
            "Qwen/Qwen2.5-14B-Instruct",
            "qwen2.5-14b-instruct-AWQ",
            "Qwen2.5-14B",
        ] {
            assert_eq!(architecture(name).unwrap().layers, 48, "{name}");
        }
        assert_eq!(architecture("Qwen2.5-14C"), None);
        assert_eq!(
            nearest_architecture("Qwen2.5-14C").as_deref(),
            Some("did you mean `Qwen2.5-14B`?")
        );
    }
}
