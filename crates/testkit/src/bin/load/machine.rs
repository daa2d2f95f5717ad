use anyhow::Result;
use serde_json::{Value, json};

/// Where and with what it was measured: figures of different machines are not to be compared.
pub(crate) fn describe(program: &str, quick: bool) -> Result<Value> {
    let version = std::process::Command::new(program).arg("--version").output()?;
    Ok(json!({
        "processor": line("/proc/cpuinfo", "model name").unwrap_or_default(),
        "cores": std::thread::available_parallelism()?.get(),
        "memory": line("/proc/meminfo", "MemTotal").unwrap_or_default(),
        "kernel": std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim(),
        "program": String::from_utf8_lossy(&version.stdout).trim(),
        "quick": quick,
    }))
}

fn line(file: &str, name: &str) -> Option<String> {
    let text = std::fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}
