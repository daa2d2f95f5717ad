use std::{fmt, sync::Arc};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::gauge::{ConstGauge, Gauge},
    registry::Registry,
};
use trunkline_core::Counts;

use crate::tls::LiveTls;

/// What the doors count; cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Metrics {
    pub(crate) sockets: Gauge,
    pub(crate) connections: Gauge,
    requests: Counts<2>,
    failures: Counts<1>,
    closes: Counts<1>,
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
        self.requests.get_or_create(&[("route", route.into()), ("status", status.to_string().into())]).inc();
    }

    /// `reason` is one of a few fixed words.
    pub(crate) fn handshake_failed(&self, reason: &'static str) {
        self.failures.get_or_create(&[("reason", reason.into())]).inc();
    }

    /// Phones choose the code of their own close, so only known ones become a label.
    pub(crate) fn socket_closed(&self, code: u16) {
        let known = matches!(code, 1000..=1015 | 4001 | 4010 | 4401 | 4403);
        let code = if known { code } else { 0 };
        self.closes.get_or_create(&[("code", code.to_string().into())]).inc();
    }
}

/// When the certificate in force ends.
#[derive(Debug)]
pub(crate) struct Expiry(pub(crate) Arc<LiveTls>);

impl Collector for Expiry {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let gauge = ConstGauge::new(self.0.certificate().not_after);
        let help =
            "When the certificate that phones meet ends, in seconds since 1970; absent without a TLS port";
        let name = "trunkline_certificate_not_after_seconds";
        gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)
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
