//! `[upstreams.NAME.engine]`

mod container;
mod ranks;
mod refused;
mod settings;

use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::ir::table::Table;
use crate::ir::{EngineMemory, Gpu};
use crate::key_path::KeyPath;
use crate::model_files::Weights;
use crate::plan::estimate::vllm_defaults;
use crate::plan::quantisation::Dtype;
use crate::plan::service::{Card, Engine, Media, Sampler, Service, Vllm};
use crate::resolve::architecture::{self, Architectures, Known};
use crate::resolve::engine::ranks::{length_fits, ranks_fit};
use crate::resolve::engine::refused::BFLOAT16;
use crate::resolve::engine::settings::{
    Files, cache_type, dtype, fraction, kv_cache_dtype, llama_cpp_build, media, one_of,
    quantisation, sglang_version, vllm_version, whole,
};
use crate::resolve::scope::Scope;
use crate::source::Place;
use crate::{ir, spec, suggest};

/// Nobody has more GPUs for one model, nor longer sequences, nor more of them at once.
const MOST_RANKS: u64 = 1024;
const MOST_TOKENS: u64 = 1 << 30;

/// What engines may refer to.
pub(super) struct Machines<'m> {
    pub(super) gpus: &'m Table<Gpu>,
    pub(super) architectures: &'m Architectures,
}

pub(super) fn resolve(
    written: &spec::engine::Engine,
    machines: &Machines<'_>,
    path: &KeyPath,
    scope: &mut Scope<'_>,
) -> Option<ir::Engine> {
    let gpus = scope.gpus(&written.gpus, &path.key("gpus"));
    let after = scope.upstreams(&written.after, &path.key("after"));
    if let Some(profile) = &written.profile {
        scope.check_profile(profile, &path.key("profile"));
    }
    let first = gpus.first().map(|id| machines.gpus.get(*id));
    if written.gpus.is_empty() {
        let place = Place::Value(path.key("gpus"));
        let help = "name at least one entry of `[gpus]`";
        let message = format!("`{path}` has no GPU");
        scope.report(Diagnostic::new(Code::NX0606, message, place, "").help(help));
    }
    let kinds = [
        ("vllm", written.vllm.is_some()),
        ("sglang", written.sglang.is_some()),
        ("llama_cpp", written.llama_cpp.is_some()),
        ("other", written.other.is_some()),
    ];
    let set: Vec<&str> = kinds
        .iter()
        .filter(|(_, set)| *set)
        .map(|(name, _)| *name)
        .collect();
    if set.len() != 1 && !scope.lacks(path) {
        let message = if set.is_empty() {
            format!("`{path}` names no engine")
        } else {
            format!(
                "`{path}` names {} engines: {}",
                set.len(),
                suggest::list(set.into_iter())
            )
        };
        let help = "set exactly one of `vllm`, `sglang`, `llama_cpp` and `other`";
        let place = Place::Key(path.clone());
        scope.report(Diagnostic::new(Code::NX0006, message, place, "").help(help));
        return None;
    }
    let number = written.gpus.len() as u64;
    let memory = if let Some(vllm) = &written.vllm {
        let path = path.key("vllm");
        let service = self::vllm(vllm, first, number, machines.architectures, &path, scope)?;
        EngineMemory::Planned(Box::new(service))
    } else if let Some(sglang) = &written.sglang {
        let path = path.key("sglang");
        let service = self::sglang(sglang, number, machines.architectures, &path, scope)?;
        EngineMemory::Planned(Box::new(service))
    } else if let Some(llama_cpp) = &written.llama_cpp {
        let path = path.key("llama_cpp");
        let service = self::llama_cpp(llama_cpp, number, machines.architectures, &path, scope)?;
        EngineMemory::Planned(Box::new(service))
    } else {
        let other = written.other.as_ref()?;
        let path = path.key("other").key("memory");
        EngineMemory::Stated(scope.size(Some(&other.memory), 0, 1..=1 << 44, &path))
    };
    let container = written.other.as_ref().and_then(|it| it.container.as_ref());
    let versions = [
        written.vllm.as_ref().map(|vllm| &vllm.version),
        written
            .sglang
            .as_ref()
            .and_then(|sglang| sglang.version.as_ref()),
        written
            .llama_cpp
            .as_ref()
            .and_then(|llama_cpp| llama_cpp.version.as_ref()),
    ];
    let weights = [
        written.vllm.as_ref().map(|vllm| &vllm.weights),
        written.sglang.as_ref().map(|sglang| &sglang.weights),
        written
            .llama_cpp
            .as_ref()
            .map(|llama_cpp| &llama_cpp.weights),
    ];
    Some(ir::Engine {
        path: path.clone(),
        kind: kinds
            .iter()
            .find(|(_, set)| *set)
            .map_or("other", |(name, _)| name),
        version: versions.into_iter().flatten().next().cloned(),
        weights: weights.into_iter().flatten().next().cloned(),
        gpus,
        after,
        profile: written.profile.clone(),
        memory,
        container: container
            .map(|it| container::resolve(it, &path.key("other").key("container"), scope)),
    })
}

