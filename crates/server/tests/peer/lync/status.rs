//! What the pool refuses: told to the phone as the table has it, and not tried again in a storm.

use futures_util::future::join_all;
use trunkline_client::{Event, RequestError};
use trunkline_sip::{Message, Method, body::deregistration::Deregistration};
use trunkline_testkit::{
    eventually,
    peer::front_end::{Act, Heading, Traffic},
};

use super::pool::{Pool, address, front_end};
use crate::house::plan;

/// Status, diagnostics (0: none), the code that the phone gets, and a word of its text.
const OF_MESSAGES: &[(u16, u32, i64, &str)] = &[
    (400, 4001, 1018, "internal_error"),
    (400, 4010, 1018, "internal_error"),
    (415, 4013, 1018, "internal_error"),
    (403, 1001, 1018, "contact_not_allowed"),
    (403, 1002, 1018, "contact_not_allowed"),
    (403, 1012, 1018, "contact_not_allowed"),
    (403, 4003, 1018, "account_not_enabled"),
    (403, 1027, 1018, "not_supported_for_contact"),
    (403, 1017, 1018, "contact_not_found"),
    (404, 1003, 1018, "contact_not_found"),
    (404, 4005, 1018, "contact_not_found"),
    (404, 4006, 1019, "try_again"),
    (404, 4007, 1018, "contact_not_found"),
    (404, 1005, 1018, "contact_not_found"),
    (404, 1008, 1019, "partner_unreachable"),
    (504, 1014, 1019, "partner_unreachable"),
    (404, 15000, 1019, "contact_unavailable"),
    (408, 0, 1019, "outcome-unknown"),
    (408, 5001, 1019, "outcome-unknown"),
    (413, 0, 1018, "message_too_long"),
    (513, 0, 1018, "message_too_long"),
    (415, 0, 1018, "not_supported_by_contact"),
    (488, 0, 1018, "not_supported_by_contact"),
    (606, 0, 1018, "not_supported_by_contact"),
    (480, 13014, 1019, "not_delivered_offline"),
    (480, 0, 1019, "not_delivered_offline"),
    (481, 1004, 1019, "not_delivered"),
    (482, 0, 1018, "internal_error"),
    (483, 0, 1018, "internal_error"),
    (486, 0, 1018, "contact_dnd"),
    (500, 4008, 1018, "internal_error"),
    (504, 1010, 1019, "service_unavailable"),
    (504, 1011, 1019, "partner_unreachable"),
    (504, 10003, 1019, "partner_unreachable"),
    (603, 0, 1018, "declined"),
];

fn is(message: &Message, method: &Method) -> bool {
    matches!(message, Message::Request(request) if request.method() == method)
}

fn refusal(status: u16, id: u32) -> Act {
    let act = Act::answer(status);
    if id == 0 { act } else { act.diagnostics(id, "why") }
}

fn asked(pool: &Pool, methods: &[Method]) -> usize {
    let is_meant =
        |traffic: &&Traffic| traffic.request().is_some_and(|request| methods.contains(request.method()));
    pool.front.traffic().iter().filter(is_meant).count()
}

#[tokio::test]
async fn peer_statuses_of_a_message_are_told_with_code_and_text_and_tried_once_more_at_most() {
    let pool = Pool::open().await;
    let alice = pool.alice().await;
    for (row, (status, id, code, text)) in OF_MESSAGES.iter().enumerate() {
        let before = asked(&pool, &[Method::INVITE]);
        pool.front.on(Heading::Received, 3, refusal(*status, *id), |message| is(message, &Method::INVITE));
        let sent = alice.phone.send_as(&format!("a-{row}"), &address("bob"), "between us").await;
        let Err(RequestError::Refused(error)) = sent else { panic!("{status} {id}: {sent:?}") };
        assert_eq!(error.code.number(), *code, "{status} {id}: {}", error.inner);
        assert!(error.inner.contains(text), "{status} {id}: {}", error.inner);
        let tries = asked(&pool, &[Method::INVITE]) - before;
        assert!((1..=2).contains(&tries), "{status} {id}: {tries} INVITEs");
        pool.front.clear_script();
    }
    pool.check().await;
}

/// Of servers that failed, or are starting or ending: the message goes once more after a while.
const FOR_A_WHILE: [(u16, u32); 4] = [(500, 4000), (500, 5003), (503, 5000), (503, 1006)];

