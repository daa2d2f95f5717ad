//! Load on the programs as they ship.

use std::ffi::OsString;
use std::process::{Command, ExitCode};

use anyhow::{Result, bail};

use crate::workspace::Metadata;
use crate::{process, workspace};

/// The package and the program that makes the load; it finds the relay by [`RELAY_VARIABLE`].
const LOAD: (&str, &str) = ("trunkline-testkit", "load");

/// Names the relay's program for the load program.
const RELAY_VARIABLE: &str = "TRUNKLINE_BIN";

pub(crate) fn run(arguments: &[OsString]) -> Result<ExitCode> {
    let metadata = workspace::metadata()?;
    let (package, program) = LOAD;
    if !has_program(&metadata, package, program) {
        bail!("there is no load program yet: {package} has no program `{program}`");
    }
    let packages = ["build", "--profile", "dist", "--bins", "-p", "trunkline-server", "-p", package];
    process::run(&mut process::cargo(packages))?;
    let built = metadata.target_directory.join("dist");
    let mut load = Command::new(built.join(program));
    load.args(arguments).env(RELAY_VARIABLE, built.join("trunkline")).current_dir(workspace::root());
    process::run_last(&mut load)
}

fn has_program(metadata: &Metadata, package: &str, program: &str) -> bool {
    let found = metadata.packages.iter().find(|candidate| candidate.name == package);
    let mut targets = found.into_iter().flat_map(|package| &package.targets);
    targets.any(|target| target.name == program && target.kind.iter().any(|kind| kind == "bin"))
}
