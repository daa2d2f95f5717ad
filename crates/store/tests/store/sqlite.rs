//! The store's tests on SQLite, and those of its file.

use crate::fixture::{House, Place};

#[path = "account.rs"]
mod account;
#[path = "activation.rs"]
mod activation;
#[path = "archive.rs"]
mod archive;
#[path = "batch.rs"]
mod batch;
#[path = "damage.rs"]
mod damage;
#[path = "durability.rs"]
mod durability;
#[path = "file.rs"]
mod file;
#[path = "invitation.rs"]
mod invitation;
#[path = "limit.rs"]
mod limit;
#[path = "message.rs"]
mod message;
#[path = "naive.rs"]
mod naive;
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

/// Random histories.
const CASES: u32 = 64;

async fn house() -> House {
    House::at(Place::folder()).await
}
