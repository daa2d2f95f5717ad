//! The fuzz target of this crate, over its seeds and some thousands of streams made of them.

#[path = "../../../tests/fuzz/src/mutation.rs"]
mod mutation;
#[path = "../../../tests/fuzz/src/sip.rs"]
mod sip;

#[test]
fn no_stream_breaks_the_framing_or_the_headers() {
    mutation::bend("sip", 5_000, sip::sip);
}
