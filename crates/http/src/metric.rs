use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

/// What the doors count; cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Metrics {
    pub(crate) sockets: Gauge,
    pub(crate) connections: Gauge,
    requests: Family<RequestLabels, Counter>,
    failures: Family<ReasonLabels, Counter>,
    closes: Family<CodeLabels, Counter>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    route: &'static str,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabels {
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CodeLabels {
    code: u16,
}

impl Metrics {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register("trunkline_http_sockets_open", "WebSockets open now", metrics.sockets.clone());
        registry.register(
            "trunkline_http_connections_open",
            "Connections that are not, or not yet, a WebSocket",
            metrics.connections.clone(),
        );
        registry.register(
            "trunkline_http_requests",
            "Requests by route and status",
            metrics.requests.clone(),
        );
        registry.register(
            "trunkline_http_handshakes_failed",
            "Connections that ended before their first request, by reason",
            metrics.failures.clone(),
        );
        registry.register(
            "trunkline_http_socket_closes",
            "Ended WebSockets by close code; 1006 is a lost connection, 0 a code outside the known ones",
            metrics.closes.clone(),
        );
        metrics
    }

    pub(crate) fn request(&self, route: &'static str, status: u16) {
        self.requests.get_or_create(&RequestLabels { route, status }).inc();
    }

    /// `reason` is one of a few fixed words.
    pub(crate) fn handshake_failed(&self, reason: &'static str) {
        self.failures.get_or_create(&ReasonLabels { reason }).inc();
    }

    /// Phones choose the code of their own close, so only known ones become a label.
    pub(crate) fn socket_closed(&self, code: u16) {
        let known = matches!(code, 1000..=1015 | 4001 | 4010 | 4401 | 4403);
        self.closes.get_or_create(&CodeLabels { code: if known { code } else { 0 } }).inc();
    }
}

/// Counts one while it lives.
#[derive(Debug)]
pub(crate) struct Counted(Gauge);

impl Counted {
    pub(crate) fn new(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}
