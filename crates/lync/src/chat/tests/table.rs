//! What statuses mean for a message.

use std::time::Duration;

use trunkline_core::port::Outcome;
use trunkline_sip::{Method, Request, Response, name};

use super::side::{ALICE, BOB, Core, Side};
use crate::chat::Settings;

/// Status, diagnostics, whether it is permanent, the key of the text.
const OF_INVITE: &[(u16, &str, bool, &str)] = &[
    (400, "4001", true, "internal_error"),
    (400, "4011", true, "internal_error"),
    (415, "4013", true, "internal_error"),
    (401, "1000", false, "service_unavailable"),
    (401, "1013", false, "service_unavailable"),
    (403, "1001", true, "contact_not_allowed"),
    (403, "1002", true, "contact_not_allowed"),
    (403, "1012", true, "contact_not_allowed"),
    (403, "4003", true, "account_not_enabled"),
    (403, "4004", true, "service_unavailable"),
    (403, "1027", true, "not_supported_for_contact"),
    (403, "", true, "contact_not_allowed"),
    (404, "1003", true, "contact_not_found"),
    (404, "4005", true, "contact_not_found"),
    (404, "4006", false, "try_again"),
    (404, "4007", true, "contact_not_found"),
    (404, "1005", true, "contact_not_found"),
    (404, "1008", false, "partner_unreachable"),
    (504, "1014", false, "partner_unreachable"),
    (404, "15000", false, "contact_unavailable"),
    (403, "1017", true, "contact_not_found"),
    (404, "", true, "contact_not_found"),
    (408, "5001", false, "try_again"),
    (408, "", false, "try_again"),
    (413, "", true, "message_too_long"),
    (513, "", true, "message_too_long"),
    (415, "", true, "not_supported_by_contact"),
    (488, "", true, "not_supported_by_contact"),
    (606, "", true, "not_supported_by_contact"),
    (480, "13014", false, "not_delivered_offline"),
    (480, "15030", false, "not_delivered_offline"),
    (480, "", false, "not_delivered_offline"),
    (481, "1004", false, "not_delivered"),
    (482, "", true, "internal_error"),
    (483, "", true, "internal_error"),
    (486, "", true, "contact_dnd"),
    (487, "5002", false, "not_delivered"),
    (500, "4000", false, "service_unavailable"),
    (500, "5003", false, "service_unavailable"),
    (500, "4008", true, "internal_error"),
    (503, "5000", false, "service_unavailable"),
    (503, "1006", false, "service_unavailable"),
    (504, "1007", false, "service_unavailable"),
    (504, "1010", false, "service_unavailable"),
    (504, "1011", false, "partner_unreachable"),
    (504, "1034", false, "partner_unreachable"),
    (504, "10003", false, "partner_unreachable"),
    (503, "", false, "service_unavailable"),
    (600, "", true, "declined"),
    (603, "", true, "declined"),
    (480, "24081", false, "not_delivered"),
    (302, "", false, "not_delivered"),
    (599, "77777", false, "service_unavailable"),
];

/// Longer than any wait between two tries.
const LONGEST: Duration = Duration::from_secs(21);

/// How often a request goes once more by itself.
fn retries(status: u16, id: &str) -> usize {
    match (status, id) {
        (404, "4006") => 1,
        (500, "4000" | "5003") | (503, "5000" | "1006") | (504, "1007") => 3,
        _ => 0,
    }
}

fn wait(side: &mut Side, span: Duration) {
    side.advance(side.now + span);
}

fn refusal(request: &Request, status: u16, id: &str) -> Response {
    let build = Response::build(request, status).to_tag("b");
    if id.is_empty() {
        return build.done();
    }
    build.header(name::MS_DIAGNOSTICS, format!("{id};source=\"fe1.example.com\";reason=\"why\"")).done()
}

fn says(side: &Side, number: u128, permanent: bool, key: &str, row: &str) {
    let Outcome::Refused { permanent: found, reason } = side.outcome(number) else {
        panic!("{row}: refused")
    };
    assert_eq!(*found, permanent, "{row}: {reason}");
    assert!(reason.contains(&format!("({key}; SIP ")), "{row}: {reason}");
}

/// A side that has a dialog and one message out in it.
fn talking() -> (Side, Request) {
    let mut alice = Side::new(ALICE, Settings { embeds: false, ..Settings::default() });
    alice.send(1, "one", BOB);
    answer_invite(&mut alice);
    let message = alice.takes(&Method::MESSAGE);
    (alice, message)
}

