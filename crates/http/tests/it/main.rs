//! The doors over real sockets.

mod activation;
mod admin;
mod drain;
mod relay;
mod silence;
mod socket;
mod support;
mod tls;
mod upgrade;
