#![no_main]

#[path = "../src/body.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| target::body(bytes));
