//! The first message, and those after it.

use std::time::Duration;

use trunkline_core::port::Outcome;
use trunkline_sip::body::text::read_header;
use trunkline_sip::{Method, Response, name};

use super::side::{ALICE, BOB, Core, Side, address};
use super::way::Way;
use crate::chat::{Accept, Action, Event, Settings};

fn both() -> Way {
    Way::new(Settings::default(), Settings::default())
}

fn accept(side: &mut Side, tokens: &[&str]) {
    let invite = side.takes(&Method::INVITE);
    assert_eq!(read_header(&invite.text(name::MS_TEXT_FORMAT).unwrap()).unwrap(), "one");
    let mut build = Response::build(&invite, 200).to_tag("b").header(name::CONTACT, "<sip:b@192.0.2.1>");
    for token in tokens {
        build = build.header(name::SUPPORTED, token);
    }
    side.receive(build.done().into());
    side.takes(&Method::ACK);
}

#[test]
fn a_first_message_that_was_taken_out_of_the_invite_is_not_sent_again() {
    for token in ["ms-text-format", "ms-embedded-first-message"] {
        let mut alice = Side::new(ALICE, Settings::default());
        alice.send(1, "one", BOB);
        accept(&mut alice, &["ms-sender", token]);
        alice.is_quiet();
        assert_eq!(*alice.outcome(1), Outcome::Confirmed, "{token}");
    }
}

#[test]
fn a_first_message_that_was_not_taken_follows_the_ack() {
    let mut alice = Side::new(ALICE, Settings::default());
    alice.send(1, "one", BOB);
    accept(&mut alice, &["ms-sender"]);
    let message = alice.takes(&Method::MESSAGE);
    assert_eq!((message.body().as_ref(), message.cseq().unwrap().number), (&b"one"[..], 2));
    assert!(alice.outcomes.is_empty());
    alice.receive(Response::build(&message, 200).done().into());
    assert_eq!(*alice.outcome(1), Outcome::Confirmed);
}

#[test]
fn messages_arrive_once_and_in_order_whatever_the_invite_carries() {
    for embeds in [true, false] {
        let settings = || Settings { embeds, ..Settings::default() };
        let mut way = Way::new(settings(), settings());
        way.alice.send(1, "one", BOB);
        way.alice.send(2, "two\nlines", BOB);
        way.settle();
        way.bob.send(3, "three", ALICE);
        way.settle();
        way.alice.send(4, "four", BOB);
        way.settle();
        assert_eq!(way.bob.texts(), ["one", "two\nlines", "four"]);
        assert_eq!(way.alice.texts(), ["three"]);
        assert_eq!([1, 2, 4].map(|key| way.alice.outcome(key).clone()), [const { Outcome::Confirmed }; 3]);
        assert_eq!((way.alice.chats.dialogs(), way.bob.chats.dialogs()), (1, 1));
    }
}

#[test]
fn a_text_inside_an_invite_that_does_not_offer_it_is_left_to_the_message_that_follows() {
    let mut way = both();
    way.alice.send(1, "one", BOB);
    let mut invite = way.alice.takes(&Method::INVITE);
    let others: Vec<_> = invite.all(name::SUPPORTED).map(|each| each.text().into_owned()).collect();
    invite.remove(name::SUPPORTED);
    for each in others.iter().filter(|each| *each != "ms-embedded-first-message") {
        invite.push(name::SUPPORTED, each);
    }
    way.bob.receive(invite.into());
    assert!(way.bob.texts().is_empty());
    way.settle();
    assert_eq!((way.bob.texts(), way.alice.outcome(1)), (vec!["one"], &Outcome::Confirmed));
}

#[test]
fn nothing_is_confirmed_before_the_core_has_it() {
    let mut way = both();
    way.bob.core = Core::Waits;
    way.alice.send(1, "one", BOB);
    way.settle();
    assert!(way.alice.outcomes.is_empty() && way.bob.chats.dialogs() == 0);
    way.bob.commit_now(true);
    way.settle();
    assert_eq!(*way.alice.outcome(1), Outcome::Confirmed);
    way.alice.send(2, "two", BOB);
    way.settle();
    assert!(!way.alice.outcomes.contains_key(&super::side::key(2)));
    way.bob.commit_now(false);
    way.settle();
    assert!(matches!(way.alice.outcome(2), Outcome::Refused { permanent: false, .. }));
}

#[test]
fn a_core_that_cannot_take_the_first_message_refuses_the_invitation() {
    let mut way = both();
    way.bob.core = Core::Fails;
    way.alice.send(1, "one", BOB);
    way.settle();
    assert!(matches!(way.alice.outcome(1), Outcome::Refused { permanent: false, .. }));
    assert!(way.bob.texts().is_empty() && way.bob.chats.is_idle() && way.alice.chats.is_idle());
}

#[test]
fn a_long_text_goes_in_parts_and_is_confirmed_when_all_are() {
    let mut way = both();
    let long = "wörter ".repeat(2_000);
    way.alice.send(1, &long, BOB);
    way.settle();
    assert_eq!((way.bob.texts().len(), way.bob.texts().concat()), (3, long));
    assert_eq!(*way.alice.outcome(1), Outcome::Confirmed);
}

#[test]
fn a_text_of_which_a_part_arrived_says_so_when_the_rest_is_refused() {
    let mut way = both();
    way.bob.core = Core::Waits;
    way.alice.send(1, &"x".repeat(8_000), BOB);
    way.settle();
    way.bob.commit_now(true);
    way.settle();
    way.bob.commit_now(false);
    way.settle();
    let Outcome::Refused { permanent: false, reason } = way.alice.outcome(1) else { panic!("refused") };
    assert!(reason.starts_with("only 1 of 2 parts arrived"), "{reason}");
}

#[test]
fn typing_is_told_and_ends_by_itself() {
    let mut way = both();
    way.alice.send(1, "one", BOB);
    way.settle();
    way.bob.seen.clear();
    for _ in 0..3 {
        way.alice.handle(Event::PersonTypes { peer: address(BOB), composing: true });
        way.pass(Duration::from_secs(2));
    }
    assert!(matches!(way.bob.seen[..], [Action::Typing { composing: true, .. }]), "{:?}", way.bob.seen);
    way.pass(Duration::from_secs(20));
    assert!(matches!(way.bob.seen[..], [_, Action::Typing { composing: false, .. }]), "{:?}", way.bob.seen);
}

#[test]
fn a_dialog_without_words_ends_after_twelve_minutes() {
    let mut way = both();
    way.alice.send(1, "one", BOB);
    way.pass(Duration::from_secs(11 * 60));
    assert_eq!(way.bob.chats.dialogs(), 1);
    way.pass(Duration::from_secs(2 * 60));
    assert!(way.alice.chats.is_idle() && way.bob.chats.is_idle());
    way.alice.send(2, "two", BOB);
    way.settle();
    assert_eq!(way.bob.texts(), ["one", "two"]);
}

#[test]
fn a_queue_that_is_full_and_a_link_that_is_down_take_nothing() {
    let settings = Settings { queue: 2, accept: Accept::User, ..Settings::default() };
    let mut alice = Side::new(ALICE, settings);
    (1..=3).for_each(|number| alice.send(number, "one", BOB));
    assert!(matches!(alice.outcome(3), Outcome::Refused { permanent: false, .. }));
    alice.lose();
    assert_eq!((alice.outcome(1), alice.outcome(2)), (&Outcome::Unknown, &Outcome::NotSent));
    alice.send(4, "four", BOB);
    assert_eq!(*alice.outcome(4), Outcome::NotSent);
    assert!(alice.chats.is_idle());
}
