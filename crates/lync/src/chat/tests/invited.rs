//! A peer's INVITE: who accepts it when, and what else may come.

use std::time::Duration;

use trunkline_core::port::Outcome;
use trunkline_sip::body::offer::Offer;
use trunkline_sip::message::RequestBuilder;
use trunkline_sip::{Method, Request, Uri, name};

use super::side::{ALICE, BOB, Core, Side, address};
use super::way::Way;
use crate::chat::{Accept, Action, Decline, Event, Settings};

/// A request of bob's to alice, outside of any dialog.
pub(super) fn request(method: Method) -> RequestBuilder {
    let uri = Uri::parse("sip:alice@example.com").unwrap();
    Request::build(method, uri)
        .header(name::VIA, "SIP/2.0/TLS 192.0.2.1:5061;branch=z9hG4bK1")
        .header(name::MAX_FORWARDS, "70")
        .header(name::FROM, "\"Forged\"<sip:bob@example.com>;tag=b;epid=0b")
        .header(name::TO, "<sip:alice@example.com>")
        .header(name::CALL_ID, "call-1")
        .header(name::CONTACT, "<sip:bob@192.0.2.1:5061>")
        .cseq(1)
}

pub(super) fn invite() -> RequestBuilder {
    request(Method::INVITE).body("application/sdp", Offer::of_messages("192.0.2.1", 5060, None).write())
}

pub(super) fn alice(accept: Accept) -> Side {
    Side::new(ALICE, Settings { accept, ..Settings::default() })
}

pub(super) const FIRST: &str = "text/plain; charset=UTF-8; ms-body=aGVsbG8=";

#[test]
fn who_accepts_depends_on_the_policy_and_the_other_endpoints() {
    for (accept, others, at_once) in [
        (Accept::OnlyEndpoint, Some(0), true),
        (Accept::OnlyEndpoint, Some(1), false),
        (Accept::OnlyEndpoint, None, false),
        (Accept::User, Some(0), false),
        (Accept::User, Some(1), false),
        (Accept::Always, None, true),
        (Accept::Always, Some(1), true),
    ] {
        let mut alice = alice(accept);
        alice.handle(Event::EndpointsChanged(others));
        alice.receive(invite().header(name::MS_TEXT_FORMAT, FIRST).done().into());
        if !at_once {
            alice.answers(180);
            let [Action::Invited { message: Some(message), .. }] = &alice.seen[..] else { panic!("invited") };
            assert_eq!(message.text.expose(), "hello");
            alice.is_quiet();
            alice.handle(Event::PersonAccepts(address(BOB)));
        }
        let accepted = alice.answers(200);
        assert!(!accepted.supports("ms-text-format"), "the text comes again, for nobody offered it");
    }
}

#[test]
fn the_last_other_endpoint_that_leaves_and_a_person_that_types_or_writes_accept() {
    let writes =
        Event::PersonSends { key: super::side::key(1), text: super::side::text("x"), peer: address(BOB) };
    let types = Event::PersonTypes { peer: address(BOB), composing: true };
    let only = [None, Some(1)].map(|others| (others, Event::EndpointsChanged(Some(0))));
    for (others, event) in only.into_iter().chain([(Some(1), types), (Some(1), writes)]) {
        let mut alice = alice(Accept::OnlyEndpoint);
        alice.handle(Event::EndpointsChanged(others));
        alice.receive(invite().done().into());
        alice.answers(180);
        alice.handle(event);
        alice.answers(200);
        alice.is_quiet();
    }
}

#[test]
fn a_declined_invitation_rings_on_elsewhere_unless_it_shall_not() {
    for (decline, status) in [(Decline::Here, 480), (Decline::Everywhere, 603)] {
        let settings = Settings { accept: Accept::User, decline, ..Settings::default() };
        let mut alice = Side::new(ALICE, settings);
        alice.receive(invite().header(name::MS_TEXT_FORMAT, FIRST).done().into());
        alice.answers(180);
        alice.handle(Event::PersonDeclines(address(BOB)));
        alice.answers(status);
        assert_eq!(alice.texts(), ["hello"]);
        assert!(alice.chats.is_idle());
    }
}

#[test]
fn an_invitation_that_ends_unanswered_leaves_its_text() {
    let mut alice = alice(Accept::User);
    let invite = invite().header(name::MS_TEXT_FORMAT, FIRST).done();
    alice.receive(invite.clone().into());
    alice.answers(180);
    alice.receive(cancel(&invite, None).into());
    alice.answers(200);
    alice.answers(487);
    assert_eq!(alice.texts(), ["hello"]);
    assert!(matches!(alice.seen[..], [Action::Invited { .. }, Action::Missed { .. }]));
}

#[test]
fn an_invitation_that_rang_for_too_long_here_is_missed() {
    let mut alice = alice(Accept::User);
    alice.receive(invite().header(name::MS_TEXT_FORMAT, FIRST).done().into());
    alice.answers(180);
    alice.advance(Duration::from_secs(151));
    alice.answers(480);
    assert_eq!(alice.texts(), ["hello"]);
}

