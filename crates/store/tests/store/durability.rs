use std::{
    collections::HashSet,
    env,
    io::{BufRead, BufReader, Write},
    process::{Command, Stdio},
    sync::Arc,
};

use trunkline_model::{AccountId, Address, DeviceId, MessageState, Seq};
use trunkline_store::{MessageOutcome, Route, Store, StoreError};

use crate::fixture::{House, Person, address, house_key, message, open};

const CHILD: &str = "TRUNKLINE_STORE_CHILD";
const SENDERS: usize = 16;

/// `kill -9` in the middle of traffic, several times on one database: what was answered is there, once and in
/// order.
#[tokio::test]
async fn what_was_answered_survives_a_kill() {
    let house = super::house().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    house.store.close().await;
    let mut answered = HashSet::new();
    for round in 0..4 {
        answered.extend(kill_after(300, &house, round, &alice, &bob));
        let store = house.open().await.unwrap();
        let mut found = Vec::new();
        let mut after = Seq(0);
        loop {
            let page = store.mailbox(bob.account, after, 1_000).await.unwrap();
            let Some(last) = page.last() else { break };
            after = last.seq;
            found.extend(page.iter().map(|entry| {
                let message = entry.body.incoming().unwrap();
                (entry.seq.0, message.id.as_str().to_owned())
            }));
        }
        let seqs: Vec<i64> = found.iter().map(|(seq, _)| *seq).collect();
        assert_eq!(seqs, (1..=i64::try_from(found.len()).unwrap()).collect::<Vec<_>>());
        let ids: HashSet<String> = found.into_iter().map(|(_, id)| id).collect();
        assert_eq!(ids.len(), seqs.len(), "no message is there twice");
        assert!(answered.is_subset(&ids), "lost: {:?}", answered.difference(&ids).collect::<Vec<_>>());
        store.close().await;
    }
}

fn kill_after(lines: usize, house: &House, round: usize, alice: &Person, bob: &Person) -> Vec<String> {
    let here = module_path!().split_once("::").unwrap().1;
    let killed = format!("{here}::the_process_that_is_killed");
    let names = (alice.account.0, alice.device, bob.account.0);
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["--exact", &killed, "--ignored", "--nocapture"])
        .env(CHILD, format!("{} {round} {} {} {}", house.place.named(), names.0, names.1, names.2))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut answered = Vec::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok) {
        answered.extend(line.strip_prefix("answered ").map(ToOwned::to_owned));
        if answered.len() == lines {
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    assert!(answered.len() >= lines, "the process ended by itself after {} answers", answered.len());
    answered
}

#[tokio::test]
#[ignore = "run by the test above as the process that it kills"]
async fn the_process_that_is_killed() {
    let Ok(words) = env::var(CHILD) else { return };
    let words: Vec<&str> = words.split(' ').collect();
    let [path, round, account, device, recipient] = words[..] else { panic!("{words:?}") };
    let alice = Person {
        account: AccountId(account.parse().unwrap()),
        address: address("alice@example.test"),
        device: device.parse::<DeviceId>().unwrap(),
    };
    let recipient = AccountId(recipient.parse().unwrap());
    let store = open(path, &house_key(), &Arc::default()).await.unwrap();
    let tasks: Vec<_> = (0..SENDERS)
        .map(|task| tokio::spawn(talk(store.clone(), alice.clone(), recipient, format!("{round}-{task}"))))
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

async fn talk(store: Store, alice: Person, recipient: AccountId, prefix: String) {
    let bob: Address = address("bob@example.test");
    for number in 0..100_000 {
        let id = format!("{prefix}-{number}");
        let route = Route::Local { recipient, deliver: true };
        store.send(message(&alice, &bob, &id, "hello", route)).await.unwrap().await.unwrap();
        let mut out = std::io::stdout().lock();
        writeln!(out, "answered {id}").and_then(|()| out.flush()).unwrap();
    }
}

#[tokio::test]
async fn a_newer_schema_is_refused_in_plain_words() {
    let house = super::house().await;
    house.store.close().await;
    let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
                 SELECT 9, 'from the future', TRUE, checksum, 0 FROM _sqlx_migrations LIMIT 1";
    house.place.run(newer).await;
    let error = house.open().await.unwrap_err();
    assert_eq!(error, StoreError::TooNew { found: 9, known: 2 });
    assert!(error.to_string().contains("newer program"), "{error}");
}

/// Somebody restores or edits the database under our feet: the caches must not paper over it.
#[tokio::test]
async fn a_mailbox_that_another_program_changed_is_noticed() {
    let house = super::house().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    house.send(&alice, &bob, "m-1", "a").await;
    house.place.run("UPDATE mailboxes SET head = head + 5").await;
    let noticed = house.try_send(&alice, &bob, "m-2", "b").await;
    assert!(matches!(noticed, Err(StoreError::Corrupt(_))), "{noticed:?}");
    assert_eq!(house.send(&alice, &bob, "m-2", "b").await.head, Seq(7));
}

#[tokio::test]
async fn closing_finishes_what_is_queued_and_ends_the_rest() {
    let house = super::house().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    house.store.check().await.unwrap();
    let route = Route::Local { recipient: bob.account, deliver: true };
    let mut pending = Vec::new();
    for number in 0..20 {
        let one = message(&alice, &bob.address, &format!("m-{number}"), "hello", route);
        pending.push(house.store.send(one).await.unwrap());
    }
    tokio::join!(house.store.close(), house.store.close());
    for one in pending {
        one.await.unwrap();
    }
    assert_eq!(house.try_send(&alice, &bob, "late", "hello").await, Err(StoreError::Closed));
    assert_eq!(house.store.check().await, Err(StoreError::Closed));
    assert_eq!(house.store.metrics().queue_len, 0);
}

#[tokio::test]
async fn every_statement_fits_the_schema() {
    let house = super::house().await;
    let count = house.store.prepare_all().await.unwrap();
    assert!(count > 100, "{count} statements");
}

#[tokio::test]
async fn what_waits_and_what_it_all_takes_is_measured() {
    let house = super::house().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let before = house.store.measure().await.unwrap();
    assert!(before.bytes > 0 && before.outbox.is_empty(), "{before:?}");
    assert_eq!(before.free.is_some(), before.engine == "sqlite");
    let mut keys = Vec::new();
    for number in 0..3 {
        let waits = message(&alice, &bob.address, &format!("m-{number}"), "waits", Route::Line);
        keys.push(house.store.send(waits).await.unwrap().await.unwrap().key);
    }
    let outcome = house.store.outcome(None, keys[0], MessageOutcome::Submitted, false).await.unwrap();
    assert_eq!(outcome.await.unwrap(), Some(MessageState::Stored), "the state that it was in");
    let again = house.store.outcome(None, keys[0], MessageOutcome::Submitted, false).await.unwrap();
    assert_eq!(again.await.unwrap(), None, "nothing changed");
    let mut outbox = house.store.measure().await.unwrap().outbox;
    outbox.sort_by_key(|count| count.messages);
    let told: Vec<_> = outbox.iter().map(|count| (count.state, count.messages)).collect();
    assert_eq!(told, [(MessageState::Submitted, 1), (MessageState::Stored, 2)]);
    assert!(outbox.iter().all(|count| count.domain == "example.test" && count.oldest.0 > 0));
}
