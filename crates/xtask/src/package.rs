//! The Debian package, and the tool that makes it.

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::Result;

use crate::{process, workspace};

/// Tells tests where the packager is.
pub(crate) const PACKAGER_VARIABLE: &str = "TRUNKLINE_CARGO_DEB";

/// Pinned, so that the package changes by our changes alone.
const VERSION: &str = "3.8.0";

/// The packager, installed in the target folder when it is not there: without its optimisations it is compiled in half
/// a minute, and with gzip alone it needs no C library.
pub(crate) fn packager() -> Result<PathBuf> {
    let tools = workspace::metadata()?.target_directory.join("tools");
    let packager = tools.join("bin/cargo-deb");
    let found = process::output(Command::new(&packager).arg("--version"));
    if found.is_none_or(|version| version.split_whitespace().last() != Some(VERSION)) {
        let install = ["install", "cargo-deb", "--version", VERSION, "--locked", "--debug", "--force"];
        let mut command = process::cargo(install);
        command.args(["--no-default-features", "--features", "gzip", "--root"]).arg(&tools);
        process::run(&mut command)?;
    }
    Ok(packager)
}

/// `cargo xtask package`: builds the program as it ships and packs it.
pub(crate) fn run() -> Result<ExitCode> {
    let packager = packager()?;
    let profile = ["--profile", "dist", "-p", "trunkline-server"];
    process::run(process::cargo(["build"]).args(profile))?;
    let mut command = Command::new(packager);
    command.args(profile).args(["--no-build", "--strip"]).current_dir(workspace::root());
    process::run_last(&mut command)
}
