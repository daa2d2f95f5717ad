//! What the core counts for `/metrics`.

use std::{fmt, sync::Weak};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric},
    metrics::{
        counter::{ConstCounter, Counter},
        family::Family,
        gauge::ConstGauge,
    },
    registry::Registry,
};
use trunkline_wire::ErrorCode;

use crate::{port::Outcome, relay::Inner};

/// Counters that the core raises as it works.
#[derive(Debug, Clone, Default)]
pub(crate) struct Metrics {
    /// Messages that phones sent, resends aside.
    pub(crate) sent: Counter,
    /// Messages taken from IM systems.
    pub(crate) received: Counter,
    /// Messages dropped because the recipient blocks the sender.
    pub(crate) blocked: Counter,
    /// Messages that an IM system returned after it had confirmed them.
    pub(crate) failed: Counter,
    /// Sockets given up because the phone took too little.
    pub(crate) lagging: Counter,
    outcomes: Family<OutcomeLabels, Counter>,
    errors: Family<ErrorLabels, Counter>,
    activations: Family<ActivationLabels, Counter>,
    refusals: Family<RefusalLabels, Counter>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ErrorLabels {
    code: i64,
    name: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RefusalLabels {
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ActivationLabels {
    result: &'static str,
}

impl Metrics {
    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register(
            "trunkline_messages_sent",
            "Messages that phones sent, resends aside",
            self.sent.clone(),
        );
        registry.register(
            "trunkline_messages_received",
            "Messages taken from IM systems",
            self.received.clone(),
        );
        registry.register(
            "trunkline_messages_blocked",
            "Messages dropped for a blocked sender",
            self.blocked.clone(),
        );
        registry.register(
            "trunkline_messages_returned",
            "Messages returned after being confirmed",
            self.failed.clone(),
        );
        registry.register(
            "trunkline_sockets_lagging",
            "Sockets closed because their phones took too little of what waited (4010)",
            self.lagging.clone(),
        );
        registry.register(
            "trunkline_line_outcomes",
            "What IM systems said of messages",
            self.outcomes.clone(),
        );
        registry.register(
            "trunkline_request_errors",
            "Requests that ended in an error, by code",
            self.errors.clone(),
        );
        registry.register("trunkline_activations", "Attempts to activate a device", self.activations.clone());
        registry.register(
            "trunkline_refusals",
            "Strangers who were refused, by reason; the audit log tells of each, rate-limited",
            self.refusals.clone(),
        );
    }

    pub(crate) fn outcome(&self, outcome: &Outcome) {
        let outcome = match outcome {
            Outcome::Confirmed => "confirmed",
            Outcome::NotSent => "not_sent",
            Outcome::Refused { .. } => "refused",
            Outcome::Unknown => "unknown",
        };
        self.outcomes.get_or_create(&OutcomeLabels { outcome }).inc();
    }

    pub(crate) fn error(&self, code: ErrorCode) {
        self.errors.get_or_create(&ErrorLabels { code: code.number(), name: code.name() }).inc();
    }

    pub(crate) fn refused(&self, reason: &'static str) {
        self.refusals.get_or_create(&RefusalLabels { reason }).inc();
    }

    pub(crate) fn activation(&self, result: &'static str) {
        self.activations.get_or_create(&ActivationLabels { result }).inc();
    }
}

/// Reads at each scrape what is not counted but simply so: sessions, sockets, lines, the store's queue.
pub(crate) struct Present {
    pub(crate) relay: Weak<Inner>,
}

impl fmt::Debug for Present {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Present")
    }
}

impl Collector for Present {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let Some(relay) = self.relay.upgrade() else { return Ok(()) };
        let mut gauge = |name: &str, help: &str, value: i64| {
            let gauge = ConstGauge::new(value);
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)
        };
        gauge("trunkline_sessions", "Live sessions", count(relay.hub.all().len()))?;
        let lagging = relay.hub.all().iter().filter(|session| session.is_lagging()).count();
        gauge("trunkline_sessions_lagging", "Sessions whose phones are behind after a 4010", count(lagging))?;
        gauge("trunkline_sockets", "Phones with an open socket", count(relay.sockets()))?;
        gauge("trunkline_polls", "Phones whose poll is held", count(relay.polls()))?;
        let store = relay.store.metrics();
        gauge("trunkline_store_queue", "Commands that wait for the store's writer", count(store.queue_len))?;
        gauge("trunkline_store_last_batch", "Commands in the last commit", count(store.last_batch))?;
        let mut counter = |name: &str, help: &str, value: u64| {
            let counter = ConstCounter::new(value);
            counter.encode(encoder.encode_descriptor(name, help, None, counter.metric_type())?)
        };
        counter("trunkline_store_commits", "Commits", store.commits)?;
        counter("trunkline_store_commands", "Commands committed", store.commands)?;
        counter("trunkline_store_commit_micros", "Time spent in commits", store.commit_micros_total)?;
        encode_lines(&relay, &mut encoder)
    }
}

fn encode_lines(relay: &Inner, encoder: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
    let gauge = ConstGauge::new(0_i64);
    let mut family = encoder.encode_descriptor(
        "trunkline_lines",
        "Lines by backend and state",
        None,
        gauge.metric_type(),
    )?;
    for health in relay.lines.health() {
        let domain = health.domain.as_deref().unwrap_or("");
        for (state, lines) in
            [("connected", health.connected), ("connecting", health.connecting), ("refused", health.refused)]
        {
            let labels = [("backend", health.kind), ("domain", domain), ("state", state)];
            ConstGauge::new(count(lines)).encode(family.encode_family(&labels)?)?;
        }
    }
    Ok(())
}

fn count(number: impl TryInto<i64>) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}
