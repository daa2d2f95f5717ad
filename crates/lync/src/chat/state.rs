use std::collections::VecDeque;
use std::time::Duration;

use trunkline_model::{Address, MessageText};
use trunkline_sip::Request;
use trunkline_sip::dialog::{Dialog, DialogId, Invite, Invited, Verdict};
use trunkline_sip::transaction::ServerId;

use super::event::{SendId, Token};
use super::letter::Letter;
use super::typing::Typing;

/// What goes on with one peer.
#[derive(Debug, Default)]
pub(super) struct Chat {
    /// Our INVITE without a final answer.
    pub(super) call: Option<SendId>,
    /// The peer's INVITE without a final answer.
    pub(super) ring: Option<Ring>,
    /// The dialog in use.
    pub(super) open: Option<DialogId>,
    /// What the person wrote; the first may be on its way.
    pub(super) queue: VecDeque<Letter>,
    /// Whether the first one is out in a MESSAGE.
    pub(super) is_out: bool,
    /// Nothing is sent before then: a server asked to wait.
    pub(super) again: Option<Duration>,
    /// How often the first one was tried again by itself.
    pub(super) tries: u32,
    /// Whether the person ended the chat, so that it goes when the queue is empty.
    pub(super) ends: bool,
    pub(super) typing: Typing,
}

impl Chat {
    pub(super) fn is_empty(&self) -> bool {
        self.call.is_none()
            && self.ring.is_none()
            && self.open.is_none()
            && self.queue.is_empty()
            && self.typing.deadline().is_none()
    }
}

/// An INVITE of ours.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) peer: Address,
    pub(super) invite: Invite,
    pub(super) conversation: String,
    /// Whether the first message is in it.
    pub(super) embeds: bool,
    /// Whether it has got further than to the first server.
    pub(super) is_heard: bool,
    pub(super) is_cancelled: bool,
    /// When it has rung for long enough, or after its end, when no answer comes late any more.
    pub(super) until: Duration,
    pub(super) is_over: bool,
}

/// An INVITE of a peer's.
#[derive(Debug)]
pub(super) struct Ring {
    pub(super) id: ServerId,
    pub(super) invited: Invited,
    pub(super) tag: String,
    /// The same INVITE that came over other connections.
    pub(super) again: Vec<(ServerId, Request)>,
    pub(super) verdict: Verdict,
    pub(super) conversation: Option<String>,
    pub(super) name: Option<String>,
    /// What tells this INVITE from others.
    pub(super) call: String,
    /// The id of its text, mostly the same.
    pub(super) foreign_id: String,
    pub(super) text: Option<MessageText>,
    /// Whether the text need not come again in a MESSAGE.
    pub(super) takes_text: bool,
    /// What its text waits for, once it is to be accepted.
    pub(super) token: Option<Token>,
    /// Whether the person was told.
    pub(super) is_shown: bool,
    pub(super) until: Duration,
}

/// A dialog and what it is for.
#[derive(Debug)]
pub(super) struct Talk {
    pub(super) peer: Address,
    pub(super) name: Option<String>,
    pub(super) dialog: Dialog,
    pub(super) conversation: Option<String>,
    /// The peer's INVITE until its ACK.
    pub(super) invited: Option<Invited>,
    /// The text in it, and its id, if our 200 said that it need not come again.
    pub(super) first: Option<(MessageText, String)>,
    /// The text in it if the person was shown it and it comes again as the first message.
    pub(super) shown: Option<Shown>,
    /// Whether the peer is known to have it too.
    pub(super) is_ready: bool,
    /// When it ends for want of words; when it is ending, when it is forgotten.
    pub(super) until: Duration,
}

/// A text that was kept before it comes as a message.
#[derive(Debug)]
pub(super) struct Shown {
    text: MessageText,
    foreign_id: String,
    /// The number of the MESSAGE that it came in, once it did: that may come again.
    came_in: Option<u32>,
}

impl Shown {
    pub(super) fn new((text, foreign_id): (MessageText, String)) -> Self {
        Self { text, foreign_id, came_in: None }
    }

    /// The id of the MESSAGE with that number, the first or a later one, if it brings this text.
    pub(super) fn id_of(&mut self, number: u32, text: &MessageText) -> Option<&str> {
        let is_it = *self.came_in.get_or_insert(number) == number;
        (is_it && self.text.expose().trim() == text.expose().trim()).then_some(self.foreign_id.as_str())
    }
}

/// What a request of ours is for.
#[derive(Debug, Clone)]
pub(super) enum Purpose {
    Call,
    Message(Address, DialogId),
    Typing(DialogId),
    Bye(DialogId),
    /// The BYE of a dialog that nobody wanted.
    Surplus,
}

/// What a commit is waited for with.
#[derive(Debug)]
pub(super) enum Commit {
    /// The MESSAGE, or what brought a report, is answered.
    Message(ServerId, Box<Request>),
    /// The peer's INVITE is accepted.
    Ring(Address),
    /// The peer's INVITE, which this is, may ring on.
    Shown(Address, String),
}
