//! Looks for input that breaks `runtime::fuzz::request`.

#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|input: &[u8]| runtime::fuzz::request::holds(input));

/// Compiled for anything but fuzzing, it has nothing to do.
#[cfg(not(fuzzing))]
fn main() {}
