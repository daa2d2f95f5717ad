//! What goes into a [`super::Chats`] and comes out of it.

use std::time::Duration;

use trunkline_core::port::{Incoming, Outcome};
use trunkline_model::{Address, MessageId, MessageKey, MessageText, Profile, Timestamp};
use trunkline_sip::body::invitation::ConferenceInvitation;
use trunkline_sip::transaction::{self, Patience, ServerId};
use trunkline_sip::{Epid, Request, Response, Uri};

/// Whose chats.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The account's address, e.g. `sip:alice@example.com`.
    pub uri: Uri,
    /// The account's name, if others are to see it in requests.
    pub display: Option<String>,
    /// Which endpoint this is.
    pub epid: Epid,
    /// Where others reach this endpoint: its GRUU.
    pub contact: Uri,
}

/// How chats behave.
#[derive(Debug, Clone)]
pub struct Settings {
    /// When a peer's invitation is accepted.
    pub accept: Accept,
    /// What a declined invitation is answered with.
    pub decline: Decline,
    /// How long an INVITE of ours rings.
    pub ring: Duration,
    /// How long a peer's INVITE rings here.
    pub ring_here: Duration,
    /// How long a dialog without a word is kept.
    pub idle: Duration,
    /// How long a message of the person's waits for those before it; then it is given back.
    pub wait: Duration,
    /// How many messages to one peer may wait.
    pub queue: usize,
    /// How many peers there may be at a time, and how many messages from them may wait for their commit.
    pub peers: usize,
    /// Whether the first message goes inside the INVITE.
    pub embeds: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            accept: Accept::OnlyEndpoint,
            decline: Decline::Here,
            ring: Duration::from_secs(60),
            ring_here: Duration::from_secs(150),
            idle: Duration::from_secs(12 * 60),
            wait: Duration::from_secs(150),
            queue: 200,
            peers: 500,
            embeds: true,
        }
    }
}

/// When a peer's invitation is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accept {
    /// At once if the person has no other endpoint, else when the person does.
    OnlyEndpoint,
    /// When the person does.
    User,
    /// At once.
    Always,
}

/// What a declined invitation is answered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decline {
    /// 480: not here; the person's other endpoints ring on.
    Here,
    /// 603: nowhere.
    Everywhere,
}

/// Which request of ours; unique in a [`super::Chats`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SendId(pub(super) u64);

/// What waits for its commit; unique in a [`super::Chats`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Token(pub(super) u64);

/// What happens to chats.
#[derive(Debug, Clone)]
pub enum Event {
    /// A peer's request that wants an answer, whatever its method.
    Request {
        /// What to answer by.
        id: ServerId,
        /// The request.
        request: Request,
        /// Whether it came from a server whose P-Asserted-Identity is believed.
        trusted: bool,
    },
    /// A peer's request that wants none: the ACK to a 2xx, a BENOTIFY.
    Unanswered(Request),
    /// A peer gave up an INVITE that has no final answer; its CANCEL is answered.
    Cancelled {
        /// The INVITE.
        invite: ServerId,
        /// The CANCEL.
        request: Request,
    },
    /// A provisional answer.
    Progress(SendId, Response),
    /// A request of ours ended.
    Ended(SendId, transaction::Outcome),
    /// A 2xx to an INVITE that had ended.
    Late(SendId, Response),
    /// The core has the message or the invitation.
    Committed(Token),
    /// The core could not take it.
    NotCommitted(Token),
    /// The core does not want it, since the person blocks who wrote.
    Unwanted(Token),
    /// There is no way to the IM system; requests that were out end by [`Event::Ended`].
    LinkLost,
    /// There is one, which is so at first.
    LinkUp,
    /// How many other endpoints of the person's are signed in; `None`, as at first, if that is not known.
    EndpointsChanged(Option<usize>),
    /// The endpoint was registered anew and is reached elsewhere.
    ContactChanged(Uri),
    /// The person writes.
    PersonSends {
        /// The relay's key.
        key: MessageKey,
        /// What.
        text: MessageText,
        /// To whom.
        peer: Address,
    },
    /// The person types, or has stopped.
    PersonTypes {
        /// To whom.
        peer: Address,
        /// Whether, or not any more.
        composing: bool,
    },
    /// The person accepts the invitation.
    PersonAccepts(Address),
    /// The person declines the invitation, or what was accepted in the person's name.
    PersonDeclines(Address),
    /// The person blocks somebody: an invitation of theirs rings no more.
    PersonBlocks(Address),
    /// The person ends the chat; what was written before still goes out.
    PersonEnds(Address),
    /// It is time: see [`super::Chats::next_deadline`].
    Timer,
    /// The line ends: says goodbye to all.
    Shutdown,
}

