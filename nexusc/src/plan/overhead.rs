//! What an engine takes besides weights, activation and keys and values: contexts, communication, CUDA graphs.
//!
//! Measured constants of engine versions, each with how far it may be off. They are what is least known: measured on
//! few topologies, and different on others.

use crate::plan::service::{Card, Engine, Generation, Service, Stage, Vllm};

const GIB: f64 = 1_073_741_824.0;

/// A figure in bytes, and how far it may be off.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measured {
    /// The figure.
    pub bytes: f64,
    /// How far it may be off, either way.
    pub doubt: f64,
}

fn gib(value: f64, doubt: f64) -> Measured {
    Measured {
        bytes: value * GIB,
        doubt: doubt * GIB,
    }
}

/// Cards from here on are of data centres: engines have other defaults and NCCL larger buffers.
pub const LARGE_CARD: f64 = 70.0 * GIB;

/// What vLLM's profile finds outside PyTorch's allocator, beyond what was there before: NCCL's buffers, the work
/// space of attention, kernels that were loaded meanwhile.
pub fn non_torch(service: &Service, vllm: Vllm, card: &Card) -> Measured {
    let ranks = service.tensor_parallel as f64;
    let is_large = card.total >= LARGE_CARD;
    let is_single = service.tensor_parallel == 1;
    if service.pipeline_parallel > 1 {
        return gib(0.07, 0.3);
    }
    match (vllm.generation(), is_single) {
        // Its profile counted whatever happened on the card: 0.35 to 1.79, 3.6 to 7.7.
        (Generation::EarlyV0, true) => gib(1.0, 1.5),
        (Generation::EarlyV0, false) => gib(4.5, 4.5),
        (Generation::LateV0, true) => gib(0.05, 0.1),
        (Generation::LateV0, false) => gib(0.2, 0.6),
        (Generation::Sort, true) if is_large => gib(0.13, 0.15),
        (Generation::Sort, true) => gib(0.02, 0.1),
        (Generation::Sort, false) if is_large => gib(0.54, 0.9),
        (Generation::Sort, false) => gib(0.09, 0.5),
        (Generation::Triton | Generation::Later, true) => {
            gib(0.25, if card.is_hopper { 0.05 } else { 0.25 })
        }
        // On H100, 2.06 to 2.21 for two and four ranks.
        (Generation::Triton | Generation::Later, false) if is_large => {
            let width = service.architecture.hidden as f64 / 1024.0;
            let is_tried = card.is_hopper && matches!(service.tensor_parallel, 2 | 4);
            gib(
                1.98 + 0.0245 * ranks + 0.004 * ranks * width,
                if is_tried { 0.2 } else { 1.2 },
            )
        }
        // Elsewhere nobody has measured: between what older versions took there, and that.
        (Generation::Triton | Generation::Later, false) => gib(1.1, 1.1),
    }
}

/// What vLLM holds before it looks at the card, outside its budget: the CUDA context, which is 0.41 to 0.53 GiB on cards
/// of data centres and 0.17 to 0.5 on smaller ones; and in V1 NCCL's for several ranks (on H100 1.48 to 2.05 GiB with it;
/// smaller cards without NVLink take less), which V0 counts as its own.
pub fn before_budget(service: &Service, card: &Card) -> Measured {
    let ranks = service.tensor_parallel.max(service.pipeline_parallel);
    let is_large = card.total >= LARGE_CARD;
    match (service.is_v1() && ranks > 1, is_large) {
        (true, true) => gib(1.55, 0.5),
        (true, false) => gib(0.8, 0.4),
        (false, true) => gib(0.47, 0.1),
        (false, false) => gib(0.35, 0.2),
    }
}

/// CUDA graphs of a stage. Outside the budget before 0.21. Twice as many are captured where there may be adapters.
pub fn graphs(service: &Service, vllm: Vllm, card: &Card, stage: &Stage) -> Measured {
    if service.eager {
        return gib(0.0, 0.0);
    }
    let layers = stage.layers as f64;
    let captures = if service.lora_rank > 0 { 2.0 } else { 1.0 };
    let latent = if service.architecture.mla.is_some() {
        0.65
    } else {
        0.0
    };
    match vllm.generation() {
        Generation::EarlyV0 | Generation::LateV0 => gib(0.4, 0.4),
        Generation::Sort if vllm.minor <= 9 => gib(0.05 * layers, 0.025 * layers),
        _ if card.total >= LARGE_CARD => gib(captures * (0.54 + 0.013 * layers) + latent, 0.3),
        _ => gib(captures * (0.2 + 0.01 * layers) + latent, 0.25),
    }
}

/// What drawing tokens may take once more when vLLM warms up after it has made its cache: seen as 1.5 GiB with 1024
/// sequences and half a GiB with 256, of servers that ran into it.
pub fn warm_up(service: &Service) -> f64 {
    if service.architecture.pooling {
        return 0.0;
    }
    (0.17 + 1.33 * service.max_seqs.min(1024) as f64 / 1024.0) * GIB
}

/// The CUDA context of an engine that is not vLLM, with NCCL's for several ranks.
pub fn context(service: &Service) -> Measured {
    match service.engine {
        Engine::LlamaCpp { .. } => gib(0.4, 0.2),
        _ if service.tensor_parallel > 1 => gib(1.8, 0.6),
        _ => gib(0.6, 0.3),
    }
}
