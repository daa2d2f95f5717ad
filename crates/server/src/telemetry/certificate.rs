//! When the certificates end that backends show to their peers, for `/metrics`.

use std::{fmt, sync::Arc};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{MetricType, gauge::ConstGauge},
    registry::Registry,
};
use trunkline_lync::LyncBackend;

/// Shows those of these pools, from now on.
pub(crate) fn register(registry: &mut Registry, pools: Vec<Arc<LyncBackend>>) {
    registry.register_collector(Box::new(Ends(pools)));
}

struct Ends(Vec<Arc<LyncBackend>>);

impl fmt::Debug for Ends {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|pool| pool.domain_name())).finish()
    }
}

impl Collector for Ends {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let name = "trunkline_backend_certificate_not_after_seconds";
        let help = "When the certificate ends that a Lync backend shows, in seconds since 1970";
        let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for pool in &self.0 {
            let labels = [("domain", pool.domain_name())];
            let gauge = ConstGauge::new(*pool.tls().current().holds().end());
            gauge.encode(family.encode_family(&labels.as_slice())?)?;
        }
        Ok(())
    }
}
