//! What stands for the GPUs of this machine where a topology has none: nothing.

use serde::Serialize;

/// The GPUs of a topology, of which there are none without the feature `nvml`.
pub(crate) enum Gpus {}

/// A GPU as an administrator sees it.
#[derive(Serialize)]
pub(crate) enum GpuState {}

impl Gpus {
    /// How things are now.
    pub(crate) fn states(&self) -> Vec<GpuState> {
        match *self {}
    }
}
