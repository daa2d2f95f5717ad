//! The commands on messages, conversations and mailboxes: what each must know, and what it changes.

mod acknowledge;
mod call;
mod expire;
mod invitation;
mod outcome;
mod read;
mod receive;
mod send;

pub(crate) use acknowledge::Acknowledge;
pub(crate) use call::{Call, EndCall};
pub(crate) use expire::Expire;
pub(crate) use invitation::{Accept, Decline, End, Start};
pub(crate) use outcome::{Deliver, Settle};
pub(crate) use read::Read;
