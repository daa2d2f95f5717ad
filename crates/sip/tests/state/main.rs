//! Transactions, dialogs, subscriptions and registrations over simulated time.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod dialog;
mod invite;
mod sample;
mod transaction;
