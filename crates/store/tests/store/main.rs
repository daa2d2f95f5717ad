//! The store through its public face, on real files.

//mod account;
//mod activation;
mod batch;
//mod durability;
mod fixture;
mod invitation;
mod message;
//mod naive;
//mod purge;
mod receipt;
//mod secret;
//mod session;
