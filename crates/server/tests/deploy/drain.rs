//! Being told to stop.

use std::time::{Duration, Instant};

use futures_util::future::select_all;
use serde_json::json;
use trunkline_client::{Handshake, RawSocket};
use trunkline_testkit::{Relay, eventually, patience};

use crate::people::{close_code, install, plain, plan, signal, socket};

#[tokio::test]
async fn phones_are_let_go_one_by_one_so_that_no_herd_comes_back() {
    let relay = plan().set("DRAIN_SECS", "600").start().await.unwrap();
    let server = plain(&relay);
    let mut phones = Vec::new();
    for name in ["alice", "bob", "carol", "dave"] {
        phones.push(socket(&install(&relay, &server, name).await).await.unwrap());
    }
    signal(&relay, "-TERM").await;
    let closes = phones.iter_mut().map(|phone| Box::pin(close_code(phone)));
    let (code, first, rest) = select_all(closes).await;
    assert_eq!(code, Some(1001));
    drop(rest);
    // The others are served until their own moment comes.
    for (_, phone) in phones.iter_mut().enumerate().filter(|(place, _)| *place != first) {
        phone.send(r#"{"jsonrpc":"2.0","id":"1","method":"Ping","params":{}}"#).await.unwrap();
        assert!(phone.next_text(patience()).await.unwrap().contains("jsonrpc"));
    }
    let told = RawSocket::connect(&server, &Handshake::new("new")).await.unwrap_err().to_string();
    assert!(told.contains("503"), "who comes meanwhile is sent away: {told}");
}

#[tokio::test]
async fn a_second_signal_later_ends_a_drain_in_order_and_two_at_once_are_one() {
    let mut relay = plan().set("DRAIN_SECS", "600").start().await.unwrap();
    let server = plain(&relay);
    let (alice, bob) = (install(&relay, &server, "alice").await, install(&relay, &server, "bob").await);
    let (mut first, mut second) = (socket(&alice).await.unwrap(), socket(&bob).await.unwrap());
    let told = Instant::now();
    for name in ["-TERM", "-TERM", "-INT"] {
        signal(&relay, name).await;
    }
    // What comes a second later is a second wish.
    let later = || async { (told.elapsed() > Duration::from_millis(1_200)).then_some(()) };
    eventually("a second passes", later).await.unwrap();
    let status = relay.admin(&json!({"do": "status"})).await.unwrap();
    assert_eq!(status["status"]["running"], json!(true), "commands are taken while it drains");
    assert!(!relay.log().contains("a second time"), "{}", relay.log());
    let status = relay.stop().await.unwrap();
    assert_eq!(status.code(), Some(0), "{}", relay.log());
    assert_eq!((close_code(&mut first).await, close_code(&mut second).await), (Some(1001), Some(1001)));
    assert_well_ended(&relay);
}

/// Nothing was left to be mended by the next start.
fn assert_well_ended(relay: &Relay) {
    let log = relay.log();
    assert!(log.contains("told to stop a second time") && log.contains("stopped"), "{log}");
    assert!(!relay.data_dir().join("admin.sock").exists());
    assert!(!relay.data_dir().join("trunkline.db-wal").exists(), "the database was closed");
}
