//! Who takes a conversation that somebody at pidgin-sipe begins: Alice's phone, her desktop, or nobody.

use serde_json::json;
use trunkline_client::{Event, RequestError};
use trunkline_sip::{Method, Response};
use trunkline_testkit::{
    eventually,
    peer::{Pidgin, Told, Transport, front_end::Traffic},
};

use super::pool::{Pool, address};
use crate::handset::{Entry, Handset};

/// Waits for Bob's invitation; gives its id.
async fn invitation(alice: &mut Handset, with: &str) -> String {
    alice
        .until(with, |event| match event {
            Event::Invitation { contact, request_id, text, .. }
                if *contact == address("bob") && text.expose() == with =>
            {
                Some(request_id.clone())
            }
            _ => None,
        })
        .await
}

/// The word of the news that an invitation is over.
async fn update(alice: &mut Handset, invitation: &str) -> String {
    alice
        .until("the invitation is over", |event| match event {
            Event::InvitationUpdate { request_id, status, .. } if request_id == invitation => {
                Some(status.clone())
            }
            _ => None,
        })
        .await
}

/// What the answers to INVITEs of Bob's to Alice were, from her endpoints, in order.
fn answers(pool: &Pool) -> Vec<u16> {
    let is_his = |response: &&Response| {
        response.cseq().is_ok_and(|cseq| cseq.method == Method::INVITE)
            && response.from().is_ok_and(|from| from.uri.user() == Some("bob"))
            && response.to().is_ok_and(|to| to.uri.user() == Some("alice"))
    };
    let traffic = pool.front.traffic();
    let all = traffic.iter().filter_map(|traffic| traffic.response()).filter(is_his);
    all.map(Response::status).filter(|status| *status != 100).collect()
}

async fn answered(pool: &Pool, wanted: &[u16]) {
    let what = format!("Alice's side answers with {wanted:?}");
    eventually(&what, async || (answers(pool) == wanted).then_some(())).await.unwrap();
}

/// Finds what a client answers to requests of a method.
fn answer_to(method: &Method) -> impl Fn(&Traffic) -> Option<()> + '_ {
    let is_it = |response: &&Response| response.cseq().is_ok_and(|cseq| cseq.method == *method);
    move |traffic| traffic.response().filter(is_it).map(drop)
}

fn already_answered(result: Result<(), RequestError>) -> bool {
    result.is_err_and(|error| error.to_string().contains("already-answered"))
}

fn entries(all: &[(&str, &str)]) -> Vec<Entry> {
    all.iter().map(|(method, text)| Entry { method: (*method).into(), text: (*text).into() }).collect()
}

