//! `[upstreams.NAME.engine]`

use schemars::JsonSchema;
use serde::Deserialize;

/// What serves an upstream, on which GPUs: the GPU plan follows from it. Exactly one of `vllm`, `sglang`, `llama_cpp`
/// and `other` is set.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Engine {
    /// The GPUs that it runs on, each named in `[gpus]`.
    pub gpus: Vec<String>,
    /// Upstreams that are up before it starts, where it shares a GPU with them. Default: none.
    #[serde(default)]
    pub after: Vec<String>,
    /// Servers of different profiles never run at the same time. Default: it runs in all of them.
    pub profile: Option<String>,
    /// vLLM.
    pub vllm: Option<Vllm>,
    /// SGLang.
    pub sglang: Option<Sglang>,
    /// The server of llama.cpp.
    pub llama_cpp: Option<LlamaCpp>,
    /// Any other server, by the memory that it was seen to use.
    pub other: Option<Other>,
}

/// A server of vLLM. Fields are its flags.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Vllm {
    /// Its version: `"0.19.0"`. What a version takes differs by gigabytes. It is the tag of its image, too.
    pub version: String,
    /// The model, as in the catalogue, in `[architectures]` or on Hugging Face: `"Qwen/Qwen2.5-14B-Instruct"`. The
    /// server is told to load it by this name.
    pub weights: String,
    /// The type that it computes in: `"bfloat16"`, `"float16"` or `"float32"`. Default: `"bfloat16"`, and `"float16"` on
    /// GPUs that have none (before compute capability 8.0).
    pub dtype: Option<String>,
    /// How the weights are kept: `"fp8"`, `"int8"`, `"awq-int4"`, `"gptq-int4"`, `"gptq-int8"`, `"bnb-int8"`,
    /// `"bnb-nf4"` (while it is loaded), `"bnb-nf4-nested"` (in the checkpoint), `"mxfp4"`, `"nvfp4"`, or a type of GGUF
    /// as for `llama_cpp`. Default: `"none"`.
    pub quantization: Option<String>,
    /// How keys and values are kept: `"auto"` or `"fp8"`. Default: `"auto"`.
    pub kv_cache_dtype: Option<String>,
    /// GPUs that share each layer. Default: all of its GPUs.
    pub tensor_parallel: Option<u64>,
    /// Groups of GPUs that have the layers one after the other. Default: `1`.
    pub pipeline_parallel: Option<u64>,
    /// The longest sequence in tokens. Default: what the model was made for.
    pub max_model_len: Option<u64>,
    /// The most sequences at once. Default: the version's own, by the GPU.
    pub max_num_seqs: Option<u64>,
    /// The most tokens of one step. Default: the version's own, by the GPU.
    pub max_num_batched_tokens: Option<u64>,
    /// The part of a GPU's memory that it may use. Default: `"90%"`.
    pub gpu_memory_utilization: Option<String>,
    /// Whether it captures no CUDA graphs. Default: `false`.
    pub enforce_eager: Option<bool>,
    /// The largest rank of LoRA adapters. Default: none are served.
    pub max_lora_rank: Option<u64>,
    /// How much of each GPU's share of the weights stays in the memory of the machine, and is fetched in every step, which
    /// is slow: `"4GiB"` (`--cpu-offload-gb`). Default: none.
    pub cpu_offload: Option<String>,
    /// The most images and videos of a prompt, of a multimodal model: what of them a step has room for is kept free.
    /// Default: the version's own.
    pub limit_mm_per_prompt: Option<LimitMmPerPrompt>,
    /// How tokens are drawn, where it is known: `"sort"`, or `"flashinfer"`, which V1 before 0.17 uses if it is
    /// installed, and which takes a third of the memory. Default: unknown.
    pub sampler: Option<String>,
}

/// The most items of a prompt, of each kind. None at all keeps no memory for them.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LimitMmPerPrompt {
    /// Images. Default: the version's own.
    pub image: Option<u64>,
    /// Videos. Default: the version's own.
    pub video: Option<u64>,
}

