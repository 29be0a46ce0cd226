//! Packs: the bytes before the checksum, which is put right.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| pinrail::store::fuzzed::pack(bytes));
