use crate::{ChatId, MessageKey, Seq};

/// One account's side of a conversation with one person: a pure state machine, stored by the account and the peer.
///
/// ```text
///            send/start                 peer answers or accepts
///  Closed ───────────────▶ Calling ──────────────────────────────▶ Open
///    │  receive                                                     ▲
///    └───────────────────▶ Invited ─────────────────────────────────┘
///                                     accept, or send
///  any ── end/decline (either side) ──▶ Closed
///  Invited ── answered on another client ──▶ Closed
///  Closed ── a call without a message ──▶ Invited
///  Calling, Open ── a call without a message ──▶ Recalled ── accept, send, or the call ends ──▶ Open
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversation {
    /// The present conversation; a new one begins when a closed one comes alive.
    pub chat: ChatId,
    /// Where it stands.
    pub state: ConversationState,
    /// The message that a pending invitation carried.
    pub first: Option<MessageKey>,
    /// Messages that no device of the account has read.
    pub unread: i64,
    /// Everything up to this place in the mailbox is read; only rises.
    pub read_up_to: Seq,
}

/// Where a [`Conversation`] stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ConversationState {
    /// Ended, declined, or never begun.
    Closed,
    /// This account invited; the other has not answered.
    Calling,
    /// The other invited; this account has not answered.
    Invited,
    /// Both talk.
    Open,
    /// Both talk, and the other calls besides; this account has not answered that.
    Recalled,
}

impl ConversationState {
    /// The number that the store keeps.
    pub fn code(self) -> i64 {
        match self {
            Self::Closed => 0,
            Self::Calling => 1,
            Self::Invited => 2,
            Self::Open => 3,
            Self::Recalled => 4,
        }
    }

    /// The state with this number; `None` for a number that no version wrote.
    pub fn from_code(code: i64) -> Option<Self> {
        [Self::Closed, Self::Calling, Self::Invited, Self::Open, Self::Recalled]
            .into_iter()
            .find(|state| state.code() == code)
    }

    /// Whether the other waits for this account's answer.
    pub fn is_invited(self) -> bool {
        matches!(self, Self::Invited | Self::Recalled)
    }
}

/// How a message or an invitation shows on the side that receives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// As InvitationReceived.
    Invitation,
    /// As MessageReceived.
    Message,
    /// As MessageReceived; and the sender has thereby accepted this account's invitation.
    Answer,
}

/// How a call of a peer's ended that waited for this account's answer on an IM system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CallEnd {
    /// The account answered on another client.
    AnsweredElsewhere,
    /// The account declined it on another client.
    Declined,
    /// Nobody answered.
    Missed,
}

/// Why an invitation cannot be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ConversationError {
    /// It was accepted, declined or ended before.
    #[error("the invitation was already answered")]
    AlreadyAnswered,
}

impl Conversation {
    /// A conversation that has not begun.
    pub fn closed(chat: ChatId) -> Self {
        Self { chat, state: ConversationState::Closed, first: None, unread: 0, read_up_to: Seq(0) }
    }

    /// This account invites or writes; `fresh` names the conversation if one begins. True when a pending
    /// invitation is thereby accepted: [`Conversation::first`] then still names its message until [`Conversation::accept`].
    pub fn send(&mut self, fresh: ChatId) -> bool {
        match self.state {
            ConversationState::Closed => self.begin(fresh, ConversationState::Calling, None),
            ConversationState::Invited | ConversationState::Recalled => return true,
            ConversationState::Calling | ConversationState::Open => {}
        }
        false
    }

    /// The other writes `message`, or invites without one; `fresh` names the conversation if one begins.
    pub fn receive(&mut self, message: Option<MessageKey>, fresh: ChatId) -> Arrival {
        self.unread += i64::from(message.is_some());
        match self.state {
            ConversationState::Closed => {
                self.begin(fresh, ConversationState::Invited, message);
                Arrival::Invitation
            }
            ConversationState::Invited | ConversationState::Open | ConversationState::Recalled => {
                Arrival::Message
            }
            ConversationState::Calling => {
                self.state = ConversationState::Open;
                Arrival::Answer
            }
        }
    }

