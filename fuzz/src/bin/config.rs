//! The configuration, `pinrail.yaml`.
#![no_main]

use pinrail::domain::config::Config;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Err(error) = Config::parse(bytes) {
        assert!(!error.to_string().is_empty());
    }
});
