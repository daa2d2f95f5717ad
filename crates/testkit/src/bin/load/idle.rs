use std::time::Duration;

use anyhow::{Context, Result};

use crate::{
    Setting,
    engine::{Engine, House},
    figure::Figures,
    fleet,
    process::resident,
};

/// Memory of the relay per phone that is signed in and silent.
pub(crate) async fn measure(setting: &Setting, figures: &mut Figures) -> Result<()> {
    for &size in setting.plan.idle {
        for tls in [false, true] {
            for _ in 0..setting.plan.runs {
                run(setting, size, tls, figures).await?;
            }
        }
    }
    Ok(())
}

/// On a database of its own: sessions outlive their sockets and the process, and would be there before.
async fn run(setting: &Setting, size: usize, tls: bool, figures: &mut Figures) -> Result<()> {
    let mut house = House::open(&setting.program, Engine::Sqlite).await?;
    let members = fleet::recruit(&house.relay, size).await?;
    // A fresh process: what recruiting left behind in the allocator would hide what sockets need.
    house.relay.stop().await?;
    house.relay.start().await?;
    let server = if tls { house.secure()? } else { house.plain()? };
    let pid = house.relay.pid().context("the relay runs")?;
    let before = settled(pid).await?;
    let sockets = fleet::connect(&server, &members).await?;
    let after = settled(pid).await?;
    let each = after.saturating_sub(before) as f64 / size as f64 / 1_024.0;
    let name = format!("{size} {}", if tls { "TLS" } else { "plain" });
    let base = before as f64 / 1_048_576.0;
    figures.add("idle", &name, &[("KiB a session", each), ("MiB before", base)]);
    drop(sockets);
    Ok(())
}

/// Waits until memory has not moved by more than 1 % for a second.
pub(crate) async fn settled(pid: u32) -> Result<u64> {
    let mut last = resident(pid)?;
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let now = resident(pid)?;
        if now.abs_diff(last) <= last / 100 {
            return Ok(now);
        }
        last = now;
    }
}
