use trunkline_sip::body::MediaType;

/// A seed of the fuzz target: its media type and its body.
pub(crate) fn sample(name: &str) -> (MediaType, Vec<u8>) {
    let path =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fuzz/seeds/body").join(name);
    let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let end = bytes.iter().position(|byte| *byte == b'\n').expect("a first line");
    let media = MediaType::read(std::str::from_utf8(&bytes[..end]).expect("text"));
    (media, bytes[end + 1..].to_vec())
}
