//! Load on the programs as they ship.

mod document;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Result, bail};

use crate::workspace::Metadata;
use crate::{process, workspace};

/// The package and the program that makes the load; it finds the relay by [`RELAY_VARIABLE`].
const LOAD: (&str, &str) = ("trunkline-testkit", "load");

/// The package and the example that is the store alone; the load finds it by [`STORE_VARIABLE`].
const STORE: (&str, &str) = ("trunkline-store", "throughput");

/// Name the relay's program and the store's for the load program.
const RELAY_VARIABLE: &str = "TRUNKLINE_BIN";
const STORE_VARIABLE: &str = "TRUNKLINE_STORE_BENCH";

/// Builds the programs, as they ship or for debugging, and hands the rest to the load program.
pub(crate) fn run(dev: bool, arguments: &[OsString]) -> Result<ExitCode> {
    let metadata = workspace::metadata()?;
    for (package, program) in [LOAD, STORE] {
        if !has_program(&metadata, package, program) {
            bail!("there is no load program: {package} has no program or example `{program}`");
        }
    }
    let (profile, folder) = if dev { ("dev", "debug") } else { ("dist", "dist") };
    let server = "trunkline-server";
    process::run(&mut process::cargo(["build", "--profile", profile, "--bins", "-p", server, "-p", LOAD.0]))?;
    process::run(&mut process::cargo(["build", "--profile", profile, "-p", STORE.0, "--example", STORE.1]))?;
    let built = metadata.target_directory.join(folder);
    let mut load = Command::new(built.join(LOAD.1));
    load.args(arguments)
        .env(RELAY_VARIABLE, built.join("trunkline"))
        .env(STORE_VARIABLE, built.join("examples").join(STORE.1))
        .current_dir(workspace::root());
    process::run_last(&mut load)
}

/// Puts what was measured into docs/benchmarks.md.
pub(crate) fn fill(measured: &Path) -> Result<ExitCode> {
    let page: PathBuf = workspace::root().join("docs/benchmarks.md");
    document::fill(&page, measured)?;
    println!("filled {}", page.display());
    Ok(ExitCode::SUCCESS)
}

fn has_program(metadata: &Metadata, package: &str, program: &str) -> bool {
    let found = metadata.packages.iter().find(|candidate| candidate.name == package);
    let mut targets = found.into_iter().flat_map(|package| &package.targets);
    targets.any(|target| {
        target.name == program && target.kind.iter().any(|kind| kind == "bin" || kind == "example")
    })
}
