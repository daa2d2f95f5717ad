//! The doors over real sockets.

mod activation;
mod admin;
mod drain;
mod flood;
mod late;
mod relay;
mod silence;
mod smuggle;
mod socket;
mod support;
mod tls;
mod upgrade;
