//! A phone and a colleague write to each other.

use trunkline_client::Event;
use trunkline_testkit::peer::Heard;

use crate::{
    handset::Handset,
    house::{House, address, backend, jid, password, plan, prosody, sip},
};

#[tokio::test]
async fn peer_and_phone_talk_and_each_learns_of_the_arrival() {
    let house = House::open().await;
    let (mut alice, mut bob) = (house.alice().await, house.bob().await);
    let sent = alice.phone.send_as("a-1", &address("bob"), "lunch, between us?").await.unwrap();
    assert!(!sent.dup);
    assert!(house.received() > 0, "COMPLETE came before Prosody had the message");
    bob.message("lunch, between us?").await.unwrap();
    alice
        .until("Bob's client has it", |event| match event {
            Event::Delivered { contact, message_id, .. } if message_id == "a-1" => Some(contact.clone()),
            _ => None,
        })
        .await;

    bob.send(&jid("alice"), "b-1", "at one, between us").await.unwrap();
    assert_eq!(alice.message("at one, between us").await, "b-1");
    // What comes after shows that the receipt has not gone out before the phone's word.
    alice.phone.send_as("a-2", &address("bob"), "good").await.unwrap();
    bob.message("good").await.unwrap();
    let receipt = |heard: &Heard| matches!(heard, Heard::Receipt { .. });
    assert!(!bob.heard().iter().any(receipt), "{:?}", bob.heard());
    alice.phone.ack("b-1", &address("bob")).await.unwrap();
    let acknowledged = bob.until("gets the receipt", |heard| match heard {
        Heard::Receipt { from, id } => Some((from.clone(), id.clone())),
        _ => None,
    });
    assert_eq!(acknowledged.await.unwrap(), (jid("alice"), "b-1".to_owned()));
    house.check_log();
}

#[tokio::test]
async fn peer_that_wrote_first_is_an_invitation_until_it_is_answered() {
    let house = House::open().await;
    let (mut alice, mut bob) = (house.alice().await, house.bob().await);
    bob.send(&jid("alice"), "b-1", "may I?").await.unwrap();
    let request = alice.until("the invitation", |event| match event {
        Event::Invitation { request_id, contact, text, .. } if text.expose() == "may I?" => {
            assert_eq!(*contact, address("bob"));
            Some(request_id.clone())
        }
        _ => None,
    });
    let request = request.await;
    alice.phone.accept(&request).await.unwrap();
    bob.send(&jid("alice"), "b-2", "thank you").await.unwrap();
    let within = alice.until("a message within the conversation", |event| match event {
        Event::Message { chat_id, text, .. } if text.expose() == "thank you" => Some(chat_id.clone()),
        _ => None,
    });
    assert_eq!(within.await, request);
    house.check_log();
}

#[tokio::test]
async fn peer_carries_what_two_phones_write_to_each_other() {
    let house = House::open().await;
    house.relay.add_account(&sip("carol"), "Carol Example").await.unwrap();
    let (mut alice, pass) = (house.alice().await, house.pass(&sip("carol"), "carol-1").await);
    let mut carol = Handset::new(pass.profile(Some(&password("carol"))));
    carol.signed_in().await;
    alice.phone.send_as("m-1", &address("carol"), "hello Carol").await.unwrap();
    let id = carol.message("hello Carol").await;
    carol.phone.send_as("m-1", &address("alice"), "hello Alice").await.unwrap();
    alice.message("hello Alice").await;
    assert!(!alice.heard(|event| matches!(event, Event::Delivered { .. })));
    carol.phone.ack(&id, &address("alice")).await.unwrap();
    alice
        .until("Carol has it", |event| match event {
            Event::Delivered { message_id, .. } if message_id == "m-1" => Some(()),
            _ => None,
        })
        .await;
    house.check_log();
}

#[tokio::test]
async fn peer_whose_client_gives_an_id_twice_loses_no_message_by_it() {
    let house = House::open().await;
    let (mut alice, mut bob) = (house.alice().await, house.bob().await);
    bob.send(&jid("alice"), "1", "fire").await.unwrap();
    bob.send(&jid("alice"), "1", "the fire is out").await.unwrap();
    alice.message("the fire is out").await;
    alice.message("fire").await;
    house.check_log();
}

#[tokio::test]
async fn peer_and_phone_see_each_other_type() {
    let house = House::open().await;
    let (mut alice, mut bob) = (house.alice().await, house.bob().await);
    for (composing, state) in [(true, "composing"), (false, "paused")] {
        alice.phone.typing(&address("bob"), composing).await.unwrap();
        let heard = bob.until(state, |heard| match heard {
            Heard::Chatstate { from, state: told } if told == state => Some(from.clone()),
            _ => None,
        });
        assert_eq!(heard.await.unwrap(), jid("alice"));
    }
    for (state, typing) in [("composing", true), ("paused", false)] {
        bob.chat_state(&jid("alice"), state).await.unwrap();
        let heard = alice.until(state, |event| match event {
            Event::Typing { contact, composing, .. } if *composing == typing => Some(contact.clone()),
            _ => None,
        });
        assert_eq!(heard.await, address("bob"));
    }
}

#[tokio::test]
async fn peer_that_has_not_confirmed_keeps_the_sender_waiting() {
    let prosody = prosody().await;
    let plan = plan().set("SEND_OUTCOME_WAIT_MS", "60000").backend(&backend(&prosody, prosody.port()));
    let house = House::of(prosody, plan).await;
    let alice = house.alice().await;
    let other = house.pass(&sip("alice"), "alice-2").await;
    let mut other = Handset::new(other.profile(Some(&password("alice"))));
    other.signed_in().await;
    house.prosody.freeze().await.unwrap();
    let phone = alice.phone.clone();
    let sending = tokio::spawn(async move { phone.send_as("a-1", &address("bob"), "slowly").await });
    other
        .until("the message is stored", |event| match event {
            Event::MessageSent { message_id, .. } if message_id == "a-1" => Some(()),
            _ => None,
        })
        .await;
    alice.phone.request("Ping", serde_json::json!({})).await.unwrap();
    assert!(!sending.is_finished(), "COMPLETE came before Prosody had the message");
    house.prosody.thaw().await.unwrap();
    sending.await.unwrap().unwrap();
    house.check_log();
}

#[tokio::test]
async fn peer_that_does_not_exist_is_told_as_a_failure() {
    let house = House::open().await;
    let mut alice = house.alice().await;
    let answer = alice.phone.send_as("a-1", &address("nobody"), "anybody?").await;
    let came_later = answer.is_ok();
    let (code, reason) = match answer {
        Err(error) => {
            let refused = error.refused().unwrap();
            (refused.code.number(), refused.inner.clone())
        }
        Ok(_) => {
            alice
                .until("the failure", |event| match event {
                    Event::Failed { message_id, code, reason, unknown: false, .. } if message_id == "a-1" => {
                        Some((*code, reason.clone()))
                    }
                    _ => None,
                })
                .await
        }
    };
    assert_eq!((code, reason.as_str()), (1018, "the person cannot be reached"));
    let mut bob = house.bob().await;
    alice.phone.send_as("a-2", &address("bob"), "somebody?").await.unwrap();
    bob.message("somebody?").await.unwrap();
    bob.send(&jid("alice"), "b-1", "yes").await.unwrap();
    alice.message("yes").await;
    let told = alice.heard(|event| matches!(event, Event::Failed { .. }));
    assert_eq!(told, came_later, "it is told once, by the answer or by the event");
    house.check_log();
}
