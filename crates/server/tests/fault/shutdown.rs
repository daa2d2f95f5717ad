use std::{
    process::{Command, Output},
    time::{Duration, Instant},
};

use trunkline_client::Incoming;

use crate::{
    handset::{Handset, Trouble},
    house::House,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_closes_every_socket_with_1001_and_keeps_what_is_complete() {
    let mut house = House::with(House::plan().set("DRAIN_SECS", "1"), &["alice", "bob"]).await;
    let (mut alice, mut bob) = (house.handset("alice", 1).await, house.handset("bob", 1).await);
    let mut idle = house.handset("bob", 2).await;
    for handset in [&mut alice, &mut bob, &mut idle] {
        handset.open(true).await.unwrap();
    }
    let mut requests = Vec::new();
    for number in 1..=40 {
        requests.push(alice.write_message(&bob.address, &format!("m-{number}")).await.unwrap());
    }
    let stopping = async {
        let status = house.relay.stop().await.unwrap();
        assert_eq!(status.code(), Some(0), "{status:?}");
    };
    tokio::join!(stopping, goodbye(&mut alice), goodbye(&mut bob), goodbye(&mut idle));

    let complete =
        requests.iter().filter(|request| matches!(alice.take_answer(request), Some(Ok(_)))).count();
    house.relay.start().await.unwrap();
    bob.open(true).await.unwrap();
    let mailbox = bob.sync(0, 200).await.unwrap();
    bob.hear_up_to(mailbox.len().try_into().unwrap()).await.unwrap();
    let told: Vec<_> = bob.diary.incoming().map(|entry| entry.id.clone()).collect();
    let wanted: Vec<_> = (1..=told.len()).map(|number| format!("m-{number}")).collect();
    assert_eq!(told, wanted);
    assert!(told.len() >= complete, "{complete} had their COMPLETE, {} arrived", told.len());
    house.check_log();
}

/// Reads to the end of the socket.
async fn goodbye(handset: &mut Handset) {
    loop {
        match handset.hear().await {
            Ok(_) => {}
            Err(Trouble::Gone(Incoming::Closed(code, _))) => {
                return assert_eq!(code, Some(1001), "{}", handset.name);
            }
            Err(trouble) => panic!("{}: {trouble:?}", handset.name),
        }
    }
}

#[tokio::test]
async fn without_a_socket_it_ends_at_once() {
    let mut house = House::with(House::plan().set("DRAIN_SECS", "60"), &["alice"]).await;
    let mut alice = house.handset("alice", 1).await;
    alice.open(true).await.unwrap();
    alice.cut();
    crate::reckoning::sockets(&house, 0).await;
    let begun = Instant::now();
    assert_eq!(house.relay.stop().await.unwrap().code(), Some(0));
    assert!(
        begun.elapsed() < Duration::from_secs(10),
        "a session without a socket is no reason to wait: {:?}",
        begun.elapsed()
    );
    house.relay.start().await.unwrap();
    alice.upgrade(true).await.unwrap();
    assert!(
        alice.request("Ping", serde_json::json!({})).await.is_ok(),
        "the session is alive: the upgrade binds"
    );
    house.check_log();
}

#[tokio::test]
async fn a_second_relay_on_the_same_data_is_refused() {
    let house = House::open(&["alice"]).await;
    let mut alice = house.handset("alice", 1).await;
    let config = house.relay.folder().join("second.config");
    let data = house.relay.data_dir();
    let text = format!(
        r#"<configuration><appSettings><add key="HTTPS_BIND" value="" /><add key="HTTP_BIND" value="127.0.0.1:0" />
        <add key="ADMIN_BIND" value="127.0.0.1:0" /><add key="DATA_DIR" value="{}" /></appSettings></configuration>"#,
        data.display()
    );
    std::fs::write(&config, text).unwrap();
    let second = || -> Output {
        Command::new(env!("CARGO_BIN_EXE_trunkline"))
            .args(["serve", "--config"])
            .arg(&config)
            .output()
            .unwrap()
    };
    let refused = second();
    let words = String::from_utf8_lossy(&refused.stderr);
    assert!(refused.status.code() == Some(1) && words.contains("already runs"), "{refused:?}");
    // Even when it cannot be asked, it holds its database.
    std::fs::remove_file(data.join("admin.sock")).unwrap();
    let refused = second();
    let words = String::from_utf8_lossy(&refused.stderr);
    assert!(refused.status.code() == Some(1) && words.contains("stop the other server"), "{refused:?}");
    assert!(!words.contains("panicked"), "{words}");
    alice.open(true).await.unwrap();
    house.check_log();
}
