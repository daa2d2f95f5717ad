//! Messages that nobody should send: whatever they say, the machines take them without breaking.

use std::path::Path;
use std::{fs, iter};

use bytes::Bytes;
use trunkline_sip::dialog::{Dialog, Dialogs, Invite, Invited, Owner, Step};
use trunkline_sip::failure::judge;
use trunkline_sip::registration::{Endpoint, Registration};
use trunkline_sip::session_timer::SessionTimer;
use trunkline_sip::subscription::{Notifier, Subscription, Target};
use trunkline_sip::transaction::{Answer, Capacity, Outcome, Patience, Transactions};
use trunkline_sip::{Epid, Message, Method, Request, Response, Uri, check};

use crate::sample::{LINK, at, bare, reply, stamped};

const OWNER: Owner = Owner(1);

const HEADERS: &[&str] = &[
    "Via",
    "From",
    "To",
    "Call-ID",
    "CSeq",
    "Contact",
    "Record-Route",
    "Expires",
    "Min-Expires",
    "Retry-After",
    "Event",
    "Subscription-State",
    "Session-Expires",
    "Min-SE",
    "ms-piggyback-cseq",
    "ms-diagnostics",
    "Warning",
    "Supported",
    "Allow-Events",
    "ms-keep-alive",
    "Content-Type",
];

const VALUES: &[&str] = &[
    "",
    " ",
    ";",
    ",",
    "*",
    "0",
    "4294967295",
    "99999999999999999999",
    "2147483647 INVITE",
    "0 INVITE",
    "<>",
    "<sip:>",
    "<sip:a@b",
    "\"",
    "sip:a@b;tag",
    "<sip:a@b>;tag=",
    "<tel:+1>;tag=x",
    "<urn:x>",
    "active;expires=4294967295",
    "terminated;reason=giveup;retry-after=4294967295",
    "4294967295;refresher=uac",
    "SIP/2.0/TLS h;branch=z9hG4bK",
    "SIP/2.0/TLS h:99999",
    "registration-notify",
    "presence",
    "\u{0}\u{7f}\u{fffd}",
];

/// Every message with each header left out, doubled, or saying what it should not.
fn bent(message: &Message) -> impl Iterator<Item = Message> + '_ {
    let replaced = HEADERS.iter().flat_map(move |name| {
        VALUES.iter().map(move |value| {
            let mut message = message.clone();
            message.set(name, value);
            message
        })
    });
    let rest = HEADERS.iter().flat_map(move |name| {
        let (mut without, mut twice) = (message.clone(), message.clone());
        without.remove(name);
        let again = message.get(name).cloned();
        again.into_iter().for_each(|header| twice.push_header(header));
        [without, twice]
    });
    iter::once(message.clone()).chain(replaced).chain(rest)
}

fn registration() -> Registration {
    let uri = |text| Uri::parse(text).unwrap();
    let (user, contact) = (uri("sip:alice@example.com"), uri("sip:192.0.2.30"));
    let (epid, agent) = (Epid::parse("26a7a9f5a6").unwrap(), "x".to_owned());
    Registration::new(Endpoint { user, epid, contact, expires: u32::MAX, agent }, "call", "a1").unwrap()
}

fn subscription() -> Subscription {
    let (from, contact) = ("<sip:alice@example.com>;tag=a1".to_owned(), "<sip:alice@192.0.2.30>".into());
    let (event, accept, call_id) = ("presence".into(), "*/*".into(), "call".to_owned());
    let uri = Uri::parse("sip:bob@example.com").unwrap();
    Subscription::new(OWNER, Target { uri, from, call_id, contact, event, accept, once: false })
}

