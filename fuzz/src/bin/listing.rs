//! Where a server says that its branches are.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| pinrail::store::fuzzed::listing(bytes));
