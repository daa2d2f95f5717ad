//! The store through its public face, on real files and a real server: every test on both.

#![expect(clippy::unwrap_used, reason = "a test ends at its first surprise")]
#![expect(clippy::duplicate_mod, reason = "the same tests run on either engine")]

mod encrypted;
mod fixture;
mod outage_proxy;
mod postgres;
mod sqlite;
