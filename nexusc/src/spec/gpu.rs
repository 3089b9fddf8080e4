//! `[gpus.NAME]`

use schemars::JsonSchema;
use serde::Deserialize;

/// A GPU of a machine that upstreams run on, for the GPU plan.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Gpu {
    /// Its model: `"rtx-3090"`, `"h100-80gb"`. Its memory comes from the plan's catalogue. Default: unknown.
    pub model: Option<String>,
    /// Its memory as the driver reports it to a process, which is less than the name says: `"24146MiB"`. With
    /// `model`, it replaces the catalogue's figure, and is exact. Default: the catalogue's.
    pub memory: Option<String>,
    /// Its number on the machine, as `nvidia-smi` counts: servers are pinned to it, and the gateway tells what it does
    /// where it finds it on its own machine. Default: unknown.
    pub index: Option<u64>,
    /// Memory that others use, such as a desktop. Default: none.
    pub reserved: Option<String>,
}
