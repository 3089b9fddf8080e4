//! How much a caller may ask for, and how much may be asked of a model.

pub(crate) mod applied;
pub(crate) mod demand;
pub(crate) mod headers;
pub(crate) mod limiter;
mod media;
pub(crate) mod owner;
mod places;
pub(crate) mod quota;
pub(crate) mod refusal;
#[cfg(feature = "redis")]
pub(crate) mod store;
#[cfg(feature = "jwt")]
pub(crate) mod subjects;
