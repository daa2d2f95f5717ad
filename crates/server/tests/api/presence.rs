//! What others see of a person.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{
    device::Device,
    house::{House, sip},
};

/// Waits for a ContactUpdate that shows `who` like this; gives the record.
async fn sees(watcher: &mut Device, who: &str, presence: &str, availability: &str) -> Value {
    let who = sip(who);
    let update = watcher
        .event_that("ContactUpdate", |update| {
            let record = &update["contacts"][&who];
            record["presence"] == presence && record["availability"] == availability
        })
        .await;
    update["contacts"][&who].clone()
}

/// A person who has the other in the contact list, and has been told of it.
async fn watcher(house: &House, name: &str, of: &str) -> Device {
    house.account(of).await;
    let mut device = house.device(name).await;
    device.well("AddContact", json!({"contactId": sip(of)})).await;
    sees(&mut device, of, "offline", "18500").await;
    device
}

#[tokio::test]
pub(crate) async fn every_choice_has_its_name_and_number_and_unknown_ones_are_1012() {
    let house = House::open().await;
    let mut ana = house.device("ana").await;
    let mut bo = house.device("bo").await;
    for (told, shown, number) in [
        ("available", "available", "3500"),
        ("BUSY", "busy", "6500"),
        ("DoNotDisturb", "donotdisturb", "9500"),
        ("berightback", "berightback", "12500"),
        ("away", "away", "15500"),
        ("offwork", "offwork", "15500"),
        ("offline", "offline", "18500"),
        ("appearoffline", "offline", "18500"),
    ] {
        bo.well("SetPresence", json!({"presence": told})).await;
        let state = ana.well("GetContactsState", json!({"contactIds": [sip("bo")]})).await;
        let record = &state["contacts"][0];
        assert_eq!((&record["presence"], &record["availability"]), (&json!(shown), &json!(number)), "{told}");
    }
    bo.refused(1012, "SetPresence", json!({"presence": "elsewhere"})).await;
}

#[tokio::test]
pub(crate) async fn watchers_are_told_of_signing_in_choices_notes_and_signing_out() {
    let house = House::open().await;
    let mut ana = watcher(&house, "ana", "bo").await;
    let pass = house.pass("bo", "bo-1").await;
    let mut bo = Device::opened(&pass, -1).await;
    let params = json!({"presence": "away", "personalMessage": "On site"});
    bo.well("BeginSession", params).await;
    let record = sees(&mut ana, "bo", "away", "15500").await;
    assert_eq!((&record["personalMessage"], &record["numDevices"]), (&json!("On site"), &json!("1")));
    bo.well("SetPresence", json!({"presence": "busy", "personalMessage": "Audit"})).await;
    let update = ana.event_that("ContactUpdate", |update| update["contactId"] == sip("bo")).await;
    assert_eq!(update["contact"], update["contacts"], "one contact is told in the short form too");
    let record = &update["contacts"][sip("bo")];
    assert_eq!((&record["presence"], &record["personalMessage"]), (&json!("busy"), &json!("Audit")));
    bo.well("SetPersonalMessage", json!({"personalMessage": ""})).await;
    ana.event_that("ContactUpdate", |update| update["contacts"][sip("bo")]["personalMessage"] == "").await;
    bo.well("TerminateSession", json!({})).await;
    let record = sees(&mut ana, "bo", "offline", "18500").await;
    assert_eq!(record["numDevices"], "0");
}

/// What `ana` reads of bo: presence and number of devices.
async fn state(ana: &mut Device) -> (String, String) {
    let state = ana.well("GetContactsState", json!({"contactIds": [sip("bo")]})).await;
    let text = |name: &str| state["contacts"][0][name].as_str().unwrap().to_owned();
    (text("presence"), text("numDevices"))
}

/// Reads until bo is like this.
async fn becomes(ana: &mut Device, presence: &str, devices: &str, why: &str) {
    let deadline = Instant::now() + trunkline_testkit::patience();
    loop {
        let state = state(ana).await;
        if (state.0.as_str(), state.1.as_str()) == (presence, devices) {
            return;
        }
        assert!(Instant::now() < deadline, "{why}: {state:?}");
    }
}

#[tokio::test]
pub(crate) async fn presence_is_the_explicit_choice_else_that_of_the_most_available_session() {
    let mut house = House::open().await;
    let mut ana = house.device("ana").await;
    let is = |presence: &str, devices: &str| (presence.to_owned(), devices.to_owned());
    let (phone, pad) = (house.pass("bo", "bo-1").await, house.pass("bo", "bo-2").await);
    let mut phone = Device::opened(&phone, -1).await;
    phone.well("BeginSession", json!({"presence": "away"})).await;
    assert_eq!(state(&mut ana).await, is("away", "1"));
    let mut pad = Device::opened(&pad, -1).await;
    pad.well("BeginSession", json!({"presence": "busy"})).await;
    assert_eq!(state(&mut ana).await, is("busy", "2"), "of two sessions the more available");
    phone.well("SetPresence", json!({"presence": "donotdisturb"})).await;
    assert_eq!(state(&mut ana).await, is("donotdisturb", "2"), "the choice wins");
    let pass = pad.pass.clone();
    pad.socket.cut();
    assert_eq!(state(&mut ana).await, is("donotdisturb", "2"), "losing a socket changes nothing");
    let mut pad = Device::opened(&pass, -1).await;
    pad.well("TerminateSession", json!({})).await;
    becomes(&mut ana, "donotdisturb", "1", "the session's end does").await;
    house.relay.kill().await.unwrap();
    house.relay.start().await.unwrap();
    let (mut ana, mut phone) = (ana.resumed(-1).await, phone.resumed(-1).await);
    becomes(&mut ana, "donotdisturb", "1", "after a kill").await;
    phone.well("SetPresence", json!({"presence": "reset"})).await;
    assert_eq!(state(&mut ana).await, is("away", "1"), "without a choice, the session's own again");
}

