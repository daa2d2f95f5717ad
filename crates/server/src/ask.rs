//! The commands of an administrator, from the command line to what is printed.

mod account;
mod activation;
mod device;
mod import;
mod key;
mod reload;
mod status;

pub(crate) use account::account;
pub(crate) use activation::activation;
pub(crate) use device::device;
pub(crate) use key::key;
pub(crate) use reload::reload;
pub(crate) use status::{OUTDATED, counted, listeners, look, scheme, status};

use crate::{
    admin::{Channel, Command, Reply},
    exit::Failure,
    place::Place,
};

/// Has one command carried out, and closes the way to whoever did it.
async fn once(place: Place, command: Command) -> Result<Reply, Failure> {
    let channel = Channel::open(place).await?;
    let reply = channel.ask(command).await;
    channel.close().await;
    reply
}

/// A reply of another kind than the command asks for: the server is of another version.
fn odd() -> Failure {
    Failure::failed("the server answered something else than was asked: it is of another version")
        .advise("restart the server, so that it runs this version")
}

/// A moment as the tables show it, from RFC 3339: `2026-11-25 10:21`.
fn minute(moment: &str) -> String {
    moment.get(..16).unwrap_or(moment).replace('T', " ")
}
