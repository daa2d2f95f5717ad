//! The Connect API of the real program over real sockets, held against its contract point by point.

#![allow(clippy::unwrap_used, clippy::panic)]

mod device;
mod frame;
mod house;

mod batch;
mod conversation;
mod envelope;
mod limit;
mod malformed;
