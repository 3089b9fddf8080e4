//! The bytes that the weights of a rank take.
//!
//! Exact sums over the tensors of the layers, each as large as PyTorch's allocator makes it. That rounding is what
//! estimators leave out: it is up to 0.4 % of a model, in steps that depend on the tensor parallelism (Qwen2.5-72B:
//! 34.01 GiB a rank at TP 4, of which 0.12 are rounding).

use crate::plan::architecture::Experts;
use crate::plan::quantisation::{Q6_K, Quantisation, Scope};
use crate::plan::service::{Engine, Service, Stage};

const MIB: f64 = 1_048_576.0;

/// The bytes of the weights that a rank of this stage holds, with what engines keep beside them: tables of
/// rotations, buffers of LoRA adapters.
pub fn of_rank(service: &Service, stage: &Stage) -> f64 {
    let model = &service.architecture;
    let ranks = service.tensor_parallel as f64;
    let part = stage.layers as f64 / model.layers as f64;
    let embedding = embedding(service, stage);
    if let Some(bytes) = service.file_bytes {
        let whole = bytes as f64 / ranks;
        // What llama.cpp leaves to the CPU, the output layer first, has no bytes of its own in the sum.
        let output = match service.engine {
            Engine::LlamaCpp { .. } if !stage.is_last => self::embedding(
                service,
                &Stage {
                    is_last: true,
                    ..*stage
                },
            ),
            _ => 0.0,
        };
        let layers = (whole - output).max(0.0) * part;
        return layers - offloaded(service, layers) + beside(service);
    }
    let layers = layers(service) * part;
    let layers = layers - offloaded(service, layers);
    let vision = model
        .vision
        .map_or(0.0, |vision| vision.parameters as f64 * 2.0 / ranks);
    layers + embedding + vision + beside(service)
}

/// What of its layers a rank leaves in the memory of the machine: embeddings and output are never among it
/// (vllm/model_executor/models/utils.py, `maybe_offload_to_cpu`; of opt-6.7b 0.99 and 1.97 GiB were logged for 1 and 2).
fn offloaded(service: &Service, layers: f64) -> f64 {
    (service.cpu_offload as f64).min(layers)
}

/// The bytes that the layers with linear attention are counted with instead of their own projections, on one rank.
pub fn of_linear_attention(service: &Service) -> f64 {
    let model = &service.architecture;
    let heads = 2.0 * (model.heads + model.kv_heads) as f64;
    let projections = heads * model.head_dim as f64 * model.hidden as f64;
    let each = projections * service.dtype.bytes() / service.tensor_parallel as f64;
    model.linear_layers as f64 * each
}

/// The bytes of all layers on one rank.
fn layers(service: &Service) -> f64 {
    let model = &service.architecture;
    let dense = model
        .experts
        .map_or(0, |experts| experts.dense_layers.min(model.layers));
    let each = |from: u64, to: u64, experts: Option<Experts>| -> f64 {
        let better = if is_mixed(service.quantisation) {
            with_more_bits(to, model.layers) - with_more_bits(from, model.layers)
        } else {
            0
        };
        let plain = (to - from - better) as f64;
        better as f64 * layer(service, experts, true) + plain * layer(service, experts, false)
    };
    each(0, dense, None) + each(dense, model.layers, model.experts) + instead_of_attention(service)
}

/// What layers with linear attention take more than the attention that they were counted with, or less.
fn instead_of_attention(service: &Service) -> f64 {
    let model = &service.architecture;
    let Some(parameters) = model.linear_parameters else {
        return 0.0;
    };
    let linear = |parameters: f64| linear(service, parameters);
    let own = linear(parameters as f64 / service.tensor_parallel as f64);
    model.linear_layers as f64 * (own - attention(service, &linear, &linear))
}

/// The bytes of a matrix outside the experts.
fn linear(service: &Service, parameters: f64) -> f64 {
    let plain = service.dtype.bytes();
    match service.quantisation.scope {
        Scope::Experts => allocated(parameters * plain),
        _ => quantised(service.quantisation, parameters, plain),
    }
}

