//! What the operating system knows of this process, and which program it is, for `/metrics`.

use std::{
    fmt, fs,
    time::{SystemTime, UNIX_EPOCH},
};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{counter::ConstCounter, gauge::ConstGauge},
    registry::Registry,
};
use rustix::{
    process::{Resource, getrlimit},
    time::{ClockId, clock_gettime},
};

/// Shows the process, from now on.
pub(crate) fn register(registry: &mut Registry) {
    let began = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    registry.register_collector(Box::new(Process { began }));
}

#[derive(Debug)]
struct Process {
    began: f64,
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        encode_build(&mut encoder)?;
        let cpu = clock_gettime(ClockId::ProcessCPUTime);
        #[allow(clippy::cast_precision_loss, reason = "metrics are doubles")]
        let cpu = ConstCounter::new(cpu.tv_sec as f64 + cpu.tv_nsec as f64 / 1e9);
        let help = "CPU time that the process has used, on all cores together";
        cpu.encode(encoder.encode_descriptor("process_cpu_seconds", help, None, cpu.metric_type())?)?;
        let mut gauge = |name: &str, help: &str, value: Option<f64>| {
            let Some(value) = value else { return Ok(()) };
            let gauge = ConstGauge::new(value);
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)
        };
        gauge(
            "process_start_time_seconds",
            "When the process began, in seconds since 1970",
            Some(self.began),
        )?;
        gauge(
            "process_resident_memory_bytes",
            "Memory of the process that is in RAM",
            status("VmRSS:", 1_024.0),
        )?;
        gauge("process_threads", "Threads of the process", status("Threads:", 1.0))?;
        gauge("process_open_fds", "Open files and sockets", open_files())?;
        gauge("process_max_fds", "How many may be open: LimitNOFILE of the unit, `ulimit -n`", most_files())
    }
}

fn encode_build(encoder: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
    let build = ConstGauge::new(1_i64);
    let help = "Which program this is; always 1";
    let mut family = encoder.encode_descriptor("trunkline_build_info", help, None, build.metric_type())?;
    let labels = [("version", env!("CARGO_PKG_VERSION"))];
    build.encode(family.encode_family(&labels)?)
}

/// A number of `/proc/self/status`, times its unit.
fn status(name: &str, unit: f64) -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let number: f64 = line.split_whitespace().next()?.parse().ok()?;
    Some(number * unit)
}

/// Without the one that reads the folder.
fn open_files() -> Option<f64> {
    let files = fs::read_dir("/proc/self/fd").ok()?.count().saturating_sub(1);
    u32::try_from(files).ok().map(f64::from)
}

#[allow(clippy::cast_precision_loss, reason = "metrics are doubles")]
fn most_files() -> Option<f64> {
    getrlimit(Resource::Nofile).current.map(|most| most as f64)
}
