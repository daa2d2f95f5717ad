use std::{
    backtrace::{Backtrace, BacktraceStatus},
    panic::{self, PanicHookInfo},
    sync::atomic::{AtomicU64, Ordering},
};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::counter::ConstCounter,
    registry::Registry,
};

static PANICS: AtomicU64 = AtomicU64::new(0);

/// From now on a panic is one line in the log, and counted. Whoever runs the task that panics sees to it that nothing
/// else ends.
pub(super) fn hook() {
    panic::set_hook(Box::new(|panic| {
        PANICS.fetch_add(1, Ordering::Relaxed);
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let words = words(panic);
        let trace = Backtrace::capture();
        let trace = (trace.status() == BacktraceStatus::Captured).then(|| trace.to_string());
        tracing::error!(place, words, trace, "the server panicked: a fault of the program; please report it");
    }));
}

/// The panic's own words only where the program's text is all of them: others may quote a message or a secret.
fn words(panic: &PanicHookInfo<'_>) -> &'static str {
    panic
        .payload()
        .downcast_ref::<&'static str>()
        .copied()
        .unwrap_or("(not shown: they may quote what came in)")
}

/// Shows how often it happened.
pub(super) fn register(registry: &mut Registry) {
    registry.register_collector(Box::new(Count));
}

#[derive(Debug)]
struct Count;

impl Collector for Count {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let count = ConstCounter::new(PANICS.load(Ordering::Relaxed));
        let help = "Panics: faults of the program, each kept to the request or socket that it came from";
        count.encode(encoder.encode_descriptor("trunkline_panics", help, None, count.metric_type())?)
    }
}
