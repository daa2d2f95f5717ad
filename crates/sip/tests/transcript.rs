//! Recorded sessions: everything that was said is a message, and is written as it was read, byte for byte.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::{collections::BTreeMap, fs, path::Path};

use trunkline_sip::{Frame, Framer, check};

/// The bytes of a recorded session, by direction.
fn streams(name: &str) -> BTreeMap<String, Vec<u8>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/transcript").join(name);
    let recorded = fs::read(path).unwrap();
    let (mut rest, mut streams) = (&recorded[..], BTreeMap::<String, Vec<u8>>::new());
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let head = String::from_utf8(rest[..end].to_vec()).unwrap();
        rest = &rest[end + 1..];
        let words: Vec<_> = head.split(' ').collect();
        if let ["---", _, way @ ("from" | "to"), length] = words[..] {
            let (said, left) = rest.split_at(length.parse().unwrap());
            streams.entry(way.to_owned()).or_default().extend(said);
            rest = &left[1..];
        }
    }
    streams
}

#[test]
fn recorded_sessions_are_written_as_they_were_read() {
    for (name, least) in [("line.txt", 15), ("pidgin.txt", 15)] {
        let streams = streams(name);
        assert_eq!(streams.len(), 2, "{name}: both directions");
        for (way, said) in streams {
            for size in [said.len(), 1_400, 1] {
                let (mut framer, mut written, mut count) = (Framer::default(), Vec::new(), 0);
                for piece in said.chunks(size) {
                    framer.push(piece);
                    while let Some(frame) = framer.pull() {
                        let Frame::Message(message) = frame else { panic!("{name} {way}: {frame:?}") };
                        check(&message).unwrap();
                        written.extend(message.to_bytes());
                        count += 1;
                    }
                }
                assert!(written == said, "{name} {way} in pieces of {size}");
                assert!(count >= least, "{name} {way}: only {count} messages");
            }
        }
    }
}
