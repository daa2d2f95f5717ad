//! Signing in and out, and whose token is whose.

use serde_json::{Value, json};
use tokio::task::JoinSet;
use trunkline_client::Handshake;

use crate::{device::Device, frame::Kind, house::House};

#[tokio::test]
pub(crate) async fn begin_session_tells_what_the_session_is_like_and_a_second_one_finds_it_again() {
    let house = House::with(&[("SESSION_TIMEOUT_SECS", "600")]).await;
    let pass = house.pass("ana", "ana-1").await;
    let mut ana = Device::with(&pass, &pass.bare_handshake()).await;
    let begun = ana.begin().await;
    let id = begun["sessionId"].as_str().unwrap().to_owned();
    assert!(id.len() == 32 && id.chars().all(|c| c.is_ascii_hexdigit()), "{id}");
    assert_eq!(begun["sessionid"], begun["sessionId"]);
    for (member, value) in [
        ("userId", json!("sip:ana@example.test")),
        ("displayName", json!("Ana")),
        ("deviceToken", json!("ana-1")),
        ("sessionTimeout", json!(600)),
        ("lineState", json!("connected")),
        ("persistentChat", json!(false)),
        ("fileTransfer", json!(false)),
    ] {
        assert_eq!(begun[member], value, "{member}");
    }
    let now = i64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_millis()).unwrap();
    assert!((now - begun["serverTime"].as_i64().unwrap()).abs() < 60_000, "milliseconds: {begun}");
    assert!(begun["epoch"].is_i64() && begun["mailboxHead"].is_i64(), "{begun}");
    let extensions: Vec<String> = serde_json::from_value(begun["apiExtensions"].clone()).unwrap();
    for name in ["mailbox.Sync", "conversation.Read", "device.List", "contact.Block", "contact.Unblock"] {
        assert!(extensions.iter().any(|one| one == name), "{name} in {extensions:?}");
    }
    assert_eq!(ana.begin().await["sessionId"], id, "on the same socket");
    let mut again = Device::with(&pass, &pass.bare_handshake()).await;
    assert_eq!(again.begin().await["sessionId"], id, "on another socket");
}

#[tokio::test]
pub(crate) async fn the_token_comes_in_the_request_or_in_the_header_under_its_old_and_new_name() {
    let house = House::open().await;
    let pass = house.pass("ana", "ana-1").await;
    for params in [
        json!({"gdAuthToken": pass.token}),
        json!({"userId": "sip:bo@example.test", "gdToken": pass.token, "deviceToken": "ana-1"}),
        json!({"GDAUTHTOKEN": pass.token, "devicetoken": "ana-1", "oAuth2Token": "x", "pushToken": "y"}),
    ] {
        let mut ana = Device::with(&pass, &pass.bare_handshake()).await;
        let begun = ana.well("BeginSession", params).await;
        assert_eq!(begun["userId"], pass.address, "only the verified token says who it is");
    }
    let mut ana = Device::opened(&pass, -1).await;
    ana.well("BeginSession", json!({})).await;
}

async fn refused(pass: &crate::house::Pass, handshake: &Handshake, params: Value) -> i64 {
    let mut device = Device::with(pass, handshake).await;
    let refused = device.ask("BeginSession", params).await.unwrap_err();
    assert_eq!(refused.kind, Kind::Early, "without a session there is no sequence");
    refused.code
}

#[tokio::test]
pub(crate) async fn tokens_that_prove_nothing_are_1008_and_those_of_another_device_1012() {
    let house = House::open().await;
    let (ana, bo) = (house.pass("ana", "ana-1").await, house.pass("bo", "bo-1").await);
    let bare = ana.bare_handshake();
    assert_eq!(refused(&ana, &bare, json!({})).await, 1011);
    assert_eq!(refused(&ana, &bare, json!({"gdAuthToken": "null"})).await, 1011);
    let flipped = format!("{}x", &ana.token[..ana.token.len() - 1]);
    for token in ["tl1.wrong", "Mnx4fGFuYQ==", "tl1.", "x", &flipped, &ana.token.to_uppercase()] {
        assert_eq!(refused(&ana, &bare, json!({"gdAuthToken": token})).await, 1008, "{token}");
    }
    let other = json!({"gdAuthToken": ana.token, "deviceToken": "ana-2"});
    assert_eq!(refused(&ana, &bare, other).await, 1012, "another deviceToken in the body");
    let stolen = Handshake::new("bo-1");
    assert_eq!(refused(&ana, &stolen, json!({"gdAuthToken": ana.token})).await, 1012, "in the header");
    let stolen = Handshake { auth_token: Some(ana.token.clone().into()), ..Handshake::new("bo-1") };
    assert_eq!(refused(&ana, &stolen, json!({})).await, 1012, "at the upgrade, which is let pass");

    let mut ana = Device::signed_in(&ana).await;
    ana.refused(1012, "SetGDAuthToken", json!({"gdAuthToken": bo.token})).await;
    ana.refused(1008, "SetGDAuthToken", json!({"gdAuthToken": "tl1.wrong"})).await;
    ana.refused(1008, "GetAuthenticationInfo", json!({"gdAuthToken": "tl1.wrong"})).await;
    ana.settle().await;
}

