//! The plan as data: what `nexusc plan` prints, what is emitted, and what measured memory is compared with.

use serde::Serialize;

use crate::ir::{Engine, EngineMemory, Topology};
use crate::plan::Plan;
use crate::plan::advice::{self, Change, GpuSet};
use crate::plan::estimate::Interval;
use crate::plan::placement::{Part, Placed, Placement, Used};
use crate::plan::service::{Card, Service};
use crate::plan::verdict::Verdict;

/// The plan of a spec.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Report {
    /// What runs together.
    pub profiles: Vec<Profile>,
}

/// Services that run together.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Profile {
    /// Its name, where the spec has profiles.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The GPUs that are used.
    pub gpus: Vec<Gpu>,
    /// The services, in the order in which they start.
    pub services: Vec<Server>,
}

/// A GPU with what uses it. Sizes are bytes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Gpu {
    /// Its name.
    pub name: String,
    /// Its model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Its number on the machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<u64>,
    /// Its memory.
    pub memory: u64,
    /// What others use of it.
    pub reserved: u64,
    /// What services use of it.
    pub services: Vec<Use>,
    /// What is left; less than nothing where it is too much.
    pub free: i64,
    /// How far that may be off.
    pub doubt: u64,
    /// Whether all fit.
    pub verdict: Verdict,
}

/// What a service uses of a GPU, in bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Use {
    /// The upstream.
    pub upstream: String,
    /// Weights.
    pub weights: u64,
    /// Keys and values.
    pub kv: u64,
    /// The peak of a step.
    pub activation: u64,
    /// CUDA graphs.
    pub graphs: u64,
    /// Contexts and communication; of a service whose memory is stated, all of it.
    pub context: u64,
}

/// A service, with what it can serve.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Server {
    /// The upstream.
    pub upstream: String,
    /// Its engine.
    pub engine: &'static str,
    /// The engine's version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The model that it loads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weights: Option<String>,
    /// The GPUs that it runs on.
    pub gpus: Vec<String>,
    /// Whether it starts, and its cards hold all that is on them.
    pub verdict: Verdict,
    /// Its settings; of a service whose memory is stated, none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settings: Option<Settings>,
    /// What it can serve.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capacity: Option<Capacity>,
}

/// What a service is started with: what the spec says, and the engine's defaults.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Settings {
    /// GPUs that share each layer.
    pub tensor_parallel: u64,
    /// Groups of GPUs that have the layers one after the other.
    pub pipeline_parallel: u64,
    /// How the weights are kept.
    pub quantization: &'static str,
    /// How keys and values are kept.
    pub kv_cache_dtype: &'static str,
    /// The longest sequence.
    pub max_len: u64,
    /// The most sequences at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_num_seqs: Option<u64>,
    /// The most tokens of a step.
    pub batched_tokens: u64,
    /// The part of the card that it may use.
    pub memory_fraction: f64,
}

/// What a service can serve.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Capacity {
    /// Keys and values of a rank, in bytes: the least, the likely, the most.
    pub kv: Bounds,
    /// Tokens that they hold.
    pub tokens: Bounds,
    /// Sequences of the greatest length at once.
    pub sequences: f64,
    /// The bytes that one of them takes of a rank.
    pub bytes_a_sequence: u64,
    /// The greatest length that certainly fits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub longest: Option<u64>,
    /// What was planned, and the card as it finds it: for [`Server::answers`].
    #[serde(skip)]
    planned: (Box<Service>, Card),
}

/// Answers to the inverse questions about a service.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Answers {
    /// The upstream.
    pub upstream: String,
    /// What another setting would give.
    pub changes: Vec<Change>,
    /// The smallest GPUs that would do.
    pub gpus: Vec<GpuSet>,
}

impl Server {
    /// Answers to the inverse questions, which cost a hundred estimates; none where the memory is stated.
    pub fn answers(&self) -> Option<Answers> {
        let (service, card) = &self.capacity.as_ref()?.planned;
        Some(Answers {
            upstream: self.upstream.clone(),
            changes: advice::changes(service, card),
            gpus: advice::gpu_sets(service),
        })
    }
}

