//! The stories that are told twice: with nothing between the relay and the Front End, and with Kamailio.

use trunkline_client::{Event, RosterContact};
use trunkline_model::Availability;
use trunkline_testkit::{
    eventually,
    peer::{Pidgin, Told},
};

use super::pool::{Between, Pool, address};
use crate::handset::Handset;

#[tokio::test]
async fn peer_on_pidgin_and_phone_talk_and_see_each_other() {
    talk_and_see(Between::Nothing).await;
}

#[tokio::test]
async fn peer_on_pidgin_and_phone_talk_and_see_each_other_through_kamailio() {
    talk_and_see(Between::Kamailio).await;
}

async fn talk_and_see(between: Between) {
    let pool = Pool::open_with(between).await;
    let mut alice = pool.alice().await;
    let mut bob = Pidgin::sign_in(&pool.front, "bob").await.unwrap();
    talk(&pool, &mut alice, &mut bob).await;
    see(&pool, &alice, &mut bob).await;
    alice.phone.end_chat(&address("bob")).await.unwrap();
    alice.phone.sign_out().await.unwrap();
    eventually("Alice is signed out", async || (pool.front.endpoints("alice") == 0).then_some(()))
        .await
        .unwrap();
    pool.check().await;
    pool.check_wire().await;
}

async fn talk(pool: &Pool, alice: &mut Handset, bob: &mut Pidgin) {
    let alice_at = pool.front.address("alice");
    bob.send(&alice_at, "lunch, between us?").await.unwrap();
    alice.message("lunch, between us?").await;
    alice.phone.typing(&address("bob"), true).await.unwrap();
    let typing = |told: &Told| matches!(told, Told::Typing { from } if *from == alice_at).then_some(());
    bob.until("sees Alice type", typing).await.unwrap();
    alice.phone.send_as("a-1", &address("bob"), "at one, between us").await.unwrap();
    bob.message("at one, between us").await.unwrap();
    bob.typing(&alice_at, true).await.unwrap();
    let typing = |event: &Event| matches!(event, Event::Typing { composing: true, .. }).then_some(());
    alice.until("Bob types", typing).await;
    bob.send(&alice_at, "good").await.unwrap();
    alice.message("good").await;
    let mut all = alice.mailbox().await;
    all.retain(|entry| entry.method == "MessageReceived");
    assert_eq!(all.iter().map(|entry| &entry.text[..]).collect::<Vec<_>>(), ["lunch, between us?", "good"]);
    assert_eq!(bob.messages(&alice_at), ["at one, between us"]);
}

async fn see(pool: &Pool, alice: &Handset, bob: &mut Pidgin) {
    let alice_at = pool.front.address("alice");
    bob.add(&alice_at, "People").await.unwrap();
    alice.phone.set_presence(Availability::Busy, None).await.unwrap();
    bob.sees(&alice_at, "busy").await.unwrap();
    alice
        .phone
        .request("AddContact", serde_json::json!({ "contactId": address("bob").uri() }))
        .await
        .unwrap();
    sees(alice, Availability::Available).await;
    bob.show("away", "").await.unwrap();
    sees(alice, Availability::Away).await;
}

/// Waits until the phone's list shows Bob so.
async fn sees(alice: &Handset, availability: Availability) {
    eventually(&format!("Bob is {availability:?}"), async || {
        let contacts = alice.phone.roster().await.map_err(|error| error.to_string())?.contacts;
        let shown = |bob: &RosterContact| bob.address == address("bob") && bob.availability == availability;
        if contacts.iter().any(shown) { Ok(()) } else { Err(format!("{contacts:?}")) }
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn peer_pool_that_restarts_gets_what_was_written_meanwhile() {
    let mut pool = Pool::open().await;
    let mut alice = pool.alice().await;
    pool.front.stop().await;
    alice.line("connecting").await;
    alice.forget();
    pool.front.resume().await.unwrap();
    alice.line("connected").await;
    let mut bob = Pidgin::sign_in(&pool.front, "bob").await.unwrap();
    alice.phone.send_as("a-1", &address("bob"), "you are back").await.unwrap();
    bob.message("you are back").await.unwrap();
    pool.check().await;
    pool.check_wire().await;
}

#[tokio::test]
async fn peer_proxy_that_restarts_is_found_again_and_chats_go_on() {
    let mut pool = Pool::open_with(Between::Kamailio).await;
    let alice_at = pool.front.address("alice");
    let mut alice = pool.alice().await;
    let mut bob = Pidgin::sign_in(&pool.front, "bob").await.unwrap();
    alice.phone.send_as("a-1", &address("bob"), "before").await.unwrap();
    bob.message("before").await.unwrap();
    let kamailio = pool.kamailio.as_mut().unwrap();
    kamailio.stop().unwrap();
    alice.line("connecting").await;
    alice.forget();
    kamailio.start_again().await.unwrap();
    alice.line("connected").await;
    bob.send(&alice_at, "to the phone").await.unwrap();
    alice.message("to the phone").await;
    alice.phone.send_as("a-2", &address("bob"), "and back").await.unwrap();
    bob.message("and back").await.unwrap();
    pool.check().await;
    pool.check_wire().await;
}

#[tokio::test]
async fn peer_pool_that_restarts_behind_a_proxy_is_noticed_and_signed_in_to_again() {
    let mut pool = Pool::open_with(Between::Kamailio).await;
    let alice_at = pool.front.address("alice");
    let mut alice = pool.alice().await;
    alice.forget();
    pool.front.restart().await.unwrap();
    let mut bob = Pidgin::sign_in(&pool.front, "bob").await.unwrap();
    // The pool refuses it, unless it refused something else before and the relay is back already.
    if let Err(refused) = alice.phone.send_as("a-1", &address("bob"), "are you back?").await {
        assert!(refused.to_string().contains("service_unavailable"), "{refused}");
    }
    alice.line("connecting").await;
    alice.line("connected").await;
    assert_eq!(pool.front.endpoints("alice"), 1);
    bob.send(&alice_at, "yes, I am").await.unwrap();
    alice.message("yes, I am").await;
    alice.phone.send_as("a-2", &address("bob"), "good").await.unwrap();
    bob.message("good").await.unwrap();
    pool.check_log();
    pool.check_wire().await;
}
