//! Packet lines.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| pinrail::store::fuzzed::packet(bytes));
