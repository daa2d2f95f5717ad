//! What a phone keeps through drops, and when it gives up.

#[path = "fake/relay.rs"]
mod relay;

use std::time::Duration;

use relay::{FakeRelay, PATIENCE, next, next_from_relay};
use serde_json::json;
use tokio::time::timeout;
use trunkline_client::{Event, Phone, RequestError, StopReason};
use trunkline_model::{Address, Availability, Seq};
use trunkline_wire::ErrorCode;

fn bo() -> Address {
    "sip:bo@corp.test".parse().expect("an address")
}

#[tokio::test]
async fn it_opens_with_the_vendors_headers_and_signs_in() {
    let relay = FakeRelay::start().await;
    let phone = Phone::connect(relay.profile());
    let socket = relay.signed_in("s-1").await;
    for (name, value) in [
        ("x-gc-devicetoken", "device-1"),
        ("x-good-gd-authtoken", "tl1.token"),
        ("sequence", "-1"),
        ("x-notify", "true"),
        ("x-user-agent", "Android"),
        ("accept-language", "en_GB"),
    ] {
        assert_eq!(socket.headers.get(name).map(String::as_str), Some(value), "{name}");
    }
    assert!(socket.headers["date"].contains(" 20"));
    let session = phone.ready(PATIENCE).await.unwrap();
    assert_eq!((session.display_name.as_str(), session.resumed), ("Ana", false));
    phone.close().await;
    assert_eq!(phone.send(&bo(), "x").await, Err(RequestError::Stopped(StopReason::Closed)));
}

#[tokio::test]
async fn a_send_without_answer_goes_again_under_its_id_and_resolves_once() {
    let relay = FakeRelay::start().await;
    let phone = Phone::connect(relay.profile());
    let mut socket = relay.signed_in("s-1").await;
    let sender = phone.clone();
    let send = tokio::spawn(async move { sender.send(&bo(), "Door code?").await });
    let first = socket.asked("SendMessage").await;
    socket.take(&first).await;
    let reader = phone.clone();
    let roster = tokio::spawn(async move { reader.roster().await });
    socket.asked("GetContactList").await;
    socket.cut();

    let mut socket = relay.signed_in("s-1").await;
    let again = socket.asked("SendMessage").await;
    assert_eq!(again.params, first.params);
    assert_ne!(again.id, first.id);
    assert_eq!(roster.await.unwrap(), Err(RequestError::ConnectionLost));
    socket.sent(&again, true).await;
    let sent = send.await.unwrap().unwrap();
    assert!(sent.dup);
    assert_eq!(sent.message_id, first.params["messageId"].as_str().unwrap());
}

#[tokio::test]
async fn sends_keep_their_order_over_a_drop() {
    let relay = FakeRelay::start().await;
    let phone = Phone::connect(relay.profile());
    let mut socket = relay.signed_in("s-1").await;
    let mut sends = Vec::new();
    for n in 0..20 {
        let phone = phone.clone();
        sends.push(tokio::spawn(async move { phone.send_as(&format!("m-{n}"), &bo(), "x").await }));
        assert_eq!(socket.asked("SendMessage").await.params["messageId"], format!("m-{n}"));
    }
    phone.drop_network();
    assert_eq!(socket.ended().await, None);
    let mut socket = relay.signed_in("s-1").await;
    for n in 0..20 {
        let asked = socket.asked("SendMessage").await;
        assert_eq!(asked.params["messageId"], format!("m-{n}"));
        socket.sent(&asked, false).await;
    }
    for send in sends {
        assert!(send.await.unwrap().is_ok());
    }
}

