//! The line to any XMPP server, Cisco Unified CM IM and Presence among them: the ports `Backend` and `Line` on
//! tokio-xmpp's raw stream.
//!
//! Each account has one client-to-server connection, driven by one task that owns the stream whole:
//!
//! ```text
//! Line handle ─ commands ─▶ worker ─ select ─┬─ link   (stanzas in and out, backpressure)
//!                                            ├─ inbox  (events on their way into the core, in order)
//!                                            └─ ledger (XEP-0198: what the server has of ours, what we took of its)
//! ```
//!
//! The server gets its acknowledgement of a message only after [`Inlet::receive`] has returned, that is after the
//! commit; a message of ours counts as confirmed only when the server has acknowledged it.
//!
//! [`Inlet::receive`]: trunkline_core::port::Inlet::receive

mod address;
mod backend;
mod book;
mod connect;
mod examine;
mod fault;
mod guard;
mod inbox;
mod iq;
mod ledger;
mod line;
mod link;
mod login;
mod message;
mod negotiate;
mod pace;
mod presence;
mod recent;
mod settings;
mod text;
mod tls;
mod worker;

pub use backend::XmppBackend;
pub use settings::{Tls, XmppError, XmppSettings};

// At trace level the XML library prints whole stanzas, passwords included: such a build must not exist.
const _: () = assert!(log::STATIC_MAX_LEVEL as usize <= log::LevelFilter::Debug as usize);