fn answer_invite(alice: &mut Side) {
    let invite = alice.takes(&Method::INVITE);
    let accepted = Response::build(&invite, 200).to_tag("b").header(name::CONTACT, "<sip:b@192.0.2.1>");
    alice.receive(accepted.done().into());
    alice.takes(&Method::ACK);
}

#[test]
fn a_refused_invite_fails_its_messages_by_the_table() {
    for (status, id, permanent, key) in OF_INVITE {
        let is_open = *status == 408;
        let mut alice = Side::new(ALICE, Settings::default());
        alice.send(1, "one", BOB);
        alice.send(2, "two", BOB);
        for _ in 0..=retries(*status, id) {
            let invite = alice.takes(&Method::INVITE);
            alice.receive(refusal(&invite, *status, id).into());
            alice.takes(&Method::ACK);
            wait(&mut alice, LONGEST);
        }
        alice.is_quiet();
        let row = format!("{status} {id}");
        if is_open {
            assert_eq!(
                *alice.outcome(1),
                Outcome::Unknown,
                "{row}: it was inside, and who was called may have it"
            );
        } else {
            says(&alice, 1, *permanent, key, &row);
        }
        says(&alice, 2, *permanent, key, &row);
        assert!(alice.chats.is_idle(), "{row}");
    }
}

#[test]
fn a_refused_message_fails_by_the_table() {
    for (status, id, permanent, key) in OF_INVITE.iter().filter(|row| ![408, 480, 481].contains(&row.0)) {
        let (mut alice, mut message) = talking();
        for retry in 0..=retries(*status, id) {
            if retry > 0 {
                message = alice.takes(&Method::MESSAGE);
            }
            alice.receive(refusal(&message, *status, id).into());
            wait(&mut alice, LONGEST);
        }
        says(&alice, 1, *permanent, key, &format!("{status} {id}"));
        assert_eq!(alice.chats.dialogs(), 1, "{status} {id}: the dialog goes on");
    }
}

#[test]
fn content_that_a_policy_blocks_says_so() {
    let (mut alice, message) = talking();
    let build = Response::build(&message, 606).header(name::WARNING, "309 lcs.example.com \"no\"");
    alice.receive(build.done().into());
    says(&alice, 1, true, "blocked_by_policy", "606 with 309");
}

#[test]
fn a_message_into_a_dead_dialog_goes_once_more_into_a_new_one() {
    for (status, says_bye) in [(480, true), (481, true)] {
        let (mut alice, message) = talking();
        alice.receive(refusal(&message, status, "").into());
        if says_bye {
            alice.takes(&Method::BYE);
        }
        answer_invite(&mut alice);
        let again = alice.takes(&Method::MESSAGE);
        assert_eq!(again.body(), message.body());
        assert!(alice.outcomes.is_empty());
        alice.receive(refusal(&again, status, "").into());
        says(&alice, 1, false, "not_delivered_offline", &format!("{status} twice"));
        alice.takes(&Method::BYE);
        alice.is_quiet();
    }
}

#[test]
fn a_message_that_may_have_arrived_is_never_sent_again() {
    let (mut alice, message) = talking();
    alice.receive(refusal(&message, 408, "").into());
    assert_eq!(*alice.outcome(1), Outcome::Unknown);
    alice.takes(&Method::BYE);
    alice.is_quiet();

    let (mut alice, _) = talking();
    alice.lose();
    alice.restore();
    assert_eq!(*alice.outcome(1), Outcome::Unknown);
    alice.is_quiet();

    let (mut alice, _) = talking();
    alice.advance(Duration::from_secs(61));
    assert_eq!(*alice.outcome(1), Outcome::Unknown);
    alice.takes(&Method::BYE);
    alice.is_quiet();
}

#[test]
fn a_report_that_comes_later_fails_the_message_that_it_names() {
    let (mut alice, message) = talking();
    alice.receive(Response::build(&message, 200).header("Message-Id", "23").done().into());
    assert_eq!(*alice.outcome(1), Outcome::Confirmed);
    let report = "<imdn xmlns=\"urn:ietf:params:xml:ns:imdn\"><message-id>23</message-id><recipient \
                  uri=\"&lt;sip:bob@example.com&gt;\"><status>486</status></recipient></imdn>";
    for _ in 0..2 {
        let notify = super::invited::request(Method::BENOTIFY).body("application/ms-imdn+xml", report);
        alice.receive(notify.done().into());
    }
    let [crate::chat::Action::Failed { permanent: true, reason, .. }] = &alice.seen[..] else {
        panic!("{:?}", alice.seen)
    };
    assert!(reason.contains("contact_dnd"), "{reason}");
}

