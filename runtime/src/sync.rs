//! What threads share without a lock, or with one beside: the standard library's, and loom's in its place where
//! `runtime/loom` compiles the files that use this a second time, to try every order of their steps.

#[cfg(loom)]
pub(crate) use loom::{
    hint::spin_loop,
    sync::{Mutex, MutexGuard, atomic},
};
#[cfg(not(loom))]
pub(crate) use std::sync::{Mutex, MutexGuard, atomic};
