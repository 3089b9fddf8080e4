//! Responses on their way to clients.

pub(crate) mod body;
pub(crate) mod field;
pub(crate) mod keep_alive;
pub(crate) mod observer;
pub(crate) mod relay;
pub(crate) mod usage;
