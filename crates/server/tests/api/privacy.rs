//! What must never be in a log.

use serde_json::json;
use trunkline_client::Handshake;

use crate::{
    device::Device,
    house::{House, sip},
    plain::post,
};

#[tokio::test]
pub(crate) async fn texts_tokens_keys_and_passwords_are_in_no_log_at_any_level() {
    let house = House::with(&[("LOG_LEVEL", "trace"), ("LOG_FORMAT", "json")]).await;
    let (mut ana, mut bo) = house.pair("ana", "bo").await;
    let text = "canary-text-4f1b";
    ana.say(&sip("bo"), "canary-id", text).await;
    bo.message(text).await;
    ana.say(&sip("bo"), "canary-id", text).await;
    let reused = json!({"contactId": sip("bo"), "messageId": "canary-id", "message": "canary-text-other"});
    ana.refused(1012, "SendMessage", reused).await;
    let nobody = json!({"contactId": sip("nobody"), "messageId": "m", "message": "canary-text-lost"});
    ana.refused(1012, "SendMessage", nobody).await;
    ana.send(r#"{"jsonrpc":"2.0","id":"x","method":"SendMessage","params":{"message":"canary-text-broken""#)
        .await;
    ana.send(r#"{"jsonrpc":"2.0","id":"x","method":"canary-text-method","params":{}}"#).await;
    let note = json!({"presence": "busy", "personalMessage": "canary-text-note"});
    ana.well("SetPresence", note).await;
    let _ = ana
        .ask("BeginSession", json!({"gdAuthToken": ana.pass.token.clone(), "imPassword": "canary-password"}))
        .await;
    let _ = ana.ask("SetGDAuthToken", json!({"gdAuthToken": "tl1.canary-token"})).await;
    let _ = ana.ask("SetOAuth2Token", json!({"oAuth2Token": "canary-oauth"})).await;
    let wrong = Handshake { auth_token: Some("tl1.canary-header".into()), ..Handshake::new("ana-1") };
    Device::with(&ana.pass, &wrong).await.refused(1008, "BeginSession", json!({})).await;
    let bo = bo.resumed(-1).await;

    let address = house.relay.listeners().http.clone().unwrap();
    let body = json!({"address": sip("ana"), "accessKey": "canary-key", "deviceToken": "d"}).to_string();
    assert_eq!(
        post(&address, "/v1/activation", "Authorization: Bearer canary-bearer\r\n", &body).await.status,
        403
    );
    post(&address, "/v1/activation?key=canary-query", "Cookie: sessionId=canary-cookie\r\n", "canary-body")
        .await;
    let key = house.relay.access_key(&sip("ana")).await.unwrap();
    let right = json!({"address": sip("ana"), "accessKey": key, "deviceToken": "d"}).to_string();
    assert_eq!(post(&address, "/v1/activation", "", &right).await.status, 201);
    let session = Device::signed_in(&bo.pass).await.begin().await["sessionId"].as_str().unwrap().to_owned();

    let log = house.relay.log();
    assert!(
        log.lines().count() > 20 && log.contains("session begins"),
        "this is a log of what happened: {log}"
    );
    let told = log.lines().find(|line| line.contains("canary"));
    assert_eq!(told, None, "a canary");
    for (what, secret) in [
        ("a token", ana.pass.token.as_str()),
        ("another token", bo.pass.token.as_str()),
        ("an access key", key.as_str()),
        ("an access key as typed", &key.replace('-', "")),
        ("a session id", &session),
    ] {
        let line = log.lines().find(|line| line.contains(secret));
        assert!(line.is_none(), "{what} is in the log: {line:?}");
    }
}
