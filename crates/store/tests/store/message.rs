use trunkline_model::{MessageState, Seq};
use trunkline_store::{MessageOutcome, Route, StoreError};

use crate::fixture::{House, address, message};

#[tokio::test]
async fn the_first_message_invites_and_an_answer_accepts() {
    let house = super::house().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let first = house.send(&alice, &bob, "m-1", "hello").await;
    assert_eq!((first.state, first.dup, first.head), (MessageState::Confirmed, false, Seq(1)));
    house.send(&alice, &bob, "m-2", "are you there").await;
    let answer = house.send(&bob, &alice, "m-1", "yes").await;
    assert_eq!(answer.chat, first.chat);
    assert!(answer.sent_at > first.sent_at);
    house.send(&alice, &bob, "m-3", "good").await;
    assert_eq!(
        house.mailbox(&bob).await,
        [
            "1 invited alice m-1: hello",
            "2 received alice m-2: are you there",
            "3* accepted alice",
            "4 received alice m-1: hello",
            "5* read alice to 4 left 0",
            "6* sent alice m-1: yes",
            "7 received alice m-3: good",
        ]
    );
    assert_eq!(
        house.mailbox(&alice).await,
        [
            "1* sent bob m-1: hello",
            "2* sent bob m-2: are you there",
            "3 accepted bob",
            "4 received bob m-1: yes",
            "5* read bob to 4 left 0",
            "6* sent bob m-3: good",
        ]
    );
    assert_eq!(house.unread(&bob, &alice).await, 1);
}

#[tokio::test]
async fn a_resend_gives_the_first_result_and_a_reused_id_is_refused() {
    let house = super::house().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let carol = house.person("carol").await;
    let first = house.send(&alice, &bob, "m-1", "hello").await;
    for _ in 0..3 {
        let again = house.send(&alice, &bob, "m-1", "hello").await;
        assert!(again.dup);
        assert_eq!((again.key, again.chat, again.sent_at), (first.key, first.chat, first.sent_at));
    }
    assert_eq!(house.try_send(&alice, &bob, "m-1", "another text").await, Err(StoreError::Reused));
    assert_eq!(house.try_send(&alice, &carol, "m-1", "hello").await, Err(StoreError::Reused));
    assert_eq!(house.mailbox(&bob).await.len(), 1);
    assert_eq!(house.mailbox(&alice).await.len(), 1);

    let mut other = alice.clone();
    other.device = house.device(&alice, "tablet").await;
    assert!(!house.send(&other, &bob, "m-1", "from another device").await.dup);
}

#[tokio::test]
async fn both_copies_of_a_resend_in_one_batch_are_one_message() {
    let house = super::house().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let route = Route::Local { recipient: bob.account, deliver: true };
    let mut pending = Vec::new();
    for _ in 0..5 {
        pending.push(house.store.send(message(&alice, &bob.address, "m-1", "hello", route)).await.unwrap());
    }
    let mut dups = Vec::new();
    for one in pending {
        dups.push(one.await.unwrap().dup);
    }
    assert_eq!(dups, [false, true, true, true, true]);
    assert_eq!(house.mailbox(&bob).await, ["1 invited alice m-1: hello"]);
}

#[tokio::test]
async fn a_blocked_sender_notices_nothing() {
    let house = super::house().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let route = Route::Local { recipient: bob.account, deliver: false };
    let sent =
        house.store.send(message(&alice, &bob.address, "m-1", "hello", route)).await.unwrap().await.unwrap();
    assert_eq!(sent.state, MessageState::Confirmed);
    assert_eq!(house.mailbox(&alice).await, ["1* sent bob m-1: hello"]);
    assert!(house.mailbox(&bob).await.is_empty());
    assert!(house.store.conversation(bob.account, &alice.address).await.unwrap().is_none());
}

