//! The store through its public face, on real files.

#![expect(clippy::unwrap_used, reason = "a test ends at its first surprise")]

mod account;
mod activation;
mod batch;
mod durability;
mod fixture;
mod invitation;
mod message;
mod naive;
mod purge;
mod receipt;
mod rotation;
mod secret;
mod session;
