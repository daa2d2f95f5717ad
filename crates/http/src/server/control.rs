use std::sync::Arc;

use super::bind::{BindError, admin_speaks_tls};
use crate::{
    admin::{Health, Vitals},
    settings::{HttpSettings, Live},
    tls::{self, Certificate, LiveTls, Tls},
};

/// Changes a server while it runs; cheap to clone.
#[derive(Clone)]
pub struct Control {
    pub(super) settings: Arc<Live>,
    pub(super) certificate: Option<Arc<LiveTls>>,
    pub(super) vitals: Arc<Vitals>,
}

/// Other settings and the certificate that goes with them, found good and not yet in force.
pub struct Change {
    settings: HttpSettings,
    tls: Option<Tls>,
}

impl Control {
    /// What is in force; the addresses are those that were asked for at the start.
    pub fn settings(&self) -> Arc<HttpSettings> {
        self.settings.get()
    }

    /// The certificate in force; `None` when no listener speaks TLS.
    pub fn certificate(&self) -> Option<Certificate> {
        self.certificate.as_ref().map(|certificate| certificate.certificate())
    }

    /// Whether the server takes phones; may take five seconds when the database does not answer.
    pub async fn health(&self) -> Health {
        self.vitals.health().await
    }

    /// Reads the certificate, and refuses settings with which the bound addresses would be open to strangers.
    /// Blocks on files.
    pub fn check(&self, settings: HttpSettings) -> Result<Change, BindError> {
        let bound = self.settings.get();
        let (http_bind, admin_bind) = (bound.http_bind, bound.admin_bind);
        let kept = HttpSettings { http_bind, admin_bind, data_dir: bound.data_dir.clone(), ..settings };
        admin_speaks_tls(&kept)?;
        if let Some(address) = http_bind.filter(|address| !address.ip().to_canonical().is_loopback())
            && kept.trusted_proxies.is_empty()
        {
            return Err(BindError::PlainExposed(address));
        }
        let tls = match self.certificate {
            Some(_) => Some(tls::load(kept.tls_files.as_ref(), &kept.data_dir)?),
            None => None,
        };
        Ok(Change { settings: kept, tls })
    }

    /// Puts a change in force: for requests, sockets and handshakes that begin from now on. True when the certificate is
    /// another one than before.
    pub fn apply(&self, change: Change) -> bool {
        let Change { settings, tls } = change;
        self.settings.set(settings);
        self.certificate.as_ref().zip(tls).is_some_and(|(certificate, tls)| certificate.set(tls))
    }
}
