#![no_main]

#[path = "../src/config.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| target::config(bytes));
