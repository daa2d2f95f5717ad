//! What is peculiar to the HTTP form: who may ask, who reads when two do, what comes again, and how fast.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt, net::TcpStream};
use trunkline_testkit::eventually;
use trunkline_wire::phone::request;

use crate::{
    device::Device,
    house::{House, Pass, sip},
    metric::Page,
    plain::{Answer, exchange, post},
};

const NOTIFY: &str = "/GaslampService/notify";

async fn get(address: &str, path: &str, headers: &str) -> Answer {
    exchange(address, format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n{headers}\r\n").as_bytes()).await
}

fn address(house: &House) -> String {
    house.relay.listeners().http.clone().unwrap()
}

/// Signs in by POST; gives the session's id.
pub(crate) async fn sign_in(house: &House, pass: &Pass) -> String {
    let begin = request("begin", "BeginSession", pass.begin_params());
    let answer = post(&address(house), "/GaslampService", "", &begin).await;
    let cookie = answer.headers.iter().find(|(_, value)| value.starts_with("sessionId=")).unwrap();
    cookie.1.split(['=', ';']).nth(1).unwrap().to_owned()
}

fn frames(answer: &Answer) -> Vec<Value> {
    assert_eq!(answer.status, 200, "{answer:?}");
    serde_json::from_str(&answer.body).unwrap()
}

fn code(answer: &Answer) -> Value {
    let body: Value = serde_json::from_str(&answer.body).unwrap();
    body["code"].clone()
}

/// The sequence of the last frame, and what all of them say.
fn told(frames: &[Value]) -> (i64, Vec<&str>) {
    let texts = frames.iter().filter_map(|frame| frame["result"]["data"]["message"].as_str());
    (frames.last().and_then(|frame| frame["sequence"].as_i64()).unwrap_or(-1), texts.collect())
}

#[tokio::test]
async fn begin_session_by_post_sets_cookies_that_pages_and_other_paths_do_not_get() {
    let house = House::with(&[("TRUSTED_PROXIES", "127.0.0.0/8")]).await;
    let pass = house.pass("ana", "ana-1").await;
    let begin = request("begin", "BeginSession", pass.begin_params());
    for (proto, secure) in [("", ""), ("X-Forwarded-Proto: https\r\n", "; Secure")] {
        let answer = post(&address(&house), "/GaslampService/rpc", proto, &begin).await;
        let cookies: Vec<_> = answer.headers.iter().filter(|(name, _)| name == "set-cookie").collect();
        assert_eq!(cookies.len(), 2, "{answer:?}");
        for (_, cookie) in cookies {
            let flags = "; Path=/GaslampService; HttpOnly; SameSite=Strict";
            assert!(cookie.contains(flags) && cookie.ends_with(secure), "{cookie}");
            assert_eq!(cookie.contains("Secure"), !secure.is_empty(), "{cookie}");
        }
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert!(answer.header("content-length").is_some() && answer.header("transfer-encoding").is_none());
    }
}

#[tokio::test]
async fn who_shows_too_little_or_somebody_elses_gets_nothing_and_a_session_in_the_url_is_refused() {
    let house = House::open().await;
    let (ana, bo) = (house.pass("ana", "ana-1").await, house.pass("bo", "bo-1").await);
    let (hers, address) = (sign_in(&house, &ana).await, address(&house));
    let cookie = format!("Cookie: sessionId={hers}\r\n");
    let header = format!("sessionId: {hers}\r\n");
    let with = |own: &str, more: &str| format!("{own}{more}\r\n");
    let token = |pass: &Pass| format!("x-good-gd-authtoken: {}", pass.token);
    let own_device = "X-GC-DeviceToken: ana-1";
    let table = [
        (with(&cookie, "X-User-Agent: iOS"), true),
        (with(&header, "Accept: */*"), true),
        (with(&header, own_device), true),
        (with(&cookie, &token(&ana)), true),
        (format!("{}\r\n{own_device}\r\n", token(&ana)), true),
        (with("X-User-Agent: iOS\r\n", "sequence: 7"), false),
        (with("X-User-Agent: iOS\r\n", own_device), false),
        (with("Cookie: deviceToken=ana-1\r\nX-User-Agent: iOS\r\n", own_device), false),
        (with("", &token(&ana)), false),
        (format!("{}\r\nX-GC-DeviceToken: bo-1\r\n", token(&ana)), false),
        (with(&header, "X-GC-DeviceToken: bo-1"), false),
        (with(&header, &token(&bo)), false),
        (with(&header, "x-good-gd-authtoken: tl1.nonsense"), false),
        (with("sessionId: 0123456789abcdef0123456789abcdef\r\n", own_device), false),
    ];
    for (headers, good) in table {
        let ping = post(&address, "/GaslampService", &headers, &request("p", "Ping", json!({}))).await;
        let body: Value = serde_json::from_str(&ping.body).unwrap();
        assert_eq!(body["error"].is_null(), good, "{headers}{ping:?}");
        let poll = frames(&get(&address, NOTIFY, &headers).await);
        assert_eq!(poll[0]["error"]["code"] != 1017, good, "{headers}{poll:?}");
    }
    let agent = with(&cookie, "Accept: application/json");
    for answer in [post(&address, "/GaslampService", &agent, "{}").await, get(&address, NOTIFY, &agent).await]
    {
        assert_eq!((answer.status, code(&answer)), (403, json!("user-agent-missing")));
    }
    for path in ["/GaslampService/notify", "/GaslampService"] {
        let url = format!("{path}?sessionid={hers}");
        for answer in
            [post(&address, &url, &header, "{}").await, get(&address, &url, "X-Notify: true\r\n").await]
        {
            let expected = if path.ends_with("notify") && answer.status == 405 { 405 } else { 400 };
            assert_eq!(answer.status, expected, "{answer:?}");
        }
    }
    let origin = with(&header, "Origin: https://evil.example.test");
    for answer in
        [post(&address, "/GaslampService", &origin, "{}").await, get(&address, NOTIFY, &origin).await]
    {
        assert_eq!((answer.status, code(&answer)), (403, json!("origin-refused")));
    }
    assert!(!house.relay.log().contains(&hers), "a session's id is in no log");
}

#[tokio::test]
async fn any_get_and_any_empty_post_that_asks_for_notifications_is_a_poll() {
    let house = House::open().await;
    let session = sign_in(&house, &house.pass("ana", "ana-1").await).await;
    let address = address(&house);
    let headers = format!("sessionId: {session}\r\nX-Notify: true\r\n");
    for path in ["", "/", "/rpc", "/notify", "/notify?sequence=-1", "/ws", "/whatever/else"] {
        let path = format!("/GaslampService{path}");
        let got = frames(&get(&address, &path, &headers).await);
        assert_eq!(got[0]["result"]["data"]["method"], "BeginSession", "{path}: {got:?}");
        if path != "/GaslampService/ws" {
            let posted = post(&address, &path, &headers, "").await;
            assert_eq!(frames(&posted)[0]["result"]["data"]["method"], "BeginSession", "{path}");
        }
    }
    // A proxy that took the upgrade out of a handshake: the phone must learn of it, not wait.
    let stripped =
        format!("{headers}Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n");
    assert_eq!(get(&address, "/GaslampService/ws", &stripped).await.status, 426);
    let bare = format!("sessionId: {session}\r\n");
    for (path, status) in
        [("/GaslampService", 405), ("/GaslampService/rpc", 405), ("/GaslampService/files", 404)]
    {
        assert_eq!(get(&address, path, &bare).await.status, status, "{path}");
    }
}

#[tokio::test]
async fn a_post_that_asks_for_notifications_takes_along_what_is_there() {
    let house = House::open().await;
    let mut bo = house.device("bo").await;
    let session = sign_in(&house, &house.pass("ana", "ana-1").await).await;
    bo.say(&sip("ana"), "b-1", "along").await;
    let ping = request("p", "Ping", json!({}));
    let post = async |headers: String| post(&address(&house), "/GaslampService", &headers, &ping).await;
    let both = frames(&post(format!("sessionId: {session}\r\nX-Notify: true\r\n")).await);
    assert!(both[0]["id"] == "p" && both[0]["sequence"].is_null(), "{both:?}");
    assert_eq!(told(&both[1..]).1, ["along"]);
    let alone: Value = serde_json::from_str(&post(format!("sessionId: {session}\r\n")).await.body).unwrap();
    assert!(alone.is_object(), "{alone}");
}

#[tokio::test]
async fn one_reader_at_a_time_and_the_newer_one_has_it_all() {
    let house = House::open().await;
    let mut bo = house.device("bo").await;
    let pass = house.pass("ana", "ana-1").await;
    let (session, address) = (sign_in(&house, &pass).await, address(&house));
    let headers = format!("sessionId: {session}\r\n");
    let (seen, _) = told(&frames(&get(&address, NOTIFY, &headers).await));
    let next = format!("{headers}sequence: {seen}\r\n");
    let (first, second) = tokio::join!(get(&address, NOTIFY, &next), async {
        polls_become(&house, 1.0).await;
        let (second, ()) = tokio::join!(get(&address, NOTIFY, &next), async {
            bo.say(&sip("ana"), "b-1", "to the second").await;
        });
        second
    });
    assert_eq!(first.body, "[]", "the first is sent home");
    let second = frames(&second);
    let (seen, texts) = told(&second);
    assert_eq!(texts, ["to the second"]);
    let held = format!("{headers}sequence: {seen}\r\n");
    let (third, mut ana) = tokio::join!(get(&address, NOTIFY, &held), async {
        polls_become(&house, 1.0).await;
        Device::opened(&pass, seen).await
    });
    assert_eq!(third.body, "[]", "a socket takes over from a poll");
    bo.say(&sip("ana"), "b-2", "to the socket").await;
    let seen = ana.message("to the socket").await.sequence();
    let path = format!("{NOTIFY}?sequence={seen}");
    let (fourth, ()) = tokio::join!(get(&address, &path, &headers), async {
        assert_eq!(ana.closed().await, Some(4001), "and a poll from a socket");
        bo.say(&sip("ana"), "b-3", "to the poll").await;
    });
    assert_eq!(told(&frames(&fourth)).1, ["to the poll"]);
}

/// Waits until so many polls are held.
async fn polls_become(house: &House, count: f64) {
    eventually("the number of held polls", async || {
        let polls = Page::of(house).await.sum("trunkline_polls", &[]);
        if polls == count { Ok(()) } else { Err(polls) }
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn an_answer_holds_200_and_comes_again_until_its_sequence_is_told_over_a_kill_too() {
    let mut house = House::open().await;
    let mut bo = house.device("bo").await;
    let session = sign_in(&house, &house.pass("ana", "ana-1").await).await;
    let ids: Vec<String> = (0..250).map(|n| format!("b-{n}")).collect();
    for some in ids.chunks(50) {
        let batch = some.iter().map(|id| {
            request(
                &format!("r-{id}"),
                "SendMessage",
                json!({"contactId": sip("ana"), "messageId": id, "message": id}),
            )
        });
        bo.send(&format!("[{}]", batch.collect::<Vec<_>>().join(","))).await;
        bo.late(&format!("r-{}", some.last().unwrap())).await;
    }
    let headers = format!("sessionId: {session}\r\n");
    let poll = async |house: &House, sequence: i64| {
        frames(&get(&address(house), &format!("{NOTIFY}?sequence={sequence}"), &headers).await)
    };
    let first = poll(&house, -1).await;
    assert_eq!((first.len(), first[0]["id"].as_str()), (200, Some("begin")), "completions come too");
    let (seen, texts) = told(&first);
    assert_eq!(texts.len(), 199);
    assert_eq!(poll(&house, -1).await, first, "nothing was acknowledged");
    let second = poll(&house, seen).await;
    assert_eq!(told(&second).1, ids[199..].iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(poll(&house, seen).await, second, "the same sequences");
    // The receipt says that it is written down.
    bo.event_that("MessageAck", |ack| ack["messageId"] == "b-198").await;
    house.relay.kill().await.unwrap();
    house.relay.start().await.unwrap();
    let third = poll(&house, seen).await;
    assert_eq!(told(&third).1, told(&second).1, "what was acknowledged stays away");
    assert!(told(&third).0 > told(&second).0);
}

#[tokio::test]
async fn a_poll_whose_phone_is_gone_is_let_go_and_what_it_was_given_comes_again() {
    let house = House::open().await;
    let (mut bo, mut eve) = (house.device("bo").await, house.device("eve").await);
    let session = sign_in(&house, &house.pass("ana", "ana-1").await).await;
    let (address, headers) = (address(&house), format!("sessionId: {session}\r\n"));
    let (seen, _) = told(&frames(&get(&address, NOTIFY, &headers).await));
    let path = format!("{NOTIFY}?sequence={seen}");
    let mut lost = TcpStream::connect(&address).await.unwrap();
    let text = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n{headers}\r\n");
    lost.write_all(text.as_bytes()).await.unwrap();
    polls_become(&house, 1.0).await;
    drop(lost);
    polls_become(&house, 0.0).await;
    let mut unread = TcpStream::connect(&address).await.unwrap();
    unread.write_all(text.as_bytes()).await.unwrap();
    polls_become(&house, 1.0).await;
    bo.say(&sip("ana"), "b-1", "into the void").await;
    eve.say(&sip("ana"), "e-1", "as well").await;
    polls_become(&house, 0.0).await;
    drop(unread);
    assert_eq!(told(&frames(&get(&address, &path, &headers).await)).1, ["into the void", "as well"]);
}

#[tokio::test]
async fn a_stopping_relay_answers_held_polls_at_once() {
    let mut house = House::open().await;
    let session = sign_in(&house, &house.pass("ana", "ana-1").await).await;
    let (address, headers) = (address(&house), format!("sessionId: {session}\r\n"));
    let (seen, _) = told(&frames(&get(&address, NOTIFY, &headers).await));
    let path = format!("{NOTIFY}?sequence={seen}");
    let held = tokio::spawn(async move { get(&address, &path, &headers).await });
    polls_become(&house, 1.0).await;
    assert!(house.relay.stop().await.unwrap().success());
    assert_eq!(frames(&held.await.unwrap()), Vec::<Value>::new());
}

#[tokio::test]
async fn requests_that_come_too_fast_or_are_too_large_are_sent_back() {
    let house = House::with(&[("REQUEST_RATE", "1"), ("REQUEST_BURST", "4")]).await;
    let session = sign_in(&house, &house.pass("ana", "ana-1").await).await;
    let (address, headers) = (address(&house), format!("sessionId: {session}\r\n"));
    let ping = request("p", "Ping", json!({}));
    let mut answers = Vec::new();
    for _ in 0..8 {
        answers.push(post(&address, "/GaslampService", &headers, &ping).await);
    }
    assert_eq!(answers[0].status, 200);
    let slow = answers.iter().find(|answer| answer.status != 200).unwrap();
    assert_eq!((slow.status, code(slow)), (429, json!("too-many-requests")));
    assert!(slow.header("retry-after").is_some_and(|secs| secs.parse::<u64>().unwrap() >= 1));
    let strangers = async || post(&address, "/GaslampService", "", &ping).await.status;
    eventually("strangers are slowed too", async || (strangers().await == 429).then_some(())).await.unwrap();
    let large = post(&address, "/GaslampService", &headers, &"x".repeat(65_537)).await;
    assert_eq!((large.status, code(&large)), (413, json!("too-large")));
}

#[tokio::test]
async fn who_fetches_nothing_is_stopped_and_loses_nothing() {
    let house = House::open().await;
    let session = sign_in(&house, &house.pass("ana", "ana-1").await).await;
    let (address, headers) = (address(&house), format!("sessionId: {session}\r\n"));
    // Each answer is larger than what is kept for a phone with a socket.
    let words = "n".repeat(250);
    for n in 0..50 {
        let mut profile = json!({"displayName": format!("Common {n}")});
        for field in ["title", "company", "department", "office"] {
            profile[field] = json!(words);
        }
        house.profile(&format!("p{n}"), profile).await;
    }
    let mut asked = 0;
    let stopped = loop {
        let search = request(
            &format!("s-{asked}"),
            "SearchDirectory",
            json!({"keySearch": "common", "typeSearch": "all"}),
        );
        let answer = post(&address, "/GaslampService", &headers, &search).await;
        if answer.status != 200 {
            break answer;
        }
        asked += 1;
        assert!(asked < 100, "it is never stopped");
    };
    assert_eq!((stopped.status, code(&stopped)), (429, json!("too-many-requests")));
    let (mut seen, mut got) = (-1, Vec::new());
    while got.len() < asked {
        let brought = frames(&get(&address, &format!("{NOTIFY}?sequence={seen}"), &headers).await);
        seen = told(&brought).0;
        got.extend(
            brought.iter().filter_map(|frame| frame["id"].as_str()?.strip_prefix("s-").map(str::to_owned)),
        );
    }
    assert_eq!(got, (0..asked).map(|n| n.to_string()).collect::<Vec<_>>());
    let ping = post(&address, "/GaslampService", &headers, &request("p", "Ping", json!({}))).await;
    assert_eq!(ping.status, 200);
}

#[tokio::test]
async fn a_phone_that_only_polls_is_connected_and_its_session_does_not_time_out() {
    let house = House::with(&[("SESSION_TIMEOUT_SECS", "2")]).await;
    let mut pad = house.another("ana", 2).await;
    let pass = house.pass("ana", "ana-1").await;
    let session = sign_in(&house, &pass).await;
    let (address, headers) = (address(&house), format!("sessionId: {session}\r\n"));
    let (seen, _) = told(&frames(&get(&address, NOTIFY, &headers).await));
    let path = format!("{NOTIFY}?sequence={seen}");
    let held = tokio::time::timeout(Duration::from_secs(5), get(&address, &path, &headers));
    let (held, ()) = tokio::join!(held, async {
        for _ in 0..8 {
            let list = pad.well("device.List", json!({})).await;
            let phone = list["devices"].as_array().unwrap().iter().find(|one| one["thisDevice"] == false);
            assert_eq!(phone.unwrap()["connected"], true, "{list}");
            tokio::time::sleep(Duration::from_millis(500)).await; // tidy: poll
        }
    });
    assert!(held.is_err(), "nothing came: {held:?}");
    let ping = post(&address, "/GaslampService", &headers, &request("p", "Ping", json!({}))).await;
    assert!(ping.body.contains("PROCESSING"), "{ping:?}");
}
