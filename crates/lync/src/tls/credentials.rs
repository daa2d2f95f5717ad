use std::time::{Duration, SystemTime};

use rustls::pki_types::{CertificateDer, ServerName};
use trunkline_tls::{Shown, Stream};

use super::{Names, name::holds};

/// What a peer has shown, kept so that it can be judged anew when other names or authorities hold.
#[derive(Debug)]
pub(crate) struct Credentials {
    chain: Vec<CertificateDer<'static>>,
    /// None for one that connected.
    dialled: Option<ServerName<'static>>,
}

impl Credentials {
    pub(crate) fn of<Io>(stream: &Stream<Io>, dialled: Option<ServerName<'static>>) -> Self {
        Self { chain: stream.peer_chain(), dialled }
    }

    pub(super) fn shown(&self) -> Option<Shown<'_>> {
        let (end_entity, intermediates) = self.chain.split_first()?;
        Some(Shown { end_entity, intermediates })
    }

    pub(super) fn dialled(&self) -> Option<&ServerName<'static>> {
        self.dialled.as_ref()
    }

    /// The names of its certificate.
    pub(crate) fn names(&self) -> Names {
        self.chain.first().and_then(|own| Names::of(own).ok()).unwrap_or_default()
    }

    /// The first moment at which its certificate does not hold any more.
    pub(crate) fn end(&self) -> Option<SystemTime> {
        let last = *holds(self.chain.first()?)?.end();
        SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(u64::try_from(last).ok()?.saturating_add(1)))
    }
}
