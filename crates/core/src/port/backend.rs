use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use secrecy::SecretString;
use trunkline_model::{
    AccountId, Address, Availability, CallEnd, Contact, Group, GroupId, MessageId, MessageKey, MessageText,
    Presence, Profile, Timestamp,
};

use super::{Album, Step};

/// An IM system. It opens one [`Line`] per account.
#[async_trait]
pub trait Backend: Send + Sync {
    /// A short word for logs and metrics, e.g. `local`, `xmpp`.
    fn kind(&self) -> &'static str;

    /// The domain whose accounts it serves, lower-case; `None` for the local backend, which serves every other domain.
    fn domain(&self) -> Option<&str>;

    /// Whether a line needs the person's password on the IM system.
    fn needs_password(&self) -> bool;

    /// True when a commit in the store is already the delivery, because sender and recipient both live on the relay.
    fn delivers_by_commit(&self) -> bool {
        false
    }

    /// What an admin says of a person (name, title, …) changed here; for a system that has this from here.
    async fn profile_changed(&self, _person: &Person) {}

    /// Tries a password aside, where [`Backend::needs_password`]: the person's line, presence and messages are not
    /// touched. Tells [`LineState::Connected`] when it is right and [`LineState::Connecting`] when nothing was learned
    /// in time.
    async fn try_password(
        &self,
        _person: &Person,
        _password: &SecretString,
        _wait: Duration,
    ) -> Result<LineState, LineError> {
        Err(LineError::NotSupported("trying a password"))
    }

    /// Walks the way to the IM system step by step, up to and with a sign-in of the account (if there is
    /// a password, where [`Backend::needs_password`]), for
    /// `trunkline doctor`; no line is touched. Stops at the first step that fails, and names those that were not tried.
    async fn examine(&self, _account: Option<&Address>, _password: Option<&SecretString>) -> Vec<Step> {
        Vec::new()
    }

    /// Begins to sign in and returns at once; the line reports its progress through [`Inlet::state_changed`] and
    /// reconnects by itself, with jittered back-off, until closed or refused.
    async fn open(&self, request: OpenLine) -> Result<Arc<dyn Line>, LineError>;
}

/// What a backend needs to open a line.
pub struct OpenLine {
    /// Whose line.
    pub person: Person,
    /// The password on the IM system, if the backend needs one.
    pub password: Option<SecretString>,
    /// How the line tells the core what happens.
    pub inlet: Arc<dyn Inlet>,
}

/// The account whose line it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Its row in the store.
    pub account: AccountId,
    /// Its address, which is also its address on the IM system.
    pub address: Address,
}

/// One account's live registration on an IM system.
///
/// Every call is bounded in time by the line itself and fails with [`LineError::NotConnected`] rather than wait for a
/// link that is down.
#[async_trait]
pub trait Line: Send + Sync {
    /// Where the line stands.
    fn state(&self) -> LineState;

    /// Hands a message over and waits for the IM system's word. Called once per attempt, in the order of commits.
    async fn send(&self, message: OutgoingMessage) -> Outcome;

    /// Tells the peer that the person types, or has stopped. May be missed.
    async fn typing(&self, peer: &Address, composing: bool) -> Result<(), LineError>;

    /// Tells the peer that a message of theirs reached a device.
    async fn delivered(&self, peer: &Address, id: &MessageId) -> Result<(), LineError>;

    /// The person answers a peer's call, on whichever device; nothing happens when none waits. Writing and typing to a
    /// peer accept a call too, without this. A line on whose IM system nobody waits for an answer needs nothing.
    async fn answer(&self, peer: &Address, answer: CallAnswer) -> Result<(), LineError> {
        let _ = (peer, answer);
        Ok(())
    }

    /// Publishes what others are to see of the person.
    async fn publish(&self, own: &OwnPresence) -> Result<(), LineError>;

    /// The person's roster with all that is known of each contact now.
    async fn roster(&self) -> Result<Roster, LineError>;

    /// Changes the roster.
    async fn change_roster(&self, change: RosterChange) -> Result<Option<GroupId>, LineError>;

    /// One person, in the roster or not; `None` when the IM system knows nobody of that address.
    async fn contact(&self, address: &Address) -> Result<Option<Contact>, LineError>;

    /// Starts or stops watching the presence of somebody outside the roster.
    async fn watch(&self, address: &Address, watch: bool) -> Result<(), LineError>;

