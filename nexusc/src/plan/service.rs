//! A model server as the plan sees it: an engine, a model, and the settings that memory follows from.

use crate::plan::architecture::Architecture;
use crate::plan::quantisation::{Dtype, KvDtype, Quantisation};

/// A model server.
#[derive(Clone, Debug, PartialEq)]
pub struct Service {
    /// What serves.
    pub engine: Engine,
    /// What is served.
    pub architecture: Architecture,
    /// The bytes of its weights where its files were read; else they are computed.
    pub file_bytes: Option<u64>,
    /// The type that it computes in.
    pub dtype: Dtype,
    /// How its weights are kept.
    pub quantisation: Quantisation,
    /// How its keys and values are kept.
    pub kv_dtype: KvDtype,
    /// GPUs that share each layer.
    pub tensor_parallel: u64,
    /// Groups of GPUs that have the layers one after the other.
    pub pipeline_parallel: u64,
    /// The longest sequence in tokens.
    pub max_len: u64,
    /// The most sequences at once.
    pub max_seqs: u64,
    /// The most tokens of one step; of llama.cpp, a micro-batch.
    pub batched_tokens: u64,
    /// The part of the card that it may use (vLLM: of its memory; SGLang: of what is free when it starts).
    pub memory_fraction: f64,
    /// Whether it captures no CUDA graphs.
    pub eager: bool,
    /// The rank of LoRA adapters that room is kept for; 0 for none.
    pub lora_rank: u64,
    /// Bytes of each rank's weights that stay in the memory of the machine.
    pub cpu_offload: u64,
    /// The most images and videos of a prompt.
    pub media: Media,
}

/// The most items of a prompt, of each kind; `None` where it is left to the engine, which takes one at least.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Media {
    /// Images.
    pub images: Option<u64>,
    /// Videos.
    pub videos: Option<u64>,
}

/// What serves a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// vLLM.
    Vllm(Vllm),
    /// SGLang.
    Sglang,
    /// llama.cpp's server.
    LlamaCpp {
        /// The number of its build, where it is stated: 6325 of `b6325`.
        build: Option<u64>,
        /// Whether attention is computed without its matrix (`--flash-attn`).
        flash_attention: bool,
        /// Layers on the GPUs, of which the output layer is one; `None` for all.
        gpu_layers: Option<u64>,
    },
}

/// A release of vLLM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vllm {
    /// The second part of its version: 19 of 0.19.0.
    pub minor: u64,
    /// Whether the V1 engine serves.
    pub v1: bool,
    /// How it draws tokens, if that is known to differ from what its version does.
    pub sampler: Option<Sampler>,
}

/// How tokens are drawn, which sets the peak of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sampler {
    /// PyTorch's sort.
    Sort,
    /// FlashInfer's or Triton's kernels, without a sort.
    Kernel,
}

/// Releases of vLLM that take memory alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Generation {
    /// V0 before 0.7, whose profile counted what was not its own.
    EarlyV0,
    /// V0 from 0.7.
    LateV0,
    /// V1 to 0.16: PyTorch's sort.
    Sort,
    /// V1 from 0.17 to 0.20: Triton's sampler.
    Triton,
    /// From 0.21: the estimate of CUDA graphs is part of the budget. Beyond the data.
    Later,
}

impl Vllm {
    /// What it takes memory like.
    pub fn generation(&self) -> Generation {
        match (self.v1, self.minor) {
            (false, ..=6) => Generation::EarlyV0,
            (false, _) => Generation::LateV0,
            (true, ..=16) => Generation::Sort,
            (true, 17..=20) => Generation::Triton,
            (true, _) => Generation::Later,
        }
    }

    /// How it draws tokens.
    pub fn sampler(&self) -> Sampler {
        self.sampler.unwrap_or(match self.generation() {
            Generation::Triton | Generation::Later => Sampler::Kernel,
            _ => Sampler::Sort,
        })
    }

    /// Whether it counts what others hold on its card as its own (0.6 and V1 of 0.8, measured).
    pub fn charges_neighbours(&self) -> bool {
        self.minor == 6 || self.v1 && self.minor == 8
    }
}

/// A card as an engine finds it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Card {
    /// Its memory in bytes, as the driver reports it.
    pub total: f64,
    /// Whether that is this card's own figure, and not that of its model.
    pub is_exact: bool,
    /// What others hold when the engine starts, in bytes.
    pub occupied: f64,
    /// What those take that start later, in bytes.
    pub later: f64,
    /// What is free when the engine looks, where that was logged.
    pub free: Option<f64>,
    /// Whether it is of a kind that the engine was measured on often (H100).
    pub is_hopper: bool,
}

/// A place in the pipeline: which part of the model a group of ranks has.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stage {
    /// Its layers.
    pub layers: u64,
    /// Whether it has the embedding.
    pub is_first: bool,
    /// Whether it has the output layer and draws tokens.
    pub is_last: bool,
}

impl Service {
    /// Whether the V1 engine of vLLM serves.
    pub fn is_v1(&self) -> bool {
        matches!(self.engine, Engine::Vllm(vllm) if vllm.v1)
    }

    /// The stages of the pipeline. Layers that are left over go to the stages before the last, as vLLM deals them
    /// (vllm/distributed/utils.py, `get_pp_indices`).
    pub fn stages(&self) -> Vec<Stage> {
        if let Engine::LlamaCpp {
            gpu_layers: Some(number),
            ..
        } = self.engine
        {
            let layers = self.architecture.layers;
            return vec![Stage {
                layers: number.min(layers),
                is_first: true,
                is_last: number > layers,
            }];
        }
        let stages = self.pipeline_parallel.clamp(1, 1024);
        let (each, over) = (
            self.architecture.layers / stages,
            self.architecture.layers % stages,
        );
        let stage = |index: u64| Stage {
            layers: each + u64::from(index + 1 < stages && index + 1 + over >= stages),
            is_first: index == 0,
            is_last: index + 1 == stages,
        };
        (0..stages).map(stage).collect()
    }
}
