//! A model server without a model.
//!
//! [`answer`] takes the body of an OpenAI request and returns what a model server would: a pure function,
//! so the same request always has the same answer. It never reads a clock, a file or the network.
//!
//! With the feature `server` the crate also has [`server::FakeModel`], an HTTP server that answers the same
//! way and can be scripted to fail in every way that a real one does.

mod answer;
mod chat;
mod completion;
mod embedding;
mod endpoint;
mod error;
mod events;
mod identity;
mod models;
mod plausible;
#[cfg(feature = "server")]
pub mod server;
mod words;

pub use crate::answer::{Answer, AnswerBody};
pub use crate::endpoint::answer;
