//! The program that drives libpurple: how it is made and what it needs.

use std::{
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};

const SOURCE: &str = include_str!("../pidgin.c");

/// Where Debian puts SIPE.
const PLUGIN: &str = "/usr/lib/purple-2/libsipe.so";

/// Lets libpurple take the Front End's certificate without asking anybody.
pub(super) fn know_certificate(home: &Path, pem: &str) -> Result<()> {
    let folder = home.join("certificates/x509/tls_peers");
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("localhost"), pem)?;
    Ok(())
}

/// Where the driver lies once it is compiled, beside the Python of the other peers.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/peers");

/// The driver, compiled at first use of its source.
pub(super) fn path() -> Result<PathBuf> {
    ensure!(
        Path::new(PLUGIN).exists(),
        "the test needs {PLUGIN} of Debian's pidgin-sipe: cargo xtask test installs it"
    );
    let mut hash = DefaultHasher::new();
    SOURCE.hash(&mut hash);
    let program = Path::new(FOLDER).join(format!("pidgin-{:016x}", hash.finish()));
    if !program.exists() {
        fs::create_dir_all(FOLDER)?;
        let folder = tempfile::Builder::new().prefix("pidgin-").tempdir_in(FOLDER)?;
        // Another test may be at it too: the last rename wins, and both are the same.
        fs::rename(compile(folder.path())?, &program)?;
    }
    Ok(program)
}

fn compile(folder: &Path) -> Result<PathBuf> {
    let (source, program) = (folder.join("pidgin.c"), folder.join("pidgin"));
    fs::write(&source, SOURCE)?;
    let flags = Command::new("pkg-config")
        .args(["--cflags", "--libs", "purple"])
        .output()
        .context("the test needs pkg-config: cargo xtask test installs libpurple-dev, which brings it")?;
    ensure!(flags.status.success(), "the test needs libpurple-dev: cargo xtask test installs it");
    let flags = String::from_utf8(flags.stdout)?;
    let compiled = Command::new("cc")
        .args(["-O1", "-rdynamic", "-o"])
        .arg(&program)
        .arg(&source)
        .args(flags.split_whitespace())
        .arg("-ldl")
        .output()
        .context("the test needs a C compiler: apt-get install gcc libc6-dev")?;
    ensure!(compiled.status.success(), "cc: {}", String::from_utf8_lossy(&compiled.stderr));
    Ok(program)
}
