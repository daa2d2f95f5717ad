//! Trunkline's doors: listeners, the Connect API over WebSocket, activation, health and metrics.
//!
//! Everything here ends at `core`: a socket task carries frames between a phone and its
//! [`Connection`](trunkline_core::Connection) and knows nothing of sessions.

mod admin;
mod caller;
mod limit;
mod listener;
mod metric;
mod pending;
mod phone;
mod problem;
mod server;
mod settings;
mod socket;
mod tls;

pub use admin::Health;
pub use server::{Addresses, BindError, Change, Control, Server, Stop};
pub use settings::HttpSettings;
pub use tls::{Certificate, TlsError};