#[tokio::test]
async fn peer_that_fails_for_a_while_gets_the_message_once_more() {
    join_all(FOR_A_WHILE.map(async |(status, id)| {
        let pool = Pool::open().await;
        let alice = pool.alice().await;
        pool.front.on(Heading::Received, 1, refusal(status, id), |message| is(message, &Method::INVITE));
        // The phone is told at once that nobody knows yet, or later what came of it.
        let _ = alice.phone.send_as("once more", &address("bob"), "between us").await;
        eventually("it goes once more", async || (asked(&pool, &[Method::INVITE]) == 2).then_some(()))
            .await
            .unwrap();
        pool.check_log();
    }))
    .await;
}

/// Has a user register anew over the connection that stands: one that is cut often is dialled later and later.
fn moves(pool: &Pool, user: &str) {
    pool.front.deregister(user, &Deregistration::Deactivated, "4143;reason=\"moving\"");
}

#[tokio::test]
async fn peer_that_refuses_all_that_is_not_a_message_costs_no_line_and_no_storm() {
    let statuses = [400, 403, 404, 408, 409, 415, 480, 481, 482, 488, 489, 500, 503, 504, 603];
    // Who is signed out often rests longer and longer.
    join_all(statuses.chunks(3).map(refuses)).await;
}

async fn refuses(statuses: &[u16]) {
    let pool = Pool::open().await;
    let methods = [Method::SUBSCRIBE, Method::SERVICE];
    let alice = pool.alice().await;
    for status in statuses.iter().copied() {
        let mark = asked(&pool, &methods);
        let is_meant = move |message: &Message| {
            [Method::SUBSCRIBE, Method::SERVICE].iter().any(|method| is(message, method))
        };
        pool.front.on(Heading::Received, usize::MAX, refusal(status, 0), is_meant);
        moves(&pool, "alice");
        eventually("Alice is back", async || (pool.front.endpoints("alice") == 1).then_some(()))
            .await
            .unwrap();
        eventually("something is refused", async || (asked(&pool, &methods) > mark).then_some(()))
            .await
            .unwrap();
        // Messages go all the same, and when this one is answered, so is what was asked before.
        let sent = alice.phone.send_as(&format!("s-{status}"), &address("bob"), "between us").await;
        let Err(RequestError::Refused(error)) = sent else { panic!("{status}: {sent:?}") };
        assert!(error.inner.contains("not_delivered_offline"), "{status}: {}", error.inner);
        let asked = asked(&pool, &methods) - mark;
        assert!(asked < 20, "{status}: asked {asked} times");
        pool.front.clear_script();
    }
    pool.check_log();
}

#[tokio::test]
async fn peer_pool_that_refuses_an_account_for_good_is_not_asked_again_until_it_is_there_anew() {
    let front = front_end().await;
    let (port, plan) = (front.tls_port(), plan().set("SEND_OUTCOME_WAIT_MS", "50"));
    let pool = Pool::of(front, port, plan, &["alice"]).await;
    let mut alice = pool.alice().await;
    for (round, (status, id)) in [(403, 4003), (401, 1000)].into_iter().enumerate() {
        alice.forget();
        pool.front
            .on(Heading::Received, usize::MAX, refusal(status, id), |message| is(message, &Method::REGISTER));
        moves(&pool, "alice");
        let reason = alice.line("refused").await;
        assert!(reason.contains(&status.to_string()), "{reason}");
        let before = asked(&pool, &[Method::REGISTER]);
        for n in 0..5 {
            // It waits for the line.
            let id = format!("r-{round}-{n}");
            alice.phone.send_as(&id, &address("bob"), "between us").await.unwrap();
        }
        assert_eq!(asked(&pool, &[Method::REGISTER]), before, "{status}: it was asked again");
        let is_refusal =
            |event: &Event| matches!(event, Event::LineState { state, .. } if state == "refused");
        assert_eq!(alice.all(|event| is_refusal(event).then_some(())).len(), 1, "{status}");
        let log = pool.relay.log();
        let told = log.lines().filter(|line| line.contains("audit: the pool refused an account"));
        assert_eq!(told.count(), round + 1, "{status}");
        pool.front.clear_script();
        pool.front.cut();
        alice.line("connected").await;
    }
    pool.check_log();
}
