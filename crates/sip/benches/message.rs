//! How long a message of a real server's takes: `cargo bench -p trunkline-sip`.

use std::hint::black_box;
use std::time::{Duration, Instant};

use bytes::Bytes;
use trunkline_sip::{Frame, Framer, Limits, Message, Response, check};

const INVITE: &[u8] = include_bytes!("../../../tests/fuzz/seeds/sip/invite");
const ROUNDS: u32 = 2_000;

fn main() {
    // A runner of tests asks every target for its tests, and this one has none.
    if std::env::args().any(|argument| argument == "--list") {
        return;
    }
    let bytes = Bytes::from_static(INVITE);
    let message = Message::parse(&bytes).expect("the seed is a message");
    let request = message.clone().request().expect("the seed is a request");
    let mut framer = Framer::new(Limits::default());
    println!("an INVITE of {} bytes, {} headers; the best of 50 rounds:", INVITE.len(), message.len());
    show("parse", || Message::parse(black_box(&bytes)).is_ok());
    show("parse from a stream", || {
        framer.push(black_box(INVITE));
        matches!(framer.pull(), Some(Frame::Message(_)))
    });
    show("serialise", || !black_box(&message).to_bytes().is_empty());
    show("clone", || !black_box(&message).clone().is_empty());
    show("check every header that routes and names", || check(black_box(&message)).is_ok());
    show("answer", || !Response::build(black_box(&request), 200).to_tag("t").done().to_bytes().is_empty());
}

fn show(name: &str, mut run: impl FnMut() -> bool) {
    let mut best = Duration::MAX;
    for _ in 0..50 {
        let start = Instant::now();
        let all = (0..ROUNDS).all(|_| black_box(run()));
        best = best.min(start.elapsed());
        assert!(all, "{name} failed");
    }
    println!("{:>8.2} µs  {name}", best.as_secs_f64() * 1e6 / f64::from(ROUNDS));
}
