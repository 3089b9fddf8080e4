//! Looks for input that breaks `nexusc_fuzz::spec_holds`.

#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|input: &[u8]| nexusc_fuzz::spec_holds(input));

/// Compiled for anything but fuzzing, it has nothing to do.
#[cfg(not(fuzzing))]
fn main() {}
