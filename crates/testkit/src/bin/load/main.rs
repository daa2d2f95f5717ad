//! The load generator behind `cargo xtask bench`: a process of its own beside the relay, over loopback sockets.
//!
//! The relay's program is named by `TRUNKLINE_BIN`, that of the store alone by `TRUNKLINE_STORE_BENCH`.

mod engine;
mod figure;
mod fleet;
mod front;
mod idle;
mod lync;
mod machine;
mod messages;
mod open;
mod plan;
mod process;
mod resume;
mod sip;
mod start;
mod store;

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Parser, ValueEnum};

use self::{engine::Engine, figure::Figures, plan::Plan};

/// Puts load on the relay and tells what it takes
#[derive(Debug, Parser)]
#[command(name = "load", bin_name = "cargo xtask bench")]
struct Arguments {
    /// What to measure; everything when nothing is named
    parts: Vec<Part>,
    /// Small sizes and one run: to see that it works, not for figures
    #[arg(long)]
    quick: bool,
    /// How often each case is measured
    #[arg(long)]
    runs: Option<usize>,
    /// On which database; both when none is named
    #[arg(long)]
    engine: Vec<Engine>,
    /// Writes everything that was measured to this file
    #[arg(long)]
    json: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Memory of the relay per silent session
    Idle,
    /// Durable messages a second, as many as go
    Messages,
    /// Latency at a fixed rate
    Open,
    /// The store without the relay
    Store,
    /// Many phones back at once
    Resume,
    /// Start with many messages in the database
    Start,
    /// Bytes on disk per message
    Disk,
    /// Size of the program
    Binary,
    /// The three that follow: Skype for Business and Lync
    Lync,
    /// Reading and writing a message
    Sip,
    /// Many accounts on one Front End: memory, sign-in, recovery
    LyncAccounts,
    /// Messages from phone to phone over a Front End
    LyncMessages,
}

/// Each part once.
const EVERYTHING: &[Part] = &[
    Part::Idle,
    Part::Messages,
    Part::Open,
    Part::Store,
    Part::Resume,
    Part::Start,
    Part::Disk,
    Part::Lync,
    Part::Binary,
];

/// What every part needs to know.
struct Setting {
    program: String,
    plan: Plan,
    engines: Vec<Engine>,
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    process::allow_many_files();
    // An error means that it has been told before.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let mut plan = if arguments.quick { plan::QUICK } else { plan::FULL };
    plan.runs = arguments.runs.unwrap_or(plan.runs);
    let program = std::env::var("TRUNKLINE_BIN").context("TRUNKLINE_BIN must name the relay's program")?;
    let engines = match arguments.engine.as_slice() {
        [] => vec![Engine::Sqlite, Engine::Postgres],
        named => named.to_vec(),
    };
    let setting = Setting { program, plan, engines };
    let mut figures = Figures::default();
    let parts = if arguments.parts.is_empty() { EVERYTHING } else { &arguments.parts };
    for part in parts {
        measure(*part, &setting, &mut figures).await.with_context(|| format!("{part:?}"))?;
    }
    figures.print();
    if let Some(file) = arguments.json {
        let document = figures.json(&machine::describe(&setting.program, arguments.quick)?);
        std::fs::write(&file, document).with_context(|| format!("{} cannot be written", file.display()))?;
    }
    Ok(())
}

async fn measure(part: Part, setting: &Setting, figures: &mut Figures) -> Result<()> {
    match part {
        Part::Idle => idle::measure(setting, figures).await,
        Part::Messages => messages::measure(setting, figures).await,
        Part::Open => open::measure(setting, figures).await,
        Part::Store => store::measure(setting, figures).await,
        Part::Resume => resume::measure(setting, figures).await,
        Part::Start => start::measure(setting, figures).await,
        Part::Lync => {
            sip::measure(setting, figures)?;
            lync::measure_accounts(setting, figures).await?;
            lync::measure_messages(setting, figures).await
        }
        Part::Sip => sip::measure(setting, figures),
        Part::LyncAccounts => lync::measure_accounts(setting, figures).await,
        Part::LyncMessages => lync::measure_messages(setting, figures).await,
        Part::Disk => store::measure_disk(setting, figures).await,
        Part::Binary => {
            let bytes = std::fs::metadata(&setting.program)?.len();
            figures.add("binary", "trunkline", &[("MiB", bytes as f64 / 1_048_576.0)]);
            Ok(())
        }
    }
}