    /// The other calls, without a message, and waits for an answer: nothing but an invitation lets this account give one.
    /// `fresh` names the conversation if one thereby begins; one that there is goes on. False when the account has not
    /// answered yet whether it begins; in one that goes on each call is news.
    pub fn called(&mut self, fresh: ChatId) -> bool {
        match self.state {
            ConversationState::Closed => self.begin(fresh, ConversationState::Invited, None),
            ConversationState::Invited => return false,
            ConversationState::Calling | ConversationState::Open | ConversationState::Recalled => {
                self.state = ConversationState::Recalled;
            }
        }
        true
    }

    /// This account accepts a pending invitation; gives the message that it carried.
    pub fn accept(&mut self) -> Result<Option<MessageKey>, ConversationError> {
        if !self.state.is_invited() {
            return Err(ConversationError::AlreadyAnswered);
        }
        self.state = ConversationState::Open;
        Ok(self.first.take())
    }

    /// This account declines a pending invitation.
    pub fn decline(&mut self) -> Result<(), ConversationError> {
        if !self.state.is_invited() {
            return Err(ConversationError::AlreadyAnswered);
        }
        self.close();
        Ok(())
    }

    /// A pending invitation that carried `first` came to an end elsewhere; false when another pends, or none. The
    /// conversation that there was before it goes on.
    pub fn lapsed(&mut self, first: Option<MessageKey>) -> bool {
        let news = self.state.is_invited() && self.first == first;
        match self.state {
            ConversationState::Recalled if news => self.state = ConversationState::Open,
            _ if news => self.close(),
            _ => {}
        }
        news
    }

    /// A message was read on another client of this account's, `head` being the end of the mailbox; true when that is news.
    pub fn read_elsewhere(&mut self, head: Seq) -> bool {
        let news = self.unread > 0;
        self.unread -= i64::from(news);
        if news && self.unread == 0 {
            self.read_up_to = head.max(self.read_up_to);
        }
        news
    }

    /// The other accepted; true when that is news.
    pub fn accepted(&mut self) -> bool {
        let news = self.state == ConversationState::Calling;
        if news {
            self.state = ConversationState::Open;
        }
        news
    }

    /// The other declined; true when that is news.
    pub fn declined(&mut self) -> bool {
        let news = self.state == ConversationState::Calling;
        if news {
            self.close();
        }
        news
    }

    /// This account ends it; true when there was something to end.
    pub fn end(&mut self) -> bool {
        let news = self.state != ConversationState::Closed;
        self.close();
        news
    }

    /// The other ended it; true when that is news. A pending invitation stays, so that its message can still be answered.
    pub fn ended(&mut self) -> bool {
        let news = matches!(self.state, ConversationState::Open | ConversationState::Calling);
        if news {
            self.close();
        }
        news
    }

    fn begin(&mut self, fresh: ChatId, state: ConversationState, first: Option<MessageKey>) {
        self.chat = fresh;
        self.state = state;
        self.first = first;
    }

    fn close(&mut self) {
        self.state = ConversationState::Closed;
        self.first = None;
    }
}

#[cfg(test)]
mod tests {
    use super::{Arrival, Conversation, ConversationError, ConversationState};
    use crate::{ChatId, MessageKey, Seq};

    #[test]
    fn first_message_invites_and_later_ones_arrive_at_once() {
        let (mut ours, fresh, key) =
            (Conversation::closed(ChatId::fresh()), ChatId::fresh(), MessageKey::fresh());
        assert_eq!(ours.receive(Some(key), fresh), Arrival::Invitation);
        assert_eq!(ours.chat, fresh);
        assert_eq!(ours.receive(Some(MessageKey::fresh()), ChatId::fresh()), Arrival::Message);
        assert_eq!(ours.accept(), Ok(Some(key)));
        assert_eq!((ours.state, ours.unread), (ConversationState::Open, 2));
        assert_eq!(ours.accept(), Err(ConversationError::AlreadyAnswered));
    }

