//! The relay as a person would explain it: mailboxes are lists, and every act changes them at once. Naive on purpose.

use std::collections::HashMap;

/// A number of an account, of a phone, of a message, of a conversation.
pub(super) type Number = usize;

/// What a mailbox holds at one place. `chat` is the conversation on the mailbox's own side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Line {
    /// The phone that did it and needs no telling.
    pub(super) own: Option<Number>,
    pub(super) chat: Number,
    pub(super) peer: Number,
    pub(super) told: Told,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    Invitation(Option<Number>),
    Answered(&'static str),
    Message(Number),
    Sent(Number),
    Receipt(Number),
    Ended,
    Read { up_to: usize, unread: usize },
}

#[derive(Debug)]
pub(super) struct Message {
    /// The phone that sent it.
    pub(super) by: Number,
    pub(super) to: Number,
    chat: Number,
    delivered: bool,
}

#[derive(Debug)]
pub(super) struct Phone {
    pub(super) account: Number,
    /// Everything up to this place is acknowledged.
    pub(super) acknowledged: usize,
    /// What came before it was activated is not for it.
    pub(super) begins: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Closed,
    Calling,
    Invited,
    Open,
}

/// One account's side of a conversation.
#[derive(Debug, Clone)]
struct Side {
    state: State,
    chat: Number,
    first: Option<Number>,
    /// Places of messages that count.
    counted: Vec<usize>,
    unread: usize,
    read_up_to: usize,
}

#[derive(Debug, Default)]
pub(super) struct Model {
    pub(super) mailboxes: Vec<Vec<Line>>,
    pub(super) phones: Vec<Phone>,
    pub(super) messages: Vec<Message>,
    sides: HashMap<(Number, Number), Side>,
    chats: Number,
}

impl Model {
    pub(super) fn new(accounts: usize) -> Self {
        Self { mailboxes: vec![Vec::new(); accounts], ..Self::default() }
    }

    /// A new phone begins where the account's phones have got to.
    pub(super) fn activate(&mut self, account: Number) -> Number {
        let others = self.phones.iter().filter(|phone| phone.account == account);
        let begins = others.map(|phone| phone.acknowledged).max().unwrap_or(0);
        self.phones.push(Phone { account, acknowledged: begins, begins });
        self.phones.len() - 1
    }

    /// The places after `after` that the phone is told of.
    pub(super) fn places(&self, phone: Number, after: usize) -> Vec<usize> {
        let mailbox = &self.mailboxes[self.phones[phone].account];
        let others = mailbox.iter().enumerate().skip(after).filter(|(_, line)| line.own != Some(phone));
        others.map(|(index, _)| index + 1).collect()
    }

    /// The places that show this message to its recipient, in order.
    pub(super) fn places_of(&self, message: Number) -> Vec<usize> {
        let mailbox = &self.mailboxes[self.messages[message].to];
        let shows =
            |line: &Line| line.told == Told::Message(message) || line.told == Told::Invitation(Some(message));
        mailbox.iter().enumerate().filter(|(_, line)| shows(line)).map(|(index, _)| index + 1).collect()
    }

    pub(super) fn send(&mut self, by: Number, to: Number) -> Number {
        let from = self.phones[by].account;
        self.invite(by, to);
        self.read_by_answering(by, to);
        let chat = self.side(from, to).chat;
        self.messages.push(Message { by, to, chat, delivered: false });
        let message = self.messages.len() - 1;
        self.append(from, Some(by), to, Told::Sent(message));
        self.arrive(to, from, Some(message), chat);
        message
    }

    pub(super) fn start_chat(&mut self, by: Number, to: Number) -> Number {
        let from = self.phones[by].account;
        let closed = self.side(from, to).state == State::Closed;
        self.invite(by, to);
        let chat = self.side(from, to).chat;
        if closed {
            self.arrive(to, from, None, chat);
        }
        chat
    }

    /// False when this is no pending invitation.
    pub(super) fn accept(&mut self, by: Number, chat: Number) -> bool {
        let Some(peer) = self.inviter(by, chat) else { return false };
        self.accept_from(by, peer);
        true
    }

    /// False when this is no pending invitation.
    pub(super) fn decline(&mut self, by: Number, chat: Number) -> bool {
        let Some(peer) = self.inviter(by, chat) else { return false };
        let account = self.phones[by].account;
        self.side(account, peer).close();
        self.append(account, Some(by), peer, Told::Answered("Declined"));
        if self.side(peer, account).state == State::Calling {
            self.side(peer, account).close();
            self.append(peer, None, account, Told::Answered("Declined"));
        }
        true
    }

    pub(super) fn end(&mut self, by: Number, peer: Number) {
        let account = self.phones[by].account;
        if self.side(account, peer).state != State::Closed {
            self.side(account, peer).close();
            self.append(account, Some(by), peer, Told::Ended);
        }
        if matches!(self.side(peer, account).state, State::Open | State::Calling) {
            self.side(peer, account).close();
            self.append(peer, None, account, Told::Ended);
        }
    }

