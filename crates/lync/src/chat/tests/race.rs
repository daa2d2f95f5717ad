//! What crosses on the way.

use std::time::Duration;

use trunkline_core::port::Outcome;
use trunkline_sip::{Method, Request, Response, name};

use super::invited::invite;
use super::side::{ALICE, BOB, Core, Side, address};
use super::way::Way;
use crate::chat::{Accept, Action, Event, Settings};

fn accepted(invite: &Request, tag: &str) -> Response {
    Response::build(invite, 200).to_tag(tag).header(name::CONTACT, "<sip:b@192.0.2.1>").done()
}

#[test]
fn two_that_invite_each_other_keep_one_dialog_and_every_message() {
    for (embeds, waits) in [(true, false), (false, false), (true, true)] {
        let settings = || Settings { embeds, ..Settings::default() };
        let mut way = Way::new(settings(), settings());
        if waits {
            way.bob.core = Core::Waits;
        }
        way.alice.send(1, "from alice", BOB);
        way.bob.send(2, "from bob", ALICE);
        way.settle();
        way.bob.core = Core::Commits;
        way.bob.commit_now(true);
        way.settle();
        way.alice.send(3, "more", BOB);
        way.settle();
        assert_eq!((way.alice.texts(), way.bob.texts()), (vec!["from bob"], vec!["from alice", "more"]));
        assert_eq!((way.alice.outcome(1), way.bob.outcome(2)), (&Outcome::Confirmed, &Outcome::Confirmed));
        assert_eq!((way.alice.chats.dialogs(), way.bob.chats.dialogs()), (1, 1), "{embeds} {waits}");
    }
}

#[test]
fn a_second_endpoint_that_accepts_is_thanked_and_left() {
    let mut alice = Side::new(ALICE, Settings { embeds: false, ..Settings::default() });
    alice.send(1, "one", BOB);
    let invite = alice.takes(&Method::INVITE);
    alice.receive(accepted(&invite, "desk").into());
    alice.takes(&Method::ACK);
    let message = alice.takes(&Method::MESSAGE);
    alice.receive(accepted(&invite, "phone").into());
    assert_eq!(alice.takes(&Method::ACK).to().unwrap().tag(), Some("phone"));
    assert_eq!(alice.takes(&Method::BYE).to().unwrap().tag(), Some("phone"));
    alice.receive(accepted(&invite, "desk").into());
    assert_eq!(alice.takes(&Method::ACK).to().unwrap().tag(), Some("desk"));
    assert_eq!(message.to().unwrap().tag(), Some("desk"));
    alice.is_quiet();
}

#[test]
fn an_invite_that_nobody_answers_is_cancelled_and_a_late_200_is_ended() {
    for late in [false, true] {
        let mut alice = Side::new(ALICE, Settings::default());
        alice.send(1, "one", BOB);
        let invite = alice.takes(&Method::INVITE);
        alice.receive(Response::build(&invite, 180).to_tag("b").done().into());
        alice.advance(Duration::from_secs(60));
        alice.takes(&Method::CANCEL);
        if late {
            alice.receive(accepted(&invite, "b").into());
            alice.takes(&Method::ACK);
            alice.takes(&Method::BYE);
        } else {
            alice.receive(Response::build(&invite, 487).to_tag("b").done().into());
            alice.takes(&Method::ACK);
        }
        let Outcome::Refused { permanent: false, reason } = alice.outcome(1) else { panic!("refused") };
        assert!(reason.contains("did not answer"), "{reason}");
        alice.is_quiet();
    }
}

#[test]
fn a_200_that_crosses_the_487_still_says_that_it_took_the_message() {
    let mut alice = Side::new(ALICE, Settings::default());
    alice.send(1, "one", BOB);
    let invite = alice.takes(&Method::INVITE);
    alice.receive(Response::build(&invite, 180).to_tag("b").done().into());
    alice.advance(Duration::from_secs(60));
    alice.takes(&Method::CANCEL);
    let mut taken = accepted(&invite, "b");
    taken.push(name::SUPPORTED, "ms-text-format");
    alice.receive(taken.into());
    assert_eq!(*alice.outcome(1), Outcome::Confirmed);
}

#[test]
fn a_200_after_the_487_is_ended_too() {
    let mut alice = Side::new(ALICE, Settings::default());
    alice.send(1, "one", BOB);
    let invite = alice.takes(&Method::INVITE);
    alice.receive(Response::build(&invite, 180).to_tag("b").done().into());
    alice.advance(Duration::from_secs(60));
    alice.takes(&Method::CANCEL);
    alice.receive(Response::build(&invite, 487).to_tag("b").done().into());
    alice.takes(&Method::ACK);
    alice.receive(accepted(&invite, "b").into());
    alice.takes(&Method::ACK);
    alice.takes(&Method::BYE);
    assert!(matches!(alice.outcome(1), Outcome::Refused { .. }));
}