fn vllm(
    written: &spec::engine::Vllm,
    gpu: Option<&Gpu>,
    gpus: u64,
    architectures: &Architectures,
    path: &KeyPath,
    scope: &mut Scope<'_>,
) -> Option<Service> {
    let known = architecture::find(&written.weights, &path.key("weights"), architectures, scope);
    let capability = gpu.map_or(80, |gpu| gpu.capability);
    let minor = vllm_version(&written.version, &path.key("version"), scope);
    let sampler = written.sampler.as_deref().and_then(|name| {
        let at = path.key("sampler");
        one_of(name, &["sort", "flashinfer"], "a sampler", &at, scope).map(|name| match name {
            "sort" => Sampler::Sort,
            _ => Sampler::Kernel,
        })
    });
    let usual = if capability < BFLOAT16 {
        "float16"
    } else {
        "bfloat16"
    };
    let dtype = dtype(written.dtype.as_deref().unwrap_or(usual), path, scope);
    let quantisation = quantisation(written.quantization.as_deref(), Files::Any, path, scope);
    let kv_dtype = kv_cache_dtype(written.kv_cache_dtype.as_deref(), path, scope);
    let pipeline_parallel = whole(
        written.pipeline_parallel,
        1,
        MOST_RANKS,
        "pipeline_parallel",
        path,
        scope,
    );
    let each = (gpus / pipeline_parallel.max(1)).max(1);
    let tensor_parallel = whole(
        written.tensor_parallel,
        each,
        MOST_RANKS,
        "tensor_parallel",
        path,
        scope,
    );
    let fraction = fraction(
        written.gpu_memory_utilization.as_ref(),
        "gpu_memory_utilization",
        0.9,
        path,
        scope,
    );
    let lora_rank = whole(written.max_lora_rank, 0, 4096, "max_lora_rank", path, scope);
    let at = path.key("cpu_offload");
    let cpu_offload = scope.size(written.cpu_offload.as_ref(), 0, 0..=1 << 44, &at);
    let media = media(written.limit_mm_per_prompt.as_ref(), path, scope);
    let Known {
        architecture,
        files,
    } = known?;
    let max_len = whole(
        written.max_model_len,
        architecture.positions,
        MOST_TOKENS,
        "max_model_len",
        path,
        scope,
    );
    // V1 serves from 0.8 on, from compute capability 8.0; V0 was removed with 0.11.
    let minor = minor?;
    let v1 = minor >= 11 || minor >= 8 && capability >= 80;
    let engine = Vllm { minor, v1, sampler };
    let card = Card {
        total: gpu.and_then(|gpu| gpu.memory).unwrap_or(0) as f64,
        is_exact: true,
        occupied: 0.0,
        later: 0.0,
        free: None,
        is_hopper: false,
    };
    let is_a100 = gpu
        .and_then(|gpu| gpu.model.as_deref())
        .is_some_and(|model| model.starts_with("a100"));
    let (tokens, sequences) = vllm_defaults(engine, &card, is_a100, max_len);
    let service = Service {
        engine: Engine::Vllm(engine),
        file_bytes: files.map(|files| files.bytes),
        dtype,
        quantisation,
        kv_dtype,
        tensor_parallel,
        pipeline_parallel,
        max_len,
        max_seqs: whole(
            written.max_num_seqs,
            sequences,
            MOST_TOKENS,
            "max_num_seqs",
            path,
            scope,
        ),
        batched_tokens: whole(
            written.max_num_batched_tokens,
            tokens,
            MOST_TOKENS,
            "max_num_batched_tokens",
            path,
            scope,
        ),
        memory_fraction: fraction,
        eager: written.enforce_eager.unwrap_or(false),
        lora_rank,
        cpu_offload,
        media,
        architecture,
    };
    refused::by_vllm(&service, written, capability, path, scope);
    ranks_fit(&service, gpus, path, scope);
    length_fits(
        &service,
        written.max_model_len,
        "max_model_len",
        path,
        scope,
    );
    Some(service)
}

