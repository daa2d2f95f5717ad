#![no_main]

#[path = "../src/sip.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| target::sip(bytes));
