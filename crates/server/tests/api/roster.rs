//! The contact list, its groups, and blocking.

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::{
    device::Device,
    house::{House, sip},
};

/// Every scalar of a contact record is a string, numbers and truth values too.
fn check_record(record: &Value) {
    for (name, value) in record.as_object().unwrap() {
        match name.as_str() {
            "groups" => {
                for group in value.as_array().unwrap() {
                    assert!(group["id"].is_string() && group["name"].is_string(), "{record}");
                }
            }
            _ => assert!(value.is_string(), "{name} is no string: {record}"),
        }
    }
    for name in ["displayName", "personalMessage", "availability", "title", "type", "uri", "photoHash"] {
        assert!(record[name].is_string(), "{name} is missing: {record}");
    }
    for name in ["numDevices", "mobilePhone", "workPhone", "blocked", "presence", "email"] {
        assert!(record[name].is_string(), "{name} is missing: {record}");
    }
    record["availability"].as_str().unwrap().parse::<u32>().unwrap();
    record["numDevices"].as_str().unwrap().parse::<u32>().unwrap();
    assert!(["true", "false"].contains(&record["blocked"].as_str().unwrap()), "{record}");
}

async fn contacts(device: &mut Device) -> Value {
    device.well("GetContactList", json!({})).await["contacts"].clone()
}

#[tokio::test]
pub(crate) async fn contacts_are_records_of_strings_keyed_by_their_uri() {
    let house = House::open().await;
    let profile = json!({"displayName": "Bo Berg", "email": "bo@example.test", "title": "Fitter",
        "mobilePhone": "+49 151 555", "department": "Site"});
    house.profile("bo", profile).await;
    let mut ana = house.device("ana").await;
    assert_eq!(contacts(&mut ana).await, json!({}), "empty at first");
    ana.well("AddContact", json!({"contactId": "BO@example.test"})).await;
    ana.well("AddContact", json!({"contactId": sip("bo")})).await;
    let list = contacts(&mut ana).await;
    assert_eq!(list.as_object().unwrap().len(), 1, "{list}");
    let bo = &list[sip("bo")];
    check_record(bo);
    for (name, value) in [
        ("uri", sip("bo").as_str()),
        ("displayName", "Bo Berg"),
        ("email", "bo@example.test"),
        ("title", "Fitter"),
        ("mobilePhone", "+49 151 555"),
        ("department", "Site"),
        ("availability", "18500"),
        ("presence", "offline"),
        ("numDevices", "0"),
        ("blocked", "false"),
        ("type", "user"),
        ("photoHash", ""),
    ] {
        assert_eq!(bo[name], value, "{name}");
    }
    let detail = ana.well("GetContactDetail", json!({"contactId": sip("bo")})).await["contact"].clone();
    assert_eq!(detail, json!({ sip("bo"): bo }), "a map with one key");
    ana.refused(1012, "GetContactDetail", json!({"contactId": sip("nobody")})).await;
    ana.refused(1012, "AddContact", json!({"contactId": sip("nobody")})).await;
    let photos = ana.well("GetContactPhotos", json!({"contactIds": [sip("bo")]})).await["contacts"].clone();
    assert_eq!(photos[0]["uri"], sip("bo"));
    ana.well("RemoveContact", json!({"contactId": sip("bo")})).await;
    assert_eq!(contacts(&mut ana).await, json!({}));
}

#[tokio::test]
pub(crate) async fn the_state_of_several_people_is_told_once_in_the_order_asked() {
    let house = House::open().await;
    let (mut ana, _bo) = (house.device("ana").await, house.device("bo").await);
    house.account("cy").await;
    let who = json!({"contactIds": [sip("cy"), sip("nobody"), sip("bo")]});
    let state = ana.well("GetContactsState", who).await;
    assert_eq!(state["userId"], sip("ana"), "the caller");
    let shown = state["contacts"].as_array().unwrap();
    shown.iter().for_each(check_record);
    let shown: Vec<_> = shown.iter().map(|one| (one["uri"].clone(), one["presence"].clone())).collect();
    let expected = [("cy", "offline"), ("nobody", "offline"), ("bo", "available")];
    assert_eq!(shown, expected.map(|(name, presence)| (json!(sip(name)), json!(presence))));
}

