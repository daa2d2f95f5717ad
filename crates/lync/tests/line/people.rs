//! Rosters, and what people show of themselves.

use trunkline_core::port::{LineError, LineState, Outcome, OwnPresence, RosterChange, Search, SearchField};
use trunkline_model::{Address, Availability, Presence};
use trunkline_sip::body::roaming::Container;
use trunkline_testkit::eventually;

use crate::stage::{Desk, Heard, Stage, until};

/// Waits for the list.
async fn listed(desk: &Desk) {
    eventually("the list is there", async || desk.line.roster().await).await.unwrap();
}

fn chosen(availability: Availability) -> OwnPresence {
    let presence = Presence { availability, ..Presence::offline() };
    OwnPresence { presence, chosen: Some(availability) }
}

fn seen(desk: &Desk, of: &Desk) -> Option<Availability> {
    let contacts = desk.ear.contacts.lock().unwrap();
    contacts
        .iter()
        .rev()
        .find(|contact| contact.address == of.address)
        .map(|contact| contact.presence.availability)
}

#[tokio::test]
async fn a_list_that_is_asked_for_right_after_the_sign_in_is_waited_for() {
    let stage = Stage::open().await;
    for user in ["alice", "bob", "carol"] {
        stage.connected(user).await.line.roster().await.unwrap();
    }
}

#[tokio::test]
async fn a_contact_is_added_seen_and_removed() {
    let stage = Stage::open().await;
    let (mut alice, bob) = (stage.connected("alice").await, stage.connected("bob").await);
    listed(&alice).await;
    stage.front.open_presence("bob");
    bob.line.publish(&chosen(Availability::Busy)).await.unwrap();
    until("the pool shows it", || stage.front.availability("bob").is_some_and(|number| number / 500 == 13))
        .await;
    alice.line.change_roster(RosterChange::AddContact(bob.address.clone(), None)).await.unwrap();
    assert!(stage.front.contacts("alice").contacts.iter().any(|contact| contact.uri.contains("bob")));
    until("Alice sees that Bob is busy", || seen(&alice, &bob) == Some(Availability::Busy)).await;
    let roster = alice.line.roster().await.unwrap();
    assert_eq!(roster.contacts[0].address, bob.address);
    assert!(roster.contacts[0].in_roster);
    let search = Search { term: "bob".into(), field: SearchField::Any, limit: 5 };
    assert_eq!(alice.line.search(&search).await.unwrap().contacts.len(), 1);
    stage.front.cut();
    alice.until("the cut is told", |state| state.reason().contains("ended")).await;
    alice.until("she is back", |state| *state == LineState::Connected).await;
    eventually("the list is back", async || alice.line.roster().await).await.unwrap();
    alice.line.change_roster(RosterChange::RemoveContact(bob.address.clone())).await.unwrap();
    assert!(stage.front.contacts("alice").contacts.is_empty());
    assert_eq!(stage.front.complaints().await, Vec::<String>::new());
}

#[tokio::test]
async fn somebody_outside_the_roster_is_watched() {
    let stage = Stage::open().await;
    let (alice, bob) = (stage.connected("alice").await, stage.connected("bob").await);
    stage.front.open_presence("bob");
    bob.line.publish(&chosen(Availability::Away)).await.unwrap();
    alice.line.watch(&bob.address, true).await.unwrap();
    until("Alice sees that Bob is away", || seen(&alice, &bob) == Some(Availability::Away)).await;
    assert!(!alice.line.contact(&bob.address).await.unwrap().unwrap().in_roster);
}

#[tokio::test]
async fn a_line_that_is_down_has_no_roster_to_change() {
    let mut stage = Stage::open().await;
    let mut alice = stage.connected("alice").await;
    listed(&alice).await;
    stage.front.stop().await;
    alice.until("it is down", |state| !state.reason().is_empty()).await;
    alice.line.roster().await.expect("what is known is shown");
    let error = alice.line.change_roster(RosterChange::AddGroup("Friends".into())).await.unwrap_err();
    assert!(matches!(error, LineError::NotConnected(_)), "{error}");
}

/// What a person reads of a refusal.
fn words(outcome: &Outcome) -> String {
    let Outcome::Refused { permanent: false, reason } = outcome else { panic!("{outcome:?}") };
    reason.split(" (").next().unwrap().to_owned()
}

#[tokio::test]
async fn whoever_is_blocked_cannot_tell_it_from_somebody_who_is_offline() {
    let mut stage = Stage::open().await;
    let (mut alice, bob) = (stage.connected("alice").await, stage.connected("bob").await);
    bob.line.watch(&alice.address, true).await.unwrap();
    until("Bob sees Alice", || seen(&bob, &alice) == Some(Availability::Available)).await;
    assert_eq!(bob.send(1, &alice.address, "hello").await, Outcome::Confirmed);
    alice.heard().await;
    alice.line.block(&bob.address, true).await.unwrap();
    until("Bob sees her no more", || seen(&bob, &alice) == Some(Availability::Offline)).await;
    let carol: Address = "carol@contoso.test".parse().unwrap();
    let offline = words(&bob.send(2, &carol, "there?").await);
    assert_eq!(words(&bob.send(3, &alice.address, "in the chat that is open").await), offline);
    assert_eq!(words(&bob.send(4, &alice.address, "in a new one").await), offline);
    assert!(alice.heard_nothing_more());
    stage.front.restart().await.unwrap();
    alice.until("she is cut off", |state| *state != LineState::Connected).await;
    let error = alice.line.block(&carol, true).await.unwrap_err();
    assert!(matches!(error, LineError::NotConnected(_)), "{error}");
    alice.until("she is back", |state| *state == LineState::Connected).await;
    let blocked = || {
        let all = stage.front.containers("alice");
        let blocked = all.into_iter().find(|one| one.id == Container::BLOCKED);
        blocked.map_or(0, |container| container.members.len())
    };
    until("Carol is blocked later", || blocked() == 2).await;
    alice.line.block(&bob.address, false).await.unwrap();
    alice.line.block(&bob.address, false).await.expect("nothing to do");
    assert_eq!(blocked(), 1);
    eventually("Bob gets through", async || {
        (bob.send(5, &alice.address, "again").await == Outcome::Confirmed).then_some(())
    })
    .await
    .unwrap();
    assert_eq!(alice.heard().await, Heard::Message(bob.address.clone(), "again".into()));
    assert_eq!(stage.front.complaints().await, Vec::<String>::new());
}
