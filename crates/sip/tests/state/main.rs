//! Transactions, dialogs, subscriptions and registrations over simulated time.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod agent;
mod dialog;
mod failure;
mod hostile;
mod interleaving;
mod invite;
mod registration;
mod sample;
mod session_timer;
mod subscription;
mod transaction;