#[test]
fn a_server_that_is_busy_is_asked_again_when_it_says_and_the_message_goes_once() {
    let mut alice = Side::new(ALICE, Settings::default());
    alice.send(1, "one", BOB);
    let invite = alice.takes(&Method::INVITE);
    let busy = |request: &Request, seconds: &str| {
        Response::build(request, 503).to_tag("fe").header(name::RETRY_AFTER, seconds).done()
    };
    alice.receive(busy(&invite, "12").into());
    alice.takes(&Method::ACK);
    alice.send(2, "two", BOB);
    wait(&mut alice, Duration::from_secs(11));
    alice.is_quiet();
    wait(&mut alice, Duration::from_secs(7));
    answer_invite(&mut alice);
    for number in [1, 2] {
        let message = alice.takes(&Method::MESSAGE);
        alice.receive(Response::build(&message, 200).done().into());
        assert_eq!(*alice.outcome(number), Outcome::Confirmed);
    }
    alice.is_quiet();
    alice.send(3, "three", BOB);
    let message = alice.takes(&Method::MESSAGE);
    alice.receive(busy(&message, "3600").into());
    says(&alice, 3, false, "service_unavailable", "nobody waits for an hour");
}

#[test]
fn an_invite_that_got_to_the_contact_is_not_tried_again_with_its_text() {
    let mut alice = Side::new(ALICE, Settings::default());
    alice.send(1, "one", BOB);
    let invite = alice.takes(&Method::INVITE);
    alice.receive(Response::build(&invite, 180).to_tag("b").done().into());
    alice.receive(refusal(&invite, 503, "1006").into());
    alice.takes(&Method::ACK);
    says(&alice, 1, false, "service_unavailable", "the contact's phone may keep it as a missed one");
    wait(&mut alice, LONGEST);
    alice.is_quiet();
}

#[test]
fn what_waits_for_a_busy_server_is_not_sent_when_the_way_is_lost() {
    let mut alice = Side::new(ALICE, Settings::default());
    alice.send(1, "one", BOB);
    let invite = alice.takes(&Method::INVITE);
    alice.receive(refusal(&invite, 503, "5000").into());
    alice.takes(&Method::ACK);
    alice.lose();
    assert_eq!(*alice.outcome(1), Outcome::NotSent);
    alice.restore();
    wait(&mut alice, LONGEST);
    alice.is_quiet();
}

#[test]
fn nothing_overtakes_a_message_for_which_there_was_no_room() {
    let (mut alice, first) = talking();
    alice.send(2, "two", BOB);
    alice.send(3, "three", BOB);
    alice.jams = 1;
    alice.receive(Response::build(&first, 200).done().into());
    assert_eq!((alice.outcome(2), alice.outcome(3)), (&Outcome::NotSent, &Outcome::NotSent));
    alice.is_quiet();
    alice.send(4, "two", BOB);
    assert_eq!(alice.takes(&Method::MESSAGE).body().as_ref(), b"two", "by the dialog that there is");
}

#[test]
fn a_report_is_answered_when_the_core_has_it() {
    for (commits, status) in [(true, 200), (false, 500)] {
        let (mut alice, message) = talking();
        alice.receive(Response::build(&message, 200).header("Message-Id", "23").done().into());
        alice.core = Core::Waits;
        let report = "<imdn xmlns=\"urn:ietf:params:xml:ns:imdn\"><message-id>23</message-id><recipient \
                      uri=\"&lt;sip:bob@example.com&gt;\"><status>486</status></recipient></imdn>";
        let notify = super::invited::request(Method::NOTIFY).body("application/ms-imdn+xml", report);
        alice.receive(notify.done().into());
        alice.is_quiet();
        alice.commit_now(commits);
        alice.answers(status);
    }
}

#[test]
fn what_has_not_left_for_too_long_is_given_back_and_not_unknown() {
    let settings = Settings { wait: Duration::from_secs(20), embeds: false, ..Settings::default() };
    let mut alice = Side::new(ALICE, settings);
    alice.send(1, "one", BOB);
    alice.takes(&Method::INVITE);
    alice.send(2, "two", BOB);
    wait(&mut alice, Duration::from_secs(10));
    alice.send(3, "three", BOB);
    wait(&mut alice, Duration::from_secs(11));
    assert_eq!((alice.outcome(2), alice.outcome(3)), (&Outcome::NotSent, &Outcome::NotSent));
    assert!(!alice.outcomes.contains_key(&super::side::key(1)), "it is on its way");
}
