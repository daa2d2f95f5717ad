use std::{
    fs::{self, File},
    os::unix::fs::FileExt,
    path::PathBuf,
    process::Command,
};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

const SOURCE: &str = include_str!("shim.c");

/// Where each rule stands in the control file, in bytes; [`SOURCE`] has the same order.
#[derive(Clone, Copy)]
enum Rule {
    Writes = 0,
    Syncs = 8,
    Clock = 16,
}

/// A library that is loaded into a program before the C library, and lets its disk and its clock fail on demand. It is
/// compiled with `cc`.
pub struct Shim {
    folder: TempDir,
    control: File,
    files: String,
}

impl Shim {
    /// A shim under which all is well yet; disk faults concern files whose path holds `files`.
    pub fn new(files: &str) -> Result<Self> {
        let folder = TempDir::with_prefix("shim-")?;
        let source = folder.path().join("shim.c");
        fs::write(&source, SOURCE)?;
        let compiled = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-o"])
            .arg(folder.path().join("shim.so"))
            .arg(&source)
            .arg("-ldl")
            .output()
            .context("the test needs a C compiler: apt-get install gcc libc6-dev")?;
        ensure!(compiled.status.success(), "cc: {}", String::from_utf8_lossy(&compiled.stderr));
        let control = folder.path().join("control");
        fs::write(&control, [0; 24])?;
        let control = File::options().write(true).open(control)?;
        Ok(Self { folder, control, files: files.to_owned() })
    }

    /// What the program's environment must hold.
    pub fn environment(&self) -> [(&'static str, PathBuf); 3] {
        let folder = self.folder.path();
        [
            ("LD_PRELOAD", folder.join("shim.so")),
            ("TRUNKLINE_SHIM_CONTROL", folder.join("control")),
            ("TRUNKLINE_SHIM_FILES", PathBuf::from(&self.files)),
        ]
    }

    /// Every write, or change of a file's length, fails with this error number; 0: none does.
    pub fn fail_writes(&self, errno: i32) -> Result<()> {
        self.set(Rule::Writes, errno.into())
    }

    /// Every fsync and fdatasync fails with this error number; 0: none does.
    pub fn fail_syncs(&self, errno: i32) -> Result<()> {
        self.set(Rule::Syncs, errno.into())
    }

    /// The wall clock goes this many seconds fast, or slow.
    pub fn shift_clock(&self, seconds: i64) -> Result<()> {
        self.set(Rule::Clock, seconds)
    }

    fn set(&self, rule: Rule, value: i64) -> Result<()> {
        self.control.write_all_at(&value.to_ne_bytes(), rule as u64).context("the shim's control file")
    }
}