#[tokio::test]
pub(crate) async fn groups_live_from_add_to_remove_which_needs_them_empty() {
    let mut house = House::open().await;
    house.account("bo").await;
    let mut ana = house.device("ana").await;
    let added = ana.well("AddGroup", json!({"groupName": "Night shift"})).await;
    assert!(added["message"].as_str().unwrap().contains("Night shift"), "{added}");
    let group = added["groupId"].clone();
    assert!(group.as_str().unwrap().parse::<u32>().is_ok(), "a short number as text: {added}");
    ana.refused(1013, "AddGroup", json!({"groupName": "Night shift"})).await;
    let other = ana.well("AddGroup", json!({"groupName": "Site"})).await["groupId"].clone();
    ana.well("AddContact", json!({"contactId": sip("bo"), "groupId": group})).await;
    let copied = ana.well("CopyContactToGroup", json!({"contactId": sip("bo"), "groupId": other})).await;
    assert!(copied["message"].is_string(), "{copied}");
    let again = ana.well("CopyContactToGroup", json!({"contactId": sip("bo"), "groupId": other})).await;
    assert_ne!(again["message"], copied["message"], "the answer says that he was there");
    let number: i64 = group.as_str().unwrap().parse().unwrap();
    let renamed = ana.well("RenameGroup", json!({"groupId": number, "newGroupName": "Nights"})).await;
    assert!(renamed["message"].is_string(), "{renamed}");

    house.relay.kill().await.unwrap();
    house.relay.start().await.unwrap();
    let mut ana = ana.resumed(-1).await;
    let list = ana.well("GetContactList", json!({})).await;
    let mut names: Vec<_> = list["contacts"][sip("bo")]["groups"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["name"].clone())
        .collect();
    names.sort_by_key(Value::to_string);
    assert_eq!(names, ["Nights", "Site"]);
    assert_eq!(list["groups"].as_array().unwrap().len(), 2, "{list}");

    let why = ana.refused(1013, "RemoveGroup", json!({"groupId": group})).await;
    assert!(why.contains("not empty"), "{why}");
    ana.well("RemoveContactFromGroup", json!({"contactId": sip("bo"), "groupId": group})).await;
    let removed = ana.well("RemoveGroup", json!({"groupId": group})).await;
    assert!(removed["message"].is_string(), "{removed}");
    ana.well("RemoveContact", json!({"contactId": sip("bo")})).await;
    ana.well("RemoveGroup", json!({"groupId": other})).await;
    for (method, extra) in [("RemoveGroup", json!({})), ("RenameGroup", json!({"newGroupName": "x"}))] {
        let mut params = extra;
        params["groupId"] = json!("4711");
        ana.refused(1012, method, params).await;
    }
    ana.refused(1012, "AddContact", json!({"contactId": sip("bo"), "groupId": "4711"})).await;
    let list = ana.well("GetContactList", json!({})).await;
    assert_eq!((&list["contacts"], &list["groups"]), (&json!({}), &json!([])));
}

#[tokio::test]
pub(crate) async fn block_contact_stops_presence_in_this_session_only() {
    let house = House::open().await;
    let (mut ana, mut pad) = (house.device("ana").await, house.another("ana", 2).await);
    let (mut bo, mut cy) = (house.device("bo").await, house.device("cy").await);
    for who in ["bo", "cy"] {
        ana.well("AddContact", json!({"contactId": sip(who)})).await;
    }
    ana.well("BlockContact", json!({"contactIds": [sip("bo")]})).await;
    bo.well("SetPresence", json!({"presence": "busy"})).await;
    cy.well("SetPresence", json!({"presence": "away"})).await;
    let of = |who: &str, presence: &str| {
        let (who, presence) = (sip(who), presence.to_owned());
        move |update: &Value| update["contacts"][&who]["presence"] == presence
    };
    pad.event_that("ContactUpdate", of("bo", "busy")).await;
    ana.take_all();
    ana.event_that("ContactUpdate", of("cy", "away")).await;
    ana.settle().await;
    let told = ana.waiting(&["ContactUpdate"]);
    assert!(told.iter().all(|frame| frame.data()["contacts"][sip("bo")]["presence"] != "busy"), "{told:#?}");

    let detail = ana.well("GetContactDetail", json!({"contactId": sip("bo")})).await["contact"].clone();
    let record = &detail[sip("bo")];
    assert_eq!((&record["presence"], &record["blocked"]), (&json!("busy"), &json!("true")), "still readable");
    assert_eq!(contacts(&mut pad).await[sip("bo")]["blocked"], "false", "in the other session");
    bo.say(&sip("ana"), "b-1", "messages come all the same").await;
    ana.message("messages come all the same").await;
    ana.well("BlockContact", json!({"contactId": sip("stranger")})).await;

    ana.well("UnblockContact", json!({"contactIds": [sip("bo")]})).await;
    bo.well("SetPresence", json!({"presence": "donotdisturb"})).await;
    ana.event_that("ContactUpdate", of("bo", "donotdisturb")).await;
    assert_eq!(contacts(&mut ana).await[sip("bo")]["blocked"], "false");
}

