//! Batches, and requests that depend on others.

use serde_json::{Value, json};
use trunkline_wire::phone::request;

use crate::{
    device::Device,
    frame::{Kind, Refused},
    house::{House, sip},
};

fn batch(requests: &[(&str, &str, Value)]) -> String {
    let texts: Vec<_> =
        requests.iter().map(|(id, method, params)| request(id, method, params.clone())).collect();
    format!("[{}]", texts.join(","))
}

fn after(ids: &str) -> Value {
    json!({"dependencies": ids})
}

async fn why_not(device: &mut Device, id: &str) -> (i64, Kind) {
    let Refused { code, kind, .. } = device.last_word(id).await.unwrap_err();
    (code, kind)
}

#[tokio::test]
pub(crate) async fn a_batch_is_answered_one_by_one_with_phase_1_in_its_order() {
    let house = House::open().await;
    let mut ana = house.device("ana").await;
    ana.settle().await;
    ana.take_all();
    let ids: Vec<String> = (0..50).map(|n| format!("b{n}")).collect();
    let requests: Vec<_> = ids.iter().map(|id| (id.as_str(), "Ping", json!({}))).collect();
    ana.send(&batch(&requests)).await;
    for id in &ids {
        ana.late(id).await;
    }
    let early: Vec<_> = ana.take_all().iter().map(|frame| frame.id().clone()).collect();
    assert_eq!(early, ids);
}

#[tokio::test]
pub(crate) async fn what_is_wrong_in_a_batch_leaves_the_rest_alone() {
    let house = House::open().await;
    let mut ana = house.device("ana").await;
    let pings = [request("b1", "Ping", json!({})), request("b2", "Ping", json!({}))];
    ana.send(&format!(
        r#"[{},7,null,"x",[],{{"jsonrpc":"2.0","id":"b3","method":"Pong"}},{}]"#,
        pings[0], pings[1]
    ))
    .await;
    for id in ["b1", "b2"] {
        ana.late(id).await;
    }
    assert_eq!(why_not(&mut ana, "b3").await, (-32601, Kind::Early));
    ana.settle().await;
    let invalid = ana.take_all();
    let codes: Vec<_> =
        invalid.iter().filter(|f| f.id().is_null()).map(|f| f.outcome().unwrap_err().code).collect();
    assert_eq!(codes, [-32600; 4], "{invalid:#?}");
}

#[tokio::test]
pub(crate) async fn dependents_wait_and_fail_with_1021_1023_and_1024() {
    let house = House::open().await;
    let mut ana = house.device("ana").await;
    let lost = json!({"contactId": sip("nobody"), "message": "m", "messageId": "m-1"});
    ana.send(&batch(&[
        ("late", "Ping", after("group")),
        ("group", "AddGroup", json!({"groupName": "Site"})),
        ("both", "Ping", after("late, group")),
        ("bad", "SendMessage", lost),
        ("badly", "Ping", json!({"dependencies": 7})),
        ("after-bad", "Ping", after("group,bad")),
        ("after-that", "Ping", after("after-bad")),
        ("self", "Ping", after("group,self")),
        ("ring-1", "Ping", after("ring-2")),
        ("ring-2", "Ping", after("ring-3")),
        ("ring-3", "Ping", after("ring-1")),
        ("stranger", "Ping", after("group,never-heard")),
    ]))
    .await;
    for id in ["late", "group", "both"] {
        ana.last_word(id).await.unwrap();
    }
    assert_eq!(why_not(&mut ana, "bad").await.0, 1012);
    for id in ["after-bad", "after-that"] {
        assert_eq!(why_not(&mut ana, id).await.0, 1021, "{id}");
    }
    for id in ["self", "ring-1", "ring-2", "ring-3"] {
        assert_eq!(why_not(&mut ana, id).await, (1023, Kind::Early), "{id}");
    }
    for id in ["badly", "stranger"] {
        assert_eq!(why_not(&mut ana, id).await, (1024, Kind::Early), "{id}");
    }
    ana.send(&request("next", "Ping", after("group"))).await;
    ana.last_word("next").await.unwrap();
    ana.send(&request("next-bad", "Ping", after("bad"))).await;
    assert_eq!(why_not(&mut ana, "next-bad").await, (1021, Kind::Early), "known from an earlier frame");
}

#[tokio::test]
pub(crate) async fn whatever_fails_without_reaching_the_session_fails_its_dependents_too() {
    let house = House::open().await;
    let mut ana = house.device("ana").await;
    let malformed = r#"{"jsonrpc":"2.0","id":"x3","method":"Pong"}"#;
    ana.send(&format!(
        "[{},{},{},{malformed},{},{},{}]",
        request("a1", "Ping", after("x1")),
        request("a2", "Ping", after("x2")),
        request("a3", "Ping", after("x3")),
        request("x1", "BeginSession", json!({"gdAuthToken": "tl1.wrong"})),
        request("x2", "GetAuthenticationInfo", json!({"gdAuthToken": {"a": 1}})),
        request("a4", "Ping", after("x3")),
    ))
    .await;
    for id in ["a1", "a2", "a3", "a4"] {
        assert_eq!(why_not(&mut ana, id).await.0, 1021, "{id}");
    }
}

#[tokio::test]
pub(crate) async fn a_batch_may_begin_with_begin_session() {
    let house = House::open().await;
    let pass = house.pass("ana", "ana-1").await;
    let mut ana = Device::with(&pass, &pass.bare_handshake()).await;
    ana.send(&batch(&[
        ("c1", "BeginSession", pass.begin_params()),
        ("c2", "GetContactList", after("c1")),
        ("c3", "SetPresence", json!({"presence": "busy", "dependencies": "c1,c2"})),
    ]))
    .await;
    for id in ["c1", "c2", "c3"] {
        ana.last_word(id).await.unwrap();
    }
}

#[tokio::test]
pub(crate) async fn the_same_id_while_it_runs_is_1025() {
    let house = House::open().await;
    let mut ana = house.device("ana").await;
    ana.send(&batch(&[
        ("twice", "AddGroup", json!({"groupName": "once", "dependencies": "other"})),
        ("twice", "Ping", json!({})),
        ("other", "Ping", json!({})),
    ]))
    .await;
    let early = ana.early("twice").await;
    assert_eq!(early.data()["method"], "AddGroup");
    assert_eq!(ana.early("twice").await.outcome().unwrap_err().code, 1025);
    assert_eq!(ana.late("twice").await.data()["groupName"], "once");
    ana.send(&request("twice", "Ping", json!({}))).await;
    ana.last_word("twice").await.unwrap();
}