    /// Blocks somebody on the IM system itself, or no longer (on XMPP: XEP-0191), for the account's other clients too. The
    /// relay keeps the list and drops the messages of whom it holds, so that a line that cannot block needs nothing.
    async fn block(&self, who: &Address, blocked: bool) -> Result<(), LineError> {
        let _ = (who, blocked);
        Err(LineError::NotSupported("blocking"))
    }

    /// The photos that the IM system itself has; `None` where people's photos are the directory's.
    fn album(&self) -> Option<&dyn Album> {
        None
    }

    /// Finds people.
    async fn search(&self, search: &Search) -> Result<SearchResult, LineError>;

    /// Signs out; returns when the IM system has been told or after a short while.
    async fn close(&self);
}

/// What a person says to a peer's call: on some IM systems peers wait for an answer before a conversation begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallAnswer {
    /// The conversation begins here.
    Accept,
    /// It does not begin; one that had begun ends.
    Decline,
}

/// What others are to see of the person, and whose word it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnPresence {
    /// What the choice and the sessions add up to; offline while no phone has a session.
    pub presence: Presence,
    /// What the person chose until they choose anew. `None` when only phones come and go: a system that knows the person's
    /// other clients must not take that for a choice.
    pub chosen: Option<Availability>,
}

/// A roster as the person's phone is to see it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Roster {
    /// The contacts, each with its groups.
    pub contacts: Vec<Contact>,
    /// All groups, empty ones too where the IM system can hold them.
    pub groups: Vec<Group>,
}

/// One change to a roster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RosterChange {
    /// Adds a contact, into a group if one is named.
    AddContact(Address, Option<GroupId>),
    /// Removes a contact from the roster.
    RemoveContact(Address),
    /// Makes a group; the answer carries its id.
    AddGroup(String),
    /// Renames a group.
    RenameGroup(GroupId, String),
    /// Removes an empty group; [`LineError::GroupNotEmpty`] otherwise.
    RemoveGroup(GroupId),
    /// Puts a contact into a further group; [`LineError::AlreadyInGroup`] when it is there.
    AddToGroup(Address, GroupId),
    /// Takes a contact out of a group.
    RemoveFromGroup(Address, GroupId),
}

/// A directory search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    /// What to look for, at least two characters.
    pub term: String,
    /// Where to look.
    pub field: SearchField,
    /// Most people to return.
    pub limit: usize,
}

/// Which fields a [`Search`] looks at; a hit begins with the term, in any letter case, at the start of a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SearchField {
    /// Display name.
    Name,
    /// E-mail and address.
    Email,
    /// Work and mobile phone, digits only.
    Phone,
    /// All of them.
    Any,
}

/// What a [`Search`] found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SearchResult {
    /// The people, best first, at most the limit.
    pub contacts: Vec<Contact>,
    /// True when more match than were returned.
    pub more: bool,
}

/// Where a line stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LineState {
    /// Signing in, or waiting to try again; `reason` says what went wrong last, empty at first.
    Connecting {
        /// Plain words.
        reason: String,
    },
    /// Signed in.
    Connected,
    /// The IM system refused the password: never tried again by itself.
    PasswordRefused,
    /// Refused for another reason that does not heal by itself.
    Refused {
        /// Plain words.
        reason: String,
    },
    /// Signed out.
    Closed,
}

impl LineState {
    /// The word on the phone's wire (`lineState`).
    pub fn name(&self) -> &'static str {
        match self {
            Self::Connecting { .. } => "connecting",
            Self::Connected => "connected",
            Self::PasswordRefused => "password-refused",
            Self::Refused { .. } => "refused",
            Self::Closed => "closed",
        }
    }

    /// What went wrong, in plain words; empty when nothing did.
    pub fn reason(&self) -> &str {
        match self {
            Self::Connecting { reason } | Self::Refused { reason } => reason,
            Self::PasswordRefused => "the IM system refused the password",
            Self::Connected | Self::Closed => "",
        }
    }
}

/// A message on its way out.
#[derive(Debug, Clone)]
pub struct OutgoingMessage {
    /// The relay's key: unique and the same in every attempt, so it serves as the id on the IM system.
    pub key: MessageKey,
    /// To whom.
    pub peer: Address,
    /// What was written.
    pub text: MessageText,
    /// When the relay took it.
    pub sent_at: Timestamp,
    /// Rises with each message that came back by [`Outcome::NotSent`]. A line that has given one back takes none of that
    /// turn or an earlier one any more, so that what was written later does not overtake it.
    pub turn: u64,
}

