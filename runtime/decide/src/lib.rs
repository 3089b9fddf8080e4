//! What a gateway decides about a request, as pure functions: no IO, no clock, no state but counts of limits.
//!
//! ```text
//! admit   the model that a name means, and whether the caller may ask for it
//! limit   how much may be asked for in a window of time
//! walk    whom a request asks: the models in turn, and of each the candidates of its rule
//!   order   all upstreams of a rule, each once, by a draw and what they have in flight
//!   draw    the number that a choice goes by
//! outcome which answers are the client's, and what it is told when nobody has answered
//! ```
//!
//! Two use it, so that both decide alike: `runtime` for each request, and `nexusc` for the tests that a spec
//! holds. What else both have to agree on stands here too: [`log`], [`metric`], [`descriptors`]. What an upstream
//! or a model is, each of them says by itself ([`Candidate`], [`walk::Sight`]); with types that are known when it
//! is compiled, none of this costs more than if it stood in the caller.

pub mod admit;
pub mod descriptors;
pub mod draw;
pub mod hash;
pub mod limit;
pub mod log;
pub mod metric;
pub mod order;
pub mod outcome;
pub mod rule;
pub mod share;
mod sync;
pub mod walk;

/// An upstream, as far as rules tell upstreams apart.
pub trait Candidate: Copy {
    /// A number that its name alone decides: the [`hash::stable`] of it.
    fn identity(self) -> u64;
}