    /// What the answer says; `None` when the two never had a conversation.
    pub(super) fn read(&mut self, by: Number, peer: Number, up_to: Option<usize>) -> Option<(usize, usize)> {
        let account = self.phones[by].account;
        let head = self.mailboxes[account].len();
        let side = self.sides.get_mut(&(account, peer)).filter(|side| side.chat > 0)?;
        let up_to = up_to.unwrap_or(head).min(head);
        if up_to <= side.read_up_to {
            return Some((side.read_up_to, side.unread));
        }
        let left = side.counted.iter().filter(|place| **place > up_to).count().min(side.unread);
        let news = left < side.unread;
        (side.unread, side.read_up_to) = (left, up_to);
        if news {
            self.append(account, Some(by), peer, Told::Read { up_to, unread: left });
        }
        Some((up_to, left))
    }

    /// The phone has everything up to this place; whoever wrote a message that thereby reached its first phone hears so.
    pub(super) fn acknowledge(&mut self, phone: Number, up_to: usize) {
        let Phone { account, acknowledged, .. } = self.phones[phone];
        if up_to <= acknowledged {
            return;
        }
        self.phones[phone].acknowledged = up_to;
        for index in acknowledged..up_to {
            let (Told::Message(number) | Told::Invitation(Some(number))) =
                self.mailboxes[account][index].told
            else {
                continue;
            };
            let message = &mut self.messages[number];
            if !std::mem::replace(&mut message.delivered, true) {
                let (chat, writer) = (message.chat, self.phones[message.by].account);
                let line = Line { own: None, chat, peer: account, told: Told::Receipt(number) };
                self.mailboxes[writer].push(line);
            }
        }
    }

    /// Opens a closed conversation from this side, or accepts what pends.
    fn invite(&mut self, by: Number, to: Number) {
        let from = self.phones[by].account;
        match self.side(from, to).state {
            State::Closed => {
                let chat = self.fresh();
                self.side(from, to).begin(chat, State::Calling, None);
            }
            State::Invited => self.accept_from(by, to),
            State::Calling | State::Open => {}
        }
    }

    fn accept_from(&mut self, by: Number, peer: Number) {
        let account = self.phones[by].account;
        let side = self.side(account, peer);
        side.state = State::Open;
        let first = side.first.take();
        self.append(account, Some(by), peer, Told::Answered("Accepted"));
        if let Some(message) = first {
            self.append(account, None, peer, Told::Message(message));
        }
        if self.side(peer, account).state == State::Calling {
            self.side(peer, account).state = State::Open;
            self.append(peer, None, account, Told::Answered("Accepted"));
        }
    }

    fn read_by_answering(&mut self, by: Number, peer: Number) {
        let account = self.phones[by].account;
        let head = self.mailboxes[account].len();
        let side = self.side(account, peer);
        if side.unread > 0 {
            (side.unread, side.read_up_to) = (0, head);
            self.append(account, Some(by), peer, Told::Read { up_to: head, unread: 0 });
        }
    }

    fn arrive(&mut self, account: Number, peer: Number, message: Option<Number>, fresh: Number) {
        let state = self.side(account, peer).state;
        match state {
            State::Closed => {
                self.side(account, peer).begin(fresh, State::Invited, message);
                self.append(account, None, peer, Told::Invitation(message));
            }
            State::Calling => {
                self.side(account, peer).state = State::Open;
                self.append(account, None, peer, Told::Answered("Accepted"));
            }
            State::Invited | State::Open => {}
        }
        let Some(message) = message else { return };
        if state != State::Closed {
            self.append(account, None, peer, Told::Message(message));
        }
        let place = self.mailboxes[account].len();
        let side = self.side(account, peer);
        side.unread += 1;
        side.counted.push(place);
    }

    fn append(&mut self, account: Number, own: Option<Number>, peer: Number, told: Told) {
        let chat = self.side(account, peer).chat;
        self.mailboxes[account].push(Line { own, chat, peer, told });
    }

    /// Whose invitation this is, while it pends.
    fn inviter(&self, by: Number, chat: Number) -> Option<Number> {
        let account = self.phones[by].account;
        let mine = self.sides.iter().find(|((owner, _), side)| *owner == account && side.chat == chat);
        mine.filter(|(_, side)| side.state == State::Invited).map(|((_, peer), _)| *peer)
    }

    fn side(&mut self, account: Number, peer: Number) -> &mut Side {
        self.sides.entry((account, peer)).or_insert_with(|| Side {
            state: State::Closed,
            chat: 0,
            first: None,
            counted: Vec::new(),
            unread: 0,
            read_up_to: 0,
        })
    }

    fn fresh(&mut self) -> Number {
        self.chats += 1;
        self.chats
    }
}

impl Side {
    fn begin(&mut self, chat: Number, state: State, first: Option<Number>) {
        (self.chat, self.state, self.first) = (chat, state, first);
    }

    fn close(&mut self) {
        (self.state, self.first) = (State::Closed, None);
    }
}
