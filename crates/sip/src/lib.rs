//! SIP (RFC 3261) in the dialect of Lync and Skype for Business Server, without sockets, clocks or tasks: bytes and
//! moments come in, values go out.
//!
//! [`Framer`] makes messages of a stream; a [`Message`] keeps its headers byte for byte and in their order, and
//! [`Headers`] reads the known ones; [`Request::build`] and [`Response::build`] make new ones. Nothing panics on any
//! bytes.
//!
//! ```
//! use trunkline_sip::{Frame, Framer, Limits, Message, Response, check};
//!
//! let mut framer = Framer::new(Limits::default());
//! framer.push(b"NEGOTIATE sip:app1.example.com SIP/2.0\r\nVia: SIP/2.0/TLS 192.0.2.20:49812\r\n");
//! framer.push(b"From: <sip:fe1.example.com>;tag=1\r\nTo: <sip:app1.example.com>\r\nCall-ID: 2\r\nCSeq: 1 NEGOTIATE\r\n\r\n");
//! let Some(Frame::Message(message)) = framer.pull() else { panic!("a message") };
//! assert_eq!(message.via()?.unique_branch(), None);
//! check(&message)?;
//! if let Message::Request(request) = message {
//!     let answer = Response::build(&request, 488).to_tag("3").done();
//!     assert!(answer.to_bytes().starts_with(b"SIP/2.0 488 Not Acceptable Here\r\nVia: SIP/2.0/TLS 192.0.2.20:49812\r\n"));
//! }
//! # Ok::<(), trunkline_sip::Error>(())
//! ```

mod address;
pub mod body;
mod check;
pub mod dialog;
mod error;
pub mod failure;
pub mod frame;
pub mod header;
pub mod identity;
pub mod message;
mod method;
mod param;
pub mod registration;
pub mod retry;
mod scan;
pub mod session_timer;
pub mod subscription;
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
