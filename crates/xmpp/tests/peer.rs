//! The line against a real Prosody, with a colleague on slixmpp at the other end.

#![allow(clippy::unwrap_used, reason = "a helper of a test may fail like a test")]

#[path = "peer/fault.rs"]
mod fault;
#[path = "peer/house.rs"]
mod house;
#[path = "peer/login.rs"]
mod login;
#[path = "peer/message.rs"]
mod message;
#[path = "peer/roster.rs"]
mod roster;
