//! llama.cpp: `llama-server`, of the image `ghcr.io/ggml-org/llama.cpp` (common/arg.cpp).

use crate::emit::engine::{Arguments, CACHE, Started, Told, Value, Variable};
use crate::plan::service::Service;

/// The first build whose `--flash-attn` has a value; before, it was there or not.
const FLASH_ATTENTION_HAS_A_VALUE: u64 = 6325;

/// Its default of the tokens that are handed over at once, of which a step takes a part.
const BATCH: u64 = 2048;

/// What starts this service. A build has an image of its name; without one it is the newest.
pub(super) fn start(
    service: &Service,
    build: Option<u64>,
    flash_attention: bool,
    gpu_layers: u64,
    told: &Told<'_>,
) -> Started {
    let Service {
        engine: _,
        architecture: _,
        // The files are there, or are fetched.
        file_bytes: _,
        // It computes in the type of its files.
        dtype: _,
        quantisation,
        kv_dtype,
        tensor_parallel: devices,
        // The language has no such fields of llama.cpp.
        pipeline_parallel: _,
        max_len,
        max_seqs: _,
        batched_tokens,
        memory_fraction: _,
        eager: _,
        lora_rank: _,
        cpu_offload: _,
        media: _,
    } = service;
    let mut args = Arguments::default();
    if told.weights.ends_with(".gguf") {
        args.set("model", told.weights);
    } else {
        let form = quantisation.name.trim_start_matches("gguf-");
        let repository = format!("{}:{}", told.weights, form.to_ascii_uppercase());
        args.set("hf-repo", repository);
    }
    args.set("host", "0.0.0.0");
    args.set("port", told.port);
    // It has one name, and answers to any.
    if let Some(name) = told.names.first() {
        args.set("alias", name);
    }
    args.set("n-gpu-layers", gpu_layers);
    // Without it, devices get parts by what is free on each.
    if *devices > 1 {
        args.set("split-mode", "layer");
        let equal = vec!["1"; usize::try_from(*devices).unwrap_or(1)];
        args.set("tensor-split", equal.join(","));
    }
    args.set("ctx-size", max_len);
    // A step is never more than this.
    args.set("batch-size", batched_tokens.max(&BATCH));
    args.set("ubatch-size", batched_tokens);
    args.set("cache-type-k", kv_dtype.name);
    args.set("cache-type-v", kv_dtype.name);
    if build.is_none_or(|build| build >= FLASH_ATTENTION_HAS_A_VALUE) {
        args.set("flash-attn", if flash_attention { "on" } else { "off" });
    } else if flash_attention {
        args.flag("flash-attn");
    }
    let tag = build.map_or(String::new(), |build| format!("-b{build}"));
    Started {
        image: format!("ghcr.io/ggml-org/llama.cpp:server-cuda{tag}"),
        command: vec!["/app/llama-server"],
        args,
        environment: vec![Variable {
            name: "LLAMA_CACHE",
            value: Value::Text(CACHE),
        }],
        key: Some("LLAMA_API_KEY"),
    }
}