    #[test]
    fn an_answer_accepts() {
        let mut ours = Conversation::closed(ChatId::fresh());
        assert!(!ours.send(ChatId::fresh()));
        assert_eq!(ours.receive(Some(MessageKey::fresh()), ChatId::fresh()), Arrival::Answer);
        assert_eq!(ours.state, ConversationState::Open);

        let mut theirs = Conversation::closed(ChatId::fresh());
        theirs.receive(Some(MessageKey::fresh()), ChatId::fresh());
        assert!(theirs.send(ChatId::fresh()));
    }

    #[test]
    fn after_an_end_the_next_message_invites_anew() {
        let mut ours = Conversation::closed(ChatId::fresh());
        ours.receive(None, ChatId::fresh());
        ours.accept().unwrap();
        let old = ours.chat;
        assert!(ours.ended());
        assert!(!ours.ended());
        assert_eq!(ours.receive(Some(MessageKey::fresh()), ChatId::fresh()), Arrival::Invitation);
        assert_ne!(ours.chat, old);
        assert_eq!(ours.decline(), Ok(()));
        assert_eq!(ours.state, ConversationState::Closed);
    }

    #[test]
    fn a_call_invites_anew_and_ends_only_as_itself() {
        let mut ours = Conversation::closed(ChatId::fresh());
        ours.receive(Some(MessageKey::fresh()), ChatId::fresh());
        assert!(!ours.called(ChatId::fresh()), "the message waits for an answer already");
        assert!(!ours.lapsed(None));
        let first = ours.accept().unwrap();
        assert!(!ours.lapsed(first), "it was accepted");
        assert!(ours.end());
        assert!(ours.called(ChatId::fresh()));
        assert!(!ours.lapsed(first));
        assert!(ours.lapsed(None));
        assert_eq!((ours.state, ours.unread), (ConversationState::Closed, 1));
    }

    #[test]
    fn a_call_that_ends_leaves_the_conversation_as_it_was() {
        let mut ours = Conversation::closed(ChatId::fresh());
        ours.receive(Some(MessageKey::fresh()), ChatId::fresh());
        ours.accept().unwrap();
        let chat = ours.chat;
        assert!(ours.called(ChatId::fresh()));
        assert!(ours.called(ChatId::fresh()), "nobody knows how the first one ended");
        assert_eq!(ours.receive(Some(MessageKey::fresh()), ChatId::fresh()), Arrival::Message);
        assert!(ours.lapsed(None));
        assert_eq!((ours.state, ours.chat), (ConversationState::Open, chat));
        assert!(ours.called(ChatId::fresh()));
        assert!(ours.send(ChatId::fresh()), "whoever writes accepts");
        assert_eq!(ours.accept(), Ok(None));
        assert_eq!((ours.state, ours.chat), (ConversationState::Open, chat));
    }

    #[test]
    fn a_message_that_was_read_elsewhere_leaves_the_others_unread() {
        let mut ours = Conversation::closed(ChatId::fresh());
        ours.receive(Some(MessageKey::fresh()), ChatId::fresh());
        ours.receive(Some(MessageKey::fresh()), ChatId::fresh());
        assert!(ours.read_elsewhere(Seq(2)));
        assert_eq!((ours.unread, ours.read_up_to), (1, Seq(0)));
        assert!(ours.read_elsewhere(Seq(2)));
        assert_eq!((ours.unread, ours.read_up_to), (0, Seq(2)));
        assert!(!ours.read_elsewhere(Seq(3)));
    }

    #[test]
    fn a_pending_invitation_outlives_its_senders_end() {
        let mut ours = Conversation::closed(ChatId::fresh());
        ours.receive(Some(MessageKey::fresh()), ChatId::fresh());
        assert!(!ours.ended());
        assert!(ours.accept().is_ok());
    }
}
