//! Dialogs: routes, numbers, targets, whose a request is, and what an answer means for one.

use trunkline_sip::dialog::{
    Advice, Dialog, DialogError, Dialogs, Keep, Ours, Owner, Place, Received, Rejection, Verdict, advice,
    on_invite, on_second_dialog, retry_after_491,
};
use trunkline_sip::transaction::{NotSent, Outcome, Unknown};
use trunkline_sip::{Method, Request, Response};

use crate::sample::{bare, reply, request};

const OWNER: Owner = Owner(1);
const FE1: &str =
    "<sip:fe1.example.com:5061;transport=tls;opaque=state:T:F:Ci.R4d5e00;lr;ms-route-sig=mnOp>;tag=01AB";
const FE2: &str =
    "<sip:pool.example.com:5061;transport=tls;ms-fe=fe4.example.com;lr>;ms-rrsig=\"ij=,kl\";tag=FE";

/// An INVITE that two servers recorded, and Bob's 200.
fn recorded(routes: &[&str]) -> (Request, Response) {
    let mut invite = bare("INVITE", 1);
    routes.iter().for_each(|route| invite.headers_mut().push("Record-Route", route));
    let mut ok = reply(&invite, 200, "b1");
    ok.headers_mut().set("To", "\"Bob\"<sip:bob@example.com>;epid=5e6f708192;tag=b1");
    (invite, ok)
}

fn uac(routes: &[&str]) -> Dialog {
    let (invite, ok) = recorded(routes);
    Dialog::uac(OWNER, &invite, &ok).unwrap()
}

fn uas() -> Dialog {
    let (invite, ok) = recorded(&[FE2, FE1]);
    Dialog::uas(OWNER, &invite, &ok).unwrap()
}

fn routes(request: &Request) -> Vec<String> {
    request.all("Route").map(|route| route.text().into_owned()).collect()
}

/// A request of the peer's in `uac()`'s dialog.
fn theirs(method: &str, number: u32) -> Request {
    request(&format!(
        "{method} sip:relay1.example.com:6001;transport=tls;ms-opaque=3f9c1a SIP/2.0\n\
         From: <sip:bob@example.com>;tag=b1;epid=5e6f708192\nTo: <sip:alice@example.com>;tag=a1\n\
         Call-ID: call\nCSeq: {number} {method}"
    ))
}

#[test]
fn the_caller_reverses_recorded_routes_and_the_callee_keeps_them_byte_for_byte() {
    let message = uac(&[FE2, FE1]).request(Method::MESSAGE).unwrap().done();
    assert_eq!(routes(&message), [FE1, FE2]);
    assert_eq!(message.uri().as_str(), "sip:bob@192.0.2.31:5061;transport=tls;x=b1");
    assert_eq!(message.text("To").unwrap(), "\"Bob\"<sip:bob@example.com>;epid=5e6f708192;tag=b1");
    assert_eq!(message.text("From").unwrap(), "<sip:alice@example.com>;tag=a1;epid=26a7a9f5a6");
    assert_eq!(message.text("Contact").unwrap(), "<sip:alice@192.0.2.30:5061;transport=tls>");
    let info = uas().request(Method::INFO).unwrap().done();
    assert_eq!(routes(&info), [FE2, FE1]);
    assert_eq!(info.uri().as_str(), "sip:alice@192.0.2.30:5061;transport=tls");
    assert_eq!(info.to().unwrap().epid().unwrap(), "26a7a9f5a6");
    assert_eq!(info.cseq().unwrap().number, 1);
    let one_line = format!("{FE2}, {FE1}");
    assert_eq!(uac(&[&one_line]).ack(1), uac(&[FE2, FE1]).ack(1), "one line or two");
}

#[test]
fn a_fold_and_what_is_no_text_in_a_recorded_route_come_back_as_they_were() {
    let folded = b"<sip:fe1.example.com;lr;x=\xff>;tag=1;\r\n  ms-rrsig=ab";
    let (mut invite, mut ok) = recorded(&[]);
    for headers in [invite.headers_mut(), ok.headers_mut()] {
        headers.push("Record-Route", folded);
        headers.push("Record-Route", FE2);
    }
    let expected = [b"Route: ".as_slice(), folded, b"\r\n"].concat();
    let uac = Dialog::uac(OWNER, &invite, &ok).unwrap().request(Method::INFO).unwrap().done();
    let uas = Dialog::uas(OWNER, &invite, &ok).unwrap().request(Method::INFO).unwrap().done();
    assert_eq!(uac.all("Route").last().unwrap().line(), &expected);
    assert_eq!(uas.get("Route").unwrap().line(), &expected);
}

