use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use futures_util::future::try_join_all;
use serde_json::json;
use trunkline_client::{RawSocket, Server};
use trunkline_wire::phone::request;

use crate::{
    Setting,
    engine::House,
    figure::{Figures, quantiles},
    fleet::{self, Member},
};

/// Between two attempts of a phone that could not connect.
const AGAIN: Duration = Duration::from_millis(20);

/// How long a phone tries.
const PATIENCE: Duration = Duration::from_secs(120);

/// All phones lose their sockets, or the relay itself, at one moment and come back as fast as they can.
pub(crate) async fn measure(setting: &Setting, figures: &mut Figures) -> Result<()> {
    let plan = setting.plan;
    for engine in &setting.engines {
        let mut house = House::open(&setting.program, *engine).await?;
        let members = fleet::recruit(&house.relay, plan.phones).await?;
        for (tls, restart) in [(false, false), (true, false), (false, true)] {
            let way = match (tls, restart) {
                (_, true) => "after a kill",
                (true, _) => "TLS",
                _ => "plain",
            };
            let case = format!("{}, {} phones, {way}", engine.name(), plan.phones);
            for _ in 0..plan.runs {
                let server = if tls { house.secure()? } else { house.plain()? };
                for socket in fleet::connect(&server, &members).await? {
                    socket.cut();
                }
                if restart {
                    house.relay.kill().await?;
                    house.relay.start().await?;
                }
                let server = if tls { house.secure()? } else { house.plain()? };
                all_back(&house, &server, &members, &case, figures).await?;
            }
        }
    }
    Ok(())
}

async fn all_back(
    house: &House,
    server: &Server,
    members: &[Member],
    case: &str,
    figures: &mut Figures,
) -> Result<()> {
    let (begin, before) = (Instant::now(), house.processor()?);
    let tasks = members.iter().cloned().map(|member| tokio::spawn(back(server.clone(), member, begin)));
    let back = try_join_all(tasks).await?.into_iter().collect::<Result<Vec<_>>>()?;
    let (took, after) = (begin.elapsed().as_secs_f64(), house.processor()?);
    let cpu = (after.0 - before.0 + after.1 - before.1).as_secs_f64();
    let phones = members.len() as f64;
    let [p50, p99, _] = quantiles(back.iter().map(|(millis, _)| *millis).collect());
    figures.add(
        "resume",
        case,
        &[
            ("all back, s", took),
            ("a second", phones / took),
            ("a CPU-second", phones / cpu),
            ("p50 ms", p50),
            ("p99 ms", p99),
        ],
    );
    Ok(())
}

/// Connects until it succeeds, to the session that was there, and has a Ping answered; how long that took, in milliseconds.
async fn back(server: Server, member: Member, begin: Instant) -> Result<(f64, RawSocket)> {
    let handshake = member.handshake();
    let mut socket = loop {
        match RawSocket::connect(&server, &handshake).await {
            Ok(socket) => break socket,
            Err(error) if begin.elapsed() > PATIENCE => {
                return Err(error).context("a phone does not come back");
            }
            Err(_) => tokio::time::sleep(AGAIN).await,
        }
    };
    let cookie = socket.header("set-cookie").unwrap_or_default();
    anyhow::ensure!(cookie.contains("sessionId="), "a phone came back without its session");
    socket.send(request("back", "Ping", json!({}))).await?;
    fleet::answered(&mut socket, "back").await?;
    Ok((begin.elapsed().as_secs_f64() * 1_000.0, socket))
}
