//! The real program as a service: stopped, reloaded, watched by systemd, behind proxies, in a package.

#![allow(clippy::unwrap_used)]

mod drain;
mod front;
mod package;
mod people;
mod poller;
mod reload;
mod systemd;
mod unit;
mod visitor;
