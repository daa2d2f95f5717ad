//! Presence both ways, the roster and its groups.

use std::cell::Cell;

use serde_json::{Value, json};
use trunkline_client::{Event, RosterContact};
use trunkline_model::Availability;
use trunkline_testkit::peer::{Colleague, Heard};

use crate::{
    handset::Handset,
    house::{House, address, jid, sip},
};

/// Alice and Bob come to see each other's presence: the phone adds him, he adds her.
async fn acquainted(alice: &mut Handset, bob: &mut Colleague) {
    alice.phone.request("AddContact", json!({"contactId": sip("bob")})).await.unwrap();
    bob.until("is asked", |heard| matches!(heard, Heard::Subscribe { .. }).then_some(())).await.unwrap();
    bob.subscribe(&jid("alice")).await.unwrap();
    sees(bob, "available", "").await;
}

async fn sees(bob: &mut Colleague, show: &str, status: &str) {
    bob.until(&format!("sees Alice {show} {status:?}"), |heard| match heard {
        Heard::Presence { from, show: shown, status: told } => {
            (*from == jid("alice") && shown == show && told == status).then_some(())
        }
        _ => None,
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn peer_and_phone_see_each_others_presence() {
    let house = House::open().await;
    let (mut alice, mut bob) = (house.alice().await, house.bob().await);
    acquainted(&mut alice, &mut bob).await;
    alice.phone.set_presence(Availability::Busy, Some("stocktaking")).await.unwrap();
    sees(&mut bob, "dnd", "stocktaking").await;
    alice.phone.set_presence(Availability::Away, Some("")).await.unwrap();
    sees(&mut bob, "away", "").await;

    bob.show("dnd", "on the crane").await.unwrap();
    alice
        .contact(&address("bob"), "is not to be disturbed", |bob| {
            bob.availability == Availability::DoNotDisturb && bob.personal_message == "on the crane"
        })
        .await;
    bob.quit().await.unwrap();
    alice.forget();
    alice.contact(&address("bob"), "is gone", |bob| bob.availability == Availability::Offline).await;
    house.check_log();
}

#[tokio::test]
async fn peer_sees_the_phone_go_and_come_with_its_session_not_with_its_socket() {
    let house = House::open().await;
    let (mut alice, mut bob) = (house.alice().await, house.bob().await);
    acquainted(&mut alice, &mut bob).await;
    let gone = |heard: &Heard| matches!(heard, Heard::Presence { from, show, .. } if *from == jid("alice") && show == "unavailable");
    let times = |bob: &Colleague| bob.heard().iter().filter(|heard| gone(heard)).count();
    // Prosody says once that she is gone when it lets him see her.
    let before = times(&bob);
    alice.phone.drop_network();
    alice.until("the drop", |event| matches!(event, Event::Disconnected { .. }).then_some(())).await;
    alice.signed_in().await;
    bob.send(&jid("alice"), "b-1", "still there?").await.unwrap();
    alice.message("still there?").await;
    // Bob's client has heard all that came before this.
    alice.phone.send(&address("bob"), "still here").await.unwrap();
    bob.message("still here").await.unwrap();
    assert_eq!(times(&bob), before, "{:?}", bob.heard());
    alice.phone.sign_out().await.unwrap();
    let counted = Cell::new(0);
    bob.until("sees Alice go", |heard| {
        counted.set(counted.get() + usize::from(gone(heard)));
        (counted.get() > before).then_some(())
    })
    .await
    .unwrap();
    house.check_log();
}

#[tokio::test]
async fn peer_sees_what_the_phone_chose_after_the_relay_was_killed() {
    let mut house = House::open().await;
    let (mut alice, mut bob) = (house.alice().await, house.bob().await);
    acquainted(&mut alice, &mut bob).await;
    alice.phone.set_presence(Availability::DoNotDisturb, Some("driving")).await.unwrap();
    sees(&mut bob, "dnd", "driving").await;
    alice.phone.set_offline(true);
    house.relay.kill().await.unwrap();
    house.relay.start().await.unwrap();
    house.lines_up(1).await;
    // Whoever comes now is told how she is.
    let mut bob = house.bob().await;
    sees(&mut bob, "dnd", "driving").await;
    house.check_log();
}

#[tokio::test]
async fn peer_sees_a_disabled_account_go() {
    let house = House::open().await;
    let (mut alice, mut bob) = (house.alice().await, house.bob().await);
    acquainted(&mut alice, &mut bob).await;
    alice.phone.set_presence(Availability::Away, Some("for now")).await.unwrap();
    sees(&mut bob, "away", "for now").await;
    let disable = json!({"do": "accountEnable", "address": sip("alice"), "enabled": false});
    house.relay.admin(&disable).await.unwrap();
    alice.until("the end", |event| matches!(event, Event::Terminated { .. }).then_some(())).await;
    house.lines_up(0).await;
    let attempts = house.attempts();
    let enable = json!({"do": "accountEnable", "address": sip("alice"), "enabled": true});
    house.relay.admin(&enable).await.unwrap();
    let mut alice = Handset::new(house.pass(&sip("alice"), "alice-1").await.profile(None));
    alice.signed_in().await;
    assert_eq!(house.attempts(), attempts + 1);
    house.check_log();
}

/// The roster as the phone is told it: names of groups by contact.
async fn roster(phone: &Handset) -> Vec<(String, Vec<String>)> {
    let roster = phone.phone.roster().await.unwrap();
    let groups = |contact: &RosterContact| {
        let mut names: Vec<_> = contact.groups.iter().map(|group| group.name.clone()).collect();
        names.sort();
        names
    };
    let mut all: Vec<_> =
        roster.contacts.iter().map(|one| (one.address.bare().to_owned(), groups(one))).collect();
    all.sort();
    all
}

async fn change(phone: &Handset, method: &str, params: Value) -> Value {
    let shown = params.to_string();
    phone.phone.request(method, params).await.unwrap_or_else(|error| panic!("{method} {shown}: {error}"))
}

fn at(people: &[(&str, &[&str])]) -> Vec<(String, Vec<String>)> {
    let names = |groups: &&[&str]| groups.iter().map(|name| (*name).to_owned()).collect();
    people.iter().map(|(user, groups)| (jid(user), names(groups))).collect()
}

#[tokio::test]
async fn peer_keeps_the_roster_that_the_phone_arranges() {
    let mut house = House::open().await;
    let mut alice = house.alice().await;
    let crew = change(&alice, "AddGroup", json!({"groupName": "Crew"})).await["groupId"].clone();
    change(&alice, "AddContact", json!({"contactId": sip("bob"), "groupId": crew})).await;
    change(&alice, "AddContact", json!({"contactId": sip("carol")})).await;
    assert_eq!(roster(&alice).await, at(&[("bob", &["Crew"]), ("carol", &[])]));
    let yard = change(&alice, "AddGroup", json!({"groupName": "Yard"})).await["groupId"].clone();
    change(&alice, "CopyContactToGroup", json!({"contactId": sip("bob"), "groupId": yard})).await;
    change(&alice, "RenameGroup", json!({"groupId": crew, "groupName": "Night crew"})).await;
    assert_eq!(roster(&alice).await, at(&[("bob", &["Night crew", "Yard"]), ("carol", &[])]));
    // The server has it all: another life of the relay reads it from there.
    alice.forget();
    house.relay.stop().await.unwrap();
    house.relay.start().await.unwrap();
    alice.until("the session", |event| matches!(event, Event::Connected(_)).then_some(())).await;
    alice.signed_in().await;
    assert_eq!(roster(&alice).await, at(&[("bob", &["Night crew", "Yard"]), ("carol", &[])]));
    let groups = alice.phone.roster().await.unwrap().groups;
    let crew = groups.iter().find(|group| group.name == "Night crew").unwrap().id.clone();
    change(&alice, "RemoveContactFromGroup", json!({"contactId": sip("bob"), "groupId": crew})).await;
    change(&alice, "RemoveContact", json!({"contactId": sip("carol")})).await;
    assert_eq!(roster(&alice).await, at(&[("bob", &["Yard"])]));
    house.check_log();
}
