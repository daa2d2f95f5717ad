use std::sync::{Arc, PoisonError, RwLock};

use super::{Tls, TlsError, TlsSettings};

/// TLS for every handshake that begins; a reload replaces it, and connections that live keep what they shook hands with.
#[derive(Debug)]
pub struct LiveTls {
    current: RwLock<Arc<Tls>>,
}

impl LiveTls {
    /// Reads the files.
    pub fn load(settings: TlsSettings) -> Result<Arc<Self>, TlsError> {
        Ok(Arc::new(Self { current: RwLock::new(Arc::new(Tls::load(settings)?)) }))
    }

    /// What holds now.
    pub fn current(&self) -> Arc<Tls> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes over what was read: apart from reading, so that several things can be reloaded all or none. True when the certificates are others than before.
    pub fn set(&self, tls: Tls) -> bool {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        let other = current.digest.as_ref() != tls.digest.as_ref();
        *current = Arc::new(tls);
        other
    }

    /// Reads the same files again and takes them over; after a fault the old ones hold on.
    pub fn reload(&self) -> Result<bool, TlsError> {
        Ok(self.set(Tls::load(self.current().settings.clone())?))
    }
}
