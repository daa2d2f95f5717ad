//! Whole stories: phones, the real program, a real Prosody, and a colleague on slixmpp.

#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "../fault/chance.rs"]
mod chance;
mod handset;
mod house;
mod socket;

mod broken;
mod device;
mod directory;
mod doctor;
mod domain;
mod ledger;
mod lync;
mod outage;
mod people;
mod schema;
mod shipped;
mod sign_in;
mod talk;
mod trial;
