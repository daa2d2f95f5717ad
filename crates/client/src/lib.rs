//! The Connect API from the phone's side: a reconnecting SDK, a raw socket for tests that misbehave, and the
//! terminal phone.
//!
//! [`Phone::activate`] turns an address and an access key into a token, [`Phone::connect`] keeps a session open
//! with it, over drops of the network and restarts of the relay.

mod activate;
mod authentication;
pub mod chat;
mod error;
mod event;
mod handshake;
mod http_form;
mod link;
mod phone;
mod profile;
mod raw;
mod roster;
mod server;
mod stream;

pub use activate::{ActivateError, Activated};
pub use authentication::AuthenticationError;
pub use error::{ConnectError, RequestError, StopReason};
pub use event::{Event, Received};
pub use handshake::Handshake;
pub use phone::{Phone, Sent};
pub use profile::{Backoff, Profile, Session};
pub use raw::{Incoming, RawSocket};
pub use roster::{Roster, RosterContact, RosterGroup};
pub use server::{Server, ServerError, Trust, parse_fingerprint};
pub use trunkline_wire::activation::ActivationRequest;