#[tokio::test]
async fn it_resumes_where_it_was_and_drops_repeats_but_acknowledges_them() {
    let relay = FakeRelay::start().await;
    let phone = Phone::connect(relay.profile());
    let mut events = phone.events().unwrap();
    assert!(phone.events().is_none());
    let mut socket = relay.signed_in("s-1").await;
    socket.message(7, "one").await.unwrap();
    let sequence = socket.message(8, "two").await.unwrap();
    for n in [7, 8] {
        let received = next_from_relay(&mut events).await;
        assert_eq!(received.mailbox_seq, Some(Seq(n)));
        let ack = socket.asked("MessageAck").await;
        assert_eq!(
            ack.params,
            json!({"messageId": format!("m-{n}"), "status": "delivered", "contactId": "sip:bo@corp.test"})
        );
    }
    assert_eq!(phone.last_sequence(), sequence);
    socket.close(1001, "restart").await;

    let mut socket = relay.signed_in("s-2").await;
    assert_eq!(socket.headers["sequence"], sequence.to_string());
    socket.message(8, "two").await.unwrap();
    assert_eq!(socket.asked("MessageAck").await.params["messageId"], "m-8");
    socket.message(9, "three").await.unwrap();
    assert!(
        matches!(next(&mut events).await.event, Event::Disconnected { reason } if reason.contains("1001"))
    );
    assert!(matches!(next(&mut events).await.event, Event::Connected(session) if !session.resumed));
    let received = next(&mut events).await;
    assert!(matches!(received.event, Event::Message { text, .. } if text.expose() == "three"));
}

#[tokio::test]
async fn without_auto_ack_only_the_app_acknowledges() {
    let relay = FakeRelay::start().await;
    let mut profile = relay.profile();
    profile.auto_ack = false;
    let phone = Phone::connect(profile);
    let mut events = phone.events().unwrap();
    let mut socket = relay.signed_in("s-1").await;
    socket.message(1, "x").await.unwrap();
    next_from_relay(&mut events).await;
    let asking = phone.clone();
    let typing = tokio::spawn(async move { asking.typing(&bo(), true).await });
    let asked = socket.asked("StartTyping").await;
    socket.complete(&asked, json!({})).await;
    assert_eq!(typing.await.unwrap(), Ok(()));
}

#[tokio::test]
async fn it_gives_up_where_trying_again_cannot_help() {
    let closes = [(4001, StopReason::Replaced), (4403, StopReason::Revoked)];
    for (code, expected) in closes {
        let relay = FakeRelay::start().await;
        let phone = Phone::connect(relay.profile());
        let mut events = phone.events().unwrap();
        let mut socket = relay.signed_in("s-1").await;
        let sender = phone.clone();
        let send = tokio::spawn(async move { sender.send(&bo(), "x").await });
        socket.asked("SendMessage").await;
        socket.close(code, "").await;
        assert_eq!(send.await.unwrap(), Err(RequestError::Stopped(expected.clone())));
        assert!(
            matches!(next_from_relay(&mut events).await.event, Event::Terminated { reason } if reason == expected)
        );
        assert!(timeout(PATIENCE, events.recv()).await.unwrap().is_none());
    }
    let refusals = [
        (1008, "unknown", StopReason::TokenRefused("unknown".into())),
        (1018, "im-password-refused: no", StopReason::PasswordRefused("im-password-refused: no".into())),
    ];
    for (code, inner, expected) in refusals {
        let relay = FakeRelay::start().await;
        let phone = Phone::connect(relay.profile());
        let mut socket = relay.accept().await;
        let asked = socket.asked("BeginSession").await;
        socket.refuse(&asked, code, inner).await;
        assert_eq!(phone.ready(PATIENCE).await, Err(RequestError::Stopped(expected)));
    }
}

#[tokio::test]
async fn it_tries_again_where_that_may_help() {
    let relay = FakeRelay::start().await;
    let phone = Phone::connect(relay.profile());
    let mut events = phone.events().unwrap();
    relay.refuse_one().await;
    relay.refuse_one().await;
    let mut socket = relay.accept().await;
    let asked = socket.asked("BeginSession").await;
    socket.refuse(&asked, 1005, "not now").await;
    let _socket = relay.signed_in("s-1").await;
    phone.ready(PATIENCE).await.unwrap();
    let mut reasons = Vec::new();
    loop {
        match next(&mut events).await.event {
            Event::Disconnected { reason } => reasons.push(reason),
            Event::Connected(_) => break,
            other => panic!("{other:?}"),
        }
    }
    assert!(reasons.last().unwrap().contains("not now"), "{reasons:?}");
}

#[tokio::test]
async fn a_session_that_ended_is_begun_anew_and_the_send_goes_through() {
    let relay = FakeRelay::start().await;
    let phone = Phone::connect(relay.profile());
    let mut socket = relay.signed_in("s-1").await;
    let sender = phone.clone();
    let send = tokio::spawn(async move { sender.send(&bo(), "x").await });
    let asked = socket.asked("SendMessage").await;
    socket.refuse(&asked, 1017, "no session").await;
    let mut socket = relay.signed_in("s-2").await;
    let asked = socket.asked("SendMessage").await;
    socket.sent(&asked, false).await;
    assert!(send.await.unwrap().is_ok());
}

