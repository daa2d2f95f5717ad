#![no_main]

#[path = "../src/frame.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| target::frame(bytes));