#[test]
fn a_first_hop_without_lr_is_routed_strictly() {
    let message = uac(&[FE2, "<sip:old.example.com>"]).request(Method::MESSAGE).unwrap().done();
    assert_eq!(message.uri().as_str(), "sip:old.example.com");
    assert_eq!(routes(&message), [FE2, "<sip:bob@192.0.2.31:5061;transport=tls;x=b1>"]);
    let message = uac(&["<sip:old.example.com>", FE2]).request(Method::MESSAGE).unwrap().done();
    assert_eq!(routes(&message), [FE2, "<sip:old.example.com>"], "only the first counts");
}

#[test]
fn numbers_go_up_by_one_and_the_ack_has_the_invites() {
    let mut dialog = uac(&[]);
    let numbers = [Method::MESSAGE, Method::INFO].map(|method| {
        let request = dialog.request(method).unwrap().done();
        request.cseq().unwrap().number
    });
    assert_eq!(numbers, [2, 3]);
    assert_eq!(dialog.ack(1).cseq().unwrap().number, 1);
    assert_eq!(dialog.bye().unwrap().cseq().unwrap().number, 4);
    assert_eq!(dialog.request(Method::MESSAGE).unwrap_err(), DialogError::Over);
    assert_eq!(dialog.bye().unwrap_err(), DialogError::Over, "BYE once");
    let (mut invite, ok) = recorded(&[]);
    invite.headers_mut().set("CSeq", "2147483647 INVITE");
    let mut dialog = Dialog::uac(OWNER, &invite, &ok).unwrap();
    assert_eq!(dialog.request(Method::INFO).unwrap_err(), DialogError::Exhausted);
}

#[test]
fn lower_numbers_are_refused_gaps_are_fine_and_repeats_told() {
    let mut dialog = uac(&[]);
    assert_eq!(dialog.receive(&theirs("MESSAGE", 7)), Ok(Received::New));
    assert_eq!(dialog.receive(&theirs("MESSAGE", 7)), Ok(Received::Again));
    assert_eq!(dialog.receive(&theirs("MESSAGE", 6)), Err(Rejection::Old));
    assert_eq!(dialog.receive(&theirs("INFO", 100)), Ok(Received::New));
    assert_eq!([Rejection::Old, Rejection::Over, Rejection::Unfit].map(Rejection::status), [500, 481, 400]);
}

#[test]
fn byes_may_cross_and_nothing_comes_after_one() {
    let mut dialog = uac(&[]);
    dialog.bye().unwrap();
    assert_eq!(dialog.receive(&theirs("MESSAGE", 1)), Err(Rejection::Over));
    assert_eq!(dialog.receive(&theirs("BYE", 2)), Ok(Received::Bye));
    assert_eq!(dialog.receive(&theirs("BYE", 2)), Err(Rejection::Over));
}

#[test]
fn requests_are_placed_by_ids_and_owner_whatever_their_request_uri() {
    let mut dialogs = Dialogs::new(2);
    let id = dialogs.insert(uac(&[])).unwrap();
    assert_eq!(dialogs.place(OWNER, &theirs("MESSAGE", 1)), Place::Inside(id.clone()));
    assert_eq!(dialogs.place(Owner(2), &theirs("MESSAGE", 1)), Place::Gone, "another account's");
    assert_eq!(dialogs.place(OWNER, &bare("INVITE", 1)), Place::Outside);
    for (header, value) in [("Call-ID", "other"), ("To", "<sip:a@b>;tag=a2"), ("From", "<sip:a@b>;tag=b2")] {
        let mut wrong = theirs("MESSAGE", 1);
        wrong.headers_mut().set(header, value);
        assert_eq!(dialogs.place(OWNER, &wrong), Place::Gone, "{header}");
    }
    assert_eq!(dialogs.insert(uac(&[])), Err(DialogError::Repeated));
    dialogs.insert(uas()).unwrap();
    let (invite, ok) = recorded(&[]);
    assert_eq!(dialogs.insert(Dialog::uas(Owner(3), &invite, &ok).unwrap()), Err(DialogError::Full(2)));
    assert_eq!(dialogs.remove_all(OWNER).len(), 2);
    assert_eq!(dialogs.get(&id), None);
}