/// An interval of whole numbers; less than nothing is nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Bounds {
    /// The least.
    pub low: u64,
    /// What is likely.
    pub likely: u64,
    /// The most.
    pub high: u64,
}

impl From<Interval> for Bounds {
    fn from(interval: Interval) -> Self {
        Self {
            low: interval.low as u64,
            likely: interval.likely as u64,
            high: interval.high as u64,
        }
    }
}

/// Makes the report of a plan.
pub fn report(topology: &Topology, plan: &Plan) -> Report {
    let profile = |placement: &Placement| Profile {
        name: placement.profile.clone(),
        gpus: placement
            .cards
            .iter()
            .map(|card| gpu(topology, card))
            .collect(),
        services: placement
            .services
            .iter()
            .filter_map(|placed| server(topology, placement, placed))
            .collect(),
    };
    Report {
        profiles: plan.placements.iter().map(profile).collect(),
    }
}

fn gpu(topology: &Topology, used: &Used) -> Gpu {
    let gpu = topology.gpus.get(used.gpu);
    let uses = |part: &Part| Use {
        upstream: topology.upstreams.get(part.upstream).name.clone(),
        weights: part.weights as u64,
        kv: part.kv as u64,
        activation: part.activation as u64,
        graphs: part.graphs as u64,
        context: part.context as u64,
    };
    Gpu {
        name: gpu.name.clone(),
        model: gpu.model.clone(),
        index: gpu.index,
        memory: used.total as u64,
        reserved: used.reserved as u64,
        services: used.parts.iter().map(uses).collect(),
        free: used.free() as i64,
        doubt: used.parts.iter().map(|part| part.doubt).sum::<f64>() as u64,
        verdict: used.verdict,
    }
}

fn server(topology: &Topology, placement: &Placement, placed: &Placed) -> Option<Server> {
    let upstream = topology.upstreams.get(placed.upstream);
    let engine: &Engine = upstream.engine.as_ref()?;
    let service = match &engine.memory {
        EngineMemory::Planned(service) => Some(service.as_ref()),
        EngineMemory::Stated(_) => None,
    };
    let cards = placement.cards.iter();
    let mine = cards.filter(|card| engine.gpus.contains(&card.gpu));
    let verdict = mine
        .map(|card| card.verdict)
        .fold(placed.verdict.max(placed.start), Verdict::max);
    let name = |id| topology.gpus.get(id).name.clone();
    Some(Server {
        upstream: upstream.name.clone(),
        engine: engine.kind,
        version: engine.version.clone(),
        weights: engine.weights.clone(),
        gpus: engine.gpus.iter().copied().map(name).collect(),
        verdict,
        settings: service.map(settings),
        capacity: service.and_then(|service| capacity(service, placed)),
    })
}

fn settings(service: &Service) -> Settings {
    Settings {
        tensor_parallel: service.tensor_parallel,
        pipeline_parallel: service.pipeline_parallel,
        quantization: service.quantisation.name,
        kv_cache_dtype: service.kv_dtype.name,
        max_len: service.max_len,
        max_num_seqs: (service.max_seqs > 0).then_some(service.max_seqs),
        batched_tokens: service.batched_tokens,
        memory_fraction: service.memory_fraction,
    }
}

fn capacity(service: &Service, placed: &Placed) -> Option<Capacity> {
    let estimate = placed.estimate.as_ref()?;
    Some(Capacity {
        kv: estimate.kv.into(),
        tokens: estimate.tokens.into(),
        bytes_a_sequence: estimate.needed as u64,
        sequences: (estimate.sequences.likely.max(0.0) * 100.0).round() / 100.0,
        longest: advice::longest(service, &placed.card),
        planned: (Box::new(service.clone()), placed.card),
    })
}