/// What to do.
#[derive(Debug, Clone)]
pub enum Action {
    /// Send a request in a transaction, after its Via was put on top.
    Send {
        /// What its end is told by.
        id: SendId,
        /// The request.
        request: Request,
        /// How long to wait for its end.
        patience: Patience,
    },
    /// Cancel an INVITE of ours.
    Cancel(SendId),
    /// Send an ACK without a transaction, after its Via was put on top.
    Write(Request),
    /// Answer a request.
    Answer {
        /// Which.
        id: ServerId,
        /// With what.
        response: Response,
    },
    /// Commit a message and say [`Event::Committed`] or [`Event::NotCommitted`]; in the order in which they come.
    Deliver {
        /// What to answer by.
        token: Token,
        /// The message.
        message: Received,
    },
    /// Somebody wants to chat, and waits until the person accepts: commit that, and say [`Event::Committed`] or
    /// [`Event::NotCommitted`].
    Invited {
        /// What to answer by.
        token: Token,
        /// Who.
        peer: Address,
        /// Their name, if it was given.
        name: Option<String>,
        /// The first words, if they were given; they come again by [`Action::Deliver`] or [`Action::Missed`].
        message: Option<Received>,
    },
    /// Another endpoint of the person's answered the invitation: drop it.
    AnsweredElsewhere {
        /// Whose invitation.
        peer: Address,
        /// Whether it took the conversation, or declined it.
        took: bool,
        /// The id of what it said, which the other endpoint shows.
        foreign_id: Option<String>,
    },
    /// The invitation ended and nobody had taken it.
    Missed {
        /// Whose invitation.
        peer: Address,
        /// What it said, to be kept; the peer was not told that it arrived.
        message: Option<Received>,
    },
    /// The peer types, or has stopped.
    Typing {
        /// Who.
        peer: Address,
        /// Whether, or not any more.
        composing: bool,
    },
    /// What became of a message of the person's; exactly once for each.
    Outcome {
        /// Which.
        key: MessageKey,
        /// What.
        outcome: Outcome,
    },
    /// A confirmed message came back after all: commit that, however long it takes.
    Failed {
        /// What to answer by; `None` if nobody waits for the answer.
        token: Option<Token>,
        /// Which.
        key: MessageKey,
        /// As in [`Outcome::Refused`].
        permanent: bool,
        /// As in [`Outcome::Refused`].
        reason: String,
    },
    /// Somebody wants the person in a conference; it was answered with 488.
    ConferenceInvited {
        /// Who.
        peer: Address,
        /// Which conference.
        invitation: ConferenceInvitation,
    },
}

/// A message of a peer's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// Who wrote it.
    pub peer: Address,
    /// 64 hexadecimal digits, the same however often the message comes.
    pub foreign_id: String,
    /// What was written.
    pub text: MessageText,
    /// The peer's name, if it is known.
    pub name: Option<String>,
}

impl Received {
    /// The message as the core takes it.
    pub fn incoming(self, now: Timestamp) -> Option<Incoming> {
        let id: MessageId = self.foreign_id.parse().ok()?;
        let profile = self.name.map(|display_name| Profile { display_name, ..Profile::default() });
        let (peer, foreign_id, text) = (self.peer, self.foreign_id, self.text);
        Some(Incoming { peer, id, foreign_id, text, sent_at: now, profile })
    }
}