/// The bytes of one layer on one rank: with experts or without, and with the better type of a mixed preset or not.
fn layer(service: &Service, experts: Option<Experts>, more: bool) -> f64 {
    let model = &service.architecture;
    let ranks = service.tensor_parallel as f64;
    let (form, plain) = (service.quantisation, service.dtype.bytes());
    let linear = |parameters: f64| linear(service, parameters);
    // Values and down projections are what mixed presets of GGUF give more bits in some layers.
    let better = |parameters: f64| {
        if more {
            allocated(parameters * Q6_K)
        } else {
            linear(parameters)
        }
    };
    let hidden = model.hidden as f64;
    let mut bytes = 2.0 * hidden * plain;
    bytes += attention(service, &linear, &better);
    let Some(experts) = experts else {
        let up = if model.gated { 2.0 } else { 1.0 };
        let width = model.intermediate as f64 / ranks;
        return bytes + linear(up * width * hidden) + better(width * hidden);
    };
    let count = experts.count as f64;
    // vLLM pads the experts of gpt-oss to a multiple of 256 (its MXFP4 kernels).
    let width = match form.scope {
        Scope::Experts => experts.intermediate.next_multiple_of(256),
        _ => experts.intermediate,
    } as f64
        / ranks;
    bytes += quantised(form, count * 2.0 * width * hidden, plain);
    bytes += if more {
        allocated(count * width * hidden * Q6_K)
    } else {
        quantised(form, count * width * hidden, plain)
    };
    bytes += allocated(count * hidden * plain);
    if experts.bias {
        bytes += allocated(count * 2.0 * width * plain) + allocated(count * hidden * plain);
    }
    if experts.shared > 0 {
        let shared = experts.shared as f64 / ranks;
        bytes += linear(2.0 * shared * hidden) + better(shared * hidden);
    }
    bytes
}

fn attention(service: &Service, linear: &impl Fn(f64) -> f64, better: &impl Fn(f64) -> f64) -> f64 {
    let model = &service.architecture;
    let plain = service.dtype.bytes();
    let hidden = model.hidden as f64;
    let heads = model.heads as f64 / service.tensor_parallel as f64;
    if let Some(mla) = model.mla {
        let [kv, rope, nope, value] =
            [mla.kv_rank, mla.rope_dim, mla.nope_dim, mla.v_dim].map(|n| n as f64);
        let query = heads * (nope + rope);
        let down_and_query = match mla.q_rank {
            // What compresses is on every rank.
            Some(rank) => linear(hidden * (rank as f64 + kv + rope)) + linear(rank as f64 * query),
            None => linear(hidden * query) + linear(hidden * (kv + rope)),
        };
        let up = linear(kv * heads * (nope + value)) + linear(heads * value * hidden);
        // Copies that are multiplied into queries and outputs (vllm/v1/attention/backends/mla/common.py).
        let absorbed = allocated(kv * heads * nope * plain) + allocated(kv * heads * value * plain);
        return down_and_query + up + absorbed;
    }
    let width = model.head_dim as f64;
    let kv = model.kv_heads_per_rank(service.tensor_parallel) as f64 * width;
    let query = heads * width;
    let projections = if service.quantisation.is_gguf() {
        linear((query + kv) * hidden) + better(kv * hidden)
    } else {
        linear((query + 2.0 * kv) * hidden)
    };
    let bias = if model.attention_bias {
        allocated((query + 2.0 * kv) * plain)
    } else {
        0.0
    };
    projections + linear(query * hidden) + bias
}

/// The embedding and the output layer. Engines but llama.cpp keep them in the model's type, the vocabulary padded to
/// 64 (vllm/model_executor/layers/vocab_parallel_embedding.py).
fn embedding(service: &Service, stage: &Stage) -> f64 {
    let model = &service.architecture;
    let parameters = model.vocabulary.next_multiple_of(64) as f64 * model.hidden as f64
        / service.tensor_parallel as f64;
    let plain = service.dtype.bytes();
    let has_output = !model.pooling;
    let copies = match (stage.is_first, stage.is_last, model.tied) {
        (true, true, false) => 1.0 + f64::from(u8::from(has_output)),
        (false, false, _) => 0.0,
        _ => 1.0,
    };
    match (service.quantisation.scope, service.engine) {
        (
            Scope::File {
                mixed,
                output_as_base,
            },
            engine,
        ) => {
            let output = if output_as_base {
                service.quantisation.packed
            } else {
                Q6_K
            };
            let input = if mixed || output_as_base {
                service.quantisation.packed
            } else {
                output
            };
            // The output layer is the last that llama.cpp brings onto GPUs.
            if matches!(engine, Engine::LlamaCpp { .. }) && !stage.is_last {
                return 0.0;
            }
            // llama.cpp leaves the embedding on the CPU unless the output layer is the same tensor.
            let input = if matches!(engine, Engine::LlamaCpp { .. }) || model.tied {
                0.0
            } else {
                input
            };
            parameters * (output + input)
        }
        _ => copies * allocated(parameters * plain),
    }
}

