//! Prints how many simple sends a second the store takes: `cargo run --release -p trunkline-store --example
//! throughput`.
//!
//! Arguments: senders (64), sends for each (2000), the database (`sqlite:FILE` or `postgres://…`; else a temporary file).
//! A database that is named is kept, with `master.key` in the working directory. With `--json` the figures are one JSON
//! object. Each send is a message row, two mailbox entries and a conversation.

use std::{
    env, fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use secrecy::SecretString;
use trunkline_model::{AccountId, Address, DeviceId, MessageText, Profile, Timestamp};
use trunkline_store::{
    Activation, CommitListener, Committed, Database, MasterKey, NewMessage, OpenStore, PostgresUrl, Route,
    Store, StoreMetrics,
};

type Anything = Box<dyn std::error::Error + Send + Sync>;

const TEXT: &str = "a line of text as people write it, about sixty characters";

#[derive(Debug)]
struct Nobody;

impl CommitListener for Nobody {
    fn committed(&self, _: &[Committed]) {}
}

#[derive(Clone)]
struct Person {
    account: AccountId,
    address: Address,
    device: DeviceId,
}

struct Task {
    senders: usize,
    sends: usize,
    database: Option<String>,
    json: bool,
}

fn main() -> Result<(), Anything> {
    let (options, words): (Vec<String>, Vec<String>) = env::args().skip(1).partition(|word| word == "--json");
    let number = |at: usize, default| words.get(at).map_or(Ok(default), |word| word.parse::<usize>());
    let task = Task {
        senders: number(0, 64)?,
        sends: number(1, 2_000)?,
        database: words.get(2).cloned(),
        json: !options.is_empty(),
    };
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(measure(task))
}

async fn measure(task: Task) -> Result<(), Anything> {
    let Task { senders, sends, database, json } = task;
    let folder = env::temp_dir().join(format!("trunkline-throughput-{}", std::process::id()));
    let open = match &database {
        Some(named) => named_database(named)?,
        None => open(Database::Sqlite(folder.join("relay.db")), MasterKey::generate()),
    };
    let store = Store::open(open).await?;
    let mut people = Vec::new();
    for number in 0..senders {
        people.push(person(&store, number).await?);
    }
    let before = store.metrics();
    let (begun, processor) = (Instant::now(), processor_time());
    let run = Timestamp::now().0;
    let tasks: Vec<_> = (0..senders)
        .map(|number| {
            let pair = (people[number].clone(), people[(number + 1) % senders].clone());
            tokio::spawn(send_many(store.clone(), pair, run, sends))
        })
        .collect();
    for task in tasks {
        task.await??;
    }
    let spent = (begun.elapsed(), processor_time().saturating_sub(processor));
    report(&store, before, spent, senders * sends, json);
    store.close().await;
    if database.is_none() {
        fs::remove_dir_all(folder)?;
    }
    Ok(())
}

fn open(database: Database, master_key: MasterKey) -> OpenStore {
    OpenStore { database, master_key, listener: Arc::new(Nobody), exclusive: true }
}

/// A database that a relay can be started on afterwards.
fn named_database(name: &str) -> Result<OpenStore, Anything> {
    let file = name.strip_prefix("sqlite:").map(PathBuf::from);
    let beside = file.clone().unwrap_or_default();
    let key = MasterKey::load_or_create(Path::new("master.key"), &beside)?;
    Ok(match file {
        Some(file) => open(Database::Sqlite(file), key),
        None => open(Database::Postgres(PostgresUrl::parse(&SecretString::from(name))?), key),
    })
}

fn report(store: &Store, before: StoreMetrics, (wall, used): (Duration, Duration), sends: usize, json: bool) {
    let after = store.metrics();
    let commits = after.commits - before.commits;
    let in_commit = Duration::from_micros(after.commit_micros_total - before.commit_micros_total);
    if json {
        let (seconds, cpu, text) = (wall.as_secs_f64(), used.as_secs_f64(), TEXT.len());
        println!(
            "{{\"messages\":{sends},\"seconds\":{seconds},\"cpu_seconds\":{cpu},\"commits\":{commits},\"text_bytes\":{text}}}"
        );
        return;
    }
    let rate = |span: Duration| sends as f64 / span.as_secs_f64();
    println!("{sends} sends in {wall:.2?} ({used:.2?} of processor, {in_commit:.2?} in {commits} commits)");
    println!("{:.0} sends/s, {:.0} sends per core-second", rate(wall), rate(used));
}

async fn send_many(
    store: Store,
    (from, to): (Person, Person),
    run: i64,
    sends: usize,
) -> Result<(), Anything> {
    let text = MessageText::new(TEXT, 8_000)?;
    for number in 0..sends {
        let message = NewMessage {
            account: from.account,
            device: from.device,
            peer: to.address.clone(),
            id: format!("m-{run}-{number}").parse()?,
            text: text.clone(),
            route: Route::Local { recipient: to.account, deliver: true },
        };
        store.send(message).await?.await?;
    }
    Ok(())
}

async fn person(store: &Store, number: usize) -> Result<Person, Anything> {
    let address: Address = format!("p{number}@example.test").parse()?;
    let account = match store.account_by_address(&address).await? {
        Some(account) => account.id,
        None => store.account_add(&address, &Profile::default()).await?.id,
    };
    let expires_at = Timestamp::now().plus(Duration::from_secs(600));
    let key = store.activation_issue(account, expires_at).await?;
    let activation = Activation {
        address: address.bare(),
        access_key: &SecretString::from(key.to_string()),
        device_token: "phone".to_owned(),
        platform: String::new(),
        name: String::new(),
        app_version: String::new(),
        locale: String::new(),
    };
    let activated = store.activate(activation).await?.ok_or("the fresh key was refused")?;
    Ok(Person { account, address, device: activated.device })
}

/// User and system time of this process, from `/proc` (ticks of 10 ms); zero where there is none.
fn processor_time() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks: u64 =
        after_name.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}
