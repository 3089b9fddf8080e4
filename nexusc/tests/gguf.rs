//! A model that is described by nothing but its GGUF files.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use nexusc::source::File;
use nexusc::{Compilation, Source, compile};

fn text(text: &str) -> Vec<u8> {
    [&(text.len() as u64).to_le_bytes()[..], text.as_bytes()].concat()
}

/// A file of 16-bit tensors of 1024 numbers a row: each with its rows.
fn file(figures: &[(&str, u32)], tensors: &[(&str, u64)]) -> File {
    let mut head = b"GGUF\x03\0\0\0".to_vec();
    head.extend((tensors.len() as u64).to_le_bytes());
    head.extend((figures.len() as u64 + 1).to_le_bytes());
    head.extend(text("general.architecture"));
    head.extend([&8_u32.to_le_bytes()[..], &text("qwen3")].concat());
    for (key, figure) in figures {
        head.extend(text(&format!("qwen3.{key}")));
        head.extend([4_u32, *figure].map(u32::to_le_bytes).concat());
    }
    let mut data = 0_u64;
    for (name, rows) in tensors {
        head.extend(text(name));
        head.extend(2_u32.to_le_bytes());
        head.extend([1024, *rows].map(u64::to_le_bytes).concat());
        head.extend(1_u32.to_le_bytes());
        head.extend(data.to_le_bytes());
        data += rows * 2048;
    }
    let length = (head.len() as u64).next_multiple_of(32) + data;
    File { head, length }
}

const FIGURES: &[(&str, u32)] = &[
    ("block_count", 8),
    ("embedding_length", 1024),
    ("attention.head_count", 16),
    ("attention.head_count_kv", 8),
    ("attention.key_length", 128),
    ("feed_forward_length", 3072),
    ("context_length", 8192),
];

/// The spec with this engine, whose model is in two files.
fn compiled(engine: &str, figures: &[(&str, u32)]) -> Compilation {
    let spec = format!(
        "edition = 1\ngateway.development = true\nmodels.chat = {{}}\nupstreams.a.url = \"http://a:8000\"\n\
         routes.chat = {{ models = [\"chat\"], direct.upstream = \"a\" }}\ngpus.one.model = \"rtx-3090\"\n\
         architectures.mine.files = [\"mine-1.gguf\", \"mine-2.gguf\"]\n\
         upstreams.a.engine = {{ gpus = [\"one\"], {engine} }}\n"
    );
    let first = [("token_embd.weight", 4096), ("blk.0.ffn_gate.weight", 3072)];
    let files = [
        ("mine-1.gguf".to_owned(), Ok(file(figures, &first))),
        (
            "mine-2.gguf".to_owned(),
            Ok(file(&[], &[("output.weight", 4096)])),
        ),
    ];
    compile(&Source::new("gguf.toml", spec).with_files(files.into()))
}

/// The bytes of weights that the server of this engine has on its GPU.
fn weights(engine: &str) -> u64 {
    let compilation = compiled(engine, FIGURES);
    assert!(
        compilation.diagnostics.is_empty(),
        "{:#?}",
        compilation.diagnostics
    );
    let plan = compilation.plan.unwrap();
    plan.profiles[0].gpus[0].services[0].weights
}

#[test]
fn llama_cpp_has_all_but_the_embedding_on_the_gpu() {
    let settings = "weights = \"mine\", quantization = \"gguf-f16\"";
    assert_eq!(
        weights(&format!("llama_cpp = {{ {settings} }}")),
        (3072 + 4096) * 2048
    );
}

#[test]
fn other_engines_have_every_tensor_on_the_gpu() {
    let rotations = 8192 * 128 * 2;
    assert_eq!(
        weights("vllm = { version = \"0.19.0\", weights = \"mine\", quantization = \"gguf-f16\" }"),
        (4096 + 3072 + 4096) * 2048 + rotations
    );
}

#[test]
fn figures_that_a_file_does_not_have_are_named() {
    let engine = "llama_cpp = { weights = \"mine\", quantization = \"gguf-f16\" }";
    let found = compiled(engine, &FIGURES[1..]).diagnostics;
    assert!(
        found[0].message.ends_with("missing: `num_hidden_layers`"),
        "{found:#?}"
    );
}