#[tokio::test]
async fn the_first_presence_is_not_forced_again() {
    let relay = FakeRelay::start().await;
    let mut profile = relay.profile();
    profile.presence = Some(Availability::Away);
    let _phone = Phone::connect(profile);
    for expected in [json!("away"), json!(null)] {
        let mut socket = relay.accept().await;
        let asked = socket.asked("BeginSession").await;
        assert_eq!(asked.params["presence"], expected);
        socket.complete(&asked, json!({"sessionId": "s-1"})).await;
        socket.close(1001, "").await;
    }
}

#[tokio::test]
async fn without_network_it_waits_and_requests_have_their_limit() {
    let relay = FakeRelay::start().await;
    let mut profile = relay.profile();
    profile.request_limit = Duration::from_millis(50);
    let phone = Phone::connect(profile);
    let socket = relay.signed_in("s-1").await;
    phone.ready(PATIENCE).await.unwrap();
    phone.set_offline(true);
    assert_eq!(socket.ended().await, None);
    assert_eq!(phone.roster().await, Err(RequestError::TimedOut(Duration::from_millis(50))));
    let sender = phone.clone();
    let send = tokio::spawn(async move { sender.send(&bo(), "x").await });
    phone.set_offline(false);
    let mut socket = relay.signed_in("s-1").await;
    let asked = socket.asked("SendMessage").await;
    socket.sent(&asked, false).await;
    assert!(send.await.unwrap().is_ok());
}

#[tokio::test]
async fn a_refused_request_brings_the_relays_words() {
    let relay = FakeRelay::start().await;
    let phone = Phone::connect(relay.profile());
    let mut socket = relay.signed_in("s-1").await;
    let asking = phone.clone();
    let send = tokio::spawn(async move { asking.send(&bo(), "x").await });
    let asked = socket.asked("SendMessage").await;
    socket.refuse(&asked, 1012, "there is nobody there").await;
    let error = send.await.unwrap().unwrap_err();
    let refused = error.refused().unwrap();
    assert_eq!((refused.code, refused.inner.as_str()), (ErrorCode::InvalidArgument, "there is nobody there"));
}

#[tokio::test]
async fn a_slow_receiver_stops_the_socket_and_loses_nothing() {
    let relay = FakeRelay::start().await;
    let mut profile = relay.profile();
    profile.auto_ack = false;
    let phone = Phone::connect(profile);
    let mut events = phone.events().unwrap();
    let mut socket = relay.signed_in("s-1").await;
    let text = "x".repeat(16 * 1024);
    let mut written = 0;
    while timeout(Duration::from_millis(500), socket.message(written + 1, &text)).await.is_ok() {
        written += 1;
        assert!(written < 20_000, "the phone takes everything");
    }
    assert!(written > 1_024);
    for n in 1..=written {
        assert_eq!(next_from_relay(&mut events).await.mailbox_seq, Some(Seq(n)));
    }
    drop(phone);
}

#[tokio::test]
async fn a_silent_relay_is_given_up() {
    let relay = FakeRelay::start().await;
    let mut profile = relay.profile();
    profile.ping_every = Duration::from_millis(200);
    let _phone = Phone::connect(profile);
    // Nothing reads this socket, so no pong goes back.
    let _silent = relay.signed_in("s-1").await;
    relay.signed_in("s-1").await;
}

#[tokio::test]
async fn signing_out_ends_the_session_and_the_phone() {
    let relay = FakeRelay::start().await;
    let phone = Phone::connect(relay.profile());
    let mut socket = relay.signed_in("s-1").await;
    let leaving = phone.clone();
    let out = tokio::spawn(async move { leaving.sign_out().await });
    let asked = socket.asked("TerminateSession").await;
    socket.complete(&asked, json!({})).await;
    assert_eq!(out.await.unwrap(), Ok(()));
    assert_eq!(phone.ready(PATIENCE).await, Err(RequestError::Stopped(StopReason::SignedOut)));
}
