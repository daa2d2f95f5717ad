//! From an access key to a token.

use serde_json::{Value, json};
use trunkline_client::Handshake;

use crate::{
    device::Device,
    house::{House, Pass, sip},
    plain::{Answer, post},
};

async fn activate(house: &House, body: &Value) -> Answer {
    let address = house.relay.listeners().http.clone().unwrap();
    post(&address, "/v1/activation", "", &body.to_string()).await
}

fn body(address: &str, key: &str) -> Value {
    json!({"address": address, "accessKey": key, "deviceToken": "d-1", "platform": "iOS", "name": "N",
        "appVersion": "1", "locale": "de_CH"})
}

/// What may differ between two refusals: the names of the requests and the clock.
fn comparable(mut answer: Answer) -> Answer {
    answer.headers.retain(|(name, _)| name != "date" && name != "x-request-id");
    answer
}

#[tokio::test]
async fn every_wrong_case_gives_one_and_the_same_403_and_keys_are_good_once() {
    let house = House::with(&[("ACTIVATION_FAILURES_PER_HOUR", "1000")]).await;
    for name in ["ana", "bo", "off"] {
        house.account(name).await;
    }
    let (used, key) = (
        house.relay.access_key(&sip("ana")).await.unwrap(),
        house.relay.access_key(&sip("ana")).await.unwrap(),
    );
    let others = house.relay.access_key(&sip("bo")).await.unwrap();
    let disabled = house.relay.access_key(&sip("off")).await.unwrap();
    house
        .relay
        .admin(&json!({"do": "accountEnable", "address": sip("off"), "enabled": false}))
        .await
        .unwrap();
    let expired = json!({"do": "activationIssue", "address": sip("ana"), "expiresSecs": 0});
    let expired = house.relay.admin(&expired).await.unwrap()["key"]["accessKey"].as_str().unwrap().to_owned();
    assert_eq!(activate(&house, &body(&sip("ana"), &used)).await.status, 201);

    let ana = sip("ana");
    let wrong = [
        ("an unknown address", body(&sip("nobody"), &key)),
        ("no address at all", body("nonsense", &key)),
        ("an address with control characters", body("sip:a\u{7}@b", &key)),
        ("a wrong key", body(&ana, "AAAAA-BBBBB-CCCCC")),
        ("somebody else's key", body(&ana, &others)),
        ("a malformed key", body(&ana, "x")),
        ("a very odd key", body(&ana, "' OR '1'='1 😀")),
        ("half a key", body(&ana, &key[..11])),
        ("a longer key", body(&ana, &format!("{key}A"))),
        ("a used key", body(&ana, &used)),
        ("an expired key", body(&ana, &expired)),
        ("a disabled account", body(&sip("off"), &disabled)),
    ];
    let first = comparable(activate(&house, &wrong[0].1).await);
    assert_eq!(first.status, 403);
    assert_eq!(first.header("content-type"), Some("application/problem+json"));
    let document: Value = serde_json::from_str(&first.body).unwrap();
    assert_eq!(document["status"], 403, "{document}");
    for member in ["type", "title", "detail", "code"] {
        assert!(document[member].is_string(), "{member}: {document}");
    }
    for (what, body) in &wrong {
        assert_eq!(comparable(activate(&house, body).await), first, "{what}");
    }
    assert_eq!(activate(&house, &body(&ana, &key)).await.status, 201, "failures never block the right key");
}

#[tokio::test]
async fn keys_are_typed_in_any_way_and_addresses_with_or_without_sip() {
    let house = House::open().await;
    house.account("ana").await;
    let typings: [fn(&str) -> String; 5] = [
        |key| key.to_owned(),
        |key| key.to_lowercase(),
        |key| key.replace('-', ""),
        |key| key.replace('-', " ").to_lowercase(),
        |key| format!("  {key} "),
    ];
    let addresses =
        ["sip:ana@example.test", "ana@example.test", "ANA@Example.TEST", " SIP:ana@example.test "];
    for (n, typed) in typings.into_iter().enumerate() {
        let key = house.relay.access_key(&sip("ana")).await.unwrap();
        let blocks: Vec<_> = key.split('-').map(str::len).collect();
        assert_eq!(blocks, [5, 5, 5], "three blocks of five");
        let answer = activate(&house, &body(addresses[n % addresses.len()], &typed(&key))).await;
        assert_eq!(answer.status, 201, "{:?}: {answer:?}", n);
        let reply: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(reply["account"], json!({"address": sip("ana"), "displayName": "Ana"}));
        let token = reply["authToken"].as_str().unwrap();
        assert!(
            token.len() == 47 && token.starts_with("tl1."),
            "256 bits in base64url: {} characters",
            token.len()
        );
        assert!(reply["deviceId"].is_string(), "{reply}");
    }
}