#[test]
fn contact_and_route_follow_the_peer() {
    let mut dialog = uac(&[FE2, FE1]);
    let update = dialog.request(Method::UPDATE).unwrap().done();
    let mut ok = reply(&update, 200, "b1");
    ok.headers_mut().set("Contact", "<sip:bob@example.com;opaque=user:epid:x;gruu>");
    dialog.answered(&update, &ok).unwrap();
    assert_eq!(routes(&dialog.ack(1)), [FE1, FE2], "no Record-Route, no new route");
    ok.headers_mut().push("Record-Route", FE2);
    dialog.answered(&update, &ok).unwrap();
    assert_eq!(routes(&dialog.ack(1)), [FE2]);
    assert_eq!(dialog.target().as_str(), "sip:bob@example.com;opaque=user:epid:x;gruu");
    let mut again = theirs("INVITE", 1);
    again.headers_mut().push("Record-Route", FE1);
    again.headers_mut().push("Contact", "<sip:bob@192.0.2.99>");
    dialog.refreshed(&again).unwrap();
    assert_eq!(routes(&dialog.ack(1)), [FE2], "the peer says nothing of route set updates");
    assert_eq!(dialog.target().as_str(), "sip:bob@192.0.2.99");
    again.headers_mut().push("Supported", "ms-dialog-route-set-update");
    dialog.refreshed(&again).unwrap();
    assert_eq!(routes(&dialog.ack(1)), [FE1]);
}

#[test]
fn what_makes_no_dialog_says_why() {
    let (mut invite, ok) = recorded(&[]);
    let trying = Response::build(&invite, 100).done();
    assert_eq!(Dialog::uac(OWNER, &invite, &trying).unwrap_err(), DialogError::NoTag);
    let many = vec!["<sip:a;lr>"; 33];
    let (deep, deep_ok) = recorded(&many);
    assert_eq!(Dialog::uac(OWNER, &deep, &deep_ok).unwrap_err(), DialogError::TooManyRoutes(33));
    invite.headers_mut().remove("Contact");
    assert_eq!(Dialog::uas(OWNER, &invite, &ok).unwrap_err(), DialogError::NoContact);
}

#[test]
fn an_outcome_says_what_becomes_of_the_dialog() {
    let of = |method: &str, status| {
        let request = bare(method, 2);
        let mut response = reply(&request, status, "b1");
        if status == 481 && method == "UPDATE" {
            response.headers_mut().push("ms-diagnostics", "1004;reason=\"gone\"");
        }
        advice(request.method(), &Outcome::of(response))
    };
    let drop = |bye, resend| Advice::Drop { bye, resend };
    let table = [
        ("MESSAGE", 200, Advice::Keep),
        ("MESSAGE", 480, drop(true, true)),
        ("MESSAGE", 481, drop(true, true)),
        ("MESSAGE", 408, drop(true, false)),
        ("MESSAGE", 486, Advice::Keep),
        ("MESSAGE", 606, Advice::Keep),
        ("INFO", 408, drop(true, false)),
        ("INFO", 480, drop(true, false)),
        ("INFO", 481, drop(true, false)),
        ("INFO", 415, Advice::Keep),
        ("INVITE", 491, Advice::TryLater),
        ("INVITE", 488, Advice::Keep),
        ("UPDATE", 408, drop(true, false)),
        ("UPDATE", 481, drop(false, false)),
        ("SUBSCRIBE", 481, drop(false, true)),
        ("BYE", 481, drop(false, false)),
        ("BYE", 200, drop(false, false)),
    ];
    for (method, status, expected) in table {
        assert_eq!(of(method, status), expected, "{status} to {method}");
    }
    let message = |outcome| advice(&Method::MESSAGE, &outcome);
    assert_eq!(message(Outcome::Unknown(Unknown::NoAnswer)), drop(true, false));
    assert_eq!(message(Outcome::Unknown(Unknown::ConnectionLost)), Advice::Keep);
    assert_eq!(message(Outcome::NotSent(NotSent::ConnectionLost)), Advice::SendAgain);
}

#[test]
fn both_sides_of_a_glare_keep_the_same_dialog() {
    assert_eq!(on_invite(Ours::Pending, None), Verdict::TakeBoth);
    assert_eq!(on_invite(Ours::Nothing, Some("x")), Verdict::Take);
    assert_eq!(on_invite(Ours::Inside, None), Verdict::Take);
    assert_eq!(on_invite(Ours::PendingInside, None), Verdict::Pend);
    assert_eq!(on_invite(Ours::Open(Some("x")), Some("x")), Verdict::ReplaceSilently);
    assert_eq!(on_invite(Ours::Open(Some("x")), Some("y")), Verdict::Replace);
    assert_eq!(on_invite(Ours::Open(None), None), Verdict::Replace);
    assert_eq!(
        (on_second_dialog("a", "b", true), on_second_dialog("b", "a", true)),
        (Keep::Ours, Keep::Theirs)
    );
    assert_eq!(on_second_dialog("b", "a", false), Keep::Ours, "they ended theirs");
    for random in [0, 1, 190, 191, u32::MAX] {
        let (caller, callee) = (retry_after_491(true, random), retry_after_491(false, random));
        assert!((2100..=4000).contains(&caller.as_millis()) && callee.as_millis() <= 2000);
    }
}