#[tokio::test]
pub(crate) async fn reconnect_without_a_live_session_is_1017() {
    let house = House::open().await;
    let pass = house.pass("ana", "ana-1").await;
    let with = |reconnect: Value| {
        let mut params = pass.begin_params();
        params["reconnect"] = reconnect;
        params
    };
    for yes in [json!("true"), json!("1"), json!("0123456789abcdef0123456789abcdef"), json!(true)] {
        assert_eq!(refused(&pass, &pass.bare_handshake(), with(yes.clone())).await, 1017, "{yes}");
    }
    for no in [json!(""), json!("false"), json!("0"), json!(false), json!(null)] {
        let mut ana = Device::with(&pass, &pass.bare_handshake()).await;
        ana.well("BeginSession", with(no.clone())).await;
        ana.well("TerminateSession", json!({})).await;
    }
    let mut ana = Device::signed_in(&pass).await;
    let id = ana.begin().await["sessionId"].clone();
    let begun = ana.well("BeginSession", with(id.clone())).await;
    assert_eq!(begun["sessionId"], id, "with a live session it binds again");
}

#[tokio::test]
pub(crate) async fn terminate_session_is_complete_twice_and_closes_with_1000() {
    let house = House::open().await;
    let mut ana = house.device("ana").await;
    let first = ana.begin().await["sessionId"].clone();
    let (early, late) = ana.both("TerminateSession", json!({})).await;
    for frame in [early, late] {
        assert_eq!(frame.data(), &json!({"method": "TerminateSession", "state": "COMPLETE"}));
    }
    assert_eq!(ana.closed().await, Some(1000));
    assert!(ana.waiting(&["SessionTerminated"]).is_empty(), "the phone knows");
    let mut again = Device::opened(&ana.pass, ana.last).await;
    again.refused(1017, "Ping", json!({})).await;
    assert_ne!(again.begin().await["sessionId"], first, "the next session is another one");
}

#[tokio::test]
pub(crate) async fn sequences_rise_over_sessions_and_restarts() {
    let mut house = House::open().await;
    let mut ana = house.device("ana").await;
    let mut last = ana.last;
    for _ in 0..2 {
        ana.settle().await;
        house.relay.kill().await.unwrap();
        house.relay.start().await.unwrap();
        ana = ana.resumed(last).await;
        let (_, late) = ana.both("Ping", json!({})).await;
        assert!(late.sequence() > last, "{last}: {late:?}");
        last = late.sequence();
    }
    ana.well("TerminateSession", json!({})).await;
    let mut ana = Device::signed_in(&ana.pass).await;
    ana.settle().await;
    assert!(ana.last / 1_000_000 >= last / 1_000_000, "{last} to {}", ana.last);
}

#[tokio::test]
pub(crate) async fn the_background_flag_is_the_sessions_and_outlives_the_process() {
    let mut house = House::open().await;
    let pass = house.pass("ana", "ana-1").await;
    let handshake = Handshake { background: true, ..pass.bare_handshake() };
    let mut ana = Device::with(&pass, &handshake).await;
    let (early, _) = ana.both("BeginSession", pass.begin_params()).await;
    assert_eq!(early.member("background"), true, "x-good-background at the upgrade");
    for (mode, kind) in [(json!(false), json!("2")), (json!("true"), json!(4)), (json!(true), json!("odd"))] {
        let params = json!({"isBackgroundMode": mode, "timeout": "20", "unreadMessageCount": 3,
            "pushType": kind, "pushMaxLength": 200});
        ana.well("NotifyBackground", params).await;
        let (early, _) = ana.both("Ping", json!({})).await;
        assert_eq!(early.member("background"), &json!(mode != false), "{mode}");
    }
    house.relay.kill().await.unwrap();
    house.relay.start().await.unwrap();
    let mut ana = ana.resumed(-1).await;
    let (early, _) = ana.both("Ping", json!({})).await;
    assert_eq!(early.member("background"), false, "the header of the new socket says that it is in front");
}

