//! SIP (RFC 3261) in the dialect of Lync and Skype for Business Server, without sockets, clocks or tasks: bytes and
//! moments come in, values go out.
//!
//! [`Framer`] makes messages of a stream; a [`Message`] keeps its headers byte for byte and in their order, and
//! [`Headers`] reads the known ones; [`Request::build`] and [`Response::build`] make new ones. Nothing panics on any
//! bytes.

mod address;
pub mod body;
mod check;
pub mod dialog;
mod error;
pub mod frame;
pub mod header;
pub mod identity;
pub mod message;
mod method;
mod param;
mod scan;
pub mod transaction;
pub mod typed;
mod uri;

pub use address::Address;
pub use check::check;
pub use error::{Error, ErrorCode, Place};
pub use frame::{Frame, Framer, Limits, Refused};
pub use header::{Header, Headers, name};
pub use identity::Epid;
pub use message::{Message, Request, Response};
pub use method::Method;
pub use param::{Param, Params};
pub use typed::{CSeq, Via};
pub use uri::{Scheme, Uri};
