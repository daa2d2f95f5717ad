//! The Connect API of the real program over real sockets, held against its contract point by point.

#![allow(clippy::unwrap_used, clippy::panic)]

mod channel;
mod contract;
mod device;
mod frame;
mod house;
mod plain;

mod access;
mod activation;
mod batch;
mod broken;
mod conversation;
mod curl;
mod directory;
mod envelope;
mod fallback;
mod foreign;
mod form;
mod letters;
mod limit;
mod line;
mod mailbox;
mod malformed;
mod message;
mod metric;
mod oddity;
mod poll;
mod presence;
mod privacy;
mod replay;
mod roster;
mod session;
mod several;
mod story;
mod stranger;
mod switch;
mod upgrade;

/// Relays keep their data in files.
async fn database() -> Option<(std::sync::Arc<trunkline_testkit::peer::Postgres>, String)> {
    None
}
