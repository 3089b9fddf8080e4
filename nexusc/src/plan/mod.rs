//! Topology -> plan: what each service takes of its GPUs, and what is left for keys and values.
//!
//! Pure arithmetic over figures of models, cards and engines. Formulas are those of the engines, with the place where
//! they stand; what no source gives is a measured constant, with how far it may be off. Bytes are `f64`: whole numbers
//! to 2^53, and absurd input becomes an absurd number instead of a panic.

pub mod activation;
pub mod architecture;
pub mod estimate;
pub mod kv;
pub mod overhead;
pub mod points;
pub mod quantisation;
pub mod service;
pub mod verdict;
pub mod weights;