#[tokio::test]
pub(crate) async fn contact_block_stops_messages_silently_for_the_whole_account() {
    let mut house = House::open().await;
    let (mut ana, mut bo) = house.pair("ana", "bo").await;
    let (mut pad, mut eve) = (house.another("bo", 2).await, house.device("eve").await);
    bo.well("AddContact", json!({"contactId": sip("ana")})).await;
    bo.well("contact.Block", json!({"contactId": sip("ana")})).await;
    for device in [&mut bo, &mut pad] {
        assert_eq!(contacts(device).await[sip("ana")]["blocked"], "true", "everywhere");
    }
    let sent = ana.say(&sip("bo"), "m-1", "hidden").await;
    assert!(sent["chatId"].is_string() && sent["timestamp"].is_i64(), "the sender notices nothing: {sent}");
    ana.well("StartTyping", json!({"contactId": sip("bo"), "chatId": ""})).await;
    ana.well("StartChat", json!({"contactId": sip("bo")})).await;
    house.relay.kill().await.unwrap();
    house.relay.start().await.unwrap();
    let (mut ana, mut bo, mut eve2) = (ana.resumed(-1).await, bo.resumed(-1).await, eve.resumed(-1).await);
    ana.say(&sip("bo"), "m-2", "hidden too").await;
    bo.told(&mut eve2).await;
    let hidden = |device: &Device| {
        let came = device.waiting(&["MessageReceived", "InvitationReceived", "StartTyping"]);
        came.iter()
            .filter(|frame| frame.text.contains("hidden") || frame.text.contains("StartTyping"))
            .count()
    };
    assert_eq!(hidden(&bo), 0);

    bo.well("contact.Unblock", json!({"contactId": sip("ana")})).await;
    assert_eq!(contacts(&mut bo).await[sip("ana")]["blocked"], "false");
    ana.say(&sip("bo"), "m-3", "seen").await;
    bo.message("seen").await;
    assert_eq!(hidden(&bo), 0, "what was sent meanwhile stays away");
    eve = eve2;
    eve.settle().await;
}

#[tokio::test]
async fn whom_a_session_mutes_and_watches_outlives_a_kill() {
    let mut house = House::open().await;
    let (mut ana, mut eve) = (house.device("ana").await, house.device("eve").await);
    let (mut bo, mut cy) = (house.device("bo").await, house.device("cy").await);
    ana.well("AddContact", json!({"contactId": sip("bo")})).await;
    ana.well("BlockContact", json!({"contactId": sip("bo")})).await;
    ana.well("RegisterTempRemotePresence", json!({"contactId": sip("cy")})).await;
    house.relay.kill().await.unwrap();
    house.relay.start().await.unwrap();
    let mut ana = ana.resumed(-1).await;
    (bo, cy, eve) = (bo.resumed(-1).await, cy.resumed(-1).await, eve.resumed(-1).await);
    bo.well("SetPresence", json!({"presence": "busy"})).await;
    cy.well("SetPresence", json!({"presence": "away"})).await;
    ana.event_that("ContactUpdate", |update| update["contacts"][sip("cy")]["presence"] == "away").await;
    ana.told(&mut eve).await;
    let told = ana.waiting(&["ContactUpdate"]);
    assert!(told.iter().all(|frame| frame.data()["contacts"][sip("bo")].is_null()), "{told:#?}");
    assert_eq!(contacts(&mut ana).await[sip("bo")]["blocked"], "true");
}

#[tokio::test]
async fn a_roster_that_is_larger_than_a_frame_comes_in_parts() {
    const PEOPLE: usize = 600;
    let house = House::open().await;
    let mut ana = house.device("ana").await;
    let words = "x".repeat(250);
    let profile = json!({"displayName": words, "title": words, "workPhone": words, "mobilePhone": words,
        "department": words, "company": words, "office": words});
    let mut ids = Vec::new();
    for number in 0..PEOPLE {
        let name = format!("p{number:04}");
        house.profile(&name, profile.clone()).await;
        ids.push(ana.post("AddContact", json!({"contactId": sip(&name)})).await);
    }
    for id in &ids {
        ana.late(id).await.outcome().unwrap();
    }
    ana.take_all();
    let mut told = HashSet::new();
    let mut after = None;
    let mut parts = 0;
    loop {
        let params = after.as_ref().map_or(json!({}), |after| json!({ "after": after }));
        let id = ana.post("GetContactList", params).await;
        let frame = ana.late(&id).await;
        assert!(frame.text.len() <= 1 << 20, "{} bytes", frame.text.len());
        let data = frame.outcome().unwrap();
        told.extend(data["contacts"].as_object().unwrap().keys().cloned());
        if parts == 0 {
            let others = ana.take_all();
            let others = others.iter().filter(|frame| frame.data()["method"] == "ContactUpdate");
            let others =
                others.flat_map(|frame| frame.data()["contacts"].as_object().unwrap().keys().cloned());
            let all: HashSet<_> = told.iter().cloned().chain(others).collect();
            assert!(told.len() < PEOPLE && all.len() == PEOPLE, "who knows no parts is told all");
        }
        parts += 1;
        match data["next"].as_str() {
            Some(next) => after = Some(next.to_owned()),
            None => break,
        }
    }
    assert!(parts > 1 && told.len() == PEOPLE, "{parts} parts, {} people", told.len());
}
