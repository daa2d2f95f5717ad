//! The store's tests on PostgreSQL, and those of its server.

use crate::fixture::{House, Place};

#[path = "account.rs"]
mod account;
#[path = "activation.rs"]
mod activation;
#[path = "archive.rs"]
mod archive;
#[path = "batch.rs"]
mod batch;
#[path = "durability.rs"]
mod durability;
#[path = "invitation.rs"]
mod invitation;
#[path = "limit.rs"]
mod limit;
#[path = "message.rs"]
mod message;
#[path = "naive.rs"]
mod naive;
#[path = "outage.rs"]
mod outage;
#[path = "plan.rs"]
mod plan;
#[path = "purge.rs"]
mod purge;
#[path = "receipt.rs"]
mod receipt;
#[path = "rotation.rs"]
mod rotation;
#[path = "secret.rs"]
mod secret;
#[path = "session.rs"]
mod session;

/// Random histories. A database for each takes its time.
const CASES: u32 = 10;

async fn house() -> House {
    House::at(Place::server().await).await
}
