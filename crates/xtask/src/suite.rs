//! Every check and every test, the cheap ones first and the test runner last.

use std::ffi::OsString;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};

use crate::{debian, package, peer, process, tidy};

/// How many seconds tests wait for what must happen: a busy machine takes its time, a fault shows all the same.
const PATIENCE: &str = "TRUNKLINE_TEST_PATIENCE";

/// Runs the suite; the exit code is the test runner's, whose summary is also the last thing printed.
pub(crate) fn run(fast: bool, runner: &[OsString]) -> Result<ExitCode> {
    require_components()?;
    let helpers = if fast {
        None
    } else {
        debian::install_missing()?;
        Some([(peer::PYTHON_VARIABLE, peer::python()?), (package::PACKAGER_VARIABLE, package::packager()?)])
    };
    check(fast)?;
    let mut earlier = Ok(());
    if !fast {
        process::run(&mut process::cargo(["test", "--quiet", "--workspace", "--doc"]))?;
        if runner.is_empty() {
            earlier = process::run(patient(&mut with_openssl()));
        }
    }
    let mut tests = tests(fast, runner);
    tests.envs(helpers.into_iter().flatten());
    let ended = process::run_last(&mut tests);
    earlier.and(ended)
}

/// rustup's minimal profile lacks the formatter and the linter.
fn require_components() -> Result<()> {
    let present = |tool| process::output(&mut process::cargo([tool, "--version"])).is_some();
    if present("fmt") && present("clippy") {
        return Ok(());
    }
    process::run(Command::new("rustup").args(["component", "add", "rustfmt", "clippy"]))
        .context("the tests need rustfmt and clippy of the same release as cargo")
}

/// Runs all of the checks before it fails, so that one run shows everything there is to mend.
fn check(fast: bool) -> Result<()> {
    let clippy = ["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"];
    let checks = [
        ("format", process::run(&mut process::cargo(["fmt", "--all", "--check"]))),
        ("clippy", process::run(&mut process::cargo(clippy))),
        ("clippy with OpenSSL", if fast { Ok(()) } else { clippy_with_openssl() }),
        ("tidy", tidy::check()),
        ("deny", deny()),
    ];
    let failed = checks.iter().filter_map(|(name, result)| Some((name, result.as_ref().err()?)));
    let failed: Vec<_> = failed.map(|(name, error)| format!("{name} ({error:#})")).collect();
    if !failed.is_empty() {
        bail!("no test was run, since these failed first: {}", failed.join(", "));
    }
    Ok(())
}

/// What the feature `legacy-tls` brings. The whole workspace is named here and below, so that most of what was compiled
/// for the default build serves again.
fn clippy_with_openssl() -> Result<()> {
    process::run(&mut process::cargo([
        "clippy",
        "--workspace",
        "--features",
        "trunkline-server/legacy-tls",
        "--lib",
        "--bins",
        "--test",
        "it",
        "--",
        "-D",
        "warnings",
    ]))
}

/// The transport's tests once more, over both libraries that a program with the feature `legacy-tls` has.
fn with_openssl() -> Command {
    if !has_nextest() {
        let package = "trunkline-lync";
        return process::cargo(["test", "--package", package, "--test", "it", "--features", "legacy-tls"]);
    }
    let features = "trunkline-lync/legacy-tls";
    let filter = "package(trunkline-lync)";
    process::cargo(["nextest", "run", "--workspace", "--test", "it", "--features", features, "-E", filter])
}

/// Checks bans, licences and sources of the default build; cargo-deny takes minutes to compile, so only CI insists on it.
fn deny() -> Result<()> {
    if process::output(&mut process::cargo(["deny", "--version"])).is_some() {
        return process::run(&mut process::cargo(["deny", "check", "bans", "licenses", "sources"]));
    }
    if process::in_ci() {
        bail!("cargo-deny is not installed, and CI must not go without: cargo install cargo-deny --locked");
    }
    eprintln!(
        "xtask: bans and licences go unchecked: cargo-deny is not installed (cargo install cargo-deny)"
    );
    Ok(())
}

fn tests(fast: bool, runner: &[OsString]) -> Command {
    let mut command = if has_nextest() {
        process::cargo(["nextest", "run", "--workspace"])
    } else {
        process::cargo(["test", "--workspace"])
    };
    // Tests of whole programs and of peers live in tests/ folders, which are neither.
    command.args(if fast { ["--lib", "--bins"].as_slice() } else { &["--all-targets"] });
    // A snapshot that differs must fail and never be accepted by the run that found it.
    command.args(runner).env("INSTA_UPDATE", "no");
    patient(&mut command);
    command
}

fn patient(command: &mut Command) -> &mut Command {
    if std::env::var_os(PATIENCE).is_none() {
        command.env(PATIENCE, "90");
    }
    command
}

fn has_nextest() -> bool {
    process::output(&mut process::cargo(["nextest", "--version"])).is_some()
}
