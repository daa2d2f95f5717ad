use trunkline_sip::body::publication::{CONFLICT_TYPE, Conflict, Operation};
use trunkline_testkit::{
    eventually,
    peer::{FrontEnd, Pidgin, front_end::Act},
};

const USERS: &[(&str, &str)] = &[("alice", "Alice A"), ("bob", "Bob B")];

#[tokio::test]
async fn a_contact_is_seen_to_come_to_change_and_to_go() {
    let front = FrontEnd::start("example.test", USERS).await.unwrap();
    let mut alice = Pidgin::sign_in(&front, "alice").await.unwrap();
    alice.add("bob@example.test", "Crew").await.unwrap();
    eventually("the list has Bob", async || (!front.contacts("alice").contacts.is_empty()).then_some(()))
        .await
        .unwrap();
    let mut bob = Pidgin::sign_in(&front, "bob").await.unwrap();
    alice.sees("bob@example.test", "available").await.unwrap();
    bob.show("busy", "").await.unwrap();
    alice.sees("bob@example.test", "busy").await.unwrap();
    bob.show("do-not-disturb", "heads down").await.unwrap();
    alice.sees("bob@example.test", "do-not-disturb").await.unwrap();
    let buddies = alice.buddies().await.unwrap();
    assert_eq!(buddies[0].alias, "Bob B");
    bob.quit().await.unwrap();
    alice.sees("bob@example.test", "offline").await.unwrap();
}

#[tokio::test]
async fn an_outdated_publication_is_refused_and_made_again() {
    let front = FrontEnd::start("example.test", USERS).await.unwrap();
    let mut alice = Pidgin::sign_in(&front, "alice").await.unwrap();
    eventually("Alice is available", async || front.availability("alice").filter(|number| *number == 3_500))
        .await
        .unwrap();
    let conflicts =
        |count| (1..=count).map(|index| Operation { index, version: None, current: Some(0) }).collect();
    let conflict = Conflict { code: Conflict::WRONG_DELTA.to_owned(), operations: conflicts(2) };
    // The client then publishes version 0, which is wrong by now: the Front End says so itself, and the client recovers.
    front.on_received(Act::answer(409).body(CONFLICT_TYPE, &conflict.write()), |message| {
        message.text("Content-Type").is_some_and(|media| media.contains("category-publish"))
    });
    let mark = front.mark();
    alice.show("busy", "").await.unwrap();
    front
        .until_after(mark, "its own 409", |traffic| {
            let refused = traffic.sent_response().filter(|response| response.status() == 409)?;
            (refused.text("Server").is_some()).then_some(())
        })
        .await
        .unwrap();
    eventually("Alice is busy", async || front.availability("alice").filter(|number| *number == 6_500))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_contact_of_another_pool_is_watched_there() {
    let front = FrontEnd::start("example.test", USERS).await.unwrap();
    front.move_user(
        "bob",
        "sip:pool2.example.test@example.test;gruu;opaque=srvr:HomeServer:AbCdEfGhIjKlMnOpQrStUwAA",
    );
    let mut alice = Pidgin::sign_in(&front, "alice").await.unwrap();
    alice.add("bob@example.test", "Crew").await.unwrap();
    front
        .until("a subscription at the other pool", |traffic| {
            let request = traffic.request().filter(|request| request.method().as_str() == "SUBSCRIBE")?;
            (request.uri().user() == Some("pool2.example.test")).then_some(())
        })
        .await
        .unwrap();
    let mut bob = Pidgin::sign_in(&front, "bob").await.unwrap();
    bob.show("busy", "").await.unwrap();
    alice.sees("bob@example.test", "busy").await.unwrap();
}

#[tokio::test]
async fn without_piggyback_the_first_notification_comes_by_itself() {
    let front = FrontEnd::start("example.test", USERS).await.unwrap();
    front.piggyback(false);
    front.open_presence("bob");
    let mut alice = Pidgin::sign_in(&front, "alice").await.unwrap();
    let _bob = Pidgin::sign_in(&front, "bob").await.unwrap();
    alice.add("bob@example.test", "Crew").await.unwrap();
    alice.sees("bob@example.test", "available").await.unwrap();
}
