//! The backend for Skype for Business and Lync: the relay is a trusted application of the topology, and signs accounts
//! in without passwords, over mutual TLS on connections that all accounts share.
//!
//! [`LyncBackend`] is the whole. In it one task, the exchange, has the state of every account and takes each message to
//! the one that it is for. Below it is the transport:
//! [`tls`] decides whom to trust. [`Pool`] dials and keeps the connections, [`Listener`] admits those that Front Ends
//! open, and both hand what the connections bring, cut by a [`Decoder`], into one bounded queue of [`Event`]s.
//!
//! [`chat`] is what happens with a peer, and [`people`] who one's contacts are and what they and oneself show; both
//! without sockets and clocks.

mod account;
pub mod address;
mod backend;
pub mod chat;
pub mod connection;
mod examine;
mod exchange;
mod flat;
mod line;
pub mod listener;
mod pace;
pub mod people;
pub mod pool;
mod quiet;
mod search;
mod settings;
pub mod tls;

pub use backend::LyncBackend;
pub use chat::{Accept, Decline};
pub use connection::{Connection, Decoder, Event};
pub use listener::Listener;
pub use pool::Pool;
pub use settings::{LyncError, LyncSettings};
pub use tls::LiveTls;

/// A random number in 0..1.
fn fraction() -> f64 {
    let bits = (uuid::Uuid::new_v4().as_u128() >> 96) as u32;
    f64::from(bits) / (f64::from(u32::MAX) + 1.0)
}

/// A random number, but for six bits.
fn random() -> u128 {
    #[cfg(test)]
    if let Some(number) = seeded::next() {
        return number;
    }
    uuid::Uuid::new_v4().as_u128()
}

/// Random numbers that are the same in every run, so that a recorded session can be replayed.
#[cfg(test)]
mod seeded {
    use std::cell::Cell;

    thread_local! {
        static STATE: Cell<Option<u128>> = const { Cell::new(None) };
    }

    /// From here on this thread's random numbers are always the same.
    pub(crate) fn begin() {
        STATE.set(Some(0));
    }

    pub(crate) fn next() -> Option<u128> {
        let state = STATE.get()?;
        let next = state
            .wrapping_mul(0x2360_ed05_1fc6_5da4_4385_df64_9fcc_f645)
            .wrapping_add(0x5851_f42d_4c95_7f2d_1405_7b7e_f767_814f);
        STATE.set(Some(next));
        Some(next ^ next >> 61)
    }
}
