use tokio::net::TcpStream;

use crate::support::{Running, ask, close_code, cookies_of, get, next, post, problem, upgrade_request};

#[tokio::test]
async fn the_vendors_odd_headers_never_fail_an_upgrade() {
    let server = Running::start(|_| {}).await;
    let lines = "Accept-Language: de_CH\r\nDate: 7 Mar 2025 09:05:11 +0100\r\nX-User-Agent: Android\r\n\
                 X-Notify: true\r\nsequence: garbage\r\nX-GC-DeviceToken: 0123456789abcdef\r\n\
                 x-good-background: perhaps\r\nx-good-gd-authtoken: null\r\n\
                 Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Extensions: permessage-deflate\r\n";
    let answer = ask(server.http(), upgrade_request(lines).as_bytes()).await;
    assert_eq!(answer.status, 101);
    assert_eq!(answer.header("sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    assert_eq!(answer.header("sec-websocket-protocol"), None);
    assert_eq!(answer.header("sec-websocket-extensions"), None);
    assert!(cookies_of(&answer).is_empty(), "{answer:?}");
    let mut request = upgrade_request("").into_bytes();
    let end = request.len() - 2;
    request.splice(end..end, *b"sequence: \xff\xfe\r\nX-User-Agent: \xe4\r\n");
    assert_eq!(ask(server.http(), &request).await.status, 101);
}

#[tokio::test]
async fn a_phone_without_a_device_id_gets_one_as_a_cookie() {
    let server = Running::start(|settings| settings.trusted_proxies = Vec::new()).await;
    let answer = ask(server.http(), upgrade_request("X-Forwarded-Proto: https\r\n").as_bytes()).await;
    let cookies = cookies_of(&answer);
    let [cookie] = cookies.as_slice() else { panic!("one cookie expected: {cookies:?}") };
    let (value, attributes) = cookie.split_once("; ").expect("attributes");
    let value = value.strip_prefix("deviceToken=").expect("the cookie's name");
    assert_eq!(value.len(), 36, "a GUID: {value}");
    for attribute in ["HttpOnly", "SameSite=Strict", "Path=/GaslampService"] {
        assert!(attributes.split("; ").any(|word| word == attribute), "{attributes}");
    }
    assert!(!attributes.contains("Secure"), "a stranger's word for https counts nothing: {attributes}");
    let answer =
        ask(server.http(), upgrade_request(&format!("Cookie: deviceToken={value}\r\n")).as_bytes()).await;
    assert!(cookies_of(&answer).is_empty(), "it came back, so none is set");
}

#[tokio::test]
async fn a_trusted_proxys_word_makes_cookies_secure() {
    let trust = |settings: &mut trunkline_http::HttpSettings| {
        settings.trusted_proxies = vec!["127.0.0.0/8".parse().expect("a net")];
    };
    let server = Running::start(trust).await;
    let answer = ask(server.http(), upgrade_request("X-Forwarded-Proto: https\r\n").as_bytes()).await;
    assert!(cookies_of(&answer)[0].ends_with("; Secure"), "{answer:?}");
}

#[tokio::test]
async fn token_and_device_bind_a_socket_to_the_session_that_stands() {
    let server = Running::start(|_| {}).await;
    let (phone, token) = server.signed_in("sip:alice@example.test").await;
    drop(phone);
    let bound = format!("X-GC-DeviceToken: d-1\r\nx-good-gd-authtoken: {token}\r\nsequence: -1\r\n");
    let answer = ask(server.http(), upgrade_request(&bound).as_bytes()).await;
    let cookies = cookies_of(&answer);
    let [cookie] = cookies.as_slice() else { panic!("one cookie expected: {cookies:?}") };
    assert!(cookie.starts_with("sessionId="), "{cookie}");
    assert!(cookie.contains("; HttpOnly") && cookie.contains("; SameSite=Strict"), "{cookie}");
    let other = bound.replace("d-1", "d-2");
    let answer = ask(server.http(), upgrade_request(&other).as_bytes()).await;
    assert_eq!((answer.status, cookies_of(&answer).len()), (101, 0), "another device is not bound");
    let alone = format!("X-GC-DeviceToken: d-1\r\nCookie: {cookie}\r\n");
    let answer = ask(server.http(), upgrade_request(&alone).as_bytes()).await;
    assert_eq!((answer.status, cookies_of(&answer).len()), (101, 0), "a cookie alone binds nothing");
}

#[tokio::test]
async fn pages_of_foreign_origins_are_refused() {
    let allow = |settings: &mut trunkline_http::HttpSettings| {
        settings.allowed_origins = vec!["https://chat.example.test".into()];
    };
    let server = Running::start(allow).await;
    for origin in ["https://evil.test", "null", "https://chat.example.test.evil.test", ""] {
        let lines = format!("Origin: {origin}\r\n");
        let answer = ask(server.http(), upgrade_request(&lines).as_bytes()).await;
        assert_eq!((answer.status, problem(&answer).as_str()), (403, "origin-refused"));
        let answer = post(server.http(), "/v1/activation", &lines, "{}").await;
        assert_eq!((answer.status, problem(&answer).as_str()), (403, "origin-refused"));
    }
    let answer =
        ask(server.http(), upgrade_request("Origin: https://chat.example.test\r\n").as_bytes()).await;
    assert_eq!(answer.status, 101);
}

#[tokio::test]
async fn what_is_no_upgrade_is_told_so() {
    let server = Running::start(|_| {}).await;
    let answer = get(server.http(), "/GaslampService/ws", "").await;
    assert_eq!((answer.status, problem(&answer).as_str()), (426, "upgrade-required"));
    assert_eq!(answer.header("upgrade"), Some("websocket"));
    let old = upgrade_request("").replace("Version: 13", "Version: 8");
    let answer = ask(server.http(), old.as_bytes()).await;
    assert_eq!((answer.status, answer.header("sec-websocket-version")), (426, Some("13")));
    let short = upgrade_request("").replace("dGhlIHNhbXBsZSBub25jZQ==", "short");
    assert_eq!(problem(&ask(server.http(), short.as_bytes()).await), "bad-handshake");
    let cookie = "Cookie: sessionId=1\r\n";
    for (path, status) in [("/GaslampService", 403), ("/GaslampService/rpc", 403), ("/elsewhere", 404)] {
        let answer = post(server.http(), path, cookie, "{}").await;
        problem(&answer);
        assert_eq!(answer.status, status, "{path}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("x-request-id").map(str::len), Some(16));
    }
    assert_eq!(post(server.http(), "/GaslampService/ws", "", "").await.status, 405);
}

#[tokio::test]
async fn websocket_can_be_switched_off() {
    let server = Running::start(|settings| settings.allow_websockets = false).await;
    let answer = ask(server.http(), upgrade_request("").as_bytes()).await;
    assert_eq!((answer.status, problem(&answer).as_str()), (403, "websockets-off"));
}

#[tokio::test]
async fn an_address_has_only_so_many_sockets_and_gets_them_back() {
    let server = Running::start(|settings| settings.sockets_per_address = 2).await;
    let (mut one, _) = server.phone(&[]).await;
    let (_two, _) = server.phone(&[]).await;
    let forged = upgrade_request("X-Forwarded-For: 203.0.113.9\r\n");
    let answer = ask(server.http(), forged.as_bytes()).await;
    assert_eq!((answer.status, problem(&answer).as_str()), (429, "too-many-sockets"));
    assert!(answer.header("retry-after").is_some());
    one.close(None).await.expect("closed");
    close_code(&mut one).await;
    crate::support::eventually(async || ask(server.http(), forged.as_bytes()).await.status == 101).await;
}

#[tokio::test]
async fn behind_a_trusted_proxy_each_source_is_counted_by_itself() {
    let change = |settings: &mut trunkline_http::HttpSettings| {
        settings.sockets_per_address = 1;
        settings.trusted_proxies = vec!["127.0.0.1/32".parse().expect("a net")];
    };
    let server = Running::start(change).await;
    let (_one, _) = server.phone(&[("x-forwarded-for", "203.0.113.9")]).await;
    let (_two, _) = server.phone(&[("x-forwarded-for", "203.0.113.10")]).await;
    // What a client wrote itself stands left of what the proxy added.
    let forged = upgrade_request("X-Forwarded-For: 198.51.100.1, 203.0.113.9\r\n");
    assert_eq!(ask(server.http(), forged.as_bytes()).await.status, 429);
    let (_three, _) = server.phone(&[]).await;
    let (_four, _) = server.phone(&[]).await;
}

#[tokio::test]
async fn frames_sent_with_the_request_itself_are_not_lost() {
    use tokio::io::AsyncWriteExt;
    use tokio_tungstenite::{WebSocketStream, tungstenite::protocol::Role};

    let server = Running::start(|_| {}).await;
    let mut tcp = TcpStream::connect(server.http()).await.expect("connected");
    let mut bytes = upgrade_request("").into_bytes();
    let hello = br#"{"jsonrpc":"2.0","id":"1","method":"Nothing"}"#;
    bytes.extend([0x81, 0x80 | hello.len() as u8, 0, 0, 0, 0]);
    bytes.extend(hello);
    tcp.write_all(&bytes).await.expect("sent");
    let head = crate::support::head(&mut tcp).await;
    assert!(head.starts_with("HTTP/1.1 101"), "{head}");
    let mut phone = WebSocketStream::from_raw_socket(tcp, Role::Client, None).await;
    let message = next(&mut phone).await.expect("an answer");
    assert!(message.to_text().expect("text").contains("\"1\""));
}