#[tokio::test]
pub(crate) async fn sequences_go_on_over_blocks_and_a_kill() {
    let settings = [("REQUEST_RATE", "1000000"), ("REQUEST_BURST", "1000000")];
    let mut house = House::with(&settings).await;
    let mut ana = house.device("ana").await;
    let first = ana.last;
    for _ in 0..23 {
        let mut last = String::new();
        for _ in 0..500 {
            last = ana.post("Ping", json!({})).await;
        }
        ana.late(&last).await;
        ana.settle().await;
        ana.take_all();
    }
    assert!(ana.last > first + 11_000, "from {first} to {}", ana.last);
    let last = ana.last;
    house.relay.kill().await.unwrap();
    house.relay.start().await.unwrap();
    let mut ana = ana.resumed(last).await;
    ana.settle().await;
    assert!(ana.last > last, "{last} to {}", ana.last);
}

#[tokio::test]
pub(crate) async fn a_ping_costs_no_commit() {
    let house = House::open().await;
    let mut ana = house.device("ana").await;
    let admin = house.relay.listeners().admin.clone().unwrap();
    let get = format!("GET /metrics HTTP/1.1\r\nHost: {admin}\r\nConnection: close\r\n\r\n");
    let commits = async || {
        let metrics = crate::plain::exchange(&admin, get.as_bytes()).await.body;
        let line =
            metrics.lines().find(|line| line.starts_with("trunkline_store_commit_seconds_count")).unwrap();
        line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()
    };
    let before = commits().await;
    for _ in 0..200 {
        ana.settle().await;
    }
    let after = commits().await;
    assert!(after < before + 20, "{before} to {after}");
}

#[tokio::test]
pub(crate) async fn two_sockets_that_sign_in_at_once_share_one_session() {
    let house = House::open().await;
    let pass = house.pass("ana", "ana-1").await;
    let mut sockets = JoinSet::new();
    for _ in 0..8 {
        let mut device = Device::with(&pass, &pass.bare_handshake()).await;
        device.post("BeginSession", pass.begin_params()).await;
        sockets.spawn(async move { device.closed().await });
    }
    for _ in 0..7 {
        assert_eq!(sockets.join_next().await.unwrap().unwrap(), Some(4001));
    }
    let status = house.relay.admin(&json!({"do": "status"})).await.unwrap();
    assert_eq!(status["status"]["server"]["sessions"], 1, "{status}");
}

#[tokio::test]
pub(crate) async fn a_socket_serves_the_session_that_was_begun_last_on_it() {
    let house = House::open().await;
    let (ana, bo) = (house.pass("ana", "ana-1").await, house.pass("bo", "bo-1").await);
    let mut cy = house.device("cy").await;
    let nobody = Handshake { device_token: None, ..ana.bare_handshake() };
    let mut phone = Device::with(&ana, &nobody).await;
    for pass in [&ana, &bo] {
        // Another session, another count.
        (phone.last, phone.events) = (0, 0);
        let begun = phone.well("BeginSession", pass.begin_params()).await;
        assert_eq!(begun["userId"], pass.address);
        phone.settle().await;
    }
    cy.say(&ana.address, "c-1", "for ana").await;
    cy.say(&bo.address, "c-2", "for bo").await;
    phone.message("for bo").await;
    phone.settle().await;
    assert!(phone.waiting(&["InvitationReceived"]).is_empty(), "{:#?}", phone.take_all());
    let mut own = Device::opened(&ana, -1).await;
    own.message("for ana").await;
}

#[tokio::test]
pub(crate) async fn any_request_with_reconnect_binds_a_socket_whose_headers_prove_who_it_is() {
    let house = House::open().await;
    let pass = house.pass("ana", "ana-1").await;
    let without_device = Handshake { device_token: None, ..pass.handshake() };
    let mut early = Device::with(&pass, &without_device).await;
    early.refused(1017, "Ping", json!({"reconnect": "true"})).await;
    let mut ana = Device::signed_in(&pass).await;
    ana.settle().await;
    early.refused(1017, "Ping", json!({})).await;
    early
        .well("NotifyBackground", json!({"isBackgroundMode": false, "timeout": 0, "reconnect": "true"}))
        .await;
    early.settle().await;
    assert_eq!(ana.closed().await, Some(4001));
    let mut stranger = Device::with(&pass, &pass.bare_handshake()).await;
    stranger.refused(1017, "Ping", json!({"reconnect": "true"})).await;
    stranger.refused(1011, "GetAuthenticationInfo", json!({})).await;
}