/// What became of a message that was handed to a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The IM system has it.
    Confirmed,
    /// It was not handed over, because the line is down: the message may be tried again as it is.
    NotSent,
    /// The IM system refused it.
    Refused {
        /// True for "no such person" and the like, false for a fault of the system.
        permanent: bool,
        /// Plain words, without the message's text.
        reason: String,
    },
    /// The link died after submit: nobody knows.
    Unknown,
}

/// Why a line cannot do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// The line is down.
    #[error("the line to the IM system is not connected: {0}")]
    NotConnected(String),
    /// The backend needs a password and none was given.
    #[error("the IM system needs the person's password")]
    PasswordNeeded,
    /// No such person, group or contact.
    #[error("{0}")]
    NotFound(String),
    /// It is there already; the text says what.
    #[error("{0}")]
    Conflict(String),
    /// The group still has contacts.
    #[error("the group is not empty")]
    GroupNotEmpty,
    /// The contact is in that group.
    #[error("the contact is already in the group")]
    AlreadyInGroup,
    /// The IM system said no.
    #[error("the IM system refused: {0}")]
    Refused(String),
    /// This backend cannot do that.
    #[error("{0} is not supported on this IM system")]
    NotSupported(&'static str),
    /// The relay's own store failed.
    #[error("the relay's store failed: {0}")]
    Store(String),
}

/// How a line tells the core what happens on the IM system. One inlet belongs to one line.
#[async_trait]
pub trait Inlet: Send + Sync {
    /// Takes a message; returns only after the commit, so a line acknowledges to its server after this and not before.
    /// A message that was taken before (same [`Incoming::foreign_id`]) is accepted again without effect.
    async fn receive(&self, message: Incoming) -> Result<(), InletError>;

    /// Takes a call without a message that waits for [`Line::answer`]; returns after the commit. One with a message is
    /// taken by [`Inlet::receive`]. `profile` is the peer's name as the call carries it.
    async fn called(&self, peer: &Address, profile: Option<Profile>) -> Result<(), InletError>;

    /// A call that waited for an answer is over without one from here; `foreign_id` is that of its message. It must have
    /// been taken before.
    async fn call_ended(
        &self,
        peer: &Address,
        foreign_id: Option<&str>,
        end: CallEnd,
    ) -> Result<(), InletError>;

    /// A message of the person's reached the peer.
    async fn delivered(&self, peer: &Address, key: MessageKey) -> Result<(), InletError>;

    /// The IM system returned a message after it had been confirmed.
    async fn failed(&self, key: MessageKey, permanent: bool, reason: &str) -> Result<(), InletError>;

    /// The peer types, or has stopped.
    fn typing(&self, peer: &Address, composing: bool);

    /// Something about a contact changed: presence, name, groups.
    fn contact_changed(&self, contact: Contact);

    /// The whole roster may have changed.
    fn roster_changed(&self);

    /// Whom the account blocks on the IM system itself, all of them: said when the line learns it, and again when it changes.
    /// The core takes over what other clients changed, and asks for what is missing there by [`Line::block`].
    fn blocked_changed(&self, blocked: Vec<Address>) {
        let _ = blocked;
    }

    /// The line's state changed.
    fn state_changed(&self, state: LineState);
}

/// A message from the IM system.
#[derive(Debug, Clone)]
pub struct Incoming {
    /// Who wrote it.
    pub peer: Address,
    /// The id that the peer's client made, or one made from [`Incoming::foreign_id`].
    pub id: MessageId,
    /// What makes it unique on this line, over reconnects (e.g. an XMPP stanza-id); at most 255 bytes.
    pub foreign_id: String,
    /// What was written.
    pub text: MessageText,
    /// The IM system's stamp, else the moment of arrival.
    pub sent_at: Timestamp,
    /// The peer's name as the message carries it, if it does.
    pub profile: Option<Profile>,
}

/// Why the core could not take what a line told it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InletError {
    /// The store failed: do not acknowledge, tell it again later.
    #[error("the relay's store failed: {0}")]
    Store(String),
    /// The account blocks whoever wrote: nothing was taken and nothing will be. The peer is told no more than of somebody who
    /// is away.
    #[error("the account blocks the sender")]
    Unwanted,
    /// The account is gone: close the line.
    #[error("the account is gone or disabled")]
    Gone,
}
