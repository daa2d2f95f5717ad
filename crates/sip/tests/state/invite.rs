//! INVITEs of ours that fork, are given up or are accepted late, and those of peers' until their ACK.

use trunkline_sip::dialog::{FORKS, Invite, Invited, InvitedError, Owner, Received, Step};
use trunkline_sip::{Method, Request, Response};

use crate::sample::{at, bare, reply, stamped};

const OWNER: Owner = Owner(1);

fn invite() -> (Invite, Request) {
    let request = stamped("INVITE", 1, 1);
    (Invite::new(OWNER, &request), request)
}

/// A name, and answers as status, To tag and what becomes of them.
type Race = (&'static str, &'static [(u16, &'static str, &'static str)]);

/// A step as one word, for tables.
fn word(invite: &mut Invite, response: &Response) -> &'static str {
    match invite.take(response).unwrap() {
        Step::Progress { .. } => "progress",
        Step::Accepted { dialog, ack } => {
            assert_eq!(*ack.method(), Method::ACK);
            assert_eq!(Some(dialog.id().remote_tag.as_str()), response.to().unwrap().tag());
            "accepted"
        }
        Step::Again { ack } => {
            assert_eq!(*ack.method(), Method::ACK);
            "again"
        }
        Step::Surplus { ack, bye } => {
            assert_eq!((ack.method(), bye.method()), (&Method::ACK, &Method::BYE));
            assert_eq!(bye.to().unwrap().tag(), response.to().unwrap().tag());
            assert_eq!(bye.cseq().unwrap().number, 2);
            "surplus"
        }
        Step::Refused => "refused",
    }
}

#[test]
fn the_first_2xx_wins_and_every_other_dialog_ends() {
    let races: [Race; 5] = [
        (
            "two endpoints",
            &[(180, "b", "progress"), (180, "c", "progress"), (200, "c", "accepted"), (200, "b", "surplus")],
        ),
        (
            "repeated",
            &[(200, "b", "accepted"), (200, "b", "again"), (200, "c", "surplus"), (200, "c", "again")],
        ),
        ("late 180", &[(200, "b", "accepted"), (180, "c", "progress"), (200, "c", "surplus")]),
        (
            "after 487",
            &[(180, "b", "progress"), (487, "b", "refused"), (200, "b", "surplus"), (200, "b", "again")],
        ),
        ("refused late", &[(200, "b", "accepted"), (486, "c", "refused"), (200, "b", "again")]),
    ];
    for (name, answers) in races {
        let (mut invite, request) = invite();
        for (status, tag, expected) in answers {
            assert_eq!(
                word(&mut invite, &reply(&request, *status, tag)),
                *expected,
                "{name}: {status} {tag}"
            );
        }
    }
}

#[test]
fn a_2xx_that_makes_no_dialog_is_acknowledged_and_ended() {
    let many = vec!["<sip:h;lr>"; 40].join(", ");
    let table = [
        ("Contact", "<sip:a@b", "sip:bob@example.com"),
        ("Contact", "nonsense", "sip:bob@example.com"),
        ("Record-Route", many.as_str(), "sip:bob@192.0.2.31:5061;transport=tls;x=b"),
        ("Record-Route", "<sip:h;lr", "sip:bob@192.0.2.31:5061;transport=tls;x=b"),
    ];
    for (header, value, target) in table {
        let (mut invite, request) = invite();
        let mut ok = reply(&request, 200, "b");
        ok.headers_mut().set(header, value);
        ok.headers_mut().push("Record-Route", "<sip:fe1.example.com;lr>");
        let step = invite.take(&ok).unwrap();
        let Step::Surplus { ack, bye } = step else { panic!("{header}: {step:?}") };
        assert_eq!((ack.method(), bye.method()), (&Method::ACK, &Method::BYE));
        assert_eq!((ack.uri().as_str(), bye.uri().as_str()), (target, target), "{header}: {value}");
        assert_eq!((ack.to().unwrap().tag(), bye.cseq().unwrap().number), (Some("b"), 2));
        assert!(ack.has("Route"), "{header}: {value}");
        assert_eq!(word(&mut invite, &ok), "again");
        assert_eq!(word(&mut invite, &reply(&request, 200, "c")), "surplus", "nobody waits for it any more");
    }
}

