//! The words of Trunkline as types: ids, addresses, presence, contacts, messages and mailbox entries.
//!
//! Values here are parsed at the edge by constructors that refuse what cannot be right; inside the
//! house they are trusted. Nothing here does I/O.

mod address;
mod contact;
mod conversation;
mod entry;
mod id;
mod message;
#[cfg(debug_assertions)]
pub mod poison;
mod presence;
mod time;

pub use address::{Address, AddressError};
pub use contact::{Contact, Group, Profile};
pub use conversation::{Arrival, CallEnd, Conversation, ConversationError, ConversationState};
pub use entry::{Entry, EntryBody, EntryKind, InvitationStatus, Origin};
pub use id::{AccountId, ChatId, DeviceId, Epoch, GroupId, MessageKey, Seq};
pub use message::{MessageId, MessageIdError, MessageState, MessageText, MessageTextError, MessageView};
pub use presence::{Availability, Presence, PresenceChoice};
pub use time::Timestamp;
