//! What windows count with, without a lock: the standard library's atomics. `runtime/loom` compiles them a second
//! time with loom's in their place, to try every order of their steps.

pub(crate) use std::hint::spin_loop;
pub(crate) use std::sync::atomic;
