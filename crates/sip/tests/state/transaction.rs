//! Transactions: matching, time, loss and the races between INVITE, CANCEL and answers.

use trunkline_sip::transaction::{
    Answer, CancelStep, Capacity, ClientId, Delivery, Expired, Incoming, NotSent, Outcome, Patience,
    SendError, ServerId, Transactions, Unknown, Way,
};
use trunkline_sip::{Method, Request};

use crate::sample::{LINK, OTHER, at, bare, classic, reply, stamped, transactions};

fn open(table: &mut Transactions, request: &Request) -> ClientId {
    let patience = Patience::of(request.method());
    let id = table.send(at(0), LINK, request.clone(), patience).unwrap();
    assert!(table.submit(at(0), id));
    id
}

fn accept(table: &mut Transactions, request: &Request) -> ServerId {
    match table.request(at(0), LINK, request.clone()) {
        Incoming::Request { id, .. } => id,
        other => panic!("{other:?}"),
    }
}

fn ack_of(answer: Answer) -> Option<Request> {
    match answer {
        Answer::Final { ack, .. } | Answer::Absorbed { ack } => ack,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_refused_invite_is_acknowledged_each_time_on_its_branch() {
    let (mut table, mut invite) = (transactions(), stamped("INVITE", 1, 1));
    invite.headers_mut().push("Route", "<sip:fe1.example.com;lr;ms-route-sig=x>;tag=1");
    open(&mut table, &invite);
    let refusal = reply(&invite, 486, "b1");
    let first = ack_of(table.answer(at(1), LINK, refusal.clone())).unwrap();
    assert_eq!(first.via().unwrap(), invite.via().unwrap());
    assert_eq!(first.text("Route"), invite.text("Route"));
    assert_eq!((first.to().unwrap().tag(), first.cseq().unwrap().number), (Some("b1"), 1));
    assert_eq!(ack_of(table.answer(at(2), LINK, refusal.clone())), Some(first));
    assert!(table.expire(at(33)).is_empty() && table.is_empty());
    assert_eq!(table.answer(at(34), LINK, refusal), Answer::Absorbed { ack: None });
}

#[test]
fn every_2xx_of_an_invite_comes_up_even_after_its_refusal() {
    for first in [200, 487] {
        let (mut table, invite) = (transactions(), stamped("INVITE", 1, 1));
        let id = open(&mut table, &invite);
        assert!(matches!(table.answer(at(1), LINK, reply(&invite, first, "b1")), Answer::Final { .. }));
        for tag in ["b1", "b2", "b2"] {
            let second = reply(&invite, 200, tag);
            assert_eq!(table.answer(at(2), LINK, second.clone()), Answer::Late { id, response: second });
        }
        let ringing = reply(&invite, 180, "b3");
        assert_eq!(table.answer(at(2), LINK, ringing), Answer::Absorbed { ack: None });
    }
}

#[test]
fn answers_to_other_requests_end_them_once() {
    let (mut table, message) = (transactions(), stamped("MESSAGE", 2, 1));
    let id = open(&mut table, &message);
    assert!(matches!(table.answer(at(1), LINK, reply(&message, 100, "b")), Answer::Provisional { .. }));
    assert_eq!(table.answer(at(1), OTHER, reply(&message, 200, "b")), Answer::Absorbed { ack: None });
    let ok = reply(&message, 200, "b");
    let ended = Answer::Final { id, outcome: Outcome::Accepted(ok.clone()), ack: None };
    assert_eq!(table.answer(at(2), LINK, ok.clone()), ended);
    for late in [ok, reply(&message, 500, "b"), reply(&message, 100, "b")] {
        assert_eq!(table.answer(at(3), LINK, late), Answer::Absorbed { ack: None });
    }
    assert!(table.is_empty());
}

#[test]
fn what_was_written_is_unknown_without_an_answer_and_what_was_not_is_not_sent() {
    let lost = |submit: bool| {
        let mut table = transactions();
        let id = table.send(at(0), LINK, stamped("MESSAGE", 1, 1), Patience::of(&Method::MESSAGE)).unwrap();
        if submit {
            assert!(table.submit(at(1), id));
        }
        table
    };
    assert_eq!(lost(true).lost(at(2), LINK).ended[0].1, Outcome::Unknown(Unknown::ConnectionLost));
    assert_eq!(lost(false).lost(at(2), LINK).ended[0].1, Outcome::NotSent(NotSent::ConnectionLost));
    assert!(lost(true).lost(at(2), OTHER).ended.is_empty());
    let ended = |mut table: Transactions, seconds| match table.expire(at(seconds)).pop() {
        Some(Expired::Ended { outcome, .. }) => Some(outcome),
        other => panic!("{other:?}"),
    };
    assert_eq!(ended(lost(true), 61), Some(Outcome::Unknown(Unknown::NoAnswer)));
    assert_eq!(ended(lost(false), 61), Some(Outcome::NotSent(NotSent::TooLate)));
    assert!(lost(true).expire(at(60)).is_empty(), "60 s from when it was written");
}

#[test]
fn a_408_to_a_message_does_not_mean_that_it_did_not_arrive() {
    let message = stamped("MESSAGE", 1, 1);
    let delivery = |status| Outcome::of(reply(&message, status, "b")).delivery(&Method::MESSAGE);
    let all = [200, 202, 408, 480, 481, 503].map(delivery);
    let (ok, no) = (Delivery::Delivered, Delivery::Refused);
    assert_eq!(all, [ok, ok, Delivery::Unknown, no, no, no]);
}

#[test]
fn an_invite_rings_to_its_limit_and_is_cancelled() {
    let (mut table, invite) = (transactions(), stamped("INVITE", 1, 1));
    let id = open(&mut table, &invite);
    table.answer(at(1), LINK, reply(&invite, 180, "b"));
    assert!(table.expire(at(59)).is_empty());
    let Some(Expired::Cancelled { cancel, connection: LINK, .. }) = table.expire(at(60)).pop() else {
        panic!("no CANCEL")
    };
    assert_eq!(cancel.via().unwrap(), invite.via().unwrap());
    assert_eq!(cancel.cseq().unwrap().number, 1);
    table.answer(at(61), LINK, reply(&cancel, 200, "b"));
    let expired = table.expire(at(92));
    assert_eq!(expired, [Expired::Ended { id, outcome: Outcome::Unknown(Unknown::NoAnswer) }]);
    let late = reply(&invite, 200, "b");
    assert_eq!(table.answer(at(100), LINK, late.clone()), Answer::Late { id, response: late });
    assert!(table.expire(at(200)).is_empty() && table.is_empty());
}

#[test]
fn a_cancel_waits_for_the_first_answer() {
    let (mut table, invite) = (transactions(), stamped("INVITE", 1, 1));
    let id = table.send(at(0), LINK, invite.clone(), Patience::of(&Method::INVITE)).unwrap();
    assert_eq!(table.cancel(at(0), id), CancelStep::Withdrawn);
    assert!(!table.submit(at(0), id), "what was withdrawn is not written");
    let id = open(&mut table, &invite);
    assert_eq!(table.cancel(at(1), id), CancelStep::Later);
    let Answer::Provisional { cancel: Some(cancel), .. } =
        table.answer(at(2), LINK, reply(&invite, 100, "b"))
    else {
        panic!("no CANCEL")
    };
    assert_eq!(*cancel.method(), Method::CANCEL);
    assert_eq!(table.cancel(at(3), id), CancelStep::Later, "one is enough");
    assert!(ack_of(table.answer(at(3), LINK, reply(&invite, 487, "b"))).is_some());
    assert_eq!(table.cancel(at(4), id), CancelStep::TooLate);
}

#[test]
fn repeated_requests_get_the_last_answer_and_come_up_once() {
    for request in [stamped("INVITE", 1, 1), classic("INVITE", 1), classic("MESSAGE", 1)] {
        let mut table = transactions();
        let id = accept(&mut table, &request);
        let again = |table: &mut Transactions| table.request(at(1), LINK, request.clone());
        assert_eq!(again(&mut table), Incoming::Absorbed);
        for status in [180, 200] {
            let answer = reply(&request, status, "b");
            assert_eq!(table.respond(at(1), id, answer.clone()).unwrap().way, Way::Connection(LINK));
            assert_eq!(again(&mut table), Incoming::Reply(answer));
        }
        assert!(table.respond(at(1), id, reply(&request, 486, "b")).is_err(), "one final answer");
        assert!(table.expire(at(40)).is_empty() && table.is_empty());
    }
}

#[test]
fn the_ack_to_a_refusal_ends_there_and_that_to_a_2xx_comes_up() {
    for branch in [true, false] {
        for (status, comes_up) in [(486, false), (200, true)] {
            let invite = if branch { stamped("INVITE", 1, 1) } else { classic("INVITE", 1) };
            let mut table = transactions();
            let id = accept(&mut table, &invite);
            table.respond(at(1), id, reply(&invite, status, "b")).unwrap();
            let mut ack = if branch { stamped("ACK", 1, 1) } else { classic("ACK", 1) };
            ack.headers_mut().set("To", "<sip:bob@example.com>;tag=b");
            let taken = table.request(at(2), LINK, ack);
            assert_eq!(matches!(taken, Incoming::Unanswered(_)), comes_up, "{branch} {status}");
        }
    }
}

#[test]
fn a_refused_invite_that_is_never_acknowledged_ends_by_itself() {
    let (mut table, invite) = (transactions(), classic("INVITE", 1));
    let id = accept(&mut table, &invite);
    table.respond(at(1), id, reply(&invite, 486, "b")).unwrap();
    assert_eq!(table.next_deadline(), Some(at(33)));
    assert!(table.expire(at(33)).is_empty() && table.is_empty());
}

#[test]
fn a_cancel_finds_its_invite_only_while_there_is_one_without_an_answer() {
    for branch in [true, false] {
        let make = |method| if branch { stamped(method, 1, 1) } else { classic(method, 1) };
        let mut table = transactions();
        let Incoming::Reply(nothing) = table.request(at(0), LINK, make("CANCEL")) else { panic!("no 481") };
        assert_eq!(nothing.status(), 481);
        let id = accept(&mut table, &make("INVITE"));
        if !branch {
            assert!(matches!(table.request(at(0), OTHER, make("CANCEL")), Incoming::Reply(_)));
        }
        for answered in [false, true] {
            let taken = table.request(at(1), LINK, make("CANCEL"));
            let Incoming::Cancel { invite, reply: ok, .. } = taken else { panic!("{taken:?}") };
            assert_eq!((invite, ok.status()), ((!answered).then_some(id), 200));
            let _ = table.respond(at(1), id, reply(&make("INVITE"), 200, "b"));
        }
    }
}

#[test]
fn benotify_and_ack_are_never_answered_whatever_is_wrong_with_them() {
    let mut table = transactions();
    for method in ["BENOTIFY", "ACK"] {
        for request in [stamped(method, 1, 1), classic(method, 1)] {
            assert_eq!(table.request(at(0), LINK, request.clone()), Incoming::Unanswered(request));
        }
        assert_eq!(table.request(at(0), LINK, bare(method, 1)), Incoming::Absorbed, "no Via");
        let refused = table.send(at(0), LINK, stamped(method, 1, 1), Patience::of(&Method::MESSAGE));
        assert!(matches!(refused, Err(SendError::Unanswered(_))));
    }
    assert!(matches!(table.request(at(0), LINK, bare("INFO", 1)), Incoming::Reply(_)), "400");
}

#[test]
fn clients_with_the_same_ids_are_told_apart() {
    let mut table = transactions();
    accept(&mut table, &classic("MESSAGE", 1));
    let news = |taken: Incoming| matches!(taken, Incoming::Request { .. });
    assert!(news(table.request(at(0), OTHER, classic("MESSAGE", 1))), "another connection");
    let mut other = classic("MESSAGE", 1);
    other.headers_mut().set("From", "<sip:alice@example.com>;tag=a1;epid=0000000000");
    assert!(news(table.request(at(0), LINK, other)), "another epid");
    let mut other = classic("MESSAGE", 1);
    other.headers_mut().set("To", "<sip:bob@example.com>;tag=b");
    assert!(news(table.request(at(0), LINK, other)), "another To tag");
    assert!(news(table.request(at(0), LINK, classic("MESSAGE", 2))), "another number");
    assert!(!news(table.request(at(0), LINK, classic("MESSAGE", 1))));
}

#[test]
fn an_answer_goes_another_way_when_the_connection_is_gone() {
    let (mut table, invite) = (transactions(), stamped("INVITE", 1, 1));
    let id = accept(&mut table, &invite);
    assert_eq!(table.lost(at(1), LINK).stranded, [id]);
    let sent = table.respond(at(2), id, reply(&invite, 200, "b")).unwrap();
    assert_eq!(sent.way, Way::Host { host: "192.0.2.30".to_owned(), port: 5061 });
    table.expire(at(34));
    assert!(table.is_empty());
}

#[test]
fn what_is_about_an_invite_finds_it_over_another_connection() {
    let (mut table, invite) = (transactions(), stamped("INVITE", 1, 1));
    let id = accept(&mut table, &invite);
    assert_eq!(table.request(at(0), OTHER, invite.clone()), Incoming::Absorbed, "it is known");
    let taken = table.request(at(0), OTHER, stamped("CANCEL", 1, 1));
    assert!(matches!(taken, Incoming::Cancel { invite: Some(found), .. } if found == id), "{taken:?}");
    assert_eq!(table.lost(at(1), LINK).stranded, [id]);
    assert_eq!(table.request(at(1), OTHER, invite.clone()), Incoming::Absorbed, "it comes again");
    let refusal = reply(&invite, 487, "b");
    assert_eq!(table.respond(at(2), id, refusal.clone()).unwrap().way, Way::Connection(OTHER));
    table.lost(at(3), OTHER);
    assert_eq!(table.request(at(3), LINK, invite.clone()), Incoming::Reply(refusal));
    let (mut table, invite) = (transactions(), classic("INVITE", 1));
    let id = accept(&mut table, &invite);
    let cancelled = |table: &mut Transactions| table.request(at(1), OTHER, classic("CANCEL", 1));
    assert!(matches!(cancelled(&mut table), Incoming::Reply(_)), "another client's, which has the same ids");
    table.lost(at(1), LINK);
    let taken = cancelled(&mut table);
    assert!(matches!(taken, Incoming::Cancel { invite: Some(found), .. } if found == id), "{taken:?}");
}

#[test]
fn bytes_are_bounded_and_those_of_answered_requests_make_room() {
    let capacity = Capacity { client_bytes: 3_000, server_bytes: 3_000, ..Capacity::default() };
    let mut table = Transactions::new(capacity, 1);
    let large = |number| {
        let mut request = stamped("MESSAGE", number, number.into());
        request.set_body("text/plain", vec![b'x'; 2_000]);
        request
    };
    let id = accept(&mut table, &large(1));
    let Incoming::Reply(full) = table.request(at(0), LINK, large(2)) else { panic!("taken") };
    assert_eq!(full.status(), 503);
    table.respond(at(0), id, reply(&large(1), 200, "b")).unwrap();
    let second = accept(&mut table, &stamped("INFO", 9, 9));
    assert_eq!(table.len().1, 2, "its body is forgotten");
    table.respond(at(0), second, reply(&stamped("INFO", 9, 9), 200, "b")).unwrap();
    accept(&mut table, &large(2));
    let send = |table: &mut Transactions, number| {
        table.send(at(0), LINK, large(number), Patience::of(&Method::MESSAGE))
    };
    assert!(send(&mut table, 1).is_ok());
    assert_eq!(send(&mut table, 2), Err(SendError::Full(1)));
}

#[test]
fn what_we_never_answer_ends_too() {
    for (method, seconds, status) in [("INVITE", 180, Some(480)), ("MESSAGE", 60, None)] {
        let mut table = transactions();
        accept(&mut table, &stamped(method, 1, 1));
        assert!(table.expire(at(seconds - 1)).is_empty());
        let Some(Expired::Unheard(unheard)) = table.expire(at(seconds)).pop() else { panic!("{method}") };
        assert_eq!(unheard.reply.map(|reply| reply.response.status()), status);
        assert!(table.is_empty());
    }
}

#[test]
fn a_full_table_refuses_what_is_new_and_forgets_what_is_over() {
    let mut table = Transactions::new(Capacity { client: 1, server: 1, ..Capacity::default() }, 1);
    let invite = stamped("INVITE", 1, 1);
    open(&mut table, &invite);
    let patience = Patience::of(&Method::INVITE);
    let next = |table: &mut Transactions| table.send(at(1), LINK, stamped("INVITE", 2, 2), patience);
    assert_eq!(next(&mut table), Err(SendError::Full(1)));
    table.answer(at(1), LINK, reply(&invite, 200, "b"));
    assert!(next(&mut table).is_ok());
    let id = accept(&mut table, &invite);
    let Incoming::Reply(full) = table.request(at(1), LINK, stamped("INFO", 1, 3)) else { panic!("taken") };
    assert_eq!(full.status(), 503);
    table.respond(at(1), id, reply(&invite, 486, "b")).unwrap();
    accept(&mut table, &stamped("INFO", 1, 3));
}

#[test]
fn invites_that_are_over_make_room_and_open_ones_do_not() {
    let invite = |number| stamped("INVITE", number, number.into());
    let heavy = |number| {
        let mut message = stamped("MESSAGE", number, number.into());
        message.set_body("text/plain", vec![b'x'; 2_000]);
        message
    };
    let client_bytes = invite(1).to_bytes().len() + heavy(3).to_bytes().len();
    let capacities =
        [Capacity { client: 2, ..Capacity::default() }, Capacity { client_bytes, ..Capacity::default() }];
    for capacity in capacities {
        let mut table = Transactions::new(capacity, 1);
        for number in [1, 2] {
            let id = open(&mut table, &invite(number));
            let ended = table.answer(at(number.into()), LINK, reply(&invite(number), 486, "b"));
            assert!(matches!(ended, Answer::Final { id: of, .. } if of == id));
        }
        assert_eq!(table.len().0, 2, "they wait for what comes late");
        assert!(table.make_room(&heavy(3)));
        let refusal = |number| reply(&invite(number), 486, "b");
        assert_eq!(ack_of(table.answer(at(3), LINK, refusal(1))), None, "it was over for longest");
        assert!(ack_of(table.answer(at(3), LINK, refusal(2))).is_some(), "one is enough");
    }
    let mut table = Transactions::new(Capacity { client: 1, ..Capacity::default() }, 1);
    open(&mut table, &invite(1));
    assert!(!table.make_room(&invite(2)), "it may still be answered");
    assert_eq!(table.len().0, 1);
}
