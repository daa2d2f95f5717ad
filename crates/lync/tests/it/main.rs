//! The transport over real sockets: whom it trusts, what it shares, what it bounds.

mod flood;
mod old;
mod openssl;
mod reload;
mod share;
mod stage;
mod trust;