/// A server of SGLang. Fields are its flags.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sglang {
    /// Its version, as the tag of its image has it: `"0.5.9"`, or with the CUDA that it was built for where there is
    /// no other: `"0.4.9-cu126"`. Default: the newest when it is started.
    pub version: Option<String>,
    /// The model, as for `vllm`.
    pub weights: String,
    /// As for `vllm`. Default: `"bfloat16"`.
    pub dtype: Option<String>,
    /// As for `vllm`. Default: as there.
    pub quantization: Option<String>,
    /// As for `vllm`. Default: as there.
    pub kv_cache_dtype: Option<String>,
    /// GPUs that share each layer. Default: all of its GPUs.
    pub tensor_parallel: Option<u64>,
    /// The longest sequence in tokens. Default: what the model was made for.
    pub context_length: Option<u64>,
    /// The most tokens of one step of prefill. Default: `8192`.
    pub chunked_prefill_size: Option<u64>,
    /// The part of what is free when it starts that weights, keys and values may use. Default: `"88%"`, and `"85%"` on
    /// several GPUs.
    pub mem_fraction_static: Option<String>,
    /// Whether it captures no CUDA graphs. Default: `false`.
    pub disable_cuda_graph: Option<bool>,
}

/// A server of llama.cpp. Fields are its flags.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LlamaCpp {
    /// Its build: `"b6325"`. Default: the newest when it is started.
    pub version: Option<String>,
    /// The model, as for `vllm`: a repository of GGUF files on Hugging Face, of which `quantization` says which; or, if
    /// it ends in `.gguf`, a file where the server runs.
    pub weights: String,
    /// The type of its GGUF file: `"gguf-q4_k_m"`, `"gguf-q8_0"`; also `f16`, `q6_k`, `q5_k_m`, `q5_k_s`, `q5_1`,
    /// `q5_0`, `q4_k_s`, `q4_1`, `q4_0` and `iq4_xs`.
    pub quantization: String,
    /// Layers on the GPUs, with the output layer as the last one; the CPU has the others, and answers more slowly. Default:
    /// all of them.
    pub n_gpu_layers: Option<u64>,
    /// Tokens that there is room for, of all sequences together. Default: what the model was made for.
    pub ctx_size: Option<u64>,
    /// The most tokens of one step. Default: `512`.
    pub ubatch_size: Option<u64>,
    /// Whether attention is computed without its matrix. Default: `false`.
    pub flash_attn: Option<bool>,
    /// How keys and values are kept: `"f16"`, `"q8_0"`, `"q5_1"`, `"q5_0"`, `"q4_1"` or `"q4_0"`; fewer bits need
    /// `flash_attn`. Default: `"f16"`.
    pub cache_type: Option<String>,
}

/// A server that the plan has no formula for.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Other {
    /// What it uses of each of its GPUs, as `nvidia-smi` shows it: `"2560MiB"`.
    pub memory: String,
    /// What starts it beside the gateway: a service of BentoML, say. Default: nothing; somebody else does.
    pub container: Option<Container>,
}

/// The container of a server that the compiler has no settings for. It starts where the `url` of its upstream has a
/// host without a dot, and listens on the port of that `url`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Container {
    /// Its image with a tag: `"registry.example.com/bentovllm:1.2.0"`.
    pub image: String,
    /// What its entry point is given: `["serve", "--port", "3000"]`. Default: what the image says.
    #[serde(default)]
    pub args: Vec<String>,
    /// The path that answers 200 once it serves: `"/readyz"`. Default: `"/health"`.
    pub ready: Option<String>,
    /// The path that answers 200 while it lives: `"/livez"`. Default: that of `ready`.
    pub live: Option<String>,
    /// The user that it runs as in Kubernetes, as a number, where its image needs one: `1034` for BentoML. Default:
    /// `65532`.
    pub user: Option<u64>,
    /// The folder in which it keeps what it fetches: a volume; what the image has there is hidden. Default: in
    /// Kubernetes its home, in compose none.
    pub data: Option<String>,
}
