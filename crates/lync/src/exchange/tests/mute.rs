//! A server that hangs.

use std::time::Duration;

use trunkline_core::port::OutgoingMessage;
use trunkline_model::{MessageKey, MessageText, Timestamp};
use trunkline_sip::{Frame, Framer, Message, Method, Request, Response, name};
use uuid::Uuid;

use super::{LINE, bench::Bench, bob, transcript::Event};
use crate::exchange::Command;

pub(super) fn requests(bytes: &[u8]) -> Vec<Request> {
    let mut framer = Framer::default();
    framer.push(bytes);
    let frames = std::iter::from_fn(|| framer.pull());
    let request = |frame| match frame {
        Frame::Message(Message::Request(request)) => Some(request),
        _ => None,
    };
    frames.filter_map(request).collect()
}

/// What a server says that offers nothing but signing in.
fn answer(request: &Request) -> Response {
    match *request.method() == Method::REGISTER {
        true => {
            let contact = format!("{};expires=7200", request.text(name::CONTACT).expect("a Contact"));
            Response::build(request, 200).to_tag("fe").header(name::CONTACT, contact).done()
        }
        false => Response::build(request, 489).to_tag("fe").done(),
    }
}

/// Lets time pass, and gives the requests that go out.
pub(super) fn pass(bench: &mut Bench, until: Duration) -> Vec<Request> {
    let mut sent = Vec::new();
    while let Some(at) = bench.deadline().filter(|at| *at <= until) {
        sent.extend(requests(&bench.step(at, &Event::Time)));
    }
    sent
}

/// Answers everything until nothing more goes out.
fn settle(bench: &mut Bench, at: Duration, mut sent: Vec<Request>) {
    while let Some(request) = sent.pop() {
        let said = answer(&request).to_bytes().to_vec();
        sent.extend(requests(&bench.step(at, &Event::Received(said))));
        sent.extend(pass(bench, at));
    }
}

#[test]
fn a_server_that_hangs_is_left_when_not_even_the_next_hop_answers_an_invite() {
    let at = Duration::from_secs;
    let mut bench = Bench::new();
    let opening = bench.opening();
    let sent = requests(&bench.ask(at(1), Command::Open(Box::new(opening))));
    settle(&mut bench, at(1), sent);
    let message = OutgoingMessage {
        key: MessageKey(Uuid::from_u128(1)),
        peer: bob(),
        text: MessageText::stored("hello".to_owned()),
        sent_at: Timestamp::now(),
        turn: 1,
    };
    let reply = tokio::sync::oneshot::channel().0;
    let sent = requests(&bench.ask(at(10), Command::Send { line: LINE, message, reply }));
    assert!(sent.iter().any(|request| *request.method() == Method::INVITE), "{sent:?}");
    assert!(pass(&mut bench, at(41)).is_empty() && bench.is_open());
    pass(&mut bench, at(42));
    assert!(!bench.is_open());
}
