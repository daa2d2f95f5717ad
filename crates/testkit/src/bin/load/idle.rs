use std::time::Duration;

use anyhow::{Context, Result};
use trunkline_client::{Server, Trust, parse_fingerprint};
use trunkline_testkit::Relay;

use crate::{figure::Figures, fleet, process::resident};

const SIZES: [usize; 2] = [1_000, 5_000];

/// Memory of the relay per phone that is signed in and silent.
pub(crate) async fn measure(program: &str, figures: &mut Figures) -> Result<()> {
    for size in SIZES {
        let mut relay = Relay::of(program).set("SOCKETS_PER_ADDRESS", "20000").start().await?;
        let members = fleet::recruit(&relay, size).await?;
        for tls in [false, true] {
            // A fresh process: what recruiting left behind in the allocator would hide what sockets need.
            relay.stop().await?;
            relay.start().await?;
            let server = if tls { secure(&relay)? } else { Server::new(&relay.url(), &Trust::System)? };
            let pid = relay.pid().context("the relay runs")?;
            let before = resident(pid)?;
            let sockets = fleet::connect(&server, &members).await?;
            let after = settled(pid).await?;
            let each = (after.saturating_sub(before)) as f64 / size as f64 / 1024.0;
            let name = format!("idle sessions, {}", if tls { "TLS" } else { "plain" });
            let base = before as f64 / 1024.0 / 1024.0;
            figures.add(&name, &[("sessions", size as f64), ("KiB_each", each), ("base_MiB", base)]);
            drop(sockets);
        }
    }
    Ok(())
}

fn secure(relay: &Relay) -> Result<Server> {
    let fingerprint = relay.listeners().fingerprint.as_deref().context("the certificate is self-made")?;
    Ok(Server::new(&relay.tls_url(), &Trust::Fingerprint(parse_fingerprint(fingerprint)?))?)
}

/// Waits until memory has not moved by more than 1 % for a second.
async fn settled(pid: u32) -> Result<u64> {
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