#[test]
fn a_2xx_after_it_was_given_up_is_ended() {
    let (mut invite, request) = invite();
    invite.take(&reply(&request, 180, "b")).unwrap();
    invite.give_up();
    assert!(!invite.is_ringing() && invite.early("b").is_none());
    assert_eq!(word(&mut invite, &reply(&request, 200, "b")), "surplus");
}

#[test]
fn an_early_dialog_counts_on_in_the_one_that_it_becomes() {
    let (mut invite, request) = invite();
    invite.take(&reply(&request, 100, "b")).unwrap();
    assert!(invite.early("b").is_none(), "100 makes no dialog");
    invite.take(&reply(&request, 183, "b")).unwrap();
    let early = invite.early("b").unwrap();
    assert!(early.is_early());
    assert_eq!(early.request(Method::UPDATE).unwrap().done().cseq().unwrap().number, 2);
    let Step::Accepted { mut dialog, .. } = invite.take(&reply(&request, 200, "b")).unwrap() else {
        panic!("not accepted")
    };
    assert!(!dialog.is_early());
    assert_eq!(dialog.request(Method::MESSAGE).unwrap().done().cseq().unwrap().number, 3);
}

#[test]
fn more_forks_than_are_followed_still_end() {
    let (mut invite, request) = invite();
    for number in 0..=FORKS + 1 {
        let tag = format!("t{number}");
        invite.take(&reply(&request, 180, &tag)).unwrap();
        let expected = if number == 0 { "accepted" } else { "surplus" };
        assert_eq!(word(&mut invite, &reply(&request, 200, &tag)), expected);
    }
}

#[test]
fn an_invite_of_a_peers_is_answered_once() {
    let mut invited = Invited::new(OWNER, &bare("INVITE", 1), "b1", "<sip:bob@example.com;gruu;opaque=x>");
    let ringing = invited.answer(180).unwrap().done();
    assert_eq!(ringing.to().unwrap().tag(), Some("b1"));
    assert_eq!(ringing.text("Contact").unwrap(), "<sip:bob@example.com;gruu;opaque=x>");
    let ok = invited.answer(200).unwrap().done();
    let dialog = invited.accept(at(1), &ok).unwrap();
    assert_eq!(dialog.id().local_tag, "b1");
    assert_eq!(invited.accept(at(1), &ok).unwrap_err(), InvitedError::Over);
    assert_eq!(invited.cancel(), None, "a CANCEL that crossed the 200 changes nothing");
    assert!(!invited.acknowledge(&bare("ACK", 2)) && invited.acknowledge(&bare("ACK", 1)));
    assert!(!invited.expire(at(100)), "acknowledged");
}

#[test]
fn a_cancelled_invite_takes_no_200_any_more() {
    let mut invited = Invited::new(OWNER, &bare("INVITE", 1), "b1", "<sip:bob@example.com>");
    let late = invited.answer(200).unwrap().done();
    let refusal = invited.cancel().unwrap();
    assert_eq!((refusal.status(), refusal.to().unwrap().tag()), (487, Some("b1")));
    assert_eq!(invited.accept(at(1), &late).unwrap_err(), InvitedError::Over);
    assert!(invited.answer(180).is_err() && invited.refuse(486).is_err() && invited.cancel().is_none());
}

#[test]
fn a_200_without_its_ack_ends_in_a_bye() {
    let mut invited = Invited::new(OWNER, &bare("INVITE", 1), "b1", "<sip:bob@example.com>");
    let ok = invited.answer(200).unwrap().done();
    let mut dialog = invited.accept(at(1), &ok).unwrap();
    assert_eq!(invited.deadline(), Some(at(33)));
    assert!(!invited.expire(at(32)) && invited.expire(at(33)) && !invited.expire(at(34)));
    assert_eq!(*dialog.bye().unwrap().method(), Method::BYE);
}

#[test]
fn a_bye_that_crosses_the_200_meets_an_open_dialog() {
    let mut invited = Invited::new(OWNER, &bare("INVITE", 1), "b1", "<sip:bob@example.com>");
    let ok = invited.answer(200).unwrap().done();
    let mut dialog = invited.accept(at(1), &ok).unwrap();
    assert_eq!(dialog.receive(&bare("BYE", 2)), Ok(Received::Bye));
    assert!(dialog.is_over() && dialog.bye().is_err());
}