fn take_request(request: &Request) {
    let mut table = Transactions::new(Capacity { client: 2, server: 2, ..Capacity::default() }, 1);
    for _ in 0..2 {
        let _ = table.request(at(0), LINK, request.clone());
    }
    let _ = table.send(at(0), LINK, request.clone(), Patience::of(request.method()));
    let _ = (table.expire(at(9_999)), table.lost(at(9_999), LINK));
    assert!(table.is_empty() && table.next_deadline().is_none(), "something is left of {request:?}");
    let ok = reply(request, 200, "b1");
    for mut dialog in
        [Dialog::uas(OWNER, request, &ok), Dialog::uac(OWNER, request, &ok)].into_iter().flatten()
    {
        let _ =
            (dialog.receive(request), dialog.refreshed(request), dialog.request(Method::INFO), dialog.bye());
        let _ = Dialogs::new(1).insert(dialog);
    }
    let _ = Dialogs::new(1).place(OWNER, request);
    let mut invited = Invited::new(OWNER, request, "b1", "<sip:bob@192.0.2.31>");
    let _ = (invited.accept(at(0), &ok), invited.acknowledge(request), invited.expire(at(99)));
    let _ = SessionTimer::offered(at(0), request, u32::MAX);
    let _ = Notifier::accept(at(0), OWNER, request, ("b1", "<sip:b>"), u32::MAX).map(|(mut notifier, _)| {
        let _ = (notifier.renew(at(1), request, 0), notifier.notify(at(1)), notifier.terminate("x"));
    });
    let mut subscription = subscription();
    subscription.sent(&subscription.clone().subscribe().unwrap().done());
    let _ = (subscription.notified(at(0), request, 0), subscription.due(at(9_999)));
    let _ = registration().notified(at(0), request, u32::MAX);
}

fn take_response(response: &Response) {
    let mut table = Transactions::new(Capacity { client: 2, server: 2, ..Capacity::default() }, 1);
    let request = stamped("INVITE", 1, 1);
    let id = table.send(at(0), LINK, request.clone(), Patience::of(&Method::INVITE)).unwrap();
    assert!(table.submit(at(0), id));
    let _ = table.cancel(at(0), id);
    for _ in 0..2 {
        if let Answer::Final { outcome, .. } = table.answer(at(0), LINK, response.clone()) {
            let _ = outcome.delivery(&Method::MESSAGE);
        }
    }
    let _ = (table.expire(at(9_999)), table.lost(at(9_999), LINK));
    assert!(table.is_empty() && table.next_deadline().is_none(), "something is left of {response:?}");
    let mut invite = Invite::new(OWNER, &request);
    let (first, second) = (invite.take(response), invite.take(response));
    if response.is_success() && check(&response.clone().into()).is_ok() {
        let acknowledges = |step| match step {
            Ok(Step::Accepted { ack, .. } | Step::Surplus { ack, .. } | Step::Again { ack }) => {
                *ack.method() == Method::ACK
            }
            _ => false,
        };
        assert!(acknowledges(first) && acknowledges(second), "{response:?}");
    }
    let (outcome, mut registration, mut subscription) =
        (Outcome::of(response.clone()), registration(), subscription());
    registration.due(at(0)).unwrap();
    let _ = (registration.ended(at(0), &outcome, u32::MAX), registration.next_deadline());
    let subscribe = subscription.subscribe().unwrap().done();
    subscription.sent(&subscribe);
    let _ = (subscription.ended(at(0), &subscribe, &outcome, u32::MAX), subscription.due(at(9_999)));
    let timer = SessionTimer::accepted(at(0), response).ok().flatten();
    let _ = timer.map(|mut timer| (timer.due(at(9_999)), timer.next_deadline()));
    let _ = judge(&Method::MESSAGE, response.status(), response);
}

fn take(message: &Message) {
    match message {
        Message::Request(request) => take_request(request),
        Message::Response(response) => take_response(response),
    }
}

#[test]
fn bent_messages_break_no_machine() {
    let requests = ["INVITE", "ACK", "CANCEL", "BYE", "SUBSCRIBE", "NOTIFY", "BENOTIFY", "MESSAGE"];
    for message in requests.map(|method| Message::Request(stamped(method, 1, 1))) {
        bent(&message).for_each(|message| take(&message));
    }
    for status in [100, 180, 200, 301, 401, 408, 423, 481, 487, 503, 606] {
        let response = Message::Response(reply(&stamped("INVITE", 1, 1), status, "b1"));
        bent(&response).for_each(|message| take(&message));
    }
    take(&Message::Request(bare("MESSAGE", 1)));
}

#[test]
fn the_torture_messages_break_no_machine() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/rfc4475");
    let files: Vec<_> = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    assert!(files.len() > 40, "{} torture messages", files.len());
    let read = |path| Message::parse(&Bytes::from(fs::read(path).unwrap())).ok();
    files.iter().filter_map(read).for_each(|message| take(&message));
}