#[test]
fn a_message_inside_an_invite_that_nobody_took_does_not_go_by_the_peers_own_dialog() {
    let mut alice = Side::new(ALICE, Settings::default());
    alice.send(1, "the peer may have it as a missed one", BOB);
    let ours = alice.takes(&Method::INVITE);
    alice.receive(Response::build(&ours, 180).to_tag("b").done().into());
    alice.receive(invite().done().into());
    let to = alice.answers(200).text(name::TO).unwrap().into_owned();
    let mut ack = super::invited::request(Method::ACK).done();
    ack.set(name::TO, to);
    alice.receive(ack.into());
    alice.is_quiet();
    alice.advance(Duration::from_secs(60));
    alice.takes(&Method::CANCEL);
    alice.receive(Response::build(&ours, 487).to_tag("b").done().into());
    alice.takes(&Method::ACK);
    alice.is_quiet();
    assert!(matches!(alice.outcome(1), Outcome::Refused { permanent: false, .. }));
    alice.send(2, "but the next one does", BOB);
    alice.takes(&Method::MESSAGE);
}

#[test]
fn byes_that_cross_are_both_answered() {
    let mut way = Way::new(Settings::default(), Settings::default());
    way.alice.send(1, "one", BOB);
    way.settle();
    way.alice.handle(Event::PersonEnds(address(BOB)));
    way.bob.handle(Event::PersonEnds(address(ALICE)));
    let (from_alice, from_bob) = (way.alice.takes(&Method::BYE), way.bob.takes(&Method::BYE));
    way.bob.receive(from_alice.into());
    way.alice.receive(from_bob.into());
    assert_eq!(way.bob.answers(200).cseq().unwrap().method, Method::BYE);
    assert_eq!(way.alice.answers(200).cseq().unwrap().method, Method::BYE);
    way.pass(Duration::from_secs(120));
    assert!(way.alice.chats.is_idle() && way.bob.chats.is_idle());
}

#[test]
fn a_message_that_crosses_a_bye_arrives_in_a_new_dialog() {
    let mut way = Way::new(Settings::default(), Settings::default());
    way.alice.send(1, "one", BOB);
    way.settle();
    way.bob.handle(Event::PersonEnds(address(ALICE)));
    way.alice.send(2, "two", BOB);
    way.settle();
    assert_eq!((way.bob.texts(), way.alice.outcome(2)), (vec!["one", "two"], &Outcome::Confirmed));
}

#[test]
fn a_peer_that_lost_the_dialog_replaces_it_and_only_the_same_conversation_in_silence() {
    for (conversation, is_silent) in [("c1", true), ("c2", false)] {
        let mut alice = Side::new(ALICE, Settings::default());
        alice.receive(invite().header(name::MS_CONVERSATION_ID, "c1").done().into());
        alice.answers(200);
        let mut again = invite().header(name::MS_CONVERSATION_ID, conversation).done();
        again.set(name::CALL_ID, "call-2");
        again.set(name::VIA, "SIP/2.0/TLS 192.0.2.1:5061;branch=z9hG4bK2");
        alice.receive(again.into());
        alice.answers(200);
        if !is_silent {
            alice.takes(&Method::BYE);
        }
        alice.is_quiet();
    }
}

#[test]
fn a_dialog_that_nobody_acknowledges_is_ended() {
    let mut alice = Side::new(ALICE, Settings::default());
    alice.receive(invite().done().into());
    alice.answers(200);
    alice.send(1, "waits for the ACK", BOB);
    alice.is_quiet();
    alice.advance(Duration::from_secs(33));
    alice.takes(&Method::BYE);
    alice.takes(&Method::INVITE);
}

#[test]
fn a_person_that_ends_the_chat_still_sends_what_was_written() {
    let mut way = Way::new(Settings::default(), Settings::default());
    way.alice.send(1, "one", BOB);
    way.alice.send(2, "two", BOB);
    way.alice.handle(Event::PersonEnds(address(BOB)));
    way.settle();
    assert_eq!(way.bob.texts(), ["one", "two"]);
    assert_eq!((way.alice.chats.dialogs(), way.bob.chats.dialogs()), (0, 0));
}

#[test]
fn a_cancel_while_the_core_commits_leaves_the_message_once() {
    let mut way = Way::new(Settings::default(), Settings { accept: Accept::Always, ..Settings::default() });
    way.bob.core = Core::Waits;
    way.alice.send(1, "one", BOB);
    way.settle();
    let ringing = way.alice.outcomes.is_empty();
    way.pass(Duration::from_secs(70));
    way.bob.commit_now(true);
    way.pass(Duration::from_secs(70));
    assert!(ringing && way.bob.texts() == ["one"]);
    assert!(!matches!(way.alice.outcome(1), Outcome::Confirmed | Outcome::NotSent));
    assert!(!way.bob.seen.iter().any(|action| matches!(action, Action::Missed { message: Some(_), .. })));
}

#[test]
fn a_message_that_comes_again_over_a_new_connection_is_answered_again_and_kept_once() {
    let mut way = Way::new(Settings { embeds: false, ..Settings::default() }, Settings::default());
    way.alice.send(1, "one", BOB);
    way.settle();
    way.alice.send(2, "two", BOB);
    let message = way.alice.takes(&Method::MESSAGE);
    way.bob.receive(message.clone().into());
    way.bob.answers(200);
    way.bob.lose();
    way.bob.restore();
    way.bob.receive(message.into());
    way.bob.answers(200);
    assert_eq!(way.bob.texts(), ["one", "two"]);
}
