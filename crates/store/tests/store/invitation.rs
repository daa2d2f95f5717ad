use trunkline_model::{CallEnd, ChatId, ConversationState};
use trunkline_store::StoreError;

use crate::fixture::address;

#[tokio::test]
async fn accepting_brings_the_first_message_and_tells_both() {
    let house = super::house().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    house.send(&alice, &bob, "m-1", "hello").await;
    house.accept(&bob, &alice).await.unwrap();
    assert_eq!(house.accept(&bob, &alice).await, Err(StoreError::AlreadyAnswered));
    assert_eq!(
        house.mailbox(&bob).await,
        ["1 invited alice m-1: hello", "2* accepted alice", "3 received alice m-1: hello"]
    );
    assert_eq!(house.mailbox(&alice).await, ["1* sent bob m-1: hello", "2 accepted bob"]);
    assert_eq!(house.unread(&bob, &alice).await, 1);
}

#[tokio::test]
async fn another_chat_id_answers_nothing() {
    let house = super::house().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    house.send(&alice, &bob, "m-1", "hello").await;
    let (device, peer) = (bob.device, alice.address.clone());
    let accept = house.store.accept(bob.account, device, peer.clone(), ChatId::fresh(), Some(alice.account));
    assert_eq!(accept.await.unwrap().await, Err(StoreError::AlreadyAnswered));
    let decline = house.store.decline(bob.account, device, peer, ChatId::fresh(), Some(alice.account));
    assert_eq!(decline.await.unwrap().await, Err(StoreError::AlreadyAnswered));
    assert_eq!(house.mailbox(&bob).await.len(), 1);
}

#[tokio::test]
async fn after_a_decline_or_an_end_the_next_message_invites_anew() {
    let house = super::house().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let first = house.send(&alice, &bob, "m-1", "hello").await;
    let chat = house.chat(&bob, &alice.address).await;
    let decline =
        house.store.decline(bob.account, bob.device, alice.address.clone(), chat, Some(alice.account));
    decline.await.unwrap().await.unwrap();
    let second = house.send(&alice, &bob, "m-2", "please").await;
    assert_ne!(first.chat, second.chat);
    house.accept(&bob, &alice).await.unwrap();
    house.end(&alice, &bob).await;
    house.end(&alice, &bob).await;
    house.send(&bob, &alice, "m-1", "one more thing").await;
    assert_eq!(
        house.mailbox(&bob).await,
        [
            "1 invited alice m-1: hello",
            "2* declined alice",
            "3 invited alice m-2: please",
            "4* accepted alice",
            "5 received alice m-2: please",
            "6 ended alice",
            "7* read alice to 6 left 0",
            "8* sent alice m-1: one more thing",
        ]
    );
    assert_eq!(
        house.mailbox(&alice).await,
        [
            "1* sent bob m-1: hello",
            "2 declined bob",
            "3* sent bob m-2: please",
            "4 accepted bob",
            "5* ended bob",
            "6 invited bob m-1: one more thing",
        ]
    );
}

#[tokio::test]
async fn a_bare_invitation_has_no_message() {
    let house = super::house().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let start =
        || house.store.start_chat(alice.account, alice.device, bob.address.clone(), Some(bob.account));
    let first = start().await.unwrap().await.unwrap();
    let again = start().await.unwrap().await.unwrap();
    assert_eq!(first.chat, again.chat);
    assert_eq!(house.chat(&bob, &alice.address).await, first.chat);
    let answer = house.store.start_chat(bob.account, bob.device, alice.address.clone(), Some(alice.account));
    assert_eq!(answer.await.unwrap().await.unwrap().chat, first.chat);
    assert_eq!(house.mailbox(&bob).await, ["1 invited alice", "2* accepted alice"]);
    assert_eq!(house.mailbox(&alice).await, ["1 accepted bob"]);
    let (peer, side) = house.store.conversation_by_chat(bob.account, first.chat).await.unwrap().unwrap();
    assert_eq!((peer, side.state, side.unread), (alice.address.clone(), ConversationState::Open, 0));
}

