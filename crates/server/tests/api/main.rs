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
mod conversation;
mod directory;
mod envelope;
mod form;
mod limit;
mod line;
mod mailbox;
mod malformed;
mod message;
mod oddity;
mod presence;
mod privacy;
mod replay;
mod roster;
mod session;
mod several;
mod story;
mod upgrade;
