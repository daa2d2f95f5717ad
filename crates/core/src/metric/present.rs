use std::{fmt, sync::Weak};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{MetricType, gauge::ConstGauge},
};
use trunkline_model::{MessageState, Timestamp};
use trunkline_store::Measure;

use super::labels;
use crate::{port::Backend, relay::Inner};

/// Reads at each scrape what is not counted but simply so: sessions, sockets, lines, queues, the database.
pub(crate) struct Present {
    pub(crate) relay: Weak<Inner>,
}

impl fmt::Debug for Present {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Present")
    }
}

/// Rows of a gauge: labels and value.
type Rows = Vec<(Vec<(&'static str, String)>, f64)>;

impl Collector for Present {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let Some(relay) = self.relay.upgrade() else { return Ok(()) };
        let mut gauge = |name: &str, help: &str, rows: Rows| {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            if let [(labels, value)] = rows.as_slice()
                && labels.is_empty()
            {
                return ConstGauge::new(*value).encode(family);
            }
            for (labels, value) in rows {
                ConstGauge::new(value).encode(family.encode_family(&labels.as_slice())?)?;
            }
            Ok(())
        };
        sessions(&relay, &mut gauge)?;
        gauge(
            "trunkline_lines",
            "Accounts' sign-ins on their IM systems, by backend and state",
            lines(&relay),
        )?;
        outbox(&relay, &mut gauge)?;
        database(&relay, &mut gauge)
    }
}

fn one(value: impl TryInto<u64>) -> Rows {
    vec![(Vec::new(), float(value))]
}

#[allow(clippy::cast_precision_loss, reason = "metrics are doubles")]
fn float(value: impl TryInto<u64>) -> f64 {
    value.try_into().unwrap_or(u64::MAX) as f64
}

type Gauge<'g> = dyn FnMut(&str, &str, Rows) -> Result<(), fmt::Error> + 'g;

fn sessions(relay: &Inner, gauge: &mut Gauge<'_>) -> Result<(), fmt::Error> {
    let sessions = relay.hub.all();
    let (mut lagging, mut bytes, mut most) = (0_usize, 0_usize, 0_usize);
    for session in &sessions {
        let waiting = session.state().outbound.waiting_bytes();
        (bytes, most) = (bytes + waiting, most.max(waiting));
        lagging += usize::from(session.is_lagging());
    }
    gauge("trunkline_sessions", "Live sessions, with a socket or without", one(sessions.len()))?;
    gauge("trunkline_sessions_lagging", "Sessions whose phones are behind after a 4010", one(lagging))?;
    gauge("trunkline_sockets", "Phones' open sockets", one(relay.sockets()))?;
    gauge("trunkline_polls", "Polls that are held, of phones that have no socket", one(relay.polls()))?;
    gauge(
        "trunkline_sessions_waiting_bytes",
        "Bytes that wait in memory for all phones together",
        one(bytes),
    )?;
    gauge("trunkline_sessions_waiting_bytes_max", "The same of the phone for which most waits", one(most))
}

fn lines(relay: &Inner) -> Rows {
    let mut rows = Rows::new();
    for health in relay.lines.health() {
        let domain = health.domain.unwrap_or_default();
        for (state, lines) in
            [("connected", health.connected), ("connecting", health.connecting), ("refused", health.refused)]
        {
            let labels = vec![
                ("backend", health.kind.to_owned()),
                ("domain", domain.clone()),
                ("state", state.to_owned()),
            ];
            rows.push((labels, float(lines)));
        }
    }
    rows
}

/// The outbox of each backend, as the last measuring found it.
fn outbox(relay: &Inner, gauge: &mut Gauge<'_>) -> Result<(), fmt::Error> {
    let (mut counts, mut ages) = (Rows::new(), Rows::new());
    if let Some(measure) = relay.measured() {
        let now = Timestamp::now();
        for backend in relay.lines.backends() {
            let serves = |domain: &str| relay.lines.serves(backend.as_ref(), domain);
            let (state_rows, age) = of_backend(backend.as_ref(), &measure, serves, now);
            counts.extend(state_rows);
            ages.push((named(backend.as_ref()), age));
        }
    }
    let waits = "Messages that wait for an IM system: stored and not yet handed over, or submitted and without a word";
    gauge("trunkline_outbox_messages", waits, counts)?;
    let age = "Age of the oldest of them; 0 when there is none";
    gauge("trunkline_outbox_oldest_seconds", age, ages)
}

fn of_backend(
    backend: &dyn Backend,
    measure: &Measure,
    serves: impl Fn(&str) -> bool,
    now: Timestamp,
) -> (Rows, f64) {
    let mine: Vec<_> = measure.outbox.iter().filter(|count| serves(&count.domain)).collect();
    let states = [(MessageState::Stored, "stored"), (MessageState::Submitted, "submitted")];
    let rows = states.map(|(state, name)| {
        let messages: u64 =
            mine.iter().filter(|count| count.state == state).map(|count| count.messages).sum();
        let mut labels = named(backend);
        labels.push(("state", name.to_owned()));
        (labels, float(messages))
    });
    let oldest = mine.iter().map(|count| count.oldest).min();
    (rows.into(), oldest.map_or(0.0, |oldest| now.since(oldest).as_secs_f64()))
}

fn named(backend: &dyn Backend) -> Vec<(&'static str, String)> {
    labels(backend).into_iter().map(|(name, value)| (name, value.into_owned())).collect()
}

fn database(relay: &Inner, gauge: &mut Gauge<'_>) -> Result<(), fmt::Error> {
    let measure = relay.measured();
    let queue = "Commands that wait for the store's writer; 1024 at most, then whoever comes waits";
    gauge("trunkline_store_queue_commands", queue, one(relay.store.metrics().queue_len))?;
    let up = "1 when the database could be read at this scrape, else 0";
    gauge("trunkline_database_up", up, one(u64::from(measure.is_some())))?;
    let engine = |value: u64| {
        let engine = measure.as_ref().map_or("", |measure| measure.engine).to_owned();
        vec![(vec![("engine", engine)], float(value))]
    };
    let bytes = measure.as_ref().map_or_else(Rows::new, |measure| engine(measure.bytes));
    gauge("trunkline_database_bytes", "What the database takes on disk; of SQLite with its WAL", bytes)?;
    let free = measure.as_ref().and_then(|measure| measure.free).map_or_else(Rows::new, engine);
    gauge("trunkline_database_free_bytes", "Room left on the disk of an SQLite database", free)
}
