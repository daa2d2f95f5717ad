//! Who guesses tokens, passwords and names, and what the log tells of it.

use serde_json::{Value, json};
use trunkline_client::Handshake;

use crate::{
    device::Device,
    house::{House, sip},
    plain::{Answer, exchange, post},
};

/// The audit lines that tell of this reason.
fn audit(house: &House, reason: &str) -> Vec<String> {
    let wanted = format!("reason=\"{reason}\"");
    let log = house.relay.log();
    log.lines()
        .filter(|line| line.contains(" audit: ") && line.contains(&wanted))
        .map(str::to_owned)
        .collect()
}

async fn metrics(house: &House) -> String {
    let address = house.relay.listeners().admin.clone().unwrap();
    let request = format!("GET /metrics HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    exchange(&address, request.as_bytes()).await.body
}

#[tokio::test]
async fn wrong_tokens_are_slowed_and_told_once_and_the_right_one_still_passes() {
    let house = House::open().await;
    let ana = house.pass("ana", "ana-1").await;
    let mut guesser = Device::with(&ana, &ana.bare_handshake()).await;
    for n in 0..60 {
        let guess = json!({"gdAuthToken": format!("tl1.guess-{n}"), "deviceToken": "ana-1"});
        guesser.refused(1008, "BeginSession", guess).await;
    }
    // The other end of the same address waits its turn, no longer.
    let mut ana = Device::signed_in(&ana).await;
    ana.settle().await;
    let lines = audit(&house, "token");
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert!(lines[0].contains("source=127.0.0.1") && !lines[0].contains("guess"), "{}", lines[0]);
    let page = metrics(&house).await;
    assert!(page.contains("trunkline_refusals_total{reason=\"token\"} 60"), "{page}");
}

#[tokio::test]
async fn a_disabled_account_and_a_token_on_a_foreign_device_leave_a_line_each() {
    let house = House::open().await;
    let (ana, bo) = (house.pass("ana", "ana-1").await, house.pass("bo", "bo-1").await);
    let disable = json!({"do": "accountEnable", "address": sip("ana"), "enabled": false});
    house.relay.admin(&disable).await.unwrap();
    for _ in 0..5 {
        let mut ana = Device::opened(&ana, -1).await;
        let params = ana.pass.begin_params();
        ana.refused(1008, "BeginSession", params).await;
        let stolen = Handshake { auth_token: Some(bo.token.clone().into()), ..Handshake::new("other") };
        Device::with(&bo, &stolen).await.refused(1012, "BeginSession", json!({})).await;
    }
    for (reason, account) in [("disabled", "sip:ana@example.test"), ("other-device", "sip:bo@example.test")] {
        let lines = audit(&house, reason);
        assert_eq!(lines.len(), 1, "{lines:#?}");
        assert!(
            lines[0].contains(&format!("account=\"{account}\"")) && lines[0].contains("source=127.0.0.1"),
            "{}",
            lines[0]
        );
    }
    let log = house.relay.log();
    assert!(!log.contains(&ana.token) && !log.contains(&bo.token));
}

#[tokio::test]
async fn a_wrong_admin_token_leaves_one_line_without_the_token() {
    let house = House::with(&[("ADMIN_TOKEN", "the-right-admin-token-of-this-house")]).await;
    let address = house.relay.listeners().admin.clone().unwrap();
    for _ in 0..20 {
        let request =
            format!("GET /metrics HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer canary-guess\r\n\r\n");
        assert_eq!(exchange(&address, request.as_bytes()).await.status, 401);
    }
    let lines = audit(&house, "admin-token");
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert!(!house.relay.log().contains("canary"));
}

#[tokio::test]
async fn nobody_writes_lines_of_his_own_into_the_log() {
    let house = House::open().await;
    house.account("ana").await;
    let address = house.relay.listeners().http.clone().unwrap();
    let evil = "x\r\n2026-01-01T00:00:00Z ERROR audit: forged\u{1b}[2J\u{202e}";
    let body = |address: &str, key: &str| {
        json!({"address": address, "accessKey": key, "deviceToken": format!("d {evil}"), "name": evil,
            "platform": evil, "appVersion": evil, "locale": evil})
    };
    assert_eq!(post(&address, "/v1/activation", "", &body(evil, "k").to_string()).await.status, 403);
    let key = house.relay.access_key(&sip("ana")).await.unwrap();
    assert_eq!(post(&address, "/v1/activation", "", &body(&sip("ana"), &key).to_string()).await.status, 201);
    let devices = house.relay.admin(&json!({"do": "deviceList", "address": sip("ana")})).await;
    let handshake = Handshake { platform: "a\u{9}b".to_owned(), ..Handshake::new("d") };
    let pass = house.pass("ana", "ana-2").await;
    let _ = Device::with(&pass, &handshake).await.ask("BeginSession", json!({"platform": evil})).await;
    let log = house.relay.log();
    assert!(!log.lines().any(|line| line.starts_with("2026-01-01")), "{log}");
    assert!(!log.contains('\u{1b}') && !log.contains('\u{202e}'), "{log}");
    drop(devices);
}

/// Whatever a page in somebody's browser can send.
#[tokio::test]
async fn pages_of_other_sites_reach_no_route_at_all() {
    let house = House::with(&[("ALLOWED_ORIGINS", "https://chat.example.test")]).await;
    let address = house.relay.listeners().http.clone().unwrap();
    let routes = [
        "/GaslampService/ws",
        "/GaslampService",
        "/GaslampService/",
        "/GaslampService/rpc",
        "/GaslampService/notify",
        "/v1/activation",
        "/v1/openrpc.json",
        "/v1/openapi.json",
        "/",
        "/nothing",
    ];
    let pages = [
        "Origin: https://evil.test",
        "Origin: null",
        "Origin: https://chat.example.test.evil.test",
        "Origin: http://chat.example.test",
        "Sec-Fetch-Site: cross-site",
        "Sec-Fetch-Site: same-site",
        "Origin: https://chat.example.test\r\nOrigin: https://evil.test",
    ];
    for route in routes {
        for method in ["GET", "POST", "OPTIONS", "PUT"] {
            for page in pages {
                let request = format!(
                    "{method} {route} HTTP/1.1\r\nHost: {address}\r\n{page}\r\nAccess-Control-Request-Method: POST\r\n\
                     Content-Length: 0\r\n\r\n"
                );
                let answer: Answer = exchange(&address, request.as_bytes()).await;
                assert_eq!(answer.status, 403, "{method} {route} {page}");
                let cors = answer.headers.iter().find(|(name, _)| name.starts_with("access-control"));
                assert_eq!(cors, None, "{method} {route} {page}");
            }
        }
    }
    let lines = audit(&house, "origin");
    assert_eq!(lines.len(), 1, "{lines:#?}");
}

/// What only a proxy may say, said by anybody.
#[tokio::test]
async fn forged_forwarding_headers_change_nothing() {
    let house = House::with(&[("ACTIVATION_FAILURES_PER_HOUR", "5")]).await;
    house.account("ana").await;
    let address = house.relay.listeners().http.clone().unwrap();
    let wrong =
        json!({"address": sip("ana"), "accessKey": "AAAAA-BBBBB-CCCCC", "deviceToken": "d"}).to_string();
    let mut statuses = Vec::new();
    for n in 0..7 {
        let forged = [
            format!("X-Forwarded-For: 203.0.113.{n}\r\n"),
            format!("Forwarded: for=203.0.113.{n};proto=https\r\n"),
            format!("X-Real-IP: 203.0.113.{n}\r\n"),
            format!("CF-Connecting-IP: 203.0.113.{n}\r\nTrue-Client-IP: 203.0.113.{n}\r\n"),
            format!("X-Forwarded-For: 127.0.0.1, 203.0.113.{n}\r\nX-Forwarded-Proto: https\r\n"),
            "X-Forwarded-For: \r\nX-Forwarded-For: unknown\r\n".to_owned(),
            format!("x-forwarded-FOR: 203.0.113.{n}\r\nVia: 1.1 proxy\r\n"),
        ];
        statuses.push(post(&address, "/v1/activation", &forged[n], &wrong).await.status);
    }
    assert_eq!(statuses, [403, 403, 403, 403, 403, 429, 429]);
    let answer: Value = house.relay.admin(&json!({"do": "status"})).await.unwrap();
    assert!(answer.is_object());
    assert!(!house.relay.log().contains("203.0.113."), "a forged source in the log");
}
