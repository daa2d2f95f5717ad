use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
use futures_util::future::{join, try_join_all};
use serde_json::json;
use tokio::sync::mpsc;
use trunkline_client::RawSocket;
use trunkline_wire::phone::{ServerFrame, read, request};

use crate::{
    Setting,
    engine::House,
    figure::{Figures, quantiles},
    fleet::{self, LIMIT, Member},
};

/// After the last message, for what is still under way.
const REST: Duration = Duration::from_secs(5);

/// The moment at which each message is due. Latency counts from there, however late it was sent: a relay that stalls
/// gets no shorter waits for it (no coordinated omission).
struct Schedule {
    begin: Instant,
    rate: u32,
}

impl Schedule {
    fn due(&self, number: u64) -> Instant {
        self.begin + Duration::from_secs_f64(number as f64 / f64::from(self.rate))
    }

    fn millis_since_due(&self, number: u64) -> f64 {
        Instant::now().saturating_duration_since(self.due(number)).as_secs_f64() * 1_000.0
    }
}

/// Latency while messages are sent at a fixed rate.
pub(crate) async fn measure(setting: &Setting, figures: &mut Figures) -> Result<()> {
    let plan = setting.plan;
    for engine in &setting.engines {
        let house = House::open(&setting.program, *engine).await?;
        let members = fleet::recruit(&house.relay, 2 * plan.pairs).await?;
        let pairs = members.split_at(plan.pairs);
        for &rate in plan.rates {
            let case = format!("{}, {rate} a second", engine.name());
            for _ in 0..plan.runs {
                let told = run(&house, pairs, (rate, plan.at_rate)).await?;
                figures.add("open", &case, &told);
            }
        }
    }
    Ok(())
}

/// What came of sending at a rate for a while.
pub(crate) async fn run(
    house: &House,
    (from, to): (&[Member], &[Member]),
    (rate, span): (u32, Duration),
) -> Result<Vec<(&'static str, f64)>> {
    let server = house.plain()?;
    let senders = fleet::connect(&server, from).await?;
    let recipients = fleet::connect(&server, to).await?;
    let begin = Instant::now() + Duration::from_millis(200);
    let schedule = Arc::new(Schedule { begin, rate });
    let end = begin + span + REST;
    let (mut lanes, mut sending) = (Vec::new(), Vec::new());
    for (socket, to) in senders.into_iter().zip(to) {
        let (lane, orders) = mpsc::unbounded_channel();
        lanes.push(lane);
        sending.push(tokio::spawn(send(socket, to.address.clone(), orders, Arc::clone(&schedule))));
    }
    let receiving: Vec<_> = recipients
        .into_iter()
        .map(|socket| tokio::spawn(receive(socket, Arc::clone(&schedule), end)))
        .collect();
    let before = house.processor()?;
    let pacing = Arc::clone(&schedule);
    let paced = tokio::task::spawn_blocking(move || pace(&pacing, span, &lanes)).await?;
    let (sent, received) = join(try_join_all(sending), try_join_all(receiving)).await;
    let after = house.processor()?;
    let (mut late, mut complete) = (Vec::new(), Vec::new());
    for one in sent? {
        let (mut starts, mut ends) = one?;
        late.append(&mut starts);
        complete.append(&mut ends);
    }
    let delivered: Vec<f64> =
        received?.into_iter().collect::<Result<Vec<_>>>()?.into_iter().flatten().collect();
    let cpu = (after.0 - before.0 + after.1 - before.1).as_secs_f64() / span.as_secs_f64();
    let share = delivered.len() as f64 / paced as f64;
    let ([_, _, late], [c50, c99, c999], [d50, d99, d999]) =
        (quantiles(late), quantiles(complete), quantiles(delivered));
    Ok(vec![
        ("delivered p50 ms", d50),
        ("delivered p99 ms", d99),
        ("delivered p999 ms", d999),
        ("COMPLETE p50 ms", c50),
        ("COMPLETE p99 ms", c99),
        ("COMPLETE p999 ms", c999),
        ("cores used", cpu),
        ("delivered share", share),
        ("generator late p999 ms", late),
    ])
}

/// Gives each message to its sender when it is due; a thread, because timers of the runtime are no finer than a
/// millisecond.
fn pace(schedule: &Schedule, span: Duration, lanes: &[mpsc::UnboundedSender<u64>]) -> u64 {
    let mut number = 0_u64;
    let end = schedule.begin + span;
    while schedule.due(number) < end {
        std::thread::sleep(schedule.due(number).saturating_duration_since(Instant::now()));
        let at = usize::try_from(number).unwrap_or(0) % lanes.len().max(1);
        // A sender that has failed says so itself.
        let _ = lanes.get(at).map(|lane| lane.send(number));
        number += 1;
    }
    number
}

/// Sends what is ordered; how late each was sent, and how long after its due moment it was COMPLETE.
async fn send(
    mut socket: RawSocket,
    to: String,
    mut orders: mpsc::UnboundedReceiver<u64>,
    schedule: Arc<Schedule>,
) -> Result<(Vec<f64>, Vec<f64>)> {
    let (mut late, mut complete, mut under_way, mut over) = (Vec::new(), Vec::new(), HashMap::new(), false);
    let run = trunkline_model::Timestamp::now().0;
    while !(over && under_way.is_empty()) {
        tokio::select! {
            order = orders.recv(), if !over => {
                let Some(number) = order else {
                    over = true;
                    continue;
                };
                let text = format!("{number} {}", fleet::TEXT);
                let params = json!({"contactId": to, "message": text, "messageId": format!("{run}-{number}")});
                let id = format!("c{number}");
                late.push(schedule.millis_since_due(number));
                socket.send(request(&id, "SendMessage", params)).await?;
                under_way.insert(id, number);
            }
            text = socket.next_text(LIMIT) => match text {
                Ok(text) => {
                    if let ServerFrame::Late { id, result, .. } = read(&text)?
                        && let Some(number) = under_way.remove(&id)
                    {
                        result?;
                        complete.push(schedule.millis_since_due(number));
                    }
                }
                Err(None) if under_way.is_empty() => {}
                Err(end) => bail!("a sender's socket ended, or its send has no answer: {end:?}"),
            },
        }
    }
    fleet::acknowledge_all(&mut socket).await?;
    Ok((late, complete))
}

/// How long after its due moment each message came; acknowledges them.
async fn receive(mut socket: RawSocket, schedule: Arc<Schedule>, end: Instant) -> Result<Vec<f64>> {
    let mut latencies = Vec::new();
    loop {
        let text = match socket.next_text(end.saturating_duration_since(Instant::now())).await {
            Ok(text) => text,
            Err(None) => return Ok(latencies),
            Err(Some(end)) => bail!("a recipient's socket ended: {end:?}"),
        };
        let ServerFrame::Event { method, data, .. } = read(&text)? else { continue };
        if method != "MessageReceived" && method != "InvitationReceived" {
            continue;
        }
        let message = data["message"].as_str().unwrap_or_default();
        if let Some(number) = message.split(' ').next().and_then(|number| number.parse().ok()) {
            latencies.push(schedule.millis_since_due(number));
        }
        let params = json!({"messageId": data["messageId"], "status": "delivered"});
        socket.send(request(&format!("a{}", latencies.len()), "MessageAck", params)).await?;
    }
}