#[tokio::test]
async fn an_invitation_from_elsewhere_is_accepted_too() {
    let house = super::house().await;
    let alice = house.person("alice").await;
    house.receive(&alice, "dave@corp.test", "x-1", "hello").await;
    let dave = address("dave@corp.test");
    let chat = house.chat(&alice, &dave).await;
    house.store.accept(alice.account, alice.device, dave, chat, None).await.unwrap().await.unwrap();
    assert_eq!(
        house.mailbox(&alice).await,
        ["1 invited dave x-1: hello", "2* accepted dave", "3 received dave x-1: hello"]
    );
}

#[tokio::test]
async fn what_is_answered_elsewhere_is_closed_and_read_once() {
    let house = super::house().await;
    let (alice, dave) = (house.person("alice").await, address("dave@corp.test"));
    house.receive(&alice, "dave@corp.test", "x-1", "hello").await;
    let chat = house.chat(&alice, &dave).await;
    house.call_ended(&alice, &dave, Some("x-1"), CallEnd::AnsweredElsewhere).await;
    let accept = house.store.accept(alice.account, alice.device, dave.clone(), chat, None);
    assert_eq!(accept.await.unwrap().await, Err(StoreError::AlreadyAnswered));
    house.call_ended(&alice, &dave, Some("x-1"), CallEnd::AnsweredElsewhere).await;
    house.receive(&alice, "dave@corp.test", "x-2", "me again").await;
    house.call_ended(&alice, &dave, Some("x-2"), CallEnd::Missed).await;
    assert_eq!(
        house.mailbox(&alice).await,
        [
            "1 invited dave x-1: hello",
            "2 answeredelsewhere dave",
            "3 read dave to 2 left 0",
            "4 invited dave x-2: me again",
        ]
    );
    assert_eq!(house.store.conversation(alice.account, &dave).await.unwrap().unwrap().unread, 1);
}

#[tokio::test]
async fn a_call_that_another_client_took_leaves_an_earlier_invitation_and_an_open_conversation_alone() {
    let house = super::house().await;
    let (alice, dave) = (house.person("alice").await, address("dave@corp.test"));
    house.receive(&alice, "dave@corp.test", "x-1", "missed").await;
    house.receive(&alice, "dave@corp.test", "x-2", "taken").await;
    house.call_ended(&alice, &dave, Some("x-2"), CallEnd::AnsweredElsewhere).await;
    house.call_ended(&alice, &dave, None, CallEnd::AnsweredElsewhere).await;
    house.call_ended(&alice, &dave, Some("never taken"), CallEnd::AnsweredElsewhere).await;
    let chat = house.chat(&alice, &dave).await;
    let accept = house.store.accept(alice.account, alice.device, dave.clone(), chat, None);
    accept.await.unwrap().await.unwrap();
    house.receive(&alice, "dave@corp.test", "x-3", "taken too").await;
    house.call_ended(&alice, &dave, Some("x-3"), CallEnd::AnsweredElsewhere).await;
    assert_eq!(
        house.mailbox(&alice).await,
        [
            "1 invited dave x-1: missed",
            "2 received dave x-2: taken",
            "3 read dave to 0 left 1",
            "4* accepted dave",
            "5 received dave x-1: missed",
            "6 received dave x-3: taken too",
            "7 read dave to 0 left 1",
        ]
    );
}

#[tokio::test]
async fn a_call_without_words_invites_once_even_in_an_open_conversation_and_lapses() {
    let house = super::house().await;
    let (alice, dave) = (house.person("alice").await, address("dave@corp.test"));
    let call = || async { house.store.call(alice.account, &dave).await.unwrap().await.unwrap() };
    call().await;
    call().await;
    house.call_ended(&alice, &dave, None, CallEnd::Missed).await;
    call().await;
    let accept = async || {
        let chat = house.chat(&alice, &dave).await;
        let accept = house.store.accept(alice.account, alice.device, dave.clone(), chat, None);
        accept.await.unwrap().await
    };
    accept().await.unwrap();
    house.call_ended(&alice, &dave, None, CallEnd::Missed).await;
    house.receive(&alice, "dave@corp.test", "x-1", "still here").await;
    call().await;
    accept().await.unwrap();
    assert_eq!(accept().await, Err(StoreError::AlreadyAnswered));
    assert_eq!(
        house.mailbox(&alice).await,
        [
            "1 invited dave",
            "2 expired dave",
            "3 invited dave",
            "4* accepted dave",
            "5 received dave x-1: still here",
            "6 invited dave",
            "7* accepted dave",
        ]
    );
}
