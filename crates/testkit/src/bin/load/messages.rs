use std::{
    collections::HashMap,
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use futures_util::future::{join, try_join_all};
use serde_json::json;
use trunkline_client::RawSocket;
use trunkline_wire::phone::{ServerFrame, read, request};

use crate::{
    Setting,
    engine::House,
    figure::{Figures, quantiles},
    fleet::{self, LIMIT, Member},
};

/// Messages under way at once, of all senders together; at least one and at most eight of each.
const UNDER_WAY: usize = 128;

/// Durable messages from phone to phone, as fast as they are answered: sent, committed, delivered, acknowledged.
pub(crate) async fn measure(setting: &Setting, figures: &mut Figures) -> Result<()> {
    let plan = setting.plan;
    for engine in &setting.engines {
        let house = House::open(&setting.program, *engine).await?;
        let most = plan.senders.iter().copied().max().unwrap_or(1);
        let members = fleet::recruit(&house.relay, 2 * most).await?;
        for &senders in plan.senders {
            let case = format!("{}, senders: {senders}", engine.name());
            for _ in 0..plan.runs {
                let pairs = members.split_at(most);
                let pairs = (&pairs.0[..senders], &pairs.1[..senders]);
                tell(&case, run(&house, pairs, plan.sending).await?, figures);
            }
        }
    }
    Ok(())
}

/// What came of sending for a while.
pub(crate) struct Told {
    /// How long each message took from the send to its COMPLETE, in milliseconds.
    pub(crate) latencies: Vec<f64>,
    /// How many the recipients had.
    pub(crate) delivered: usize,
    /// Until the last was answered.
    pub(crate) took: Duration,
    /// Processor time of the relay.
    pub(crate) relay: Duration,
    /// Processor time of the database.
    pub(crate) database: Duration,
}

/// The senders send to one recipient each for a while.
pub(crate) async fn run(
    house: &House,
    (from, to): (&[Member], &[Member]),
    sending: Duration,
) -> Result<Told> {
    let server = house.plain()?;
    let senders = fleet::connect(&server, from).await?;
    let recipients = fleet::connect(&server, to).await?;
    let window = (UNDER_WAY / from.len()).clamp(1, 8);
    let delivered = AtomicUsize::new(0);
    let (begin, before) = (Instant::now(), house.processor()?);
    let end = begin + sending;
    let all_sent =
        senders.into_iter().zip(to).map(|(socket, to)| send(socket, to.address.clone(), window, end));
    let all_received = recipients.into_iter().map(|socket| receive(socket, &delivered, end));
    let sent = async {
        try_join_all(all_sent).await.map(|latencies| (latencies, begin.elapsed(), house.processor()))
    };
    let (sent, received) = join(sent, try_join_all(all_received)).await;
    received?;
    let (latencies, took, after) = sent?;
    let after = after?;
    Ok(Told {
        latencies: latencies.into_iter().flatten().collect(),
        delivered: delivered.load(Ordering::Relaxed),
        took,
        relay: after.0 - before.0,
        database: after.1 - before.1,
    })
}

fn tell(case: &str, told: Told, figures: &mut Figures) {
    let Told { latencies, delivered, took, relay, database } = told;
    let count = latencies.len() as f64;
    let (relay, both) = (relay.as_secs_f64(), (relay + database).as_secs_f64());
    let [p50, p99, p999] = quantiles(latencies);
    figures.add(
        "messages",
        case,
        &[
            ("a second", count / took.as_secs_f64()),
            ("a CPU-second", count / both),
            ("a CPU-second, relay", count / relay),
            ("p50 ms", p50),
            ("p99 ms", p99),
            ("p999 ms", p999),
            ("delivered share", delivered as f64 / count),
        ],
    );
}

/// Sends with a window until `end`; how long each took from the send to its COMPLETE, in milliseconds.
async fn send(mut socket: RawSocket, to: String, window: usize, end: Instant) -> Result<Vec<f64>> {
    let (mut under_way, mut latencies, mut number) = (HashMap::new(), Vec::new(), 0_u64);
    let run: u64 = trunkline_model::Timestamp::now().0.unsigned_abs();
    loop {
        while under_way.len() < window && Instant::now() < end {
            number += 1;
            let id = format!("c{number}");
            let params =
                json!({"contactId": to, "message": fleet::TEXT, "messageId": format!("{run}-{number}")});
            socket.send(request(&id, "SendMessage", params)).await?;
            under_way.insert(id, Instant::now());
        }
        if under_way.is_empty() {
            fleet::acknowledge_all(&mut socket).await?;
            return Ok(latencies);
        }
        let text = match socket.next_text(LIMIT).await {
            Ok(text) => text,
            Err(None) => bail!("{} sends have no answer after {LIMIT:?}", under_way.len()),
            Err(Some(end)) => bail!("a sender's socket ended: {end:?}"),
        };
        if let ServerFrame::Late { id, result, .. } = read(&text)? {
            let sent = under_way.remove(&id).context("an answer to nothing")?;
            result.context("a send failed")?;
            latencies.push(sent.elapsed().as_secs_f64() * 1_000.0);
        }
    }
}

/// Acknowledges what comes, until nothing more does.
async fn receive(mut socket: RawSocket, delivered: &AtomicUsize, end: Instant) -> Result<()> {
    let mut number = 0_u64;
    loop {
        let patience = end.saturating_duration_since(Instant::now()) + Duration::from_secs(1);
        let text = match socket.next_text(patience).await {
            Ok(text) => text,
            Err(None) => return Ok(()),
            Err(Some(end)) => bail!("a recipient's socket ended: {end:?}"),
        };
        let ServerFrame::Event { method, data, .. } = read(&text)? else { continue };
        if method == "MessageReceived" || method == "InvitationReceived" {
            number += 1;
            delivered.fetch_add(1, Ordering::Relaxed);
            let params = json!({"messageId": data["messageId"], "status": "delivered"});
            socket.send(request(&format!("a{number}"), "MessageAck", params)).await?;
        }
    }
}
