//! What a server says of a push.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| pinrail::store::fuzzed::report(bytes));
