//! SGLang: `sglang.launch_server`, of the image `lmsysorg/sglang` (python/sglang/srt/server_args.py).

use crate::emit::engine::{Arguments, CACHE, Started, Told, Value, Variable};
use crate::plan::service::Service;

/// What starts this service. A release has an image of its name, an early one only with its CUDA (`0.4.9-cu126`).
pub(super) fn start(service: &Service, told: &Told<'_>) -> Started {
    let Service {
        engine: _,
        architecture,
        // The files are there, or are fetched.
        file_bytes: _,
        dtype,
        quantisation,
        kv_dtype,
        tensor_parallel,
        // The language has no such field of SGLang: it is 1,
        pipeline_parallel: _,
        max_len,
        // this is not counted with,
        max_seqs: _,
        batched_tokens,
        memory_fraction,
        eager,
        // and these are not there.
        lora_rank: _,
        cpu_offload: _,
        media: _,
    } = service;
    let mut args = Arguments::default();
    args.set("model-path", told.weights);
    args.set("host", "0.0.0.0");
    args.set("port", told.port);
    // It has one name, and answers to any.
    if let Some(name) = told.names.first() {
        args.set("served-model-name", name);
    }
    args.set("dtype", dtype.name());
    // What vLLM calls so has a name of its own here.
    let kv_dtype = match kv_dtype.name {
        "fp8" => "fp8_e4m3",
        name => name,
    };
    args.set("kv-cache-dtype", kv_dtype);
    args.set("tensor-parallel-size", tensor_parallel);
    args.set("context-length", max_len);
    args.set("chunked-prefill-size", batched_tokens);
    args.set("mem-fraction-static", memory_fraction);
    args.set_quantisation(quantisation, told.weights);
    if *eager {
        args.flag("disable-cuda-graph");
    }
    if architecture.pooling {
        args.flag("is-embedding");
    }
    let tag = told
        .version
        .map_or("latest".to_owned(), |version| format!("v{version}"));
    Started {
        image: format!("lmsysorg/sglang:{tag}"),
        command: vec!["python3", "-m", "sglang.launch_server"],
        args,
        environment: vec![Variable {
            name: "HF_HOME",
            value: Value::Text(CACHE),
        }],
        key: None,
    }
}
