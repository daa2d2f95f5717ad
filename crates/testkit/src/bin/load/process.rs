use std::time::Duration;

use anyhow::{Context, Result};
use rustix::process::{Resource, getrlimit, setrlimit};

/// Resident memory of a process, in bytes.
pub(crate) fn resident(pid: u32) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    let kilobytes: u64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kilobytes * 1024)
}

/// Processor time that a process has used, user and system.
pub(crate) fn processor(pid: u32) -> Result<Duration> {
    Ok(Stat::read(pid)?.own)
}

/// The same of a process and all that it has started, ended ones too.
pub(crate) fn family(pid: u32) -> Result<Duration> {
    let mut used = Duration::ZERO;
    for entry in std::fs::read_dir("/proc")?.flatten() {
        let Some(other) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        // A process may end while we look.
        let Ok(stat) = Stat::read(other) else { continue };
        if other == pid {
            used += stat.own + stat.ended_children;
        } else if stat.parent == pid {
            used += stat.own;
        }
    }
    Ok(used)
}

/// Lets this process, and those that it starts, have as many sockets as an administrator allows.
pub(crate) fn allow_many_files() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // Without it, what needs many sockets fails and says so.
    let _ = setrlimit(Resource::Nofile, limit);
}

struct Stat {
    parent: u32,
    own: Duration,
    ended_children: Duration,
}

impl Stat {
    fn read(pid: u32) -> Result<Self> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
        let after = stat.rsplit_once(')').context("no name in stat")?.1;
        let fields: Vec<&str> = after.split_whitespace().collect();
        let field = |at: usize| -> Result<u64> { Ok(fields.get(at).context("stat is short")?.parse()?) };
        // Linux counts in 1/100 s for user space, whatever the kernel's own tick.
        let ticks = |one: usize, other: usize| -> Result<Duration> {
            Ok(Duration::from_millis((field(one)? + field(other)?) * 10))
        };
        Ok(Self { parent: u32::try_from(field(1)?)?, own: ticks(11, 12)?, ended_children: ticks(13, 14)? })
    }
}
