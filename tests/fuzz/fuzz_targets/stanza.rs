#![no_main]

// The filter is private to its crate, so its text is taken in here.
#[allow(dead_code)]
#[path = "../../../crates/xmpp/src/guard/filter.rs"]
mod filter;
#[path = "../src/stanza.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| target::stanza(bytes, |bytes, parts| {
    let (mut filter, mut passed) = (filter::Filter::default(), filter::Passed::default());
    for part in bytes.chunks(parts) {
        filter.pass(part, &mut passed).map_err(|_| ())?;
    }
    Ok((passed.bytes, passed.borders))
}));
