//! What a service takes on each of its cards, and what is left for keys and values: the engines' own accounting.

use crate::plan::activation::{self, Activation};
use crate::plan::overhead::{self, LARGE_CARD, Measured};
use crate::plan::service::{Card, Engine, Generation, Service, Stage, Vllm};
use crate::plan::{kv, weights};

const GIB: f64 = 1_073_741_824.0;

/// A figure that lies between two others.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Interval {
    /// The least that it may be.
    pub low: f64,
    /// What it most likely is.
    pub likely: f64,
    /// The most that it may be.
    pub high: f64,
}

/// What a rank of a stage takes of its card, in bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rank {
    /// Its layers.
    pub layers: u64,
    /// Weights, and what is kept beside them.
    pub weights: f64,
    /// The peak of a step.
    pub activation: f64,
    /// What the engine's profile finds outside PyTorch's allocator.
    pub non_torch: f64,
    /// CUDA graphs.
    pub graphs: f64,
    /// CUDA context and communication, from before the profile.
    pub context: f64,
    /// What is left for keys and values; negative where not even the rest fits.
    pub kv: Interval,
    /// How far the sum of it all may be off.
    pub doubt: f64,
}

impl Rank {
    /// All that it takes of its card.
    pub fn total(&self) -> f64 {
        let kv = self.kv.likely.max(0.0);
        self.weights + self.activation + self.non_torch + self.graphs + self.context + kv
    }
}

/// What a service takes, and what it can serve with it.
#[derive(Clone, Debug, PartialEq)]
pub struct Estimate {
    /// A rank of each stage.
    pub ranks: Vec<Rank>,
    /// Keys and values on the tightest rank, in bytes.
    pub kv: Interval,
    /// Tokens that they hold.
    pub tokens: Interval,
    /// Sequences of the greatest length at once.
    pub sequences: Interval,
    /// Bytes that one such sequence needs on the tightest rank.
    pub needed: f64,
}

/// Estimates a service whose ranks all have a card like this one.
pub fn estimate(service: &Service, card: &Card) -> Estimate {
    let ranks: Vec<Rank> = service
        .stages()
        .iter()
        .map(|stage| rank(service, card, stage))
        .collect();
    // The tightest rank decides for all of them, for each bound by itself.
    let least = |of: &dyn Fn(&Rank, f64) -> f64| {
        let bound = |choose: fn(&Interval) -> f64| {
            ranks
                .iter()
                .map(|rank| of(rank, choose(&rank.kv)))
                .fold(f64::INFINITY, f64::min)
        };
        Interval {
            low: bound(|kv| kv.low),
            likely: bound(|kv| kv.likely),
            high: bound(|kv| kv.high),
        }
    };
    Estimate {
        kv: least(&|_, bytes| bytes),
        tokens: least(&|rank, bytes| kv::tokens(service, rank.layers, bytes)),
        sequences: least(&|rank, bytes| kv::sequences(service, rank.layers, bytes)),
        needed: ranks
            .iter()
            .map(|rank| kv::bytes_a_sequence(service, rank.layers))
            .fold(0.0, f64::max),
        ranks,
    }
}

fn rank(service: &Service, card: &Card, stage: &Stage) -> Rank {
    let weights = weights::of_rank(service, stage);
    match service.engine {
        Engine::Vllm(vllm) => of_vllm(service, vllm, card, stage, weights),
        Engine::Sglang => of_sglang(service, card, stage, weights),
        Engine::LlamaCpp { .. } => of_llama_cpp(service, stage, weights),
    }
}

/// vllm/v1/worker/gpu_worker.py: what is left of a fixed part of the card after weights, the peak of a step and what
/// came up outside PyTorch; from 0.21 on CUDA graphs too.
fn of_vllm(service: &Service, vllm: Vllm, card: &Card, stage: &Stage, weights: f64) -> Rank {
    let generation = vllm.generation();
    let activation = activation::of_vllm(service, vllm, stage);
    let non_torch = overhead::non_torch(service, vllm, card);
    let graphs = overhead::graphs(service, vllm, card, stage);
    let context = overhead::before_budget(service, card);
    let budget = card.total * service.memory_fraction;
    let mut kv = budget - weights - activation.peak - non_torch.bytes;
    if generation == Generation::Later {
        kv -= graphs.bytes;
    }
    if vllm.charges_neighbours() {
        kv -= card.occupied;
    }
    let doubt = doubt_of_vllm(
        service, generation, card, weights, activation, non_torch, graphs,
    );
    Rank {
        layers: stage.layers,
        weights,
        activation: activation.peak,
        non_torch: non_torch.bytes,
        graphs: graphs.bytes,
        context: context.bytes,
        kv: Interval {
            high: kv + doubt + activation::spared_by_a_kernel(service, vllm, stage),
            ..around(kv, doubt)
        },
        doubt: (context.doubt + graphs.doubt).max(overhead::warm_up(service)),
    }
}

