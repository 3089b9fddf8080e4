//! The OpenAI-compatible surface: how requests and answers of that API look.

pub(crate) mod body;
pub(crate) mod breakers;
pub(crate) mod cors;
pub(crate) mod fault;
pub(crate) mod fields;
pub(crate) mod health;
pub(crate) mod json;
pub(crate) mod models;
pub(crate) mod rewrite;
pub(crate) mod scan;
mod span;
pub(crate) mod stream_options;