#[tokio::test]
async fn a_message_for_a_line_waits_in_the_outbox_until_it_is_settled() {
    let house = super::house().await;
    let alice = house.person("alice").await;
    let sent = house.send_out(&alice, "dave@corp.test", "m-1", "hello").await;
    assert_eq!(sent.state, MessageState::Stored);
    assert_eq!(house.store.outbox_accounts().await.unwrap(), [alice.account]);
    settle(&house, &sent, MessageOutcome::Submitted).await;
    let rows = house.store.outbox(alice.account).await.unwrap();
    assert_eq!((rows.len(), rows[0].key, rows[0].state), (1, sent.key, MessageState::Submitted));
    assert_eq!((rows[0].peer.bare(), rows[0].text.expose()), ("dave@corp.test", "hello"));
    settle(&house, &sent, MessageOutcome::Stored).await;
    assert_eq!(house.store.outbox(alice.account).await.unwrap()[0].state, MessageState::Stored);
    settle(&house, &sent, MessageOutcome::Confirmed).await;
    assert!(house.store.outbox(alice.account).await.unwrap().is_empty());
    settle(&house, &sent, MessageOutcome::Submitted).await;
    let again = house.send_out(&alice, "dave@corp.test", "m-1", "hello").await;
    assert!(again.dup);
    assert_eq!(again.state, MessageState::Confirmed);
}

#[tokio::test]
async fn a_failed_or_unknown_message_is_sent_anew_under_its_key() {
    let house = super::house().await;
    let alice = house.person("alice").await;
    let first = house.send_out(&alice, "dave@corp.test", "m-1", "hello").await;
    settle(&house, &first, MessageOutcome::Failed { code: 1018, reason: "no such person".to_owned() }).await;
    settle(&house, &first, MessageOutcome::Failed { code: 1018, reason: "told twice".to_owned() }).await;
    let second = house.send_out(&alice, "dave@corp.test", "m-1", "hello").await;
    assert!(!second.dup);
    assert_eq!((second.key, second.state), (first.key, MessageState::Stored));
    assert!(second.sent_at > first.sent_at);
    assert_eq!(house.store.outbox(alice.account).await.unwrap().len(), 1);
    settle(&house, &first, MessageOutcome::Submitted).await;
    settle(&house, &first, MessageOutcome::Unknown { reason: "the link died".to_owned() }).await;
    let third = house.send_out(&alice, "dave@corp.test", "m-1", "hello").await;
    assert!(!third.dup);
    settle(&house, &first, MessageOutcome::Confirmed).await;
    settle(&house, &first, MessageOutcome::Failed { code: 1019, reason: "came back".to_owned() }).await;
    assert_eq!(
        house.mailbox(&alice).await,
        [
            "1* sent dave m-1: hello",
            "2* failed dave m-1: 1018 no such person",
            "3* sent dave m-1: hello",
            "4* failed dave m-1: 1019 the link died (unknown)",
            "5* sent dave m-1: hello",
            "6* failed dave m-1: 1019 came back",
        ]
    );
}

#[tokio::test]
async fn what_a_line_brings_twice_is_taken_once() {
    let mut house = super::house().await;
    let alice = house.person("alice").await;
    assert!(!house.receive(&alice, "dave@corp.test", "x-1", "hello").await);
    assert!(house.receive(&alice, "dave@corp.test", "x-1", "hello").await);
    house.reopen().await;
    assert!(house.receive(&alice, "dave@corp.test", "x-1", "hello").await);
    assert!(!house.receive(&alice, "dave@corp.test", "x-2", "again").await);
    assert_eq!(house.mailbox(&alice).await, ["1 invited dave x-1: hello", "2 received dave x-2: again"]);
    let dave = address("dave@corp.test");
    assert_eq!(house.store.conversation(alice.account, &dave).await.unwrap().unwrap().unread, 2);
}

#[tokio::test]
async fn a_line_settles_only_what_its_own_account_wrote() {
    let house = super::house().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let sent = house.send_out(&alice, "dave@corp.test", "m-1", "hello").await;
    for (account, state) in [(&bob, MessageState::Stored), (&alice, MessageState::Failed)] {
        let bounce = MessageOutcome::Failed { code: 1018, reason: "no such person".to_owned() };
        let settled = house.store.outcome(Some(account.account), sent.key, bounce, true).await.unwrap();
        settled.await.unwrap();
        let waits = !house.store.outbox(alice.account).await.unwrap().is_empty();
        assert_eq!(waits, state == MessageState::Stored);
    }
    assert_eq!(
        house.mailbox(&alice).await,
        ["1* sent dave m-1: hello", "2* failed dave m-1: 1018 no such person"]
    );
}

async fn settle(house: &House, sent: &trunkline_store::Sent, outcome: MessageOutcome) {
    house.store.outcome(None, sent.key, outcome, true).await.unwrap().await.unwrap();
}
