//! A session that was recorded once is lived through again: the same comes in at the same time, and the same bytes have to
//! go out.

mod bench;
mod bent;
mod mute;
mod record;
mod rest;
mod transcript;

use std::{collections::BTreeSet, fs, path::PathBuf};

use trunkline_core::port::{OutgoingMessage, OwnPresence, RosterChange};
use trunkline_model::{Address, Availability, MessageKey, MessageText, Presence, Timestamp};
use trunkline_sip::{Frame, Framer, Message};
use uuid::Uuid;

use self::{
    bench::Bench,
    transcript::{Event, Step, Transcript},
};
use super::{Command, LineId};

/// What the person does, in this order, and what Bob does at his client while the session is recorded.
#[derive(Debug, Clone, Copy)]
enum Deed {
    Opens,
    Adds,
    Shows(Availability),
    Writes(u128, &'static str),
    Types,
    Ends,
    BobComes,
    BobWrites(&'static str),
    BobTypes,
    BobShows(&'static str),
}

const STORY: &[Deed] = &[
    Deed::Opens,
    Deed::Shows(Availability::Available),
    Deed::BobComes,
    Deed::Adds,
    Deed::BobShows("away"),
    Deed::Writes(1, "lunch?"),
    Deed::BobTypes,
    Deed::BobWrites("at one"),
    Deed::Types,
    Deed::Writes(2, "Grüße \u{1f44b} <b>&amp;"),
    Deed::BobWrites("see you"),
    Deed::Shows(Availability::Busy),
    Deed::Ends,
];

const LINE: LineId = LineId(1);

fn bob() -> Address {
    "bob@contoso.test".parse().expect("an address")
}

impl Deed {
    /// What the exchange is asked for; nothing if it is Bob's deed.
    fn command(self, bench: &Bench) -> Option<Command> {
        Some(match self {
            Self::Opens => Command::Open(Box::new(bench.opening())),
            Self::Adds => {
                let change = RosterChange::AddContact(bob(), None);
                Command::Change { line: LINE, change, reply: tokio::sync::oneshot::channel().0 }
            }
            Self::Shows(availability) => {
                let presence = Presence { availability, devices: 1, ..Presence::offline() };
                let own = OwnPresence { presence, chosen: Some(availability) };
                Command::Publish { line: LINE, own: Box::new(own) }
            }
            Self::Writes(key, text) => {
                let message = OutgoingMessage {
                    key: MessageKey(Uuid::from_u128(key)),
                    peer: bob(),
                    text: MessageText::stored(text.to_owned()),
                    sent_at: Timestamp::now(),
                    turn: u64::try_from(key).expect("a small number"),
                };
                Command::Send { line: LINE, message, reply: tokio::sync::oneshot::channel().0 }
            }
            Self::Types => Command::Typing { line: LINE, peer: bob(), composing: true },
            Self::Ends => Command::Close { line: LINE, closed: None },
            Self::BobComes | Self::BobWrites(_) | Self::BobTypes | Self::BobShows(_) => return None,
        })
    }
}

/// Where the recorded sessions lie.
fn file() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/transcript/line.txt"))
}

#[test]
fn peer_recorded_session_replays_byte_for_byte() {
    if std::env::var_os("TRUNKLINE_RECORD").is_some() {
        fs::write(file(), record::record(STORY).write()).expect("the transcript can be written");
    }
    let recorded = fs::read(file()).expect("the transcript");
    let transcript = Transcript::read(&recorded);
    let mut replayed = Transcript::default();
    let mut bench = Bench::new();
    for step in &transcript.steps {
        let sent = bench.step(step.at, &step.event);
        let what = format!("at {:?} after {:?}", step.at, step.event);
        assert_eq!(String::from_utf8_lossy(&sent), String::from_utf8_lossy(&step.sent), "{what}");
        replayed.steps.push(Step { at: step.at, event: step.event.clone(), sent });
    }
    assert!(replayed.write() == recorded, "the transcript is written as it was read");
    let sent: Vec<u8> = transcript.steps.iter().flat_map(|step| step.sent.clone()).collect();
    let said = methods(&sent);
    for method in ["REGISTER", "SUBSCRIBE", "SERVICE", "INVITE", "ACK", "MESSAGE", "INFO", "BYE"] {
        assert!(said.contains(method), "no {method} in {said:?}");
    }
}

/// The methods of the requests in a stream.
fn methods(bytes: &[u8]) -> BTreeSet<String> {
    let mut framer = Framer::default();
    framer.push(bytes);
    let frames = std::iter::from_fn(|| framer.pull());
    let method = |frame| match frame {
        Frame::Message(Message::Request(request)) => Some(request.method().to_string()),
        _ => None,
    };
    frames.filter_map(method).collect()
}

#[test]
fn a_session_with_another_inbound_byte_does_not_replay() {
    let transcript = Transcript::read(&fs::read(file()).expect("the transcript"));
    let mut bench = Bench::new();
    let differs = transcript.steps.iter().any(|step| {
        let event = match &step.event {
            Event::Received(bytes) => {
                let text = String::from_utf8_lossy(bytes).replace(";tag=", ";tag=Z");
                let grown = text.len() - bytes.len();
                assert!(grown < 100, "no body has tags");
                Event::Received(text.into_bytes())
            }
            other => other.clone(),
        };
        bench.step(step.at, &event) != step.sent
    });
    assert!(differs);
}
