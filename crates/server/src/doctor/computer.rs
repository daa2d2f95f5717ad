//! What the relay stands on: the clock and the disk.

use std::{
    fs::{self, Metadata},
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use rustix::{fs::statvfs, process::geteuid};
use trunkline_core::port::{Step, Trouble};

use crate::print;

/// A clock before this is wrong: it is older than the program (2026-01-01).
const PROGRAM_SECS: i64 = 1_767_225_600;
/// Below this much free space the relay will soon stop taking messages.
const SCARCE_BYTES: u64 = 1 << 30;
/// Below this much it is about to.
const NONE_BYTES: u64 = 64 << 20;

/// The time, and whether something keeps it.
pub(super) fn clock() -> Vec<Step> {
    let now = jiff::Timestamp::now();
    let shown = format!("{} UTC", now.strftime("%F %T"));
    if now.as_second() < PROGRAM_SECS {
        return vec![Step::bad(
            "time",
            Trouble {
                expected: "a time after this program was made".into(),
                seen: shown,
                likely: "the computer has lost its time and nothing sets it".into(),
                attempt: "timedatectl set-ntp true".into(),
            },
        )];
    }
    vec![Step::good("time", shown), kept()]
}

/// Certificates and the times of messages are only as good as the clock.
fn kept() -> Step {
    let asked = Command::new("timedatectl")
        .args(["show", "--property=NTPSynchronized", "--value"])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    match asked.ok().map(|answer| String::from_utf8_lossy(&answer.stdout).trim().to_owned()).as_deref() {
        Some("yes") => Step::good("kept", "NTP keeps it"),
        Some("no") => Step::doubtful("kept", "nothing keeps it in step", "timedatectl set-ntp true"),
        _ => Step::not_tried("kept", "timedatectl, which knows whether NTP keeps it, gives no answer"),
    }
}

/// Space for the data folder, and who may look into it.
pub(super) fn disk(data_dir: &Path) -> Vec<Step> {
    let mut steps = vec![space(data_dir)];
    match fs::metadata(data_dir) {
        Ok(folder) => steps.push(private(data_dir, &folder)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let why = format!("{} is not there yet; `trunkline serve` makes it", data_dir.display());
            steps.push(Step::not_tried("folder", why));
        }
        Err(error) => steps.push(Step::bad("folder", unreadable(data_dir, &error.to_string()))),
    }
    steps
}

fn unreadable(data_dir: &Path, seen: &str) -> Trouble {
    Trouble {
        expected: format!("the data folder {}, which this user may read", data_dir.display()),
        seen: seen.into(),
        likely: "the command runs as another user than the server".into(),
        attempt: "run it as the server's user, for example: sudo -u trunkline trunkline doctor".into(),
    }
}

/// Of the file system that holds the folder, or will hold it.
fn space(data_dir: &Path) -> Step {
    let Some(there) = existing(data_dir) else {
        return Step::not_tried("space", format!("nothing of the path {} exists", data_dir.display()));
    };
    let system = match statvfs(&there) {
        Ok(system) => system,
        Err(error) => return Step::not_tried("space", format!("{}: {error}", there.display())),
    };
    let free = system.f_bavail.saturating_mul(system.f_frsize);
    let whole = system.f_blocks.saturating_mul(system.f_frsize);
    let seen = format!("{} free of {} at {}", print::size(free), print::size(whole), there.display());
    // Some file systems count no inodes at all.
    let inodes = system.f_files == 0 || system.f_favail > 1_000;
    if free < NONE_BYTES || !inodes {
        let seen =
            if inodes { seen } else { format!("{} inodes free at {}", system.f_favail, there.display()) };
        return Step::bad(
            "space",
            Trouble {
                expected: format!("at least {} free", print::size(SCARCE_BYTES)),
                seen,
                likely: "logs, backups or messages have filled the disk".into(),
                attempt: format!("df -h {0}; df -i {0}; du -xh {0} | sort -h | tail", there.display()),
            },
        );
    }
    if free < SCARCE_BYTES {
        return Step::doubtful("space", seen, "make room, or lower MESSAGE_RETENTION_DAYS");
    }
    Step::good("space", seen)
}

fn existing(path: &Path) -> Option<PathBuf> {
    let whole = std::path::absolute(path).ok()?;
    whole.ancestors().find(|part| part.exists()).map(Path::to_owned)
}

fn private(data_dir: &Path, folder: &Metadata) -> Step {
    let (mode, owner) = (folder.permissions().mode() & 0o777, folder.uid());
    let (name, me) = (data_dir.display(), geteuid().as_raw());
    if owner != me && me != 0 {
        return Step::bad(
            "folder",
            unreadable(data_dir, &format!("it belongs to uid {owner}, this is uid {me}")),
        );
    }
    if mode & 0o077 != 0 {
        let seen = format!("others may look into {name}: its mode is {mode:03o}");
        return Step::doubtful("folder", seen, format!("chmod 700 {name}"));
    }
    Step::good("folder", format!("{name}, closed to others"))
}
