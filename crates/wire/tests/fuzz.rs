//! The fuzz targets of this crate, over their seeds and some thousands of texts made of them.

#[path = "../../../tests/fuzz/src/activation.rs"]
mod activation;
#[path = "../../../tests/fuzz/src/frame.rs"]
mod frame;
#[path = "../../../tests/fuzz/src/mutation.rs"]
mod mutation;

#[test]
fn no_frame_breaks_the_parser_or_its_answers() {
    mutation::bend("frame", 5_000, frame::frame);
}

#[test]
fn no_body_breaks_the_activation() {
    mutation::bend("activation", 5_000, activation::activation);
}
