//! A peer's INVITE that the person was shown, and what becomes of it.

use trunkline_core::port::Outcome;
use trunkline_sip::{Method, name};

use super::invited::{FIRST, alice, cancel, invite, request};
use super::side::{BOB, Core, address};
use super::way::Way;
use crate::chat::{Accept, Action, Event, Settings};

#[test]
fn a_text_that_was_shown_and_comes_again_is_kept_once_and_its_like_twice() {
    let bob = Settings { accept: Accept::User, ..Settings::default() };
    let mut way = Way::new(Settings::default(), bob);
    way.alice.send(1, "one", BOB);
    let mut invite = way.alice.takes(&Method::INVITE);
    let others: Vec<_> = invite.all(name::SUPPORTED).map(|each| each.text().into_owned()).collect();
    invite.remove(name::SUPPORTED);
    for each in others.iter().filter(|each| *each != "ms-embedded-first-message") {
        invite.push(name::SUPPORTED, each);
    }
    way.bob.receive(invite.into());
    assert_eq!(way.bob.texts(), ["one"], "while it rings");
    way.settle();
    assert!(way.alice.outcomes.is_empty(), "nobody has accepted it");
    way.bob.handle(Event::PersonAccepts(address(super::side::ALICE)));
    way.settle();
    assert_eq!((way.bob.texts(), way.alice.outcome(1)), (vec!["one"], &Outcome::Confirmed));
    way.alice.send(2, "one", BOB);
    way.settle();
    assert_eq!((way.bob.texts().len(), way.alice.outcome(2)), (2, &Outcome::Confirmed));
}

#[test]
fn a_text_that_was_shown_and_comes_twice_in_the_same_message_is_kept_once() {
    let mut alice = alice(Accept::User);
    alice.receive(invite().header(name::MS_TEXT_FORMAT, FIRST).done().into());
    let to = alice.answers(180).text(name::TO).unwrap().into_owned();
    alice.handle(Event::PersonAccepts(address(BOB)));
    alice.answers(200);
    let inside = |method, number, branch: &str| {
        let mut request = request(method).done();
        request.set(name::VIA, format!("SIP/2.0/TLS 192.0.2.1:5061;branch=z9hG4bK{branch}"));
        request.set(name::TO, &to);
        let method = request.method().as_str().to_owned();
        request.set(name::CSEQ, format!("{number} {method}"));
        request
    };
    alice.receive(inside(Method::ACK, 1, "2").into());
    for (number, branch, kept) in [(2, "3", 1), (2, "4", 1), (3, "5", 2)] {
        let mut message = inside(Method::MESSAGE, number, branch);
        message.set_body("text/plain;charset=UTF-8", "hello");
        alice.receive(message.into());
        alice.answers(200);
        assert_eq!(alice.texts(), ["hello"].repeat(kept), "{number} on {branch}");
    }
}

#[test]
fn what_the_person_cannot_be_told_does_not_ring_on_unless_it_is_being_accepted() {
    for accepts in [false, true] {
        let mut alice = alice(Accept::User);
        alice.core = Core::Waits;
        let invite = invite().header(name::MS_TEXT_FORMAT, FIRST);
        alice.receive(invite.header(name::SUPPORTED, "ms-text-format").done().into());
        alice.answers(180);
        if accepts {
            alice.handle(Event::PersonAccepts(address(BOB)));
        }
        alice.commit_now(false);
        if accepts {
            alice.is_quiet();
            alice.commit_now(true);
        }
        alice.answers(if accepts { 200 } else { 480 });
        assert_eq!(alice.texts().len(), usize::from(accepts));
        assert!(matches!(alice.seen[..], [Action::Invited { .. }]), "who called knows that it failed");
    }
}

#[test]
fn what_was_taken_elsewhere_can_be_neither_declined_nor_accepted() {
    let mut alice = alice(Accept::User);
    let invite = invite().header(name::MS_TEXT_FORMAT, FIRST).done();
    alice.receive(invite.clone().into());
    alice.answers(180);
    alice.receive(cancel(&invite, Some((name::REASON, "SIP;cause=200"))).into());
    alice.answers(200);
    alice.answers(487);
    alice.handle(Event::PersonDeclines(address(BOB)));
    alice.handle(Event::PersonAccepts(address(BOB)));
    alice.is_quiet();
    assert!(alice.chats.is_idle());
}

