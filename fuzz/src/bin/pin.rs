//! Pin files: what can be read is written so that the same is read again.
#![no_main]

use pinrail::domain::pin::Pin;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(pin) = Pin::parse(bytes) {
        let written = pin.to_bytes();
        let again = Pin::parse(&written).expect("what is written can be read");
        assert_eq!(again, pin);
        assert_eq!(again.to_bytes(), written);
    }
});