#[test]
fn an_invitation_that_another_endpoint_took_is_not_missed() {
    let reason = "SIP;cause=200;text=\"Call completed elsewhere\"";
    for header in [(name::REASON, reason), ("ms-acceptedby", "sip:alice@example.com")] {
        let mut alice = alice(Accept::User);
        let invite = invite().header(name::MS_TEXT_FORMAT, FIRST).done();
        alice.receive(invite.clone().into());
        alice.answers(180);
        alice.receive(cancel(&invite, Some(header)).into());
        alice.answers(200);
        alice.answers(487);
        let [Action::Invited { message: Some(message), .. }, taken] = &alice.seen[..] else {
            panic!("invited")
        };
        let Action::AnsweredElsewhere { foreign_id: Some(id), .. } = taken else { panic!("taken") };
        assert_eq!(*id, message.foreign_id);
    }
}

#[test]
fn sound_beside_messages_is_refused_and_the_messages_are_taken() {
    let mut alice = alice(Accept::Always);
    let mut offer = Offer::of_messages("192.0.2.1", 5060, None);
    offer.others.push("audio".to_owned());
    alice.receive(request(Method::INVITE).body("application/sdp", offer.write()).done().into());
    let answer = Offer::read(alice.answers(200).body()).unwrap();
    assert!(answer.has_messages() && answer.others == ["audio"]);
}

pub(super) fn cancel(invite: &Request, header: Option<(&str, &str)>) -> Request {
    let build = request(Method::CANCEL);
    let build = match header {
        Some((name, value)) => build.header(name, value),
        None => build,
    };
    assert_eq!(invite.cseq().unwrap().number, 1);
    build.done()
}

#[test]
fn what_is_no_chat_is_refused_so_that_others_may_take_it() {
    let sdp = |media: &str| format!("v=0\r\no=- 0 0 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\nm={media}\r\n");
    let conference =
        "<Conferencing version=\"2.0\"><focus-uri>sip:f@example.com;gruu</focus-uri></Conferencing>";
    for (body, media, status) in [
        (sdp("audio 5060 RTP/AVP 0"), "application/sdp", 488),
        (sdp("video 5060 RTP/AVP 0"), "application/sdp", 488),
        (sdp("message 0 sip null"), "application/sdp", 488),
        (String::new(), "application/sdp", 488),
        (conference.to_owned(), "application/ms-conf-invite+xml", 488),
        ("x".to_owned(), "application/x-unknown", 415),
    ] {
        let mut alice = alice(Accept::Always);
        alice.receive(request(Method::INVITE).body(media, body).done().into());
        let answer = alice.answers(status);
        assert!(status != 415 || answer.has("Accept"));
        let told = matches!(alice.seen[..], [Action::ConferenceInvited { .. }]);
        assert_eq!(told, media.contains("conf-invite"));
        assert!(alice.chats.is_idle());
    }
}

#[test]
fn what_belongs_to_no_dialog_is_answered_each_in_its_way() {
    for (method, status) in [
        (Method::OPTIONS, 200),
        (Method::REFER, 603),
        (Method::MESSAGE, 481),
        (Method::INFO, 481),
        (Method::BYE, 481),
        (Method::UPDATE, 481),
        (Method::SUBSCRIBE, 405),
    ] {
        let mut alice = alice(Accept::Always);
        alice.receive(request(method.clone()).done().into());
        let answer = alice.answers(status);
        assert!(method != Method::OPTIONS || answer.allows("MESSAGE"));
    }
}

#[test]
fn content_in_a_dialog_is_read_or_refused_with_what_would_do() {
    let mut way = Way::new(Settings { embeds: false, ..Settings::default() }, Settings::default());
    way.alice.send(1, "one", BOB);
    way.settle();
    for (media, body, status, seen) in [
        ("text/html; charset=UTF-8", "<DIV>two<BR>lines</DIV>", 200, Some("two\nlines")),
        ("text/rtf", "{\\rtf1\\ansi three\\par}", 200, Some("three")),
        ("text/x-msmsgsinvite", "Invitation-Command: INVITE", 415, None),
        ("image/gif", "GIF89a", 415, None),
        ("application/im-iscomposing+xml", "<isComposing><state>active</state></isComposing>", 200, None),
        ("text/plain", "", 200, None),
    ] {
        way.alice.send(9, "a body to be replaced", BOB);
        let mut message = way.alice.takes(&Method::MESSAGE);
        message.set_body(media, body.to_owned());
        let before = way.bob.texts().len();
        way.bob.receive(message.into());
        let answer = way.bob.answers(status);
        assert!(status != 415 || answer.has("Accept"), "{media}");
        way.alice.receive(answer.into());
        assert_eq!(way.bob.texts().get(before).map(|text| text.trim_end()), seen, "{media}");
    }
}

#[test]
fn a_trusted_server_says_who_writes_and_by_what_name() {
    let mut alice = alice(Accept::User);
    let asserted = "\"Bob B\"<sip:Bob@example.com>,<tel:+15550100>";
    alice.receive(invite().header(name::P_ASSERTED_IDENTITY, asserted).done().into());
    let [Action::Invited { peer, name: Some(name), .. }] = &alice.seen[..] else { panic!("invited") };
    assert_eq!((peer, name.as_str()), (&address(BOB), "Bob B"));
}

