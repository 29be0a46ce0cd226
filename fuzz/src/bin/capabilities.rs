//! What a server says that it can do.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| pinrail::store::fuzzed::capabilities(bytes));
