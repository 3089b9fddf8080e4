//! The inverse questions: what fits at most, what another setting would give, and which GPUs would do.

use serde::Serialize;

use crate::catalogue;
use crate::plan::architecture::Vision;
use crate::plan::estimate::{Estimate, estimate};
use crate::plan::quantisation::{KvDtype, Quantisation};
use crate::plan::service::{Card, Engine, Service};
use crate::plan::verdict::{Verdict, of_service, room};

const GIB: f64 = 1_073_741_824.0;

/// What another setting would give.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    /// The setting, as the spec has it.
    pub setting: String,
    /// Whether it would start.
    pub verdict: Verdict,
    /// Tokens that there would be room for.
    pub tokens: u64,
    /// Sequences of the greatest length at once.
    pub sequences: f64,
}

/// GPUs that would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GpuSet {
    /// How many.
    pub number: u64,
    /// Of which model.
    pub model: &'static str,
}

/// The greatest length that certainly fits, up to what the model was made for; `None` where none does.
pub fn longest(service: &Service, card: &Card) -> Option<u64> {
    let fits = |length: u64| {
        let changed = Service {
            max_len: length,
            ..service.clone()
        };
        let (estimate, verdict) = judged(&changed, card);
        match service.engine {
            // The cache is as long as the sequence.
            Engine::LlamaCpp { .. } => verdict == Verdict::Fits,
            // What they take of a card does not depend on it.
            Engine::Vllm(_) | Engine::Sglang => {
                room(service, &estimate) == Verdict::Fits && estimate.kv.low >= estimate.needed
            }
        }
    };
    // Longer sequences never need less, so the answer is found by halving.
    let (mut fitting, mut beyond) = (0, service.architecture.positions.saturating_add(1));
    while beyond - fitting > 1 {
        let middle = fitting + (beyond - fitting) / 2;
        if fits(middle) {
            fitting = middle;
        } else {
            beyond = middle;
        }
    }
    // Blocks hold 16 tokens, so nobody writes anything between.
    let whole = if fitting < service.architecture.positions {
        fitting / 16 * 16
    } else {
        fitting
    };
    (whole > 0).then_some(whole)
}

/// The most layers of llama.cpp that certainly fit; `None` where it may have as many as it has, or none fits.
pub fn most_gpu_layers(service: &Service, card: &Card) -> Option<u64> {
    if !matches!(service.engine, Engine::LlamaCpp { .. }) {
        return None;
    }
    let fits = |number: &u64| judged(&with_gpu_layers(service, *number), card).1 == Verdict::Fits;
    if judged(service, card).1 == Verdict::Fits {
        return None;
    }
    (1..=service.architecture.layers.min(1024)).rev().find(fits)
}

fn with_gpu_layers(service: &Service, number: u64) -> Service {
    let mut changed = service.clone();
    if let Engine::LlamaCpp { gpu_layers, .. } = &mut changed.engine {
        *gpu_layers = Some(number);
    }
    changed
}

/// The least of each rank's weights, in GiB, that has to stay in the memory of the machine for the rest to fit certainly;
/// `None` where all fit, or not even half do. Whatever stays there comes over the bus in every step.
fn least_offload(service: &Service, card: &Card) -> Option<u64> {
    let Engine::Vllm(_) = service.engine else {
        return None;
    };
    let (estimate, verdict) = judged(service, card);
    if verdict == Verdict::Fits || service.cpu_offload > 0 {
        return None;
    }
    let half = estimate.ranks.first()?.weights / 2.0 / GIB;
    (1..=half.min(1024.0) as u64).find(|gib| {
        let changed = Service {
            cpu_offload: gib << 30,
            ..service.clone()
        };
        judged(&changed, card).1 == Verdict::Fits
    })
}

