//! What serves upstreams, on which GPUs.

use crate::ir::container::Container;
use crate::ir::table::{Id, Named};
use crate::ir::upstream::Upstream;
use crate::key_path::KeyPath;
use crate::plan::service::Service;

/// What serves an upstream, on which GPUs.
#[derive(Debug)]
pub struct Engine {
    /// `[upstreams.NAME.engine]`.
    pub path: KeyPath,
    /// The table that says what it is: `vllm`.
    pub kind: &'static str,
    /// Its version, where one is stated.
    pub version: Option<String>,
    /// The name of the model that it loads.
    pub weights: Option<String>,
    /// Its GPUs.
    pub gpus: Vec<Id<Gpu>>,
    /// The upstreams that are up before it starts.
    pub after: Vec<Id<Upstream>>,
    /// The profile that it is of; `None` for all.
    pub profile: Option<String>,
    /// What it takes of them.
    pub memory: EngineMemory,
    /// What starts it, where the spec says so.
    pub container: Option<Container>,
}

impl Engine {
    /// The most sequences at once, where the engine is told.
    pub fn most_sequences(&self) -> Option<u64> {
        match &self.memory {
            EngineMemory::Planned(service) => (service.max_seqs > 0).then_some(service.max_seqs),
            EngineMemory::Stated(_) => None,
        }
    }
}

/// What an engine takes of each of its GPUs.
#[derive(Debug)]
pub enum EngineMemory {
    /// What the plan finds.
    Planned(Box<Service>),
    /// So many bytes, as the spec says.
    Stated(u64),
}

/// A GPU that upstreams run on.
#[derive(Debug)]
pub struct Gpu {
    /// Its name.
    pub name: String,
    /// `[gpus.NAME]`.
    pub path: KeyPath,
    /// Its model, if that is known.
    pub model: Option<String>,
    /// Its memory in bytes; `None` where it is not known, which is reported.
    pub memory: Option<u64>,
    /// Whether that is this card's own figure, and not that of its model.
    pub is_exact: bool,
    /// Its CUDA compute capability: 86 for 8.6.
    pub capability: u64,
    /// Its number on the machine.
    pub index: Option<u64>,
    /// Memory that others use, in bytes.
    pub reserved: u64,
}

impl Named for Gpu {
    fn name(&self) -> &str {
        &self.name
    }
}
