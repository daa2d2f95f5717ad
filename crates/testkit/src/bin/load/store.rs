use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::{
    Setting,
    engine::{Database, Engine},
    figure::Figures,
};

/// Senders of the store alone.
const SENDERS: [usize; 3] = [1, 64, 1_000];

/// What the store's own program tells of one measurement.
#[derive(Debug, Deserialize)]
pub(crate) struct Told {
    messages: f64,
    seconds: f64,
    cpu_seconds: f64,
    commits: f64,
    text_bytes: f64,
}

/// The store without sockets, sessions and frames.
pub(crate) async fn measure(setting: &Setting, figures: &mut Figures) -> Result<()> {
    for engine in &setting.engines {
        for senders in SENDERS {
            let case = format!("{}, senders: {senders}", engine.name());
            for _ in 0..setting.plan.runs {
                let database = engine.database().await?;
                fill(&database, senders, senders)?;
                // What it costs to open the database and to see to everybody's device is no part of the messages.
                let empty = cpu_of(&database, || fill(&database, senders, senders))?.0;
                let (used, told) = cpu_of(&database, || fill(&database, senders, setting.plan.stored))?;
                let theirs = (used - empty).max(0.0);
                figures.add(
                    "store",
                    &case,
                    &[
                        ("a second", told.messages / told.seconds),
                        ("a CPU-second", told.messages / (told.cpu_seconds + theirs)),
                        ("a commit", told.messages / told.commits),
                    ],
                );
            }
        }
    }
    Ok(())
}

/// What a message takes on the disk besides its text, with its two mailbox entries and all indexes.
pub(crate) async fn measure_disk(setting: &Setting, figures: &mut Figures) -> Result<()> {
    for engine in &setting.engines {
        let database = engine.database().await?;
        fill(&database, SENDERS[1], SENDERS[1])?;
        let before = database.bytes().await?;
        let told = fill(&database, SENDERS[1], setting.plan.filled)?;
        let grown = database.bytes().await?.saturating_sub(before) as f64;
        let case = format!("{}, {} messages", engine.name(), setting.plan.filled);
        let each = grown / told.messages;
        figures.add(
            "disk",
            &case,
            &[("bytes a message beyond its text", each - told.text_bytes), ("its text", told.text_bytes)],
        );
    }
    Ok(())
}

/// Has the store's program put so many messages into a database.
pub(crate) fn fill(database: &Database, senders: usize, messages: usize) -> Result<Told> {
    let program = std::env::var("TRUNKLINE_STORE_BENCH")
        .context("TRUNKLINE_STORE_BENCH must name the store's program")?;
    let each = messages.div_ceil(senders).max(1);
    let output = Command::new(&program)
        .args(["--json", &senders.to_string(), &each.to_string(), &database.connection()])
        .current_dir(database.folder())
        .output()
        .with_context(|| format!("{program} does not start"))?;
    let words = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{program} failed: {words}");
    serde_json::from_slice(&output.stdout).context("what the store's program told")
}

/// Processor time that the database's own processes use for this.
fn cpu_of<T>(database: &Database, work: impl FnOnce() -> Result<T>) -> Result<(f64, T)> {
    let before = database.processor()?;
    let done = work()?;
    Ok(((database.processor()? - before).as_secs_f64(), done))
}

/// A database with many messages in it.
pub(crate) async fn filled(setting: &Setting, engine: Engine) -> Result<Database> {
    let database = engine.database().await?;
    fill(&database, SENDERS[1], setting.plan.filled)?;
    Ok(database)
}
