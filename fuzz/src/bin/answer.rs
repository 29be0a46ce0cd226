//! The answer to a fetch, as far as the pack in it.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| pinrail::store::fuzzed::answer(bytes));