/// How far the memory for keys and values may be off. Parts are added, not squared: what is unknown about a version
/// or a card is unknown in the same direction for all of them.
fn doubt_of_vllm(
    service: &Service,
    generation: Generation,
    card: &Card,
    weights: f64,
    activation: Activation,
    non_torch: Measured,
    graphs: Measured,
) -> f64 {
    let model = &service.architecture;
    let mut doubt = doubt_of_weights(service, weights) + non_torch.doubt;
    // The peak of a step: four times what it was off where it was measured, for models that were not.
    doubt += 0.02 * activation.peak + 0.1 * GIB;
    if model.experts.is_some() {
        doubt += 0.15 * GIB;
    }
    if model.pooling {
        doubt += 0.4 * GIB;
    }
    if model.vision.is_some() {
        // V0 counts images by other rules than those that were measured.
        doubt += match (service.is_v1(), activation.is_of_encoder) {
            (true, false) => 0.1 * GIB + 0.3 * activation.images,
            (true, true) => 0.3 * GIB + 0.4 * activation.images,
            (false, _) => 1.0 * GIB + 0.6 * activation.images,
        };
    }
    if generation == Generation::Later {
        // Beyond the data: one point, and one of a build whose runner was written anew.
        doubt += graphs.doubt + 0.15 * activation.peak + 0.3 * GIB;
    }
    doubt + doubt_of_card(card, service.memory_fraction)
}

fn doubt_of_weights(service: &Service, weights: f64) -> f64 {
    let model = &service.architecture;
    let mut part = 0.002
        + if service.file_bytes.is_some() {
            0.0
        } else {
            service.quantisation.doubt
        };
    if model.vision.is_some() {
        part += 0.01;
    }
    if service.lora_rank > 0 {
        part += 0.01;
    }
    let mut doubt = part * weights + 0.02 * GIB;
    if service.cpu_offload > 0 {
        // Whole tensors are left out, and some releases bring a layer at a time back while they compute.
        doubt += (weights + service.cpu_offload as f64) / model.layers as f64;
    }
    if model.linear_layers > 0 && service.file_bytes.is_none() {
        doubt += 0.01 * weights;
        if model.linear_parameters.is_none() {
            // They are counted as if they had attention: their own projections differ with each kind.
            doubt += 0.5 * weights::of_linear_attention(service);
        }
    }
    doubt
}

/// The memory of a card of this model differs by driver and ECC.
fn doubt_of_card(card: &Card, fraction: f64) -> f64 {
    if card.is_exact {
        0.0
    } else {
        0.005 * card.total * fraction
    }
}

/// SGLang's `profile_max_num_token`: a part of what was free at the start, less what loading took. Steps and graphs
/// live in the rest, so keys and values do not depend on them.
fn of_sglang(service: &Service, card: &Card, stage: &Stage, weights: f64) -> Rank {
    let context = overhead::context(service);
    // What was free when it looked was so with its context.
    let (free, context_bytes) = match card.free {
        Some(free) => (free, 0.0),
        None => (card.total - card.occupied - context.bytes, context.bytes),
    };
    let kv = free * service.memory_fraction - weights;
    // Not logged by it: hidden state, residual, query and output of a step, as for vLLM.
    let activation = service.batched_tokens as f64
        * service.architecture.hidden as f64
        * service.dtype.bytes()
        * 4.0;
    // Loading leaves a little more than the weights: 0.5 to 5 % in the logs.
    let doubt = doubt_of_weights(service, weights)
        + 0.02 * weights
        + 0.1 * GIB
        + if card.free.is_some() {
            0.0
        } else {
            context.doubt * service.memory_fraction + doubt_of_card(card, service.memory_fraction)
        };
    let graphs = if service.eager { 0.0 } else { 1.0 * GIB };
    Rank {
        layers: stage.layers,
        weights,
        activation,
        non_torch: 0.0,
        graphs,
        context: context_bytes,
        kv: around(kv, doubt),
        doubt: graphs + 0.5 * GIB,
    }
}

/// llama.cpp takes what it needs: the cache of `max_len` tokens is made at the start, or the start fails.
fn of_llama_cpp(service: &Service, stage: &Stage, weights: f64) -> Rank {
    let context = overhead::context(service);
    let model = &service.architecture;
    let devices = service.tensor_parallel as f64;
    let compute = activation::of_llama_cpp(service, stage, service.tensor_parallel > 1);
    let part = stage.layers as f64 / model.layers as f64 / devices;
    let row = kv::bytes_per_token_and_layer(service) * part;
    let whole = model.full_layers() as f64 * service.max_len as f64;
    let windows = kv::windows_of_llama_cpp(service);
    let of = |tokens: f64| row * (whole + tokens);
    let kv = Interval {
        low: of(windows.low),
        likely: of(windows.likely),
        high: of(windows.high),
    };
    // Some layers on the CPU: which of them is not told, and a mixed file has better ones among them.
    let partial = if stage.is_last { 0.0 } else { 0.05 * weights };
    Rank {
        layers: stage.layers,
        weights,
        activation: compute,
        non_torch: 0.0,
        graphs: 0.0,
        context: context.bytes,
        kv,
        doubt: doubt_of_weights(service, weights)
            + partial
            + (kv.high - kv.low)
            + 0.25 * compute
            + context.doubt,
    }
}

fn around(likely: f64, doubt: f64) -> Interval {
    Interval {
        low: likely - doubt,
        likely,
        high: likely + doubt,
    }
}

/// The defaults of vLLM that depend on the card: tokens of a step and sequences at once, of the server
/// (vllm/engine/arg_utils.py, `_set_default_args_v1`).
pub fn vllm_defaults(vllm: Vllm, card: &Card, is_a100: bool, max_len: u64) -> (u64, u64) {
    match (vllm.v1, card.total >= LARGE_CARD && !is_a100) {
        (true, true) => (8192, 1024),
        (true, false) => (2048, 256),
        // Chunked prefill above 32 K of context.
        (false, _) if max_len > 32_768 => (2048, 256),
        (false, _) => (max_len.max(2048), 256),
    }
}
