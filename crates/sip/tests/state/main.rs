//! Transactions, dialogs, subscriptions and registrations over simulated time.

mod sample;
mod transaction;