#[tokio::test]
async fn after_ten_failures_of_a_source_comes_429_even_with_the_right_key() {
    let house = House::open().await;
    house.account("ana").await;
    let key = house.relay.access_key(&sip("ana")).await.unwrap();
    let second = house.relay.access_key(&sip("ana")).await.unwrap();
    for _ in 0..9 {
        assert_eq!(activate(&house, &body(&sip("ana"), "AAAAA-BBBBB-CCCCC")).await.status, 403);
    }
    assert_eq!(activate(&house, &body(&sip("ana"), &key)).await.status, 201, "only failures count");
    assert_eq!(activate(&house, &body(&sip("ana"), &key)).await.status, 403, "the tenth");
    let answer = activate(&house, &body(&sip("ana"), &second)).await;
    assert_eq!(answer.status, 429);
    let wait: u32 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((3_500..=3_600).contains(&wait), "{wait}");
    let address = house.relay.listeners().http.clone().unwrap();
    let forged = "X-Forwarded-For: 192.0.2.1\r\n";
    let again = post(&address, "/v1/activation", forged, &body(&sip("ana"), &second).to_string()).await;
    assert_eq!(again.status, 429, "nobody's forwarding header is believed");
}

#[tokio::test]
async fn an_unblocked_source_may_try_again_and_the_log_says_who_let_it() {
    let house = House::with(&[("ACTIVATION_FAILURES_PER_HOUR", "1")]).await;
    house.account("ana").await;
    let key = house.relay.access_key(&sip("ana")).await.unwrap();
    assert_eq!(activate(&house, &body(&sip("ana"), "AAAAA-BBBBB-CCCCC")).await.status, 403);
    assert_eq!(activate(&house, &body(&sip("ana"), &key)).await.status, 429);
    let unblock = json!({"do": "activationUnblock", "source": "127.0.0.1"});
    house.relay.admin(&unblock).await.unwrap();
    assert_eq!(activate(&house, &body(&sip("ana"), &key)).await.status, 201);
    house.relay.admin(&unblock).await.expect_err("nothing is left to forgive");

    let owner = std::fs::metadata(house.relay.data_dir()).unwrap();
    let uid = format!("uid={}", std::os::unix::fs::MetadataExt::uid(&owner));
    let log = house.relay.log();
    let line = log.lines().find(|line| line.contains("activation unblock")).unwrap();
    assert!(line.contains(&uid) && line.contains("127.0.0.1"), "{line}");
    assert!(!log.contains(&key), "no key is logged");
}

#[tokio::test]
async fn bodies_that_are_no_requests_are_400_and_quote_nothing() {
    let house = House::open().await;
    let address = house.relay.listeners().http.clone().unwrap();
    for text in [
        "",
        "{",
        "[]",
        "null",
        r#"{"address":"sip:ana@example.test"}"#,
        r#"{"address":"sip:ana@example.test","accessKey":"","deviceToken":"d"}"#,
        r#"{"address":"sip:ana@example.test","accessKey":7531902,"deviceToken":"d"}"#,
        r#"{"address":"sip:ana@example.test","accessKey":"K-7531902","deviceToken":""}"#,
        r#"{"address":"sip:ana@example.test","accessKey":"K-7531902","deviceToken":["d"]}"#,
    ] {
        let answer = post(&address, "/v1/activation", "", text).await;
        assert_eq!(answer.status, 400, "{text}: {answer:?}");
        assert!(!answer.body.contains("7531902"), "{}", answer.body);
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    }
    let long = body("sip:ana@example.test", &"K".repeat(256)).to_string();
    assert_eq!(post(&address, "/v1/activation", "", &long).await.status, 400);
    let huge = body("sip:ana@example.test", &"K".repeat(20_000)).to_string();
    assert_eq!(post(&address, "/v1/activation", "", &huge).await.status, 413);
    let origin = "Origin: https://evil.test\r\n";
    let answer =
        post(&address, "/v1/activation", origin, &body("sip:ana@example.test", "K").to_string()).await;
    assert_eq!(answer.status, 403, "a strange page");
}

#[tokio::test]
async fn activating_a_device_again_replaces_its_token_and_keeps_the_device() {
    let house = House::open().await;
    let first = house.pass("ana", "d-1").await;
    let mut ana = Device::signed_in(&first).await;
    let mut bo = house.device("bo").await;
    bo.say(&sip("ana"), "b-1", "seen").await;
    ana.message("seen").await;
    ana.ack("b-1").await;
    let second: Pass = house.pass("ana", "d-1").await;
    assert_eq!(second.device_id, first.device_id);
    assert_ne!(second.token, first.token);
    assert_eq!(ana.event("SessionTerminated").await["reason"], "revoked");
    assert_eq!(ana.closed().await, Some(4403));
    let mut old = Device::with(&first, &Handshake::new("d-1")).await;
    old.refused(1008, "BeginSession", first.begin_params()).await;
    let mut ana = Device::signed_in(&second).await;
    bo.say(&sip("ana"), "b-2", "new").await;
    ana.message("new").await;
    assert!(ana.waiting(&["InvitationReceived", "MessageReceived"]).is_empty(), "its marks are kept");
    let other = house.pass("cy", "d-1").await;
    assert_ne!(other.device_id, first.device_id, "another account's device, though the token is the same");
    Device::signed_in(&other).await.settle().await;
    ana.settle().await;
}
