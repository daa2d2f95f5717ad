//! Bodies as servers and clients of the dialect send them, and as they may be bent.

#[path = "../../../../tests/fuzz/src/body.rs"]
mod body;
mod conference;
mod contact;
#[path = "../../../../tests/fuzz/src/mutation.rs"]
mod mutation;
mod presence;
mod room;
mod sample;
mod strategy;
mod text;
mod xml;

#[test]
fn no_body_breaks_its_reader_and_what_is_written_reads_the_same() {
    mutation::bend("body", 1_500, body::body);
}
