#![no_main]

#[path = "../src/activation.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| target::activation(bytes));