/// What other settings would give, each by itself.
pub fn changes(service: &Service, card: &Card) -> Vec<Change> {
    let mut tried: Vec<(String, Service)> = Vec::new();
    let mut attempt = |setting: String, change: &dyn Fn(&mut Service)| {
        let mut changed = service.clone();
        change(&mut changed);
        if changed != *service {
            tried.push((setting, changed));
        }
    };
    if let Engine::LlamaCpp {
        flash_attention, ..
    } = service.engine
    {
        for name in ["q8_0", "q4_0"] {
            attempt(format!("cache_type = \"{name}\""), &|service| {
                // It does not start with them otherwise.
                if flash_attention {
                    service.kv_dtype = KvDtype::find(name).unwrap_or(KvDtype::AUTO);
                }
            });
        }
        if let Some(number) = most_gpu_layers(service, card) {
            attempt(format!("n_gpu_layers = {number}"), &|service| {
                *service = with_gpu_layers(service, number);
            });
        }
        attempt("flash_attn = true".to_owned(), &|service| {
            if let Engine::LlamaCpp {
                flash_attention, ..
            } = &mut service.engine
            {
                *flash_attention = true;
            }
        });
        for name in ["gguf-q8_0", "gguf-q4_k_m"] {
            attempt(format!("quantization = \"{name}\""), &|service| {
                service.quantisation = Quantisation::find(name).unwrap_or(Quantisation::NONE);
            });
        }
    } else {
        attempt("kv_cache_dtype = \"fp8\"".to_owned(), &|service| {
            service.kv_dtype = KvDtype::find("fp8").unwrap_or(KvDtype::AUTO);
        });
        let has_video = |vision: Vision| vision.video_frames > 0;
        if service.architecture.vision.is_some_and(has_video) {
            attempt(
                "limit_mm_per_prompt = { video = 0 }".to_owned(),
                &|service| {
                    service.media.videos = Some(0);
                },
            );
        }
        for name in ["fp8", "awq-int4"] {
            // The bytes of files say nothing about another form of them.
            attempt(format!("quantization = \"{name}\""), &|service| {
                if service.quantisation == Quantisation::NONE && service.file_bytes.is_none() {
                    service.quantisation = Quantisation::find(name).unwrap_or(Quantisation::NONE);
                }
            });
        }
        let ranks = service.tensor_parallel.saturating_mul(2);
        attempt(format!("tensor_parallel = {ranks}"), &|service| {
            if service.architecture.heads.is_multiple_of(ranks) {
                service.tensor_parallel = ranks;
            }
        });
        if service.max_seqs > 64 {
            attempt("max_num_seqs = 64".to_owned(), &|service| {
                service.max_seqs = 64
            });
        }
        let field = match service.engine {
            Engine::Sglang => "mem_fraction_static",
            _ => "gpu_memory_utilization",
        };
        for percent in [80_u8, 85, 90, 95] {
            attempt(format!("{field} = \"{percent}%\""), &|service| {
                service.memory_fraction = f64::from(percent) / 100.0;
            });
        }
        if let Some(gib) = least_offload(service, card) {
            attempt(format!("cpu_offload = \"{gib}GiB\""), &|service| {
                service.cpu_offload = gib << 30;
            });
        }
    }
    tried
        .into_iter()
        .map(|(setting, changed)| {
            let (estimate, verdict) = judged(&changed, card);
            Change {
                setting,
                verdict,
                tokens: estimate.tokens.likely as u64,
                sequences: (estimate.sequences.likely * 100.0).round() / 100.0,
            }
        })
        .collect()
}

/// The sets of GPUs of one model of the catalogue on which the service certainly starts, the least memory first, at
/// most three.
pub fn gpu_sets(service: &Service) -> Vec<GpuSet> {
    let mut sets = Vec::new();
    // V1 of vLLM, and the types that models are published in, want compute capability 8.0.
    let oldest = match service.engine {
        Engine::Vllm(vllm) if vllm.v1 => 80,
        _ => 0,
    };
    for gpu in catalogue::gpus()
        .iter()
        .filter(|gpu| gpu.capability >= oldest)
    {
        let card = Card {
            total: gpu.memory as f64,
            is_exact: false,
            occupied: 0.0,
            later: 0.0,
            free: None,
            is_hopper: gpu.capability == 90,
        };
        let fits = |ranks: &u64| {
            let changed = Service {
                tensor_parallel: *ranks,
                pipeline_parallel: 1,
                ..service.clone()
            };
            service.architecture.heads.is_multiple_of(*ranks)
                && judged(&changed, &card).1 == Verdict::Fits
        };
        let number = [1, 2, 4, 8].into_iter().find(fits);
        sets.extend(number.map(|number| {
            (
                number * gpu.memory,
                GpuSet {
                    number,
                    model: gpu.name,
                },
            )
        }));
    }
    sets.sort_by_key(|(memory, set)| (*memory, set.number));
    sets.into_iter().map(|(_, set)| set).take(3).collect()
}

fn judged(service: &Service, card: &Card) -> (Estimate, Verdict) {
    let estimate = estimate(service, card);
    let verdict = of_service(service, card, &estimate);
    (estimate, verdict)
}
