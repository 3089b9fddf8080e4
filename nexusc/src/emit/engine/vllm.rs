//! vLLM: `vllm serve`, of the image `vllm/vllm-openai` (vllm/engine/arg_utils.py, vllm/entrypoints/openai/cli_args.py).

use crate::emit::engine::{Arguments, CACHE, Started, Told, Value, Variable};
use crate::plan::service::{Media, Sampler, Service, Vllm};

const GIB: f64 = 1_073_741_824.0;

/// What starts this service. Each release has an image of its name; a version of two parts means the first of its
/// releases.
pub(super) fn start(service: &Service, release: Vllm, told: &Told<'_>) -> Started {
    let Service {
        // Told below, by its parts.
        engine: _,
        architecture,
        // The files are there, or are fetched.
        file_bytes: _,
        dtype,
        quantisation,
        kv_dtype,
        tensor_parallel,
        pipeline_parallel,
        max_len,
        max_seqs,
        batched_tokens,
        memory_fraction,
        eager,
        lora_rank,
        cpu_offload,
        media,
    } = service;
    let Vllm { minor, v1, sampler } = release;
    let mut args = Arguments(vec![told.weights.to_owned()]);
    args.set("host", "0.0.0.0");
    args.set("port", told.port);
    if !told.names.is_empty() {
        args.flag("served-model-name");
        args.0.extend(told.names.iter().map(ToString::to_string));
    }
    args.set("dtype", dtype.name());
    args.set("kv-cache-dtype", kv_dtype.name);
    args.set("tensor-parallel-size", tensor_parallel);
    args.set("pipeline-parallel-size", pipeline_parallel);
    args.set("max-model-len", max_len);
    args.set("max-num-seqs", max_seqs);
    args.set("max-num-batched-tokens", batched_tokens);
    args.set("gpu-memory-utilization", memory_fraction);
    args.set_quantisation(quantisation, told.weights);
    // V0 refuses steps that a sequence does not fit into, unless it may cut them.
    if !v1 && batched_tokens < max_len {
        args.flag("enable-chunked-prefill");
    }
    if *eager {
        args.flag("enforce-eager");
    }
    if *lora_rank > 0 {
        args.flag("enable-lora");
        args.set("max-loras", 1);
        args.set("max-lora-rank", lora_rank);
    }
    if *cpu_offload > 0 {
        args.set("cpu-offload-gb", *cpu_offload as f64 / GIB);
    }
    if let Some(limits) = limits(*media, minor) {
        args.set("limit-mm-per-prompt", limits);
    }
    if architecture.pooling {
        match minor {
            ..=10 => args.set("task", "embed"),
            11.. => args.set("runner", "pooling"),
        }
    }
    let mut environment = vec![Variable {
        name: "HF_HOME",
        value: Value::Text(CACHE),
    }];
    // While there were both, a release took the older one wherever something was not ready in the newer.
    if (8..=10).contains(&minor) {
        environment.push(Variable {
            name: "VLLM_USE_V1",
            value: Value::Text(if v1 { "1" } else { "0" }),
        });
    }
    if let Some(sampler) = sampler {
        environment.push(Variable {
            name: "VLLM_USE_FLASHINFER_SAMPLER",
            value: Value::Text(match sampler {
                Sampler::Kernel => "1",
                Sampler::Sort => "0",
            }),
        });
    }
    Started {
        image: format!(
            "vllm/vllm-openai:v{}",
            tag(told.version.unwrap_or_default())
        ),
        command: vec!["vllm", "serve"],
        args,
        environment,
        key: Some("VLLM_API_KEY"),
    }
}

/// The most items of a prompt, where the spec has any: JSON, and before 0.9 pairs (vllm/engine/arg_utils.py).
fn limits(media: Media, minor: u64) -> Option<String> {
    let kinds = [("image", media.images), ("video", media.videos)];
    let written = kinds
        .into_iter()
        .filter_map(|(kind, most)| Some((kind, most?)));
    let pairs: Vec<String> = written
        .map(|(kind, most)| match minor {
            ..9 => format!("{kind}={most}"),
            9.. => format!("\"{kind}\":{most}"),
        })
        .collect();
    let joined = (!pairs.is_empty()).then(|| pairs.join(","))?;
    Some(match minor {
        ..9 => joined,
        9.. => format!("{{{joined}}}"),
    })
}

/// The tag of a version without its `v`: `0.19` is `0.19.0`.
fn tag(version: &str) -> String {
    if version.split('.').count() == 2 {
        format!("{version}.0")
    } else {
        version.to_owned()
    }
}
