//! Many accounts on one Front End.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::json;
use tokio::time::sleep;

use crate::{
    Setting,
    engine::{Engine, House},
    figure::{Figures, quantiles},
    fleet::{self, Member},
    front::Front,
    idle::settled,
    messages, open,
    process::processor,
};

/// So many REGISTERs a second that something else is the limit.
const UNLIMITED: u32 = 1_000;
/// What the relay does unless it is told otherwise.
const USUAL: u32 = 50;
/// How long all of them may take to be signed in.
const PATIENCE: Duration = Duration::from_secs(300);

/// A relay whose accounts are all on one Front End.
struct Scene {
    front: Front,
    house: House,
    members: Vec<Member>,
    /// The relay's memory before it had an account.
    empty: u64,
}

/// What passed until all were signed in.
struct Arrival {
    took: Duration,
    relay: Duration,
    front: Duration,
}

/// Memory, sign-in and recovery, by number of accounts.
pub(crate) async fn measure_accounts(setting: &Setting, figures: &mut Figures) -> Result<()> {
    for &accounts in setting.plan.accounts {
        let mut scene = Scene::open(setting, accounts, UNLIMITED).await?;
        for _ in 0..setting.plan.runs {
            scene.live(&format!("{accounts} accounts"), figures).await?;
        }
    }
    let Some(&fewest) = setting.plan.accounts.first() else { return Ok(()) };
    let mut scene = Scene::open(setting, fewest, USUAL).await?;
    let case = format!("{fewest} accounts, loginRate {USUAL}");
    scene.begin(&case, figures).await?;
    scene.recover(&case, figures).await
}

/// Messages from phone to phone, by way of the Front End.
pub(crate) async fn measure_messages(setting: &Setting, figures: &mut Figures) -> Result<()> {
    let plan = setting.plan;
    let most = plan.talkers.iter().copied().max().unwrap_or(1).max(plan.talking_pairs);
    let mut scene = Scene::open(setting, 2 * most, UNLIMITED).await?;
    scene.await_all().await?;
    let (from, to) = scene.members.split_at(most);
    for &talkers in plan.talkers {
        for _ in 0..plan.runs {
            let pid = scene.front.pid()?;
            let before = processor(pid)?;
            let told = messages::run(&scene.house, (&from[..talkers], &to[..talkers]), plan.sending).await?;
            let front = (processor(pid)? - before).as_secs_f64() / told.took.as_secs_f64();
            tell_messages(&format!("senders: {talkers}"), told, front, figures);
        }
    }
    let (from, to) = (&from[..plan.talking_pairs], &to[..plan.talking_pairs]);
    for &rate in plan.talking_rates {
        for _ in 0..plan.runs {
            let told = open::run(&scene.house, (from, to), (rate, 2 * plan.sending)).await?;
            figures.add("lync, at a fixed rate", &format!("{rate} a second"), &told);
        }
    }
    scene.front.signed_in().await.map(|_| ())
}

fn tell_messages(case: &str, told: messages::Told, front: f64, figures: &mut Figures) {
    let (count, took) = (told.latencies.len() as f64, told.took.as_secs_f64());
    let [p50, p99, p999] = quantiles(told.latencies);
    let values = [
        ("a second", count / took),
        ("a CPU-second of the relay", count / told.relay.as_secs_f64()),
        ("cores of the Front End", front),
        ("p50 ms", p50),
        ("p99 ms", p99),
        ("p999 ms", p999),
        ("delivered share", told.delivered as f64 / count),
    ];
    figures.add("lync, messages", case, &values);
}

impl Scene {
    /// All accounts have a phone that has been there once and left: their lines stay.
    async fn open(setting: &Setting, accounts: usize, rate: u32) -> Result<Self> {
        let front = Front::start(accounts, setting.plan.contacts).await?;
        let database = Engine::Sqlite.database().await?;
        let house = House::with(&setting.program, database, &front.backend(rate)).await?;
        let empty = settled(house.relay.pid().context("the relay runs")?).await?;
        let members = fleet::recruit(&house.relay, accounts).await?;
        for socket in fleet::connect(&house.plain()?, &members).await? {
            socket.cut();
        }
        Ok(Self { front, house, members, empty })
    }

