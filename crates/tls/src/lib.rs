//! TLS with the peers of backends, whichever library speaks it.
//!
//! Who trusts whom is a backend's own affair: it is a [`JudgeServer`] or a [`JudgeClient`]. That a peer has the key of the
//! certificate that it shows is checked here in any case. A [`Connector`] and an [`Acceptor`] speak TLS 1.2 and 1.3 with
//! rustls, or, where an administrator asks for it and the feature `legacy-tls` is compiled in, TLS 1.0 and later with the
//! system's OpenSSL. Both hand out a [`Stream`], and both take the same judge's word.

mod judge;
#[cfg(feature = "legacy-tls")]
mod legacy;
mod side;
mod stream;
mod strength;

pub use self::{
    judge::{JudgeClient, JudgeServer, Shown, client_config, server_config},
    side::{Acceptor, Connector, Identity, SetupError},
    stream::Stream,
    strength::{HAS_LEGACY, Strength},
};