/// Waits until Bob's client says that this was not delivered.
async fn undelivered(bob: &mut Pidgin, words: &str) {
    bob.until("is told that it failed", |told| match told {
        Told::Notice { kind, text, .. } if kind == "error" && text.contains(words) => Some(()),
        _ => None,
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn peer_rings_until_the_person_accepts_and_no_word_is_doubled() {
    let pool = Pool::with(r#"accept="user""#).await;
    let mut alice = pool.alice().await;
    let mut bob = Pidgin::sign_in(&pool.front, "bob").await.unwrap();
    bob.send(&pool.front.address("alice"), "are you there?").await.unwrap();
    let invited = invitation(&mut alice, "are you there?").await;
    answered(&pool, &[180]).await;
    alice.phone.accept(&invited).await.unwrap();
    answered(&pool, &[180, 200]).await;
    assert!(already_answered(alice.phone.accept(&invited).await));
    bob.send(&pool.front.address("alice"), "fine").await.unwrap();
    alice.message("fine").await;
    alice.phone.send_as("a-1", &address("bob"), "I am").await.unwrap();
    bob.message("I am").await.unwrap();
    assert_eq!(
        alice.mailbox().await,
        entries(&[
            ("InvitationReceived", "are you there?"),
            ("MessageReceived", "are you there?"),
            ("MessageReceived", "fine"),
        ])
    );
    pool.check().await;
}

#[tokio::test]
async fn peer_that_is_declined_hears_that_nobody_is_there_or_that_nobody_will() {
    for (attributes, status) in [(r#"accept="user""#, 480), (r#"accept="user" declineWith="603""#, 603)] {
        let pool = Pool::with(attributes).await;
        let mut alice = pool.alice().await;
        let mut bob = Pidgin::sign_in(&pool.front, "bob").await.unwrap();
        bob.send(&pool.front.address("alice"), "a minute?").await.unwrap();
        let invited = invitation(&mut alice, "a minute?").await;
        alice.phone.decline(&invited).await.unwrap();
        answered(&pool, &[180, status]).await;
        undelivered(&mut bob, "a minute?").await;
        assert!(already_answered(alice.phone.decline(&invited).await));
        pool.check().await;
    }
}

#[tokio::test]
async fn peer_is_answered_at_the_desktop_and_the_phone_is_told() {
    let pool = Pool::open().await;
    let mut alice = pool.alice().await;
    let mut bob = Pidgin::sign_in(&pool.front, "bob").await.unwrap();
    let to_alice = pool.front.address("alice");
    bob.send(&to_alice, "only the phone").await.unwrap();
    invitation(&mut alice, "only the phone").await;
    answered(&pool, &[200]).await;
    bob.close(&to_alice).await.unwrap();
    pool.front.until("the answer to the BYE", answer_to(&Method::BYE)).await.unwrap();
    alice.phone.end_chat(&address("bob")).await.unwrap();
    let mut desk = Pidgin::start(&pool.front, "alice", "desk", Transport::Tcp).await.unwrap();
    desk.connect(&pool.front).await.unwrap();
    bob.send(&to_alice, "phone or desk?").await.unwrap();
    let invited = invitation(&mut alice, "phone or desk?").await;
    // The desktop waits for its person for ten seconds.
    desk.message("phone or desk?").await.unwrap();
    assert_eq!(update(&mut alice, &invited).await, "AnsweredElsewhere");
    assert!(already_answered(alice.phone.accept(&invited).await));
    let is_read = |event: &Event| matches!(event, Event::Read { unread: 1, .. }).then_some(());
    alice.until("it is read, and the one before is not", is_read).await;
    let of_desk = desk.address().to_owned();
    desk.send(bob.address(), "desk").await.unwrap();
    bob.message("desk").await.unwrap();
    assert_eq!(bob.messages(&of_desk), ["desk"]);
    pool.check().await;
}

#[tokio::test]
async fn peer_that_rings_at_a_desktop_that_leaves_gets_the_phone() {
    let pool = Pool::open().await;
    let mut alice = pool.alice().await;
    let mut desk = Pidgin::start(&pool.front, "alice", "desk", Transport::Tcp).await.unwrap();
    desk.connect(&pool.front).await.unwrap();
    let mut bob = Pidgin::sign_in(&pool.front, "bob").await.unwrap();
    bob.send(&pool.front.address("alice"), "anybody?").await.unwrap();
    invitation(&mut alice, "anybody?").await;
    answered(&pool, &[180]).await;
    desk.sign_out().await.unwrap();
    eventually("the phone takes it", async || answers(&pool).contains(&200).then_some(())).await.unwrap();
    alice.phone.send_as("a-1", &address("bob"), "the phone").await.unwrap();
    bob.message("the phone").await.unwrap();
    assert_eq!(
        alice.mailbox().await,
        entries(&[("InvitationReceived", "anybody?"), ("MessageReceived", "anybody?"),])
    );
}

#[tokio::test]
async fn peer_that_rings_in_an_open_conversation_is_answered_by_who_reads() {
    let pool = Pool::with(r#"accept="user""#).await;
    let mut alice = pool.alice().await;
    let mut bob = Pidgin::sign_in(&pool.front, "bob").await.unwrap();
    let to_alice = pool.front.address("alice");
    bob.send(&to_alice, "first").await.unwrap();
    let invited = invitation(&mut alice, "first").await;
    alice.phone.accept(&invited).await.unwrap();
    // Bob's client says again what was in its INVITE.
    pool.front.until("the words again", answer_to(&Method::MESSAGE)).await.unwrap();
    bob.close(&to_alice).await.unwrap();
    bob.send(&to_alice, "second").await.unwrap();
    alice.message("second").await;
    answered(&pool, &[180, 200, 180]).await;
    let read = json!({"contactId": address("bob")});
    alice.phone.request("conversation.Read", read).await.unwrap();
    answered(&pool, &[180, 200, 180, 200]).await;
    let mark = pool.front.mark();
    alice.phone.end_chat(&address("bob")).await.unwrap();
    // What Bob writes before he has it would be refused.
    pool.front.until_after(mark, "Bob's answer to the BYE", answer_to(&Method::BYE)).await.unwrap();
    bob.send(&to_alice, "third").await.unwrap();
    invitation(&mut alice, "third").await;
    answered(&pool, &[180, 200, 180, 200, 180]).await;
    alice.phone.request("StartChat", json!({"contactId": address("bob")})).await.unwrap();
    answered(&pool, &[180, 200, 180, 200, 180, 200]).await;
    let texts = [
        ("InvitationReceived", "first"),
        ("MessageReceived", "first"),
        ("MessageReceived", "second"),
        ("InvitationReceived", "third"),
        ("MessageReceived", "third"),
    ];
    assert_eq!(alice.mailbox().await, entries(&texts));
    pool.check().await;
}

#[tokio::test]
async fn peer_that_gives_up_leaves_a_message_that_can_be_answered() {
    let pool = Pool::with(r#"accept="user""#).await;
    let mut alice = pool.alice().await;
    let mut bob = Pidgin::sign_in(&pool.front, "bob").await.unwrap();
    let to_alice = pool.front.address("alice");
    bob.send(&to_alice, "call me back").await.unwrap();
    let invited = invitation(&mut alice, "call me back").await;
    bob.close(&to_alice).await.unwrap();
    answered(&pool, &[180, 487]).await;
    alice.phone.accept(&invited).await.unwrap();
    alice.phone.send_as("a-1", &address("bob"), "here I am").await.unwrap();
    bob.message("here I am").await.unwrap();
    assert_eq!(
        alice.mailbox().await,
        entries(&[("InvitationReceived", "call me back"), ("MessageReceived", "call me back"),])
    );
    pool.check().await;
}

#[tokio::test]
async fn peer_that_rings_when_the_relay_is_killed_leaves_an_invitation() {
    let mut pool = Pool::with(r#"accept="user""#).await;
    let mut alice = pool.alice().await;
    let mut bob = Pidgin::sign_in(&pool.front, "bob").await.unwrap();
    bob.send(&pool.front.address("alice"), "before the crash").await.unwrap();
    answered(&pool, &[180]).await;
    let invited = invitation(&mut alice, "before the crash").await;
    alice.forget();
    pool.relay.kill().await.unwrap();
    undelivered(&mut bob, "before the crash").await;
    pool.relay.start().await.unwrap();
    alice
        .until("the line is back", |event| match event {
            Event::Connected(session) if session.line_state == "connected" => Some(()),
            Event::LineState { state, .. } if state == "connected" => Some(()),
            _ => None,
        })
        .await;
    alice.phone.accept(&invited).await.unwrap();
    alice.phone.send_as("a-1", &address("bob"), "after it").await.unwrap();
    bob.message("after it").await.unwrap();
    assert_eq!(answers(&pool), [180], "nothing rang any more");
    assert_eq!(
        alice.mailbox().await,
        entries(&[("InvitationReceived", "before the crash"), ("MessageReceived", "before the crash"),])
    );
}
