//! Who may no longer come in: timeouts, disabled accounts, revoked devices.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use crate::{
    device::Device,
    house::{House, sip},
};

/// SessionTerminated with this reason, then this close code; within a second of `since`.
async fn is_sent_away(device: &mut Device, reason: &str, code: u16) {
    let since = Instant::now();
    assert_eq!(device.event("SessionTerminated").await["reason"], reason);
    assert_eq!(device.closed().await, Some(code));
    assert!(since.elapsed() < Duration::from_secs(1), "after {:?}", since.elapsed());
}

/// The device may open a socket, which is not bound, and is told there why it cannot sign in.
async fn stays_out(device: &Device) {
    let mut device = Device::opened(&device.pass, device.last).await;
    assert_eq!(device.socket.header("set-cookie"), None);
    device.refused(1017, "Ping", json!({})).await;
    let params = device.pass.begin_params();
    device.refused(1008, "BeginSession", params).await;
}

/// Waits until the relay counts so many sessions.
async fn sessions_become(house: &House, count: u64) {
    trunkline_testkit::eventually("the sessions end", async || {
        let status = house.relay.admin(&json!({"do": "status"})).await.unwrap();
        let sessions = status["status"]["server"]["sessions"].as_u64();
        if sessions == Some(count) { Ok(()) } else { Err(sessions) }
    })
    .await
    .unwrap();
}

#[tokio::test]
pub(crate) async fn a_session_of_which_nothing_is_heard_ends_with_session_terminated_and_4401() {
    let house = House::with(&[("SESSION_TIMEOUT_SECS", "2")]).await;
    let (mut ana, mut bo) = (house.device("ana").await, house.device("bo").await);
    let (early, _) = ana.both("Ping", json!({})).await;
    assert_eq!(early.data()["sessionTimeout"], 2);
    let (pass, last) = (bo.pass.clone(), bo.last);
    bo.socket.cut();
    // A phone that does not read does not answer the relay's pings either.
    sessions_become(&house, 0).await;
    assert_eq!(ana.event("SessionTerminated").await["reason"], "timeout");
    assert_eq!(ana.closed().await, Some(4401));
    for (pass, last) in [(&pass, last), (&ana.pass, ana.last)] {
        let mut late = Device::opened(pass, last).await;
        late.refused(1017, "Ping", json!({})).await;
        let mut params = pass.begin_params();
        params["reconnect"] = json!("yes");
        late.refused(1017, "BeginSession", params).await;
    }
    let mut ana = Device::signed_in(&ana.pass).await;
    ana.say(&sip("bo"), "m-1", "good morning").await;
    bo = Device::signed_in(&pass).await;
    bo.message("good morning").await;
}

#[tokio::test]
pub(crate) async fn a_sign_of_life_keeps_the_session() {
    let house = House::with(&[("SESSION_TIMEOUT_SECS", "2")]).await;
    let (mut ana, mut bo) = (house.device("ana").await, house.device("bo").await);
    let until = Instant::now() + Duration::from_secs(5);
    while Instant::now() < until {
        ana.settle().await;
        // Reading is enough: the relay asks with a ping, and the library answers.
        let _ = bo.socket.next(Duration::from_millis(300)).await;
    }
    ana.settle().await;
    bo.settle().await;
}

#[tokio::test]
pub(crate) async fn a_disabled_account_is_sent_away_within_a_second_and_stays_out() {
    let house = House::open().await;
    let (mut ana, mut pad) = (house.device("ana").await, house.another("ana", 2).await);
    let mut bo = house.device("bo").await;
    bo.well("AddContact", json!({"contactId": sip("ana")})).await;
    bo.event_that("ContactUpdate", |update| update["contacts"][sip("ana")]["presence"] == "available").await;
    let enable = |enabled: bool| json!({"do": "accountEnable", "address": sip("ana"), "enabled": enabled});
    house.relay.admin(&enable(false)).await.unwrap();
    for device in [&mut ana, &mut pad] {
        is_sent_away(device, "revoked", 4403).await;
        stays_out(device).await;
    }
    bo.event_that("ContactUpdate", |update| update["contacts"][sip("ana")]["presence"] == "offline").await;
    let message = json!({"contactId": sip("ana"), "messageId": "b-1", "message": "m"});
    bo.refused(1012, "SendMessage", message).await;
    house.relay.admin(&enable(true)).await.unwrap();
    let mut ana = Device::signed_in(&ana.pass).await;
    bo.say(&sip("ana"), "b-2", "welcome back").await;
    ana.message("welcome back").await;
}

