//! The recorded session again, with what the pool says bent at any byte.

use std::time::Duration;

use proptest::prelude::*;
use trunkline_sip::{Frame, Framer};
use trunkline_testkit::trial;

use super::{
    bench::Bench,
    file,
    transcript::{Event, Step, Transcript},
};

/// How long after the session's end it is still looked at.
const TAIL: Duration = Duration::from_secs(600);
/// Things to do within that time: the keep-alives and refreshes of one account, with room.
const MOST: usize = 2_000;

/// What becomes of a piece of what the pool said.
#[derive(Debug, Clone)]
enum Bend {
    Flip(u8),
    Cut,
    Double,
    Fill(Vec<u8>),
    Lose,
}

fn bends() -> impl Strategy<Value = Vec<(usize, usize, usize, Bend)>> {
    let words = prop_oneof![
        Just("4294967296"),
        Just("-1"),
        Just("0"),
        Just(";tag="),
        Just("\r\n\r\n"),
        Just("<sip:@>"),
        Just("SIP/2.0 200 OK\r\n"),
    ];
    let fill = prop_oneof![
        words.prop_map(|word| word.as_bytes().to_vec()),
        proptest::collection::vec(any::<u8>(), 0..64)
    ];
    let bend = prop_oneof![
        any::<u8>().prop_map(Bend::Flip),
        Just(Bend::Cut),
        Just(Bend::Double),
        fill.prop_map(Bend::Fill),
        Just(Bend::Lose),
    ];
    proptest::collection::vec((any::<usize>(), any::<usize>(), 1_usize..300, bend), 1..8)
}

/// Bends the piece of so many bytes that begins there.
fn bend(bytes: &mut Vec<u8>, at: usize, length: usize, bend: Bend) {
    let at = at % bytes.len().max(1);
    let end = (at + length).min(bytes.len());
    match bend {
        Bend::Flip(mask) => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= mask),
        Bend::Cut => drop(bytes.drain(at..end)),
        Bend::Double => {
            let piece = bytes[at..end].to_vec();
            bytes.splice(at..at, piece);
        }
        Bend::Fill(fill) => drop(bytes.splice(at..end, fill)),
        Bend::Lose => bytes.clear(),
    }
}

fn bent(mut steps: Vec<Step>, bends: Vec<(usize, usize, usize, Bend)>) -> Vec<Step> {
    let came: Vec<_> =
        (0..steps.len()).filter(|index| matches!(steps[*index].event, Event::Received(_))).collect();
    for (step, at, length, how) in bends {
        if let Event::Received(bytes) = &mut steps[came[step % came.len()]].event {
            bend(bytes, at, length, how);
        }
    }
    steps
}

/// Lives through the steps and some time after them; gives all that went out, and how often there was something to do
/// in that time.
fn live(bench: &mut Bench, steps: &[Step]) -> (Vec<u8>, usize) {
    let mut sent = Vec::new();
    for step in steps {
        sent.extend(bench.step(step.at, &step.event));
    }
    let last = steps.last().map_or(Duration::ZERO, |step| step.at);
    let mut turns = 0;
    while let Some(at) = bench.deadline().filter(|at| *at < last + TAIL && turns < MOST) {
        sent.extend(bench.step(at.max(last), &Event::Time));
        turns += 1;
    }
    (sent, turns)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: trial(48, 20_000) as u32,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_bent_session_neither_panics_nor_spins_and_what_is_sent_can_be_read(bends in bends()) {
        let recorded = std::fs::read(file()).expect("the transcript");
        let steps = bent(Transcript::read(&recorded).steps, bends);
        let (sent, turns) = live(&mut Bench::new(), &steps);
        prop_assert!(turns < MOST, "there is always something to do");
        let mut framer = Framer::default();
        framer.push(&sent);
        while let Some(frame) = framer.pull() {
            prop_assert!(!matches!(frame, Frame::Refused(_)), "{frame:?}");
        }
    }
}
