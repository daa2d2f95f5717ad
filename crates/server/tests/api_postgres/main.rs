//! The core of the Connect API's points once more, with the relay's data on PostgreSQL.

#![allow(clippy::unwrap_used, clippy::panic)]
#![allow(dead_code, reason = "the house is built for all of the API's tests, of which these are some")]

use std::sync::Arc;

use trunkline_testkit::peer::Postgres;

#[path = "../api/channel.rs"]
mod channel;
#[path = "../api/contract.rs"]
mod contract;
#[path = "../api/device.rs"]
mod device;
#[path = "../api/frame.rs"]
mod frame;
#[path = "../api/house.rs"]
mod house;
#[path = "../api/plain.rs"]
mod plain;

#[path = "../api/conversation.rs"]
mod conversation;
#[path = "../api/directory.rs"]
mod directory;
#[path = "../api/mailbox.rs"]
mod mailbox;
#[path = "../api/message.rs"]
mod message;
#[path = "../api/replay.rs"]
mod replay;
#[path = "../api/roster.rs"]
mod roster;
#[path = "../api/several.rs"]
mod several;

/// A database of its own for each relay.
async fn database() -> Option<(Arc<Postgres>, String)> {
    let server = Postgres::shared().await.unwrap();
    let url = server.database().await.unwrap();
    Some((server, url))
}
