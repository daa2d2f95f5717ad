//! The heart of Trunkline: sessions, router, hub, the local backend, and every port.

pub mod port;
