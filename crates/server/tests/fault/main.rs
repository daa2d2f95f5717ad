//! The real program under faults, over real sockets: power cuts, dying connections, repeats, slow and hostile phones.
//!
//! Whatever chance decides comes from a seed that is printed; `TRUNKLINE_FAULT_SEED` sets another one.

#![allow(clippy::unwrap_used)]

mod chance;
mod complaint;
mod crowd;
mod cut;
mod diary;
mod expiry;
mod handset;
mod history;
mod house;
mod load_clock;
mod load_crowd;
mod load_database;
mod load_disk;
mod load_random;
mod load_slow;
mod load_soak;
mod load_traffic;
mod poison;
mod proxy;
mod reckoning;
mod repeat;
mod restore;
mod shutdown;