/// What engines keep beside the weights.
fn beside(service: &Service) -> f64 {
    let model = &service.architecture;
    if matches!(service.engine, Engine::LlamaCpp { .. }) {
        return 0.0;
    }
    let plain = service.dtype.bytes();
    // vllm/model_executor/layers/rotary_embedding: cosine and sine of every position, one table for all layers.
    let table = if model.learned_positions {
        model.positions as f64 * model.hidden as f64 * plain
    } else {
        let width = model.mla.map_or(model.head_dim, |mla| mla.rope_dim) as f64;
        model.positions as f64 * model.rope_factor * width * plain
    };
    table + adapters(service)
}

/// The buffers of one LoRA adapter of the largest rank (vllm/lora/layers.py): both factors of each projection, and of
/// the embedding and the output layer.
fn adapters(service: &Service) -> f64 {
    if service.lora_rank == 0 {
        return 0.0;
    }
    let model = &service.architecture;
    let hidden = model.hidden as f64;
    let query = model.heads as f64 * model.head_dim as f64;
    let kv = model.kv_heads as f64 * model.head_dim as f64;
    let width = model.intermediate as f64;
    let widths = (3.0 * hidden + query + 2.0 * kv)
        + (query + hidden)
        + 2.0 * (hidden + width)
        + (width + hidden);
    let parameters = service.lora_rank as f64
        * (widths * model.layers as f64 + 2.0 * (model.vocabulary as f64 + hidden));
    parameters * service.dtype.bytes() / service.tensor_parallel as f64
}

fn quantised(form: Quantisation, parameters: f64, plain: f64) -> f64 {
    if form.packed == 0.0 {
        return allocated(parameters * plain);
    }
    allocated(parameters * form.packed) + allocated(parameters * form.scales)
}

/// What PyTorch's allocator takes for a tensor: from 10 MiB on, blocks are multiples of 2 MiB, and what is left over
/// is given to others only if it is more than 1 MiB (c10/cuda/CUDACachingAllocator.cpp: `kMinLargeAlloc`,
/// `kRoundLarge`, `should_split` with `kSmallSize`).
fn allocated(bytes: f64) -> f64 {
    if bytes < 10.0 * MIB {
        return (bytes / 512.0).ceil() * 512.0;
    }
    let block = (bytes / (2.0 * MIB)).ceil() * 2.0 * MIB;
    if block - bytes <= MIB { block } else { bytes }
}

fn is_mixed(form: Quantisation) -> bool {
    matches!(form.scope, Scope::File { mixed: true, .. })
}

/// How many of the first so many layers have the better type in llama.cpp's `_K_M` presets: the first and the last
/// eighth, and every third between (`use_more_bits` in llama-quant.cpp).
fn with_more_bits(before: u64, layers: u64) -> u64 {
    let (first, last) = (layers / 8, layers - layers.div_ceil(8));
    before.min(first) + (before.clamp(first, last) - first) / 3 + before.saturating_sub(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn better_layers_are_those_of_llama_cpp() {
        for layers in [1, 2, 7, 32, 80] {
            let has_more = |layer: u64| {
                let first = layers / 8;
                layer < first || layer >= 7 * layers / 8 || (layer - first) % 3 == 2
            };
            for before in 0..=layers {
                let counted = (0..before).filter(|layer| has_more(*layer)).count() as u64;
                assert_eq!(
                    with_more_bits(before, layers),
                    counted,
                    "{before} of {layers}"
                );
            }
        }
    }

    #[test]
    fn blocks_are_as_large_as_the_allocator_makes_them() {
        let mib = |number: f64| number * MIB;
        assert_eq!(allocated(1.0), 512.0);
        assert_eq!(allocated(mib(7.875)), mib(7.875));
        assert_eq!(allocated(mib(231.0)), mib(232.0));
        assert_eq!(allocated(mib(24.5)), mib(24.5));
    }
}