#[test]
fn two_devices_that_accept_make_one_dialog() {
    let mut alice = alice(Accept::User);
    alice.receive(invite().header(name::MS_TEXT_FORMAT, FIRST).done().into());
    alice.answers(180);
    alice.handle(Event::PersonAccepts(address(BOB)));
    alice.handle(Event::PersonAccepts(address(BOB)));
    alice.answers(200);
    alice.is_quiet();
    assert_eq!((alice.texts().len(), alice.chats.dialogs()), (1, 1));
}

#[test]
fn an_acceptance_that_a_cancel_overtakes_is_answered_with_487_and_the_text_is_kept_once() {
    for reason in [None, Some((name::REASON, "SIP;cause=200"))] {
        let mut alice = alice(Accept::User);
        let invite = invite().header(name::MS_TEXT_FORMAT, FIRST);
        let invite = invite.header(name::SUPPORTED, "ms-text-format").done();
        alice.receive(invite.clone().into());
        alice.answers(180);
        alice.core = Core::Waits;
        alice.handle(Event::PersonAccepts(address(BOB)));
        alice.receive(cancel(&invite, reason).into());
        alice.answers(200);
        alice.answers(487);
        alice.commit_now(true);
        alice.is_quiet();
        assert_eq!((alice.texts(), alice.chats.dialogs()), (vec!["hello"], 0));
    }
}

#[test]
fn what_rings_when_the_link_is_lost_is_missed_and_rings_anew_when_it_comes_again() {
    let mut alice = alice(Accept::User);
    let mut invite = invite().header(name::MS_TEXT_FORMAT, FIRST).done();
    alice.receive(invite.clone().into());
    alice.answers(180);
    alice.lose();
    assert!(matches!(alice.seen[..], [Action::Invited { .. }, Action::Missed { .. }]));
    alice.restore();
    alice.handle(Event::PersonAccepts(address(BOB)));
    alice.is_quiet();
    invite.set(name::VIA, "SIP/2.0/TLS 192.0.2.1:5061;branch=z9hG4bK2");
    alice.receive(invite.into());
    alice.answers(180);
    assert_eq!(alice.texts(), ["hello"]);
}

#[test]
fn a_call_without_words_is_shown_and_missed_too() {
    let mut alice = alice(Accept::User);
    let invite = invite().done();
    alice.receive(invite.clone().into());
    alice.answers(180);
    alice.receive(cancel(&invite, None).into());
    assert!(matches!(
        alice.seen[..],
        [Action::Invited { message: None, .. }, Action::Missed { message: None, .. }]
    ));
}

#[test]
fn an_acceptance_that_a_new_invitation_overtakes_holds_for_that_one() {
    for text in [FIRST, "text/plain; charset=UTF-8; ms-body=YWdhaW4="] {
        let mut alice = alice(Accept::User);
        let build = || invite().header(name::SUPPORTED, "ms-text-format");
        alice.receive(build().header(name::MS_TEXT_FORMAT, FIRST).done().into());
        alice.answers(180);
        alice.core = Core::Waits;
        alice.handle(Event::PersonAccepts(address(BOB)));
        let mut anew = build().header(name::MS_TEXT_FORMAT, text).done();
        anew.set(name::VIA, "SIP/2.0/TLS 192.0.2.1:5061;branch=z9hG4bK2");
        anew.set(name::CALL_ID, "call-2");
        alice.receive(anew.into());
        alice.answers(487);
        while !alice.waiting.is_empty() {
            alice.commit_now(true);
        }
        assert_eq!(alice.answers(200).call_id().unwrap(), "call-2");
        assert_eq!(alice.chats.dialogs(), 1);
        assert_eq!(alice.texts().len(), if text == FIRST { 1 } else { 2 });
        assert!(matches!(alice.seen[..], [Action::Invited { .. }]), "nothing is missed: {:?}", alice.seen);
    }
}

#[test]
fn an_invite_that_no_dialog_can_be_made_of_is_refused_before_its_text_is_kept() {
    for accept in [Accept::Always, Accept::User] {
        let mut alice = alice(accept);
        let build = invite().header(name::MS_TEXT_FORMAT, FIRST).header(name::SUPPORTED, "ms-text-format");
        let hops = (0..33).map(|hop| format!("<sip:fe{hop}.example.com;lr>"));
        alice.receive(hops.fold(build, |build, hop| build.header(name::RECORD_ROUTE, hop)).done().into());
        alice.answers(400);
        assert!(alice.texts().is_empty() && alice.seen.is_empty() && alice.chats.is_idle());
    }
}
