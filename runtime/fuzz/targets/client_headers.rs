//! Looks for input that breaks `runtime::fuzz::client_headers`.

#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|input: &[u8]| runtime::fuzz::client_headers::hold(input));

/// Compiled for anything but fuzzing, it has nothing to do.
#[cfg(not(fuzzing))]
fn main() {}
