use std::{collections::VecDeque, sync::Arc, time::Duration};

use tokio::{sync::oneshot, time::Instant};
use tokio_xmpp::jid::BareJid;
use trunkline_core::port::{Outcome, OutgoingMessage};
use trunkline_model::{MessageKey, Presence};

use crate::{
    iq::Questions,
    ledger::{Inbound, Outbound, Ticket, WrongCount},
    link::Outgoing,
    negotiate::{Management, Resumption},
    recent::Recent,
};

/// Messages of ours whose peers are remembered, to check who sends receipts and bounces.
const MAX_SENT: usize = 1_024;
/// How long a server that does not say is taken to keep a session without a link.
const USUAL_KEEP: Duration = Duration::from_secs(300);
/// Longest time to believe in that a session is kept.
const LONGEST_KEEP: Duration = Duration::from_secs(3_600);

/// What the worker knows of its session with the server; it outlives the link.
pub(super) struct Memory {
    /// As the person signs in.
    account: BareJid,
    /// As the server bound it; the same but on servers with aliases.
    pub(super) own: BareJid,
    pub(super) management: Option<Management>,
    pub(super) outbound: Outbound<Sent>,
    pub(super) inbound: Inbound,
    pub(super) questions: Questions,
    /// To whom each message went.
    pub(super) peers: Recent<MessageKey, BareJid>,
    /// What the server was last told to show; `None` before the core has chosen.
    pub(super) shown: Option<Presence>,
    /// The latest turn of a message that was given back.
    given_back: u64,
    /// How many of the last in `outbound` never left the queue.
    unwritten: usize,
    /// Until when the server keeps the session for us.
    kept_until: Option<Instant>,
}

/// A stanza of ours that the server has not confirmed.
pub(super) struct Sent {
    pub(super) element: Outgoing,
    pub(super) delivery: Option<Delivery>,
}

/// A message whose outcome somebody waits for.
pub(super) struct Delivery {
    pub(super) key: MessageKey,
    turn: u64,
    reply: oneshot::Sender<Outcome>,
}

impl Delivery {
    pub(super) fn new(message: &OutgoingMessage, reply: oneshot::Sender<Outcome>) -> Self {
        Self { key: message.key, turn: message.turn, reply }
    }

    /// Tells the outcome; whoever waited may have given up.
    pub(super) fn tell(self, outcome: Outcome) {
        let _ = self.reply.send(outcome);
    }
}

impl Memory {
    pub(super) fn new(account: BareJid) -> Self {
        Self {
            own: account.clone(),
            account,
            management: None,
            outbound: Outbound::default(),
            inbound: Inbound::default(),
            questions: Questions::default(),
            peers: Recent::new(MAX_SENT),
            shown: None,
            given_back: 0,
            unwritten: 0,
            kept_until: None,
        }
    }

    pub(super) fn account(&self) -> &BareJid {
        &self.account
    }

    /// What to ask the server to take up again, if it offered that and may still know of it.
    pub(super) fn resumption(&mut self) -> Option<Resumption> {
        if self.kept_until.is_some_and(|until| until <= Instant::now()) {
            self.give_up();
        }
        let id = self.management.as_ref()?.id.clone()?;
        Some(Resumption { id, handled: self.inbound.handled() })
    }

    /// What names a stanza of the server's even when it comes again over the next link; `None` when it cannot.
    pub(super) fn place(&self, ticket: Ticket) -> Option<String> {
        let session = self.management.as_ref()?.id.as_ref()?;
        Some(format!("{session}/{}", ticket.number()))
    }

    /// The session goes on over a new link.
    pub(super) fn resumed(&mut self) {
        self.unwritten = 0;
        self.kept_until = None;
    }

    /// Takes the server's word on how much of ours it has.
    pub(super) fn confirm(&mut self, h: u32) -> Result<(), WrongCount> {
        for sent in self.outbound.confirm(h)? {
            if let Some(delivery) = sent.delivery {
                delivery.tell(Outcome::Confirmed);
            }
        }
        Ok(())
    }

    /// The link is gone and `waiting` never left it. Unless the session may be resumed, that decides what became of
    /// every open message.
    pub(super) fn link_lost<'a>(&mut self, waiting: impl Iterator<Item = &'a Outgoing>) {
        let waiting: Vec<&Outgoing> = waiting.collect();
        let open = self.outbound.iter().rev();
        self.unwritten =
            open.take_while(|sent| waiting.iter().any(|w| Arc::ptr_eq(w, &sent.element))).count();
        match self.management.as_ref().filter(|management| management.id.is_some()) {
            Some(Management { max, .. }) => {
                let keep = max.map_or(USUAL_KEEP, |seconds| Duration::from_secs(seconds.into()));
                self.kept_until = Some(Instant::now() + keep.min(LONGEST_KEEP));
            }
            None => self.give_up(),
        }
    }

    /// Whether no message of this turn or a later one was given back.
    pub(super) fn takes(&self, turn: u64) -> bool {
        turn > self.given_back
    }

    /// Tells that a message was not sent.
    pub(super) fn give_back(&mut self, delivery: Delivery) {
        self.given_back = self.given_back.max(delivery.turn);
        delivery.tell(Outcome::NotSent);
    }

    /// The session is gone: what was not confirmed never will be.
    pub(super) fn give_up(&mut self) {
        self.questions.clear();
        self.management = None;
        self.shown = None;
        let open: VecDeque<Sent> = self.outbound.reset();
        let written = open.len().saturating_sub(self.unwritten);
        self.unwritten = 0;
        self.kept_until = None;
        for (place, sent) in open.into_iter().enumerate() {
            if let Some(delivery) = sent.delivery {
                if place < written {
                    delivery.tell(Outcome::Unknown);
                } else {
                    self.give_back(delivery);
                }
            }
        }
    }

    /// A message came back before it was confirmed: its delivery, if it is one and somebody still waits for it.
    pub(super) fn take_delivery(&mut self, key: MessageKey) -> Option<Delivery> {
        let awaited = |delivery: &Delivery| delivery.key == key && !delivery.reply.is_closed();
        let matches = |sent: &&mut Sent| sent.delivery.as_ref().is_some_and(awaited);
        self.outbound.iter_mut().find(matches)?.delivery.take()
    }

    /// Whether `from` may speak of a message of ours: the peer, their server, or ours. Messages that are not remembered
    /// (a restart lies between) are left to the core to judge.
    pub(super) fn may_speak_of(&self, key: MessageKey, from: &BareJid) -> bool {
        let Some(peer) = self.peers.get(&key) else { return true };
        let server =
            from.node().is_none() && (from.domain() == peer.domain() || from.domain() == self.own.domain());
        from == peer || server
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::oneshot;
    use tokio_xmpp::{
        parsers::sm::{Nonza, R},
        xmlstream::XmppStreamElement,
    };
    use trunkline_model::MessageKey;

    use super::{Delivery, Memory, Sent};

    #[test]
    fn a_delivery_that_nobody_waits_for_takes_no_bounce() {
        let mut memory = Memory::new("alice@corp.test".parse().unwrap());
        let key = MessageKey::fresh();
        let mut attempt = || {
            let (reply, outcome) = oneshot::channel();
            let element = Arc::new(XmppStreamElement::SM(Nonza::Req(R)));
            memory.outbound.push(Sent { element, delivery: Some(Delivery { key, turn: 1, reply }) });
            outcome
        };
        drop(attempt());
        let second = attempt();
        assert!(memory.take_delivery(key).is_some(), "the one that is waited for");
        drop(second);
        assert!(memory.take_delivery(key).is_none(), "the core learns of it by an event");
    }
}