#[test]
fn nobody_else_says_who_writes() {
    let mut alice = alice(Accept::User);
    alice.trusts = false;
    alice.receive(invite().header(name::P_ASSERTED_IDENTITY, "<sip:boss@example.com>").done().into());
    let [Action::Invited { peer, name: Some(name), .. }] = &alice.seen[..] else { panic!("invited") };
    assert_eq!((peer, name.as_str()), (&address(BOB), "Forged"));
}

#[test]
fn a_bye_instead_of_a_cancel_gives_the_invitation_up_too() {
    for names_our_tag in [true, false] {
        let mut alice = alice(Accept::User);
        alice.receive(invite().header(name::MS_TEXT_FORMAT, FIRST).done().into());
        let to = alice.answers(180).text(name::TO).unwrap().into_owned();
        let mut bye = request(Method::BYE).done();
        if names_our_tag {
            bye.set(name::TO, to);
        }
        bye.set(name::CSEQ, "2 BYE");
        alice.receive(bye.into());
        alice.answers(487);
        alice.answers(200);
        assert_eq!(alice.texts(), ["hello"]);
    }
}

#[test]
fn a_first_message_that_comes_again_because_nobody_heard_of_its_acceptance_is_kept_once() {
    for acknowledges in [false, true] {
        let mut alice = alice(Accept::Always);
        let mut invite = invite()
            .header(name::MS_TEXT_FORMAT, FIRST)
            .header(name::SUPPORTED, "ms-embedded-first-message")
            .header(name::MS_CONVERSATION_ID, "c1")
            .done();
        alice.receive(invite.clone().into());
        let to = alice.answers(200).text(name::TO).unwrap().into_owned();
        if acknowledges {
            let mut ack = request(Method::ACK).done();
            ack.set(name::TO, to);
            alice.receive(ack.into());
        }
        invite.set(name::CALL_ID, "call-2");
        invite.set(name::VIA, "SIP/2.0/TLS 192.0.2.1:5061;branch=z9hG4bK2");
        alice.receive(invite.into());
        alice.answers(200);
        alice.is_quiet();
        assert_eq!(alice.texts().len(), if acknowledges { 2 } else { 1 });
    }
}

#[test]
fn the_same_invite_over_a_new_connection_gets_the_answer_of_the_first() {
    let mut alice = alice(Accept::Always);
    alice.core = Core::Waits;
    let invite = invite().header(name::MS_TEXT_FORMAT, FIRST);
    let invite = invite.header(name::SUPPORTED, "ms-embedded-first-message").done();
    // A repetition on the same branch is known by that already.
    let again = |branch: u8| {
        let mut again = invite.clone();
        again.set(name::VIA, format!("SIP/2.0/TLS 192.0.2.1:5061;branch=z9hG4bKagain{branch}"));
        again
    };
    alice.receive(invite.clone().into());
    alice.lose();
    alice.restore();
    alice.receive(again(1).into());
    alice.is_quiet();
    alice.commit_now(true);
    let first = alice.answers(200);
    let second = alice.answers(200);
    assert_eq!(first.to().unwrap().tag(), second.to().unwrap().tag());
    alice.lose();
    alice.restore();
    alice.receive(again(2).into());
    assert_eq!(alice.answers(200).to().unwrap().tag(), first.to().unwrap().tag());
    assert_eq!((alice.texts(), alice.chats.dialogs()), (vec!["hello"], 1));
}

#[test]
fn people_who_are_offline_are_told_so() {
    let mut way = Way::new(Settings::default(), Settings::default());
    way.bob.handle(Event::Shutdown);
    way.alice.send(1, "one", BOB);
    way.settle();
    let Outcome::Refused { permanent: false, reason } = way.alice.outcome(1) else { panic!("refused") };
    assert!(reason.starts_with("the contact is offline (not_delivered_offline"), "{reason}");
}

#[test]
fn an_invitation_that_another_endpoint_declined_for_all_is_declined() {
    let mut alice = alice(Accept::User);
    let invite = invite().header(name::MS_TEXT_FORMAT, FIRST).done();
    alice.receive(invite.clone().into());
    alice.answers(180);
    alice.receive(cancel(&invite, Some((name::REASON, "SIP;cause=603;text=\"Decline\""))).into());
    assert!(matches!(
        alice.seen[..],
        [Action::Invited { .. }, Action::AnsweredElsewhere { took: false, .. }]
    ));
}

#[test]
fn whoever_rings_and_is_blocked_hears_of_somebody_who_is_away() {
    let mut alice = alice(Accept::User);
    alice.receive(invite().header(name::MS_TEXT_FORMAT, FIRST).done().into());
    alice.answers(180);
    alice.handle(Event::PersonBlocks(address(BOB)));
    alice.answers(480);
    alice.handle(Event::EndpointsChanged(Some(0)));
    assert!(alice.wire.is_empty());
}
