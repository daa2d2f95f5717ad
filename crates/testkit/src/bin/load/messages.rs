use std::{
    collections::HashMap,
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use futures_util::future::{join, try_join_all};
use serde_json::json;
use trunkline_client::{RawSocket, Server, Trust};
use trunkline_testkit::Relay;
use trunkline_wire::phone::{ServerFrame, read, request};

use crate::{
    figure::{Figures, quantile},
    fleet::{self, LIMIT, Member},
    process::processor,
};

const SENDERS: [usize; 4] = [1, 10, 100, 500];
/// Messages that a sender has under way at once.
const WINDOW: usize = 8;
const RUNS: usize = 3;
const RUN: Duration = Duration::from_secs(5);

/// Durable messages from phone to phone: sent, committed, delivered, acknowledged.
pub(crate) async fn measure(program: &str, figures: &mut Figures) -> Result<()> {
    let relay = Relay::of(program)
        .set("SOCKETS_PER_ADDRESS", "20000")
        .set("REQUEST_RATE", "100000")
        .set("REQUEST_BURST", "100000")
        .set("LOG_LEVEL", "warn")
        .start()
        .await?;
    let most = SENDERS.into_iter().max().unwrap_or(1);
    let members = fleet::recruit(&relay, 2 * most).await?;
    let server = Server::new(&relay.url(), &Trust::System)?;
    for senders in SENDERS {
        for _ in 0..RUNS {
            run(&relay, &server, &members[..2 * senders], figures).await?;
        }
    }
    Ok(())
}

async fn run(relay: &Relay, server: &Server, members: &[Member], figures: &mut Figures) -> Result<()> {
    let pid = relay.pid().context("the relay runs")?;
    let mut sockets = fleet::connect(server, members).await?;
    let recipients = sockets.split_off(members.len() / 2);
    let (senders, addresses) = (sockets, &members[members.len() / 2..]);
    let delivered = AtomicUsize::new(0);
    let (begin, used_before) = (Instant::now(), processor(pid)?);
    let end = begin + RUN;
    let sending =
        senders.into_iter().zip(addresses).map(|(socket, to)| send(socket, to.address.clone(), end));
    let receiving = recipients.into_iter().map(|socket| receive(socket, &delivered, end));
    let (latencies, received) = join(try_join_all(sending), try_join_all(receiving)).await;
    received?;
    let (took, used) = (begin.elapsed().as_secs_f64(), (processor(pid)? - used_before).as_secs_f64());
    let mut latencies: Vec<f64> = latencies?.into_iter().flatten().collect();
    latencies.sort_by(f64::total_cmp);
    let count = latencies.len() as f64;
    figures.add(
        "durable messages",
        &[
            ("senders", (members.len() / 2) as f64),
            ("per_s", count / took),
            ("per_cpu_s", count / used),
            ("p50_ms", quantile(&latencies, 0.5)),
            ("p99_ms", quantile(&latencies, 0.99)),
            ("delivered", delivered.load(Ordering::Relaxed) as f64 / count),
        ],
    );
    Ok(())
}

/// Sends with a window of [`WINDOW`] until `end`; how long each took from the send to its COMPLETE, in milliseconds.
async fn send(mut socket: RawSocket, to: String, end: Instant) -> Result<Vec<f64>> {
    let (mut under_way, mut latencies, mut number) = (HashMap::new(), Vec::new(), 0_u64);
    let run: u64 = trunkline_model::Timestamp::now().0.unsigned_abs();
    loop {
        while under_way.len() < WINDOW && Instant::now() < end {
            number += 1;
            let id = format!("c{number}");
            let text = "The quick brown fox jumps over the lazy dog, every time.";
            let params = json!({"contactId": to, "message": text, "messageId": format!("{run}-{number}")});
            socket.send(request(&id, "SendMessage", params)).await?;
            under_way.insert(id, Instant::now());
        }
        if under_way.is_empty() {
            // Acknowledges the receipts, else the next run would begin with all of them once more.
            let everything = json!({"since": 1_i64 << 50, "limit": 1});
            socket.send(request("sync", "mailbox.Sync", everything)).await?;
            fleet::answered(&mut socket, "sync").await?;
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
