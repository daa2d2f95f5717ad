use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use bytes::Bytes;
use trunkline_sip::{Frame, Framer, Limits, Message, check};

use crate::{Setting, figure::Figures};

/// As a server sends it.
const INVITE: &[u8] = include_bytes!("../../../../../tests/fuzz/seeds/sip/invite");
/// One measurement is the best of so many rounds: what else the machine does only ever adds.
const ROUNDS: u32 = 20;
/// How often each does its work.
const TIMES: u32 = 2_000;

/// What it costs to read an INVITE and to write one.
pub(crate) fn measure(setting: &Setting, figures: &mut Figures) -> Result<()> {
    let bytes = Bytes::from_static(INVITE);
    let message = Message::parse(&bytes).context("the seed is a message")?;
    let case = format!("INVITE, {} bytes, {} headers", INVITE.len(), message.len());
    for _ in 0..setting.plan.runs {
        let mut framer = Framer::new(Limits::default());
        let parse = best(|| Message::parse(black_box(&bytes)).is_ok());
        let framed = best(|| {
            framer.push(black_box(INVITE));
            matches!(framer.pull(), Some(Frame::Message(message)) if check(&message).is_ok())
        });
        let serialise = best(|| !black_box(&message).to_bytes().is_empty());
        let values =
            [("parse µs", parse), ("from a stream, checked µs", framed), ("serialise µs", serialise)];
        figures.add("sip", &case, &values);
    }
    Ok(())
}

/// Microseconds.
fn best(mut work: impl FnMut() -> bool) -> f64 {
    let mut best = Duration::MAX;
    for _ in 0..ROUNDS {
        let begin = Instant::now();
        for _ in 0..TIMES {
            black_box(work());
        }
        best = best.min(begin.elapsed());
    }
    best.as_secs_f64() * 1e6 / f64::from(TIMES)
}
