//! Documents and example files that are made from code.

use std::process::{Command, ExitCode};

use anyhow::Result;

use crate::{process, workspace};

/// Packages whose tests compare such files with the code, and write them when `UPDATE_DOCS` is set.
const PACKAGES: &[&str] = &["trunkline-config", "trunkline-wire"];

/// The folders that hold what is made.
const FOLDERS: &[&str] = &["docs", "config"];

pub(crate) fn run() -> Result<ExitCode> {
    for package in PACKAGES {
        process::run(process::cargo(["test", "--quiet", "--package", package]).env("UPDATE_DOCS", "1"))?;
    }
    let mut status = Command::new("git");
    status.args(["status", "--short", "--"]).args(FOLDERS).current_dir(workspace::root());
    match process::output(&mut status).as_deref() {
        Some("") => println!("everything was up to date"),
        Some(changed) => println!("changed, not committed:\n{changed}"),
        None => println!("written; git cannot say what changed"),
    }
    Ok(ExitCode::SUCCESS)
}
