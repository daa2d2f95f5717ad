//! What the program tells systemd, on a notify socket of the test's own.

use std::{path::PathBuf, time::Duration};

use serde_json::json;
use tempfile::TempDir;
use tokio::{net::UnixDatagram, time::timeout};
use trunkline_testkit::{eventually, patience};

use crate::people::{install, plain, plan, signal, socket};

/// The far end of `NOTIFY_SOCKET`.
struct Manager {
    socket: UnixDatagram,
    folder: TempDir,
}

impl Manager {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = UnixDatagram::bind(folder.path().join("notify")).unwrap();
        Self { socket, folder }
    }

    fn address(&self) -> PathBuf {
        self.folder.path().join("notify")
    }

    /// The next message that is no heartbeat, as its lines.
    async fn next(&self) -> Vec<String> {
        loop {
            let message = self.hear().await;
            if message != ["WATCHDOG=1"] {
                return message;
            }
        }
    }

    /// Waits for the next heartbeat.
    async fn beat(&self) {
        while self.hear().await != ["WATCHDOG=1"] {}
    }

    /// What has come since, but for heartbeats.
    fn rest(&self) -> Vec<String> {
        let mut bytes = [0; 4096];
        let messages = std::iter::from_fn(|| {
            let count = self.socket.try_recv(&mut bytes).ok()?;
            Some(String::from_utf8(bytes[..count].to_vec()).unwrap())
        });
        messages.filter(|message| message != "WATCHDOG=1").collect()
    }

    async fn hear(&self) -> Vec<String> {
        let mut bytes = [0; 4096];
        let count = timeout(patience(), self.socket.recv(&mut bytes)).await.unwrap().unwrap();
        String::from_utf8(bytes[..count].to_vec()).unwrap().lines().map(str::to_owned).collect()
    }
}

#[tokio::test]
async fn systemd_is_told_of_start_reload_and_stop() {
    let manager = Manager::new();
    let plan = plan().set("DRAIN_SECS", "600").env("NOTIFY_SOCKET", manager.address());
    let mut relay = plan.start().await.unwrap();
    let ready = manager.next().await;
    let port = relay.listeners().https.clone().unwrap();
    assert_eq!(ready[0], "READY=1");
    assert!(
        ready[1].starts_with("STATUS=serving phones: https on ") && ready[1].contains(&port),
        "{ready:?}"
    );

    signal(&relay, "-HUP").await;
    let reloading = manager.next().await;
    assert_eq!(reloading[0], "RELOADING=1");
    let moment = reloading[1].strip_prefix("MONOTONIC_USEC=").unwrap();
    assert!(moment.parse::<u64>().unwrap() > 0);
    assert_eq!(manager.next().await[0], "READY=1");

    // A reload that is refused ends too, or systemd would wait for it.
    std::fs::write(relay.config(), "<configuration><appSettings><oops/>").unwrap();
    signal(&relay, "-HUP").await;
    assert_eq!(manager.next().await[0], "RELOADING=1");
    assert_eq!(manager.next().await[0], "READY=1");
    assert!(relay.log().contains("nothing has changed"), "{}", relay.log());

    assert_eq!(relay.stop().await.unwrap().code(), Some(0));
    let stopping = manager.next().await;
    assert_eq!(stopping[0], "STOPPING=1");
    let extend = stopping.iter().find_map(|line| line.strip_prefix("EXTEND_TIMEOUT_USEC=")).unwrap();
    let extend = Duration::from_micros(extend.parse().unwrap());
    assert!(extend > Duration::from_secs(600), "longer than the drain: {extend:?}");
}

#[tokio::test]
async fn a_reload_while_it_drains_is_refused_and_does_not_call_the_unit_ready() {
    let manager = Manager::new();
    let plan = plan().set("DRAIN_SECS", "600").env("NOTIFY_SOCKET", manager.address());
    let mut relay = plan.start().await.unwrap();
    assert_eq!(manager.next().await[0], "READY=1");
    let server = plain(&relay);
    // Of two phones the second is there for minutes after the first has gone.
    let alice = socket(&install(&relay, &server, "alice").await).await.unwrap();
    let bob = socket(&install(&relay, &server, "bob").await).await.unwrap();
    signal(&relay, "-TERM").await;
    assert_eq!(manager.next().await[0], "STOPPING=1");
    relay.set("LOG_LEVEL", "debug");
    relay.write_config().unwrap();
    signal(&relay, "-HUP").await;
    eventually("the reload is refused", || async {
        let log = relay.log();
        if log.contains("was not reloaded: the server is stopping") { Ok(()) } else { Err(log) }
    })
    .await
    .unwrap();
    let refused = relay.admin(&json!({"do": "reload"})).await.unwrap_err().to_string();
    assert!(refused.contains("stopping") && refused.contains("nothing was changed"), "{refused}");
    drop((alice, bob));
    assert_eq!(relay.stop().await.unwrap().code(), Some(0));
    assert_eq!(manager.rest(), Vec::<String>::new(), "systemd heard of something after the stop");
    assert!(!relay.log().contains("configuration reloaded"), "{}", relay.log());
}

#[tokio::test]
async fn the_watchdog_is_fed_while_tasks_run_and_starves_when_they_do_not() {
    let manager = Manager::new();
    let plan = plan().env("NOTIFY_SOCKET", manager.address()).env("WATCHDOG_USEC", "300000");
    let relay = plan.start().await.unwrap();
    manager.beat().await;
    manager.beat().await;
    signal(&relay, "-STOP").await;
    while timeout(Duration::from_secs(1), manager.hear()).await.is_ok() {}
    signal(&relay, "-CONT").await;
    manager.beat().await;
}
