//! The backend for Skype for Business and Lync, of which this is the transport: mutual TLS to a pool's Front Ends and
//! from them, on connections that all accounts share.
//!
//! [`tls`] decides whom to trust. [`Pool`] dials and keeps the connections, [`Listener`] admits those that Front Ends
//! open, and both hand what the connections bring, cut by a [`Decoder`], into one bounded queue of [`Event`]s.
//!
//! [`chat`] is what happens with a peer, and [`people`] who one's contacts are and what they and oneself show; both
//! without sockets and clocks.

pub mod address;
pub mod chat;
pub mod connection;
pub mod listener;
pub mod people;
pub mod pool;
mod quiet;
pub mod tls;

pub use connection::{Connection, Decoder, Event};
pub use listener::Listener;
pub use pool::Pool;
pub use tls::LiveTls;

/// A random number in 0..1.
fn fraction() -> f64 {
    let bits = (uuid::Uuid::new_v4().as_u128() >> 96) as u32;
    f64::from(bits) / (f64::from(u32::MAX) + 1.0)
}