#[tokio::test]
pub(crate) async fn the_first_change_is_told_at_once_and_later_ones_at_most_every_5_seconds() {
    let house = House::open().await;
    let mut ana = watcher(&house, "ana", "bo").await;
    let mut bo = house.device("bo").await;
    sees(&mut ana, "bo", "available", "3500").await;
    let told = Instant::now();
    for presence in ["busy", "away", "donotdisturb", "berightback", "busy", "away"] {
        bo.well("SetPresence", json!({"presence": presence})).await;
    }
    sees(&mut ana, "bo", "away", "15500").await;
    let waited = told.elapsed();
    assert!(ana.waiting(&["ContactUpdate"]).is_empty());
    assert!(
        waited > Duration::from_secs(4),
        "after {waited:?}: at most one in 5 s, and the last state counts"
    );
}

#[tokio::test]
pub(crate) async fn a_new_session_gets_all_contacts_and_a_resumed_one_those_that_changed() {
    let house = House::open().await;
    let mut ana = watcher(&house, "ana", "bo").await;
    house.account("cy").await;
    ana.well("AddContact", json!({"contactId": sip("cy")})).await;
    sees(&mut ana, "cy", "offline", "18500").await;
    let mut bo = house.device("bo").await;
    let mut pad = house.another("ana", 2).await;
    let all = pad.event("ContactUpdate").await;
    let known: Vec<_> = all["contacts"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(known, [sip("bo"), sip("cy")]);
    sees(&mut ana, "bo", "available", "3500").await;

    let (pass, last) = (ana.pass.clone(), ana.last);
    ana.socket.cut();
    bo.well("SetPresence", json!({"presence": "busy"})).await;
    let mut ana = Device::opened(&pass, last).await;
    let update = ana.event("ContactUpdate").await;
    assert_eq!(update["contactId"], sip("bo"), "only who changed: {update}");
    assert_eq!(update["contacts"][sip("bo")]["presence"], "busy");
    ana.settle().await;
    assert!(ana.waiting(&["ContactUpdate"]).is_empty());
}

#[tokio::test]
pub(crate) async fn people_outside_the_list_are_watched_until_unregistered() {
    let house = House::open().await;
    let (mut ana, mut bo) = (house.device("ana").await, house.device("bo").await);
    let mut cy = house.device("cy").await;
    ana.well("AddContact", json!({"contactId": sip("cy")})).await;
    bo.well("SetPresence", json!({"presence": "busy"})).await;
    ana.well("RegisterTempRemotePresence", json!({"contactId": sip("bo")})).await;
    sees(&mut ana, "bo", "busy", "6500").await;
    bo.well("SetPresence", json!({"presence": "away"})).await;
    sees(&mut ana, "bo", "away", "15500").await;
    let list = ana.well("GetContactList", json!({})).await["contacts"].clone();
    assert!(list.get(sip("bo")).is_none(), "{list}");
    let done = ana.well("UnRegisterTempRemotePresence", json!({"contactIds": [sip("bo")]})).await;
    assert!(done["message"].is_string(), "{done}");
    bo.well("SetPresence", json!({"presence": "donotdisturb"})).await;
    cy.well("SetPresence", json!({"presence": "away"})).await;
    sees(&mut ana, "cy", "away", "15500").await;
    ana.settle().await;
    let told = ana.waiting(&["ContactUpdate"]);
    assert!(!told.iter().any(|frame| frame.text.contains("donotdisturb")), "{told:#?}");
    ana.refused(1012, "RegisterTempRemotePresence", json!({"contactId": sip("nobody")})).await;
}

#[tokio::test]
pub(crate) async fn only_people_of_the_same_domain_see_one_another_without_asking() {
    let house = House::open().await;
    let mut ana = house.device("ana").await;
    let add = json!({"do": "accountAdd", "address": "sip:fay@other.test", "profile": {"displayName": "Fay"}});
    house.relay.admin(&add).await.unwrap();
    let mut fay = Device::signed_in(&house.pass_of("sip:fay@other.test", "fay-1").await).await;
    fay.well("SetPresence", json!({"presence": "busy"})).await;
    let state = ana.well("GetContactsState", json!({"contactIds": ["sip:fay@other.test"]})).await;
    assert_eq!(state["contacts"][0]["presence"], "offline");
    ana.say("sip:fay@other.test", "m-1", "over the border").await;
    fay.message("over the border").await;
}

#[tokio::test]
pub(crate) async fn what_an_admin_says_of_a_person_reaches_those_who_have_them_in_the_list() {
    let house = House::open().await;
    let mut bo = house.device("bo").await;
    let mut ana = house.device("ana").await;
    ana.well("AddContact", json!({"contactId": sip("bo")})).await;
    sees(&mut ana, "bo", "available", "3500").await;
    let set = json!({"do": "accountSet", "address": sip("bo"), "change": {"displayName": "Bo Berg", "title": "Lead"}});
    house.relay.admin(&set).await.unwrap();
    let named = |update: &Value| update["contacts"][sip("bo")]["displayName"] == "Bo Berg";
    let update = ana.event_that("ContactUpdate", named).await;
    assert_eq!(update["contacts"][sip("bo")]["title"], "Lead");
    bo.say(&sip("ana"), "b-1", "under a new name").await;
    assert_eq!(ana.message("under a new name").await.data()["displayName"], "Bo Berg");
    let begun = bo.begin().await;
    assert_eq!(begun["displayName"], "Bo Berg");
}
