//! Scanners that look for accounts where the relay listens for Front Ends.

use futures_util::future::join_all;
use tempfile::NamedTempFile;
use trunkline_testkit::peer::{Identity, Pidgin, Scan, Scanner};

use super::{
    hostile::{chat, texts},
    pool::{DOMAIN, Pool, RELAY, sip},
    server::port,
};

/// Two who are there, and many who are not.
fn names() -> Vec<String> {
    let strangers = (100..130).map(|number| number.to_string());
    ["alice", "nobody", "bob", "admin"].map(str::to_owned).into_iter().chain(strangers).collect()
}

/// All that the tools have against one address.
async fn scan(pool: &Pool, identity: Option<&Identity>) -> Vec<Scan> {
    let scanner = Scanner::new(pool.front.authority(), identity, RELAY, port(pool)).unwrap();
    let list = NamedTempFile::new().unwrap();
    std::fs::write(list.path(), names().join("\n")).unwrap();
    let list = list.path().to_str().unwrap();
    let mut scans = vec![scanner.run("svmap", &["-m", "OPTIONS"]).await.unwrap()];
    let scan = async |method: &str| {
        let args = ["--force", "-d", list, "-m", method, "--domain", DOMAIN, "--maximumtime", "2", "-v"];
        scanner.run("svwar", &args).await.unwrap()
    };
    scans.extend(join_all(["REGISTER", "INVITE", "OPTIONS"].map(scan)).await);
    scans
}

#[tokio::test(flavor = "multi_thread")]
async fn peer_scanner_learns_nothing_and_disturbs_nobody() {
    let pool = Pool::open().await;
    let mut alice = pool.alice().await;
    let mut bob = Pidgin::sign_in(&pool.front, "bob").await.unwrap();
    let authority = pool.front.authority();
    let stranger = authority.identity(&["scanner.contoso.test"]).unwrap();
    // Who has the pool's key may know who is there, and still disturbs nobody.
    let thief = authority.identity(&["fe1.contoso.test"]).unwrap();
    let scans = async {
        for identity in [None, Some(&stranger)] {
            for scan in scan(&pool, identity).await {
                assert!(scan.asked > 0 && scan.answers.is_empty(), "{}", scan.told);
                assert!(!scan.told.contains("exists"), "{}", scan.told);
            }
        }
        for scan in scan(&pool, Some(&thief)).await {
            assert!(scan.answers.len() >= scan.asked / 2, "{}", scan.told);
        }
    };
    let chats = async {
        for round in ["one", "two", "three"] {
            chat(&mut alice, &mut bob, &pool, round).await;
        }
    };
    tokio::join!(scans, chats);
    pool.relay.add_account(&sip("carol"), "carol").await.unwrap();
    let _carol = pool.phone("carol").await;
    chat(&mut alice, &mut bob, &pool, "after").await;
    let rounds = ["one", "two", "three", "after"].map(|round| format!("to Alice, {round}"));
    assert_eq!(texts(&alice).await, rounds);
    let told = pool.relay.log().lines().filter(|line| line.contains(" WARN ")).count();
    assert!(told < 10, "{told} warnings");
    pool.check_log();
}
