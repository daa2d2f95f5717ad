//! The real program, as an administrator and a shell script use it.

#![allow(clippy::unwrap_used)]

mod account;
mod activation;
mod archive;
mod certificate;
mod chat;
mod check_config;
mod damage;
mod demo;
mod device;
mod doctor;
mod import;
mod key;
mod phone;
mod program;
mod reload;
mod server;
