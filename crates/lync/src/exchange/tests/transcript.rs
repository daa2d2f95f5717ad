//! How a recorded session is written down: each step's time in milliseconds, what happened, and what was sent then.

use std::time::Duration;

/// What happens at a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Event {
    /// The person does something: which of the story's deeds.
    Done(usize),
    /// The pool sent bytes.
    Received(Vec<u8>),
    /// It is time.
    Time,
}

/// A step, and the bytes that went out at it.
#[derive(Debug, Clone)]
pub(super) struct Step {
    pub(super) at: Duration,
    pub(super) event: Event,
    pub(super) sent: Vec<u8>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Transcript {
    pub(super) steps: Vec<Step>,
}

impl Transcript {
    pub(super) fn write(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for step in &self.steps {
            let at = step.at.as_millis();
            match &step.event {
                Event::Done(deed) => bytes.extend(format!("--- {at} do {deed}\n").into_bytes()),
                Event::Time => bytes.extend(format!("--- {at} time\n").into_bytes()),
                Event::Received(received) => put(&mut bytes, at, "from", received),
            }
            if !step.sent.is_empty() {
                put(&mut bytes, at, "to", &step.sent);
            }
        }
        bytes
    }

    pub(super) fn read(mut bytes: &[u8]) -> Self {
        let mut steps: Vec<Step> = Vec::new();
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
            bytes = &bytes[end + 1..];
            let mut words = head.split(' ').skip(1);
            let number = |words: &mut dyn Iterator<Item = &str>| -> u64 {
                words.next().and_then(|word| word.parse().ok()).unwrap_or_else(|| panic!("no number: {head}"))
            };
            let at = Duration::from_millis(number(&mut words));
            let event = match words.next() {
                Some("do") => Event::Done(number(&mut words) as usize),
                Some("time") => Event::Time,
                Some(way @ ("from" | "to")) => {
                    let (piece, rest) = bytes.split_at(number(&mut words) as usize);
                    bytes = &rest[1..];
                    if way == "to" {
                        steps.last_mut().expect("a step").sent = piece.to_vec();
                        continue;
                    }
                    Event::Received(piece.to_vec())
                }
                _ => panic!("what is this: {head}"),
            };
            steps.push(Step { at, event, sent: Vec::new() });
        }
        Self { steps }
    }
}

fn put(to: &mut Vec<u8>, at: u128, way: &str, bytes: &[u8]) {
    to.extend(format!("--- {at} {way} {}\n", bytes.len()).into_bytes());
    to.extend(bytes);
    to.push(b'\n');
}
