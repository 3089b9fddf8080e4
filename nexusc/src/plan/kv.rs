//! Keys and values: what a token takes, and how many tokens a number of bytes holds.
//!
//! Exact: as vllm/v1/kv_cache_interface.py and kv_cache_utils.py (V1), SGLang's `profile_max_num_token` and
//! llama.cpp's cache do it; logged counts are reproduced within 0.1 %.

use crate::plan::estimate::Interval;
use crate::plan::service::{Engine, Service};

/// Tokens of a block of vLLM's cache.
const BLOCK: f64 = 16.0;

/// Bytes of keys and values that a token takes in a layer, on one rank. With latent attention every rank has all.
pub fn bytes_per_token_and_layer(service: &Service) -> f64 {
    let model = &service.architecture;
    let bytes = service.kv_dtype.bytes_in(service.dtype);
    match model.mla {
        Some(mla) => (mla.kv_rank + mla.rope_dim) as f64 * bytes,
        None => {
            let heads = match service.engine {
                // It shares layers among its devices, never heads.
                Engine::LlamaCpp { .. } => model.kv_heads,
                _ => model.kv_heads_per_rank(service.tensor_parallel),
            };
            2.0 * heads as f64 * model.head_dim as f64 * bytes
        }
    }
}

/// How the layers of a stage share blocks.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Groups {
    /// Layers of a group: a block is as many pages.
    size: f64,
    /// Groups of layers that keep all tokens.
    full: f64,
    /// Groups of layers that keep a window.
    local: f64,
}

fn groups(service: &Service, layers: u64) -> Groups {
    let model = &service.architecture;
    let part = layers as f64 / model.layers as f64;
    let full = (model.full_layers() as f64 * part).round();
    let local = model
        .local
        .map_or(0.0, |local| (local.layers as f64 * part).round());
    if !service.is_v1() || local == 0.0 || full == 0.0 {
        // V0 and SGLang know no windows: all layers keep everything.
        return Groups {
            size: (full + local).max(1.0),
            full: 1.0,
            local: 0.0,
        };
    }
    let size = full.min(local);
    Groups {
        size,
        full: (full / size).ceil(),
        local: (local / size).ceil(),
    }
}

/// Tokens that `bytes` hold on a rank with so many layers.
pub fn tokens(service: &Service, layers: u64, bytes: f64) -> f64 {
    let row = bytes_per_token_and_layer(service);
    let groups = groups(service, layers);
    if bytes.is_nan() || bytes <= 0.0 || row <= 0.0 {
        return 0.0;
    }
    match service.engine {
        Engine::Vllm(_) => {
            let blocks = blocks(service, layers, bytes);
            (blocks / (groups.full + groups.local)).floor() * BLOCK
        }
        Engine::Sglang => (bytes / row / groups.size).floor(),
        Engine::LlamaCpp { .. } => {
            let model = &service.architecture;
            let part = layers as f64 / model.layers as f64;
            let kept = windows_of_llama_cpp(service).likely;
            let local = model.local.map_or(0, |local| local.layers);
            let is_whole = kept >= local as f64 * service.max_len as f64;
            if is_whole {
                return (bytes / row / groups.size).floor();
            }
            let full = (model.full_layers() as f64 * part).max(1.0);
            ((bytes / row - kept * part) / full).floor().max(0.0)
        }
    }
}

fn blocks(service: &Service, layers: u64, bytes: f64) -> f64 {
    let page = BLOCK * bytes_per_token_and_layer(service);
    (bytes / page / groups(service, layers).size).floor()
}

/// The sequences of the greatest length that fit at once.
pub fn sequences(service: &Service, layers: u64, bytes: f64) -> f64 {
    if bytes.is_nan() || bytes <= 0.0 {
        return 0.0;
    }
    match service.engine {
        // States come out of the same memory.
        _ if service.architecture.linear_layers > 0 => bytes / bytes_a_sequence(service, layers),
        Engine::Vllm(vllm) if vllm.v1 => {
            blocks(service, layers, bytes) / blocks_a_sequence(service, layers)
        }
        _ => tokens(service, layers, bytes) / service.max_len as f64,
    }
}

/// The bytes on a rank that one sequence of the greatest length needs: an engine with less does not start.
pub fn bytes_a_sequence(service: &Service, layers: u64) -> f64 {
    let row = bytes_per_token_and_layer(service);
    let size = groups(service, layers).size;
    let kept = match service.engine {
        Engine::Vllm(_) => blocks_a_sequence(service, layers) * BLOCK * row * size,
        Engine::Sglang => service.max_len as f64 * row * size,
        Engine::LlamaCpp { .. } => {
            let part = layers as f64 / service.architecture.layers as f64;
            let whole = service.architecture.full_layers() as f64 * service.max_len as f64;
            row * part * (whole + windows_of_llama_cpp(service).likely)
        }
    };
    kept + states_a_sequence(service, layers)
}

/// The bytes on a rank that the layers with linear attention keep of a sequence, however long it is; nothing where that
/// is not known. Heads are dealt to ranks (vllm/model_executor/layers/mamba/mamba_utils.py).
fn states_a_sequence(service: &Service, layers: u64) -> f64 {
    let model = &service.architecture;
    let part = layers as f64 / model.layers as f64;
    let each = model.linear_state.unwrap_or(0) as f64 * service.dtype.bytes();
    model.linear_layers as f64 * part * each / service.tensor_parallel as f64
}

/// Tokens that llama.cpp keeps in all layers with a window together. Before May 2025 those kept everything; since June
/// they keep the windows of the sequences that it serves at once, one to four by default, and a step
/// (src/llama-kv-cache-iswa.cpp; ggml-org/llama.cpp pull requests 13194 and 13833).
pub fn windows_of_llama_cpp(service: &Service) -> Interval {
    let model = &service.architecture;
    let Some(local) = model.local else {
        return Interval {
            low: 0.0,
            likely: 0.0,
            high: 0.0,
        };
    };
    let length = service.max_len as f64;
    let kept = |sequences: f64| {
        let tokens = sequences * local.window as f64 + service.batched_tokens as f64;
        local.layers as f64 * tokens.min(length)
    };
    let (one, four, all) = (kept(1.0), kept(4.0), local.layers as f64 * length);
    let build = match service.engine {
        Engine::LlamaCpp { build, .. } => build.unwrap_or(u64::MAX),
        _ => u64::MAX,
    };
    let (low, likely, high) = match build {
        ..5400 => (all, all, all),
        5400..5600 => (one, all, all),
        _ => (one, four, four),
    };
    Interval { low, likely, high }
}

fn blocks_a_sequence(service: &Service, layers: u64) -> f64 {
    let groups = groups(service, layers);
    let length = service.max_len as f64;
    let full = (length / BLOCK).ceil();
    let local = service.architecture.local.map_or(0.0, |local| {
        let (window, step) = (local.window as f64, service.batched_tokens as f64);
        if local.chunked {
            ((window + step).min(length) / BLOCK).ceil()
        } else {
            ((window - 1.0 + step).min(length) / BLOCK).ceil() + 1.0
        }
    });
    (groups.full * full + groups.local * local).max(1.0)
}
