//! A real client at the Front End that stands in for Lync: what holds here holds for a relay in between.

mod application;
mod chat;
mod contact;
mod fault;
mod presence;
mod sign_in;
mod transcript;
mod tshark;
