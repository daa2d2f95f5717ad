//! Finding people.

use serde_json::{Value, json};

use crate::{
    device::Device,
    house::{House, sip},
};

async fn find(device: &mut Device, term: &str, field: &str) -> (Vec<String>, Value) {
    let found = device.well("SearchDirectory", json!({"keySearch": term, "typeSearch": field})).await;
    let mut people: Vec<_> = found["contacts"].as_object().unwrap().keys().cloned().collect();
    people.sort();
    (people, found)
}

#[tokio::test]
pub(crate) async fn people_are_found_by_name_mail_and_phone() {
    let house = House::open().await;
    house.profile("mara", json!({"displayName": "Mara Özdemir", "email": "mara.o@corp.test"})).await;
    house.profile("max", json!({"displayName": "Max Mara-Berg", "mobilePhone": "+49 (151) 555-07"})).await;
    house.profile("percent", json!({"displayName": "100% Cotton_Bud"})).await;
    house.account("gone").await;
    house
        .relay
        .admin(&json!({"do": "accountEnable", "address": sip("gone"), "enabled": false}))
        .await
        .unwrap();
    let mut ana = house.device("ana").await;
    let table: &[(&str, &str, &[&str])] = &[
        ("mara", "name", &["mara", "max"]),
        ("MARA", "displayName", &["mara", "max"]),
        ("öz", "lastName", &["mara"]),
        ("ÖZDEMIR", "name", &["mara"]),
        ("max", "firstName", &["max"]),
        ("ara", "name", &[]),
        ("mara.o@", "email", &["mara"]),
        ("mara", "phone", &[]),
        ("4915155507", "phone", &["max"]),
        ("mara", "", &["mara", "max"]),
        ("mara", "whatever", &["mara", "max"]),
        ("%%", "name", &[]),
        ("__", "name", &[]),
        ("100%", "name", &["percent"]),
        ("gone", "name", &[]),
        ("' OR 1=1 --", "name", &[]),
    ];
    for (term, field, expected) in table {
        let (found, data) = find(&mut ana, term, field).await;
        assert_eq!(found, expected.iter().map(|name| sip(name)).collect::<Vec<_>>(), "{term} in {field}");
        assert_eq!(data["searchTerm"], *term);
        assert_eq!((&data["totalResolved"], &data["maxResults"]), (&json!(found.len()), &json!(found.len())));
    }
    let (_, data) = find(&mut ana, "mara", "email").await;
    assert_eq!(data["contacts"][sip("mara")]["displayName"], "Mara Özdemir", "a full contact record");
    ana.refused(1012, "SearchDirectory", json!({"keySearch": "m", "typeSearch": "name"})).await;
    let echoed = ana.well("DirectorySearch", json!({"keySearch": "max", "typeSearch": "name"})).await;
    assert_eq!(echoed["method"], "DirectorySearch");
}

#[tokio::test]
pub(crate) async fn a_search_returns_at_most_50_and_says_that_there_are_more() {
    let house = House::open().await;
    for n in 0..51 {
        house.profile(&format!("many{n}"), json!({"displayName": format!("Many {n:02}")})).await;
    }
    let mut ana = house.device("ana").await;
    let (found, data) = find(&mut ana, "many", "name").await;
    assert_eq!((found.len(), &data["totalResolved"], &data["maxResults"]), (50, &json!(50), &json!(51)));
}