    /// One life of the relay.
    async fn live(&mut self, case: &str, figures: &mut Figures) -> Result<()> {
        self.begin(case, figures).await?;
        let signed_in = self.each().await?;
        self.recover(case, figures).await?;
        let recovered = self.each().await?;
        let sockets = fleet::connect(&self.house.plain()?, &self.members).await?;
        let with_sockets = self.each().await?;
        drop(sockets);
        let values = [
            ("KiB an account", signed_in),
            ("after a recovery", recovered),
            ("and with a phone's socket", with_sockets),
            ("MiB before", self.empty as f64 / 1_048_576.0),
        ];
        figures.add("lync, memory", case, &values);
        Ok(())
    }

    /// Starts the relay anew: all of its accounts sign in by themselves.
    async fn begin(&mut self, case: &str, figures: &mut Figures) -> Result<()> {
        self.house.relay.stop().await?;
        self.await_none().await?;
        let (begin, front) = (Instant::now(), processor(self.front.pid()?)?);
        self.house.relay.start().await?;
        self.await_all().await?;
        let (relay, _) = self.house.processor()?;
        let front = processor(self.front.pid()?)? - front;
        self.tell("lync, sign-in", case, &Arrival { took: begin.elapsed(), relay, front }, figures);
        Ok(())
    }

    /// The Front End goes, and comes back with no memory of anybody.
    async fn recover(&mut self, case: &str, figures: &mut Figures) -> Result<()> {
        self.front.stop().await?;
        let (relay, front) = (self.house.processor()?.0, processor(self.front.pid()?)?);
        let begin = Instant::now();
        self.front.resume().await?;
        self.await_all().await?;
        let relay = self.house.processor()?.0 - relay;
        let front = processor(self.front.pid()?)? - front;
        self.tell("lync, recovery", case, &Arrival { took: begin.elapsed(), relay, front }, figures);
        Ok(())
    }

    fn tell(&self, part: &'static str, case: &str, arrival: &Arrival, figures: &mut Figures) {
        let (accounts, took) = (self.members.len() as f64, arrival.took.as_secs_f64());
        let values = [
            ("all in, s", took),
            ("a second", accounts / took),
            ("a CPU-second of the relay", accounts / arrival.relay.as_secs_f64()),
            ("a CPU-second of the Front End", accounts / arrival.front.as_secs_f64()),
        ];
        figures.add(part, case, &values);
    }

    /// Waits until the Front End and the relay both hold everybody to be signed in.
    async fn await_all(&mut self) -> Result<()> {
        let (begin, accounts) = (Instant::now(), self.members.len());
        loop {
            let there = self.front.signed_in().await?;
            if there == accounts && self.connected().await? == accounts {
                return Ok(());
            }
            ensure!(begin.elapsed() < PATIENCE, "{there} of {accounts} are signed in after {PATIENCE:?}");
            sleep(Duration::from_millis(20)).await;
        }
    }

    async fn await_none(&mut self) -> Result<()> {
        self.front.stop().await?;
        self.front.resume().await
    }

    /// How many lines the relay holds to be signed in.
    async fn connected(&self) -> Result<usize> {
        let status = self.house.relay.admin(&json!({"do": "status"})).await?;
        let backends = status["status"]["server"]["backends"].as_array().context("no backends")?;
        let lync = backends.iter().find(|backend| backend["kind"] == "lync").context("no such backend")?;
        Ok(usize::try_from(lync["connected"].as_u64().unwrap_or_default())?)
    }

    /// KiB of the relay's memory for each account, beyond what it had without any.
    async fn each(&self) -> Result<f64> {
        let now = settled(self.house.relay.pid().context("the relay runs")?).await?;
        Ok(now.saturating_sub(self.empty) as f64 / self.members.len() as f64 / 1_024.0)
    }
}
