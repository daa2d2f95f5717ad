//! Being told to stop.

use std::time::{Duration, Instant};

use serde_json::json;
use trunkline_client::Phone;
use trunkline_testkit::{Relay, eventually};

use crate::people::{activation, address, close_code, install, plain, plan, signal, socket};

#[tokio::test]
async fn a_second_signal_later_ends_a_drain_in_order_and_two_at_once_are_one() {
    let mut relay = plan().set("DRAIN_SECS", "600").start().await.unwrap();
    let server = plain(&relay);
    let (alice, bob) = (install(&relay, &server, "alice").await, install(&relay, &server, "bob").await);
    let (mut first, mut second) = (socket(&alice).await.unwrap(), socket(&bob).await.unwrap());

    let told = Instant::now();
    signal(&relay, "-TERM").await;
    signal(&relay, "-TERM").await;
    signal(&relay, "-INT").await;
    // The sockets close one after the other within the ten minutes: the first at once, the second not yet.
    let one = tokio::select! {
        code = close_code(&mut first) => code,
        code = close_code(&mut second) => code,
    };
    assert_eq!(one, Some(1001));
    let status = relay.admin(&json!({"do": "status"})).await.unwrap();
    assert_eq!(status["status"]["running"], json!(true), "commands are taken while it drains");
    assert!(socket(&alice).await.unwrap_err().contains("503"), "no new socket while it drains");
    let request = activation(&address("alice"), "whatever".into());
    assert!(Phone::activate(&server, &request).await.is_err());

    // What comes a second later is a second wish.
    let later =
        || async { if told.elapsed() > Duration::from_millis(1_200) { Ok(()) } else { Err("not yet") } };
    eventually("a second passes", later).await.unwrap();
    let status = relay.stop().await.unwrap();
    assert_eq!(status.code(), Some(0), "{}", relay.log());
    assert_well_ended(&relay);
}

/// Nothing was left to be mended by the next start.
fn assert_well_ended(relay: &Relay) {
    let log = relay.log();
    assert!(log.contains("told to stop a second time") && log.contains("stopped"), "{log}");
    assert!(!relay.data_dir().join("admin.sock").exists());
    assert!(!relay.data_dir().join("trunkline.db-wal").exists(), "the database was closed");
}
