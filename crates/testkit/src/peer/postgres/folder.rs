use std::{
    fs::{self, File},
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

use super::{USER, process::unprivileged, program};

const PREFIX: &str = "trunkline-postgres-";

/// A folder with an initialised, empty cluster in `data`.
pub(super) fn fresh() -> Result<TempDir> {
    sweep();
    let template = template()?;
    let folder = tempfile::Builder::new()
        .prefix(&format!("{PREFIX}{}-", std::process::id()))
        .tempdir()
        .context("no temporary folder")?;
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755))?;
    done(Command::new("cp").args(["-a", "--reflink=auto"]).arg(&template).arg(folder.path().join("data")))?;
    hand_over(folder.path())?;
    Ok(folder)
}

/// Puts a file there that only the server may read; gives its path.
pub(super) fn give(folder: &TempDir, name: &str, content: &str) -> Result<String> {
    let path = folder.path().join(name);
    fs::write(&path, content)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
    hand_over(&path)?;
    Ok(path.display().to_string())
}

/// Removes what tests have left behind that were killed.
fn sweep() {
    let Ok(entries) = fs::read_dir(std::env::temp_dir()) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let pid =
            name.to_str().and_then(|name| name.strip_prefix(PREFIX)).and_then(|rest| rest.split('-').next());
        if pid.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
            // Another test may be at it too.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// The cluster that all are copied from, made once: `initdb` takes most of a second.
fn template() -> Result<PathBuf> {
    let parent = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/peers"));
    fs::create_dir_all(parent)?;
    let user = fs::metadata("/proc/self")?.uid();
    let template = fs::canonicalize(parent)?.join(format!("postgres-15-{user}"));
    let lock = File::create(template.with_extension("lock"))?;
    lock.lock()?;
    if template.join("PG_VERSION").exists() {
        return Ok(template);
    }
    // Elsewhere first: the user that PostgreSQL runs as may not be let into our folders.
    let making = tempfile::Builder::new().prefix("trunkline-initdb-").tempdir()?;
    fs::set_permissions(making.path(), fs::Permissions::from_mode(0o755))?;
    hand_over(making.path())?;
    let data = making.path().join("data");
    let options =
        ["-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync", "--wal-segsize=1", "-U", USER];
    let mut initdb = unprivileged(&[], &program("initdb")?);
    done(initdb.arg("-D").arg(&data).args(options).current_dir(making.path()))?;
    let half = template.with_extension("half");
    if half.exists() {
        fs::remove_dir_all(&half)?;
    }
    done(Command::new("cp").arg("-a").arg(&data).arg(&half))?;
    fs::rename(&half, &template)?;
    Ok(template)
}

/// Gives the folder to the user that the server runs as, when it is not ours.
fn hand_over(folder: &Path) -> Result<()> {
    if is_root() { done(Command::new("chown").args(["-R", "nobody:nogroup"]).arg(folder)) } else { Ok(()) }
}

pub(super) fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

fn done(command: &mut Command) -> Result<()> {
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("{command:?}"))?;
    ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}
