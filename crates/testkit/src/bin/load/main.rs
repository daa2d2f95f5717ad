//! The load generator behind `cargo xtask bench`: a process of its own beside the relay, over loopback sockets.
//!
//! `load [idle|messages] [--json FILE]`; both when none is named. The relay's program is named by `TRUNKLINE_BIN`.

mod figure;
mod fleet;
mod idle;
mod messages;
mod process;

use anyhow::{Context, Result, bail};

use self::figure::Figures;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<()> {
    trunkline_client_setup();
    let (mut what, mut json) = (Vec::new(), None);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "idle" | "messages" => what.push(argument),
            "--json" => json = Some(arguments.next().context("--json needs a file")?),
            other => bail!("{other:?} is not known; expected idle, messages or --json FILE"),
        }
    }
    let program = std::env::var("TRUNKLINE_BIN").context("TRUNKLINE_BIN must name the relay's program")?;
    let wanted = |name: &str| what.is_empty() || what.iter().any(|one| one == name);
    let mut figures = Figures::default();
    if wanted("idle") {
        idle::measure(&program, &mut figures).await?;
    }
    if wanted("messages") {
        messages::measure(&program, &mut figures).await?;
    }
    if let Some(file) = json {
        std::fs::write(&file, figures.json()).with_context(|| format!("{file} cannot be written"))?;
    }
    Ok(())
}

/// rustls wants to be told its crypto once per process.
fn trunkline_client_setup() {
    // An error means that it has been told before.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}
