//! The opening of the socket.

use serde_json::json;
use trunkline_client::{Handshake, RawSocket, Server, Trust, parse_fingerprint};

use crate::{
    device::Device,
    house::{House, Pass},
    plain::{Answer, exchange},
};

/// Upgrades with these headers, written by hand as the vendor's client writes them.
async fn upgrade(house: &House, headers: &[u8]) -> Answer {
    let address = house.relay.listeners().http.clone().unwrap();
    let head = format!(
        "GET /GaslampService/ws HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    );
    exchange(&address, &[head.as_bytes(), headers, b"\r\n"].concat()).await
}

fn vendor(pass: &Pass, date: &str) -> String {
    format!(
        "Accept-Language: de_CH\r\nDate: {date}\r\nX-User-Agent: Android\r\nX-Notify: true\r\nsequence: -1\r\n\
         X-GC-DeviceToken: {}\r\nx-good-background: false\r\nx-good-gd-authtoken: {}\r\n",
        pass.device_token, pass.token
    )
}

#[tokio::test]
async fn the_vendors_eight_headers_upgrade_without_subprotocol_or_extension() {
    let house = House::open().await;
    let pass = house.pass("ana", "a41f09c2d7be5530").await;
    for date in ["7 Mar 2025 09:05:11 +0100", "Fri, 07 Mar 2025 08:05:11 GMT", "gestern", "", "\u{1f553}"] {
        let answer = upgrade(&house, vendor(&pass, date).as_bytes()).await;
        assert_eq!(answer.status, 101, "{date}: {answer:?}");
        assert_eq!(answer.header("sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
        assert_eq!(answer.header("sec-websocket-protocol"), None);
        assert_eq!(answer.header("sec-websocket-extensions"), None);
        assert_eq!(answer.header("set-cookie"), None, "a device id came, and no session lives");
    }
    let offers =
        "Sec-WebSocket-Protocol: chat, superchat\r\nSec-WebSocket-Extensions: permessage-deflate\r\n";
    let answer = upgrade(&house, format!("{}{offers}", vendor(&pass, "now")).as_bytes()).await;
    assert_eq!(answer.status, 101);
    assert_eq!(answer.header("sec-websocket-protocol"), None, "whatever is offered");
    assert_eq!(answer.header("sec-websocket-extensions"), None);
    let odd = b"Accept-Language: \xff\r\nsequence: \xfe\r\nX-GC-DeviceToken: \xff\r\nx-good-background: ?\r\nx-good-gd-authtoken: \xff\r\nX-User-Agent: \xff\r\n";
    assert_eq!(upgrade(&house, odd).await.status, 101, "no header fails the upgrade");
}

#[tokio::test]
async fn cookies_tell_a_made_device_token_and_the_session_that_was_bound() {
    let house = House::open().await;
    let pass = house.pass("ana", "ana-1").await;
    let fresh = upgrade(&house, b"x-good-gd-authtoken: null\r\n").await;
    let cookie = fresh.header("set-cookie").unwrap();
    assert!(cookie.starts_with("deviceToken="), "{cookie}");
    for word in ["HttpOnly", "SameSite=Strict", "Path=/GaslampService"] {
        assert!(cookie.contains(word), "{word} in {cookie}");
    }
    assert!(!cookie.contains("Secure"), "without TLS it would never come back: {cookie}");
    let mut ana = Device::opened(&pass, -1).await;
    assert_eq!(ana.socket.header("set-cookie"), None);
    let id = ana.begin().await["sessionId"].as_str().unwrap().to_owned();
    let bound = RawSocket::connect(&house.server, &pass.handshake()).await.unwrap();
    let cookie = bound.header("set-cookie").unwrap();
    assert!(cookie.starts_with(&format!("sessionId={id};")), "{cookie}");
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    for handshake in [
        pass.bare_handshake(),
        Handshake { auth_token: Some("tl1.wrong".into()), ..pass.bare_handshake() },
        Handshake { device_token: Some("ana-2".into()), ..pass.handshake() },
    ] {
        let mut device = Device::with(&pass, &handshake).await;
        assert_eq!(device.socket.header("set-cookie"), None, "{handshake:?}");
        device.refused(1017, "Ping", json!({})).await;
    }
}

#[tokio::test]
async fn pages_of_strange_origins_are_refused_and_sockets_can_be_switched_off() {
    let house = House::with(&[("ALLOWED_ORIGINS", "https://chat.corp.test")]).await;
    for (origin, status) in [
        ("https://evil.test", 403),
        ("null", 403),
        ("http://chat.corp.test", 403),
        ("https://chat.corp.test", 101),
    ] {
        let answer = upgrade(&house, format!("Origin: {origin}\r\n").as_bytes()).await;
        assert_eq!(answer.status, status, "{origin}");
    }
    let house = House::with(&[("ALLOW_WEBSOCKETS", "false")]).await;
    let answer = upgrade(&house, b"").await;
    assert!((400..500).contains(&answer.status), "{answer:?}");
}

#[tokio::test]
async fn sockets_of_one_address_are_counted() {
    let house = House::with(&[("SOCKETS_PER_ADDRESS", "3")]).await;
    let open = async || RawSocket::connect(&house.server, &Handshake::new("d-1")).await;
    let mut sockets = Vec::new();
    for _ in 0..3 {
        sockets.push(open().await.unwrap());
    }
    open().await.unwrap_err();
    assert!(house.relay.log().contains("SOCKETS_PER_ADDRESS"), "the operator is told why phones stay out");
    sockets.pop().unwrap().cut();
    trunkline_testkit::eventually("a place is free again", async || open().await).await.unwrap();
}

#[tokio::test]
async fn phones_speak_over_tls_too() {
    let house = House::open().await;
    let mut pass = house.pass("ana", "ana-1").await;
    let fingerprint = house.relay.listeners().fingerprint.clone().unwrap();
    let trust = Trust::Fingerprint(parse_fingerprint(&fingerprint).unwrap());
    pass.server = Server::new(&house.relay.tls_url(), &trust).unwrap();
    let mut ana = Device::signed_in(&pass).await;
    ana.settle().await;
    let again = RawSocket::connect(&pass.server, &pass.handshake()).await.unwrap();
    assert!(again.header("set-cookie").unwrap().contains("Secure"));
}
