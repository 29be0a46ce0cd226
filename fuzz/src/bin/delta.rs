//! Deltas: the length of a base, the base, and the delta.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| pinrail::store::fuzzed::delta(bytes));