#[tokio::test]
pub(crate) async fn a_revoked_device_is_sent_away_and_the_others_stay() {
    let house = House::open().await;
    let (mut ana, mut pad) = (house.device("ana").await, house.another("ana", 2).await);
    let mut bo = house.device("bo").await;
    let revoke = json!({"do": "deviceRevoke", "device": ana.pass.device_id});
    house.relay.admin(&revoke).await.unwrap();
    is_sent_away(&mut ana, "revoked", 4403).await;
    stays_out(&ana).await;
    bo.say(&sip("ana"), "b-1", "to the pad").await;
    pad.message("to the pad").await;
    let list = pad.well("device.List", json!({})).await["devices"].clone();
    assert_eq!(list.as_array().unwrap().len(), 1, "{list}");
    pad.refused(1008, "SetGDAuthToken", json!({"gdAuthToken": ana.pass.token})).await;
    let mut back = Device::signed_in(&house.pass("ana", "ana-1").await).await;
    back.settle().await;
}

#[tokio::test]
pub(crate) async fn a_device_that_is_revoked_while_away_stays_out() {
    let mut house = House::open().await;
    let ana = house.device("ana").await;
    let (pass, last) = (ana.pass.clone(), ana.last);
    ana.socket.cut();
    house.relay.admin(&json!({"do": "deviceRevoke", "device": pass.device_id})).await.unwrap();
    let mut ana = Device::opened(&pass, last).await;
    ana.refused(1017, "Ping", json!({})).await;
    stays_out(&ana).await;
    house.relay.kill().await.unwrap();
    house.relay.start().await.unwrap();
    stays_out(&ana).await;
}

#[tokio::test]
pub(crate) async fn a_removed_account_is_sent_away() {
    let house = House::open().await;
    let (mut ana, mut bo) = house.pair("ana", "bo").await;
    bo.well("AddContact", json!({"contactId": sip("ana")})).await;
    bo.event_that("ContactUpdate", |update| update["contacts"][sip("ana")]["presence"] == "available").await;
    house.relay.admin(&json!({"do": "accountRemove", "address": sip("ana")})).await.unwrap();
    is_sent_away(&mut ana, "revoked", 4403).await;
    stays_out(&ana).await;
    bo.event_that("ContactUpdate", |update| update["contacts"][sip("ana")]["presence"] == "offline").await;
    let message = json!({"contactId": sip("ana"), "messageId": "b-1", "message": "m"});
    bo.refused(1012, "SendMessage", message).await;

    house.profile("ana", json!({"displayName": "Ana the Second"})).await;
    let mut ana = house.device("ana").await;
    bo.say(&sip("ana"), "b-2", "who are you?").await;
    assert_eq!(ana.event("InvitationReceived").await["message"], "who are you?", "a stranger's mailbox");
    ana.say(&sip("bo"), "a-1", "somebody else").await;
    assert_eq!(bo.message("somebody else").await.data()["displayName"], "Ana the Second");
}

#[tokio::test]
pub(crate) async fn a_stopping_relay_closes_with_1001_and_sessions_go_on_afterwards() {
    let mut house = House::with(&[("DRAIN_SECS", "1")]).await;
    let (mut ana, mut bo) = house.pair("ana", "bo").await;
    let (stopped, ana_end, bo_end) = tokio::join!(house.relay.stop(), ana.closed(), bo.closed());
    assert!(stopped.unwrap().success());
    assert_eq!((ana_end, bo_end), (Some(1001), Some(1001)));
    assert!(ana.waiting(&["SessionTerminated"]).is_empty());
    house.relay.start().await.unwrap();
    let mut ana = Device::opened(&ana.pass, ana.last).await;
    let mut bo = Device::opened(&bo.pass, bo.last).await;
    ana.say(&sip("bo"), "m-1", "after the stop").await;
    bo.message("after the stop").await;
}
