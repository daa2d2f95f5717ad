//! Documents and example files that are made from code.

use std::process::{Command, ExitCode};

use anyhow::Result;

use crate::{process, workspace};

/// Tests that compare such files with the code, and write them when `UPDATE_DOCS` is set.
const MAKERS: &[&[&str]] = &[
    &["--package", "trunkline-config"],
    &["--package", "trunkline-wire", "--test", "contract"],
    &["--package", "trunkline-http", "--lib", "openapi"],
    &["--package", "trunkline-server", "--test", "api", "story::"],
    &["--package", "trunkline-server", "--test", "api", "the_metrics_in_the_docs"],
];

/// The folders that hold what is made.
const FOLDERS: &[&str] = &["docs", "config"];

pub(crate) fn run() -> Result<ExitCode> {
    for maker in MAKERS {
        process::run(process::cargo(["test", "--quiet"]).args(*maker).env("UPDATE_DOCS", "1"))?;
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