fn sglang(
    written: &spec::engine::Sglang,
    gpus: u64,
    architectures: &Architectures,
    path: &KeyPath,
    scope: &mut Scope<'_>,
) -> Option<Service> {
    let known = architecture::find(&written.weights, &path.key("weights"), architectures, scope);
    if let Some(version) = &written.version {
        sglang_version(version, &path.key("version"), scope);
    }
    let dtype = dtype(written.dtype.as_deref().unwrap_or("bfloat16"), path, scope);
    let quantisation = quantisation(written.quantization.as_deref(), Files::Any, path, scope);
    let kv_dtype = kv_cache_dtype(written.kv_cache_dtype.as_deref(), path, scope);
    let tensor_parallel = whole(
        written.tensor_parallel,
        gpus.max(1),
        MOST_RANKS,
        "tensor_parallel",
        path,
        scope,
    );
    let default = if tensor_parallel > 1 { 0.85 } else { 0.88 };
    let fraction = fraction(
        written.mem_fraction_static.as_ref(),
        "mem_fraction_static",
        default,
        path,
        scope,
    );
    let step = whole(
        written.chunked_prefill_size,
        8192,
        MOST_TOKENS,
        "chunked_prefill_size",
        path,
        scope,
    );
    let Known {
        architecture,
        files,
    } = known?;
    let max_len = whole(
        written.context_length,
        architecture.positions,
        MOST_TOKENS,
        "context_length",
        path,
        scope,
    );
    let service = Service {
        engine: Engine::Sglang,
        file_bytes: files.map(|files| files.bytes),
        dtype,
        quantisation,
        kv_dtype,
        tensor_parallel,
        pipeline_parallel: 1,
        max_len,
        max_seqs: 0,
        batched_tokens: step,
        memory_fraction: fraction,
        eager: written.disable_cuda_graph.unwrap_or(false),
        lora_rank: 0,
        cpu_offload: 0,
        media: Media::default(),
        architecture,
    };
    ranks_fit(&service, gpus, path, scope);
    length_fits(
        &service,
        written.context_length,
        "context_length",
        path,
        scope,
    );
    Some(service)
}

fn llama_cpp(
    written: &spec::engine::LlamaCpp,
    gpus: u64,
    architectures: &Architectures,
    path: &KeyPath,
    scope: &mut Scope<'_>,
) -> Option<Service> {
    let known = architecture::find(&written.weights, &path.key("weights"), architectures, scope);
    let build = written.version.as_ref();
    let build = build.map(|text| llama_cpp_build(text, &path.key("version"), scope));
    let quantisation = quantisation(Some(&written.quantization), Files::Gguf, path, scope);
    let kv_dtype = cache_type(written.cache_type.as_deref(), path, scope);
    let step = whole(
        written.ubatch_size,
        512,
        MOST_TOKENS,
        "ubatch_size",
        path,
        scope,
    );
    let Known {
        architecture,
        files,
    } = known?;
    let max_len = whole(
        written.ctx_size,
        architecture.positions,
        MOST_TOKENS,
        "ctx_size",
        path,
        scope,
    );
    let flash_attention = written.flash_attn.unwrap_or(false);
    // More than there are means all.
    let at = path.key("n_gpu_layers");
    let gpu_layers = scope
        .only_within(written.n_gpu_layers, 0..=MOST_TOKENS, &at)
        .filter(|number| *number <= architecture.layers);
    let service = Service {
        engine: Engine::LlamaCpp {
            build: build.flatten(),
            flash_attention,
            gpu_layers,
        },
        file_bytes: files.map(Weights::on_gpus),
        dtype: Dtype::Float16,
        quantisation,
        kv_dtype,
        tensor_parallel: gpus.max(1),
        pipeline_parallel: 1,
        max_len,
        max_seqs: 0,
        batched_tokens: step,
        memory_fraction: 1.0,
        eager: true,
        lora_rank: 0,
        cpu_offload: 0,
        media: Media::default(),
        architecture,
    };
    refused::by_llama_cpp(&service, flash_attention, path, scope);
    Some(service)
}
