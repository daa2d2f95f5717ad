//! Prints how many simple sends a second the store takes: `cargo run --release -p trunkline-store --example
//! throughput`.
//!
//! Arguments: senders (64), sends for each (2000). Each send is a message row, two mailbox entries and a
//! conversation.

use std::{
    env, fs,
    sync::Arc,
    time::{Duration, Instant},
};

use secrecy::SecretString;
use trunkline_model::{AccountId, Address, DeviceId, MessageText, Profile, Timestamp};
use trunkline_store::{
    Activation, CommitListener, Committed, Database, MasterKey, NewMessage, OpenStore, Route, Store,
};

type Anything = Box<dyn std::error::Error + Send + Sync>;

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

fn main() -> Result<(), Anything> {
    let mut arguments = env::args().skip(1).map(|argument| argument.parse::<usize>());
    let senders = arguments.next().transpose()?.unwrap_or(64);
    let sends = arguments.next().transpose()?.unwrap_or(2_000);
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(measure(senders, sends))
}

async fn measure(senders: usize, sends: usize) -> Result<(), Anything> {
    let folder = env::temp_dir().join(format!("trunkline-throughput-{}", std::process::id()));
    let open = OpenStore {
        database: Database::Sqlite(folder.join("relay.db")),
        master_key: MasterKey::generate(),
        listener: Arc::new(Nobody),
        exclusive: true,
    };
    let store = Store::open(open).await?;
    let mut people = Vec::new();
    for number in 0..senders {
        people.push(person(&store, number).await?);
    }
    let before = store.metrics();
    let (begun, processor) = (Instant::now(), processor_time());
    let tasks: Vec<_> = (0..senders)
        .map(|number| {
            let pair = (people[number].clone(), people[(number + 1) % senders].clone());
            tokio::spawn(send_many(store.clone(), pair, sends))
        })
        .collect();
    for task in tasks {
        task.await??;
    }
    report(&store, before, begun.elapsed(), processor_time().saturating_sub(processor), senders * sends);
    store.close().await;
    fs::remove_dir_all(folder)?;
    Ok(())
}

fn report(
    store: &Store,
    before: trunkline_store::StoreMetrics,
    wall: Duration,
    used: Duration,
    sends: usize,
) {
    let after = store.metrics();
    let commits = after.commits - before.commits;
    let in_commit = Duration::from_micros(after.commit_micros_total - before.commit_micros_total);
    let rate = |span: Duration| sends as f64 / span.as_secs_f64();
    println!("{sends} sends in {wall:.2?} ({used:.2?} of processor, {in_commit:.2?} in {commits} commits)");
    println!("{:.0} sends/s, {:.0} sends per core-second", rate(wall), rate(used));
}

async fn send_many(store: Store, (from, to): (Person, Person), sends: usize) -> Result<(), Anything> {
    let text = MessageText::new("a line of text as people write it, about sixty characters", 8_000)?;
    for number in 0..sends {
        let message = NewMessage {
            account: from.account,
            device: from.device,
            peer: to.address.clone(),
            id: format!("m-{number}").parse()?,
            text: text.clone(),
            route: Route::Local { recipient: to.account, deliver: true },
        };
        store.send(message).await?.await?;
    }
    Ok(())
}

async fn person(store: &Store, number: usize) -> Result<Person, Anything> {
    let address: Address = format!("p{number}@example.test").parse()?;
    let account = store.account_add(&address, &Profile::default()).await?.id;
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
