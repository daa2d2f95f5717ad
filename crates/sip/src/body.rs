//! The bodies that SIP messages carry, as typed values: each is read from the bytes of a body and written to text. No
//! reader panics, whatever the bytes, and every one is bounded in size, depth and count.

pub mod command;
pub mod conference;
pub mod contact;
pub mod delivery;
pub mod deregistration;
mod error;
pub mod invitation;
pub mod media;
pub mod multipart;
pub mod offer;
pub mod pidf;
pub mod presence;
pub mod provisioning;
pub mod publication;
pub mod rlmi;
pub mod roaming;
mod scalar;
pub mod soap;
pub mod subscription;
pub mod text;
pub mod typing;
pub mod xccos;
pub mod xml;

pub use error::{BodyCode, BodyError, Name};
pub use media::MediaType;
pub use presence::{Categories, Category, Content, ExpireType};
pub use xml::Element;

/// Most bytes that any reader here takes: a contact list of a thousand fits several times over.
pub const MAX_BODY: usize = 1 << 20;
