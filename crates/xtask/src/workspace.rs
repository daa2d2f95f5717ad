//! This repository, as git and cargo see it.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::process;

/// What `cargo metadata --no-deps` tells of the workspace.
#[derive(Deserialize)]
pub(crate) struct Metadata {
    pub(crate) packages: Vec<Package>,
    pub(crate) target_directory: PathBuf,
}

#[derive(Deserialize)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) manifest_path: PathBuf,
    pub(crate) dependencies: Vec<Dependency>,
    pub(crate) targets: Vec<Target>,
}

#[derive(Deserialize)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// `None` for what ships, else `dev` or `build`.
    pub(crate) kind: Option<String>,
    /// Whether only a feature brings it.
    pub(crate) optional: bool,
}

#[derive(Deserialize)]
pub(crate) struct Target {
    pub(crate) name: String,
    pub(crate) kind: Vec<String>,
}

/// The top of the repository.
pub(crate) fn root() -> PathBuf {
    let manifest = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let manifest = manifest.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")));
    manifest.ancestors().nth(2).unwrap_or(Path::new(".")).to_owned()
}

/// Reads the manifests of the workspace's own packages; asks nobody outside this machine.
pub(crate) fn metadata() -> Result<Metadata> {
    let mut command = process::cargo(["metadata", "--offline", "--no-deps", "--format-version", "1"]);
    let output = command.output().context("cannot start `cargo metadata`")?;
    let error = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(output.status.success(), "`cargo metadata` failed: {}", error.trim());
    serde_json::from_slice(&output.stdout).context("cannot read what `cargo metadata` prints")
}

/// Every file that git tracks or would take with `git add --all`, relative to the top, sorted.
pub(crate) fn files() -> Result<Vec<PathBuf>> {
    let mut command = Command::new("git");
    command.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]).current_dir(root());
    let output = command.output().context("cannot start `git ls-files`: install git")?;
    let error = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(output.status.success(), "`git ls-files` failed: {}", error.trim());
    let listing = String::from_utf8(output.stdout).context("a file's name is not UTF-8")?;
    let mut files: Vec<_> = listing.split_terminator('\0').map(PathBuf::from).collect();
    files.retain(|file| root().join(file).is_file());
    files.sort();
    files.dedup();
    Ok(files)
}
