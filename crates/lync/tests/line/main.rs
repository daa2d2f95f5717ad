//! Accounts on a pool: a Front End of the testkit's, and lines to it.

#![allow(clippy::unwrap_used, clippy::panic)]

mod stage;

mod crowd;
mod examine;
mod invitation;
mod message;
mod people;
mod sign_in;
