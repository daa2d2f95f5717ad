//! What the person does.

use trunkline_core::port::Outcome;
use trunkline_model::{Address, MessageKey, MessageText};
use trunkline_sip::body::text;
use trunkline_sip::body::typing::{KEYBOARD_TYPE, Typing};
use trunkline_sip::dialog::{DialogId, Invite};
use trunkline_sip::transaction::{HOP, Patience};
use trunkline_sip::{Method, Uri};

use super::failure::temporary;
use super::letter::Letter;
use super::state::{Call, Chat, Purpose};
use super::write::{self, Names};
use super::{Action, Chats, Decline, OWNER};

impl Chats {
    pub(super) fn person_sends(&mut self, key: MessageKey, text: &MessageText, peer: &Address) {
        if self.closing || !self.linked {
            return self.report(key, Outcome::NotSent);
        }
        if !self.chats.contains_key(peer) && self.chats.len() >= self.settings.peers {
            return self.report(key, temporary("too many chats are open at once (busy)"));
        }
        let until = self.now.saturating_add(self.settings.wait);
        let chat = self.chats.entry(peer.clone()).or_default();
        if chat.queue.len() >= self.settings.queue {
            return self.report(key, temporary("too many messages to this contact wait (busy)"));
        }
        chat.ends = false;
        chat.queue.push_back(Letter::new(key, text, until));
        self.accept(peer);
        self.pump(peer);
    }

    /// Goes on with a peer: sends what comes next, by the dialog that there is or by a new one.
    pub(super) fn pump(&mut self, peer: &Address) {
        let now = self.now;
        let is_free =
            |chat: &&mut Chat| !chat.is_out && chat.call.is_none() && chat.again.is_none_or(|at| at <= now);
        let Some(chat) = self.chats.get_mut(peer).filter(is_free) else { return };
        chat.again = None;
        if chat.queue.is_empty() {
            return self.settle(peer);
        }
        if !self.linked || self.closing {
            return self.fail_all(peer, &Outcome::NotSent);
        }
        match (chat.open.clone(), chat.ring.is_some()) {
            (Some(id), _) if self.talks.get(&id).is_some_and(|talk| talk.is_ready) => {
                self.send_part(peer, &id);
            }
            (Some(_), _) => {}
            (None, true) => self.accept(peer),
            (None, false) => self.call(peer),
        }
    }

    /// Nothing is to be sent: ends what the person ended.
    fn settle(&mut self, peer: &Address) {
        if let Some(chat) = self.chats.get_mut(peer)
            && std::mem::take(&mut chat.ends)
            && let Some(id) = chat.open.clone()
        {
            self.end_dialog(&id);
        }
        self.tidy(peer);
    }

    /// Tells an outcome of all messages that wait for a peer.
    pub(super) fn fail_all(&mut self, peer: &Address, outcome: &Outcome) {
        let Some(chat) = self.chats.get_mut(peer) else { return };
        chat.tries = 0;
        for letter in std::mem::take(&mut chat.queue) {
            self.report(letter.key, letter.outcome(outcome.clone()));
        }
        self.settle(peer);
    }

    fn send_part(&mut self, peer: &Address, id: &DialogId) {
        let Some(part) = self.chats.get(peer).and_then(|chat| chat.queue.front()).map(Letter::part) else {
            return;
        };
        let body = text::write(part);
        let Some(talk) = self.talks.get_mut(id) else { return };
        talk.until = self.now.saturating_add(self.settings.idle);
        let Ok(build) = talk.dialog.request(Method::MESSAGE) else {
            self.drop_dialog(id, false);
            return self.pump(peer);
        };
        let request = build.body(text::TYPE, body).done();
        let purpose = Purpose::Message(peer.clone(), id.clone());
        self.send(purpose, request, Patience::of(&Method::MESSAGE));
        if let Some(chat) = self.chats.get_mut(peer) {
            chat.is_out = true;
            chat.typing.told(self.now, false);
        }
    }

    fn call(&mut self, peer: &Address) {
        let Ok(uri) = Uri::parse(&peer.uri()) else {
            let reason = "the address is none that the IM system could know (contact_not_found)".to_owned();
            return self.fail_all(peer, &Outcome::Refused { permanent: true, reason });
        };
        let names = Names {
            tag: self.tag(),
            call_id: format!("{:032x}", (self.random)()),
            conversation: format!("{:032x}", (self.random)()),
        };
        let Some(chat) = self.chats.get_mut(peer) else { return };
        let first = chat.queue.front().map(Letter::part);
        let first = first.filter(|text| self.settings.embeds && write::fits_invite(text));
        let request = write::invite(&self.me, &uri, &names, first);
        let embeds = first.is_some();
        let invite = Invite::new(OWNER, &request);
        // The time of ringing is ours to keep: the transaction's own limit is for when nobody asks us.
        let patience = Patience { answer: HOP, ring: self.settings.ring.saturating_mul(2) };
        let id = self.send(Purpose::Call, request, patience);
        let call = Call {
            peer: peer.clone(),
            invite,
            conversation: names.conversation,
            embeds,
            is_heard: false,
            is_cancelled: false,
            until: self.now.saturating_add(self.settings.ring),
            is_over: false,
        };
        self.calls.insert(id, call);
        if let Some(chat) = self.chats.get_mut(peer) {
            chat.call = Some(id);
        }
    }

    pub(super) fn person_types(&mut self, peer: &Address, composing: bool) {
        if composing && self.chats.get(peer).is_some_and(|chat| chat.ring.is_some()) {
            self.accept(peer);
        }
        let Some(chat) = self.chats.get_mut(peer) else { return };
        let Some(id) = chat.open.clone().filter(|_| !chat.is_out && self.linked) else { return };
        if !chat.typing.tells(self.now, composing) {
            return;
        }
        let Some(talk) = self.talks.get_mut(&id).filter(|talk| talk.is_ready) else { return };
        let Ok(build) = talk.dialog.request(Method::INFO) else { return };
        chat.typing.told(self.now, composing);
        talk.until = self.now.saturating_add(self.settings.idle);
        let typing = Typing { active: composing, refresh: None };
        let request = build.body(KEYBOARD_TYPE, typing.write_keyboard()).done();
        self.send(Purpose::Typing(id), request, Patience::of(&Method::INFO));
    }

    pub(super) fn person_declines(&mut self, peer: &Address) {
        let ring = self.chats.get_mut(peer).and_then(|chat| chat.ring.take());
        if let Some(ring) = ring {
            let status = if self.settings.decline == Decline::Everywhere { 603 } else { 480 };
            self.refuse(ring, status);
        }
        self.person_ends(peer);
    }

    pub(super) fn person_ends(&mut self, peer: &Address) {
        let Some(chat) = self.chats.get_mut(peer) else { return };
        chat.ends = chat.open.is_some() || chat.call.is_some() || !chat.queue.is_empty();
        self.pump(peer);
    }

    /// What did not leave is not sent; what left has its own end. Whoever rings is not heard any more, nor hears an answer.
    pub(super) fn link_lost(&mut self) {
        self.linked = false;
        let peers: Vec<_> = self.chats.keys().cloned().collect();
        for peer in peers {
            let ring = self.chats.get_mut(&peer).map(|chat| &mut chat.ring);
            if let Some(ring) = ring.and_then(|ring| ring.take_if(|ring| ring.token.is_none())) {
                self.miss(&peer, ring, 480);
            }
            self.fail_waiting(&peer);
        }
    }

    fn fail_waiting(&mut self, peer: &Address) {
        let Some(chat) = self.chats.get_mut(peer) else { return };
        let under_way = chat.is_out || chat.call.is_some();
        self.give_back(peer, usize::from(under_way));
        self.tidy(peer);
    }

    /// Gives messages back that did not leave, from that one on.
    pub(super) fn give_back(&mut self, peer: &Address, first: usize) {
        let Some(chat) = self.chats.get_mut(peer) else { return };
        let waiting = chat.queue.split_off(first.min(chat.queue.len()));
        for letter in waiting {
            self.report(letter.key, letter.outcome(Outcome::NotSent));
        }
    }

    pub(super) fn shutdown(&mut self) {
        self.closing = true;
        let peers: Vec<_> = self.chats.keys().cloned().collect();
        for peer in peers {
            self.fail_waiting(&peer);
            let Some(chat) = self.chats.get_mut(&peer) else { continue };
            let (call, open, ring) = (chat.call, chat.open.clone(), chat.ring.take());
            if let Some(ring) = ring {
                self.miss(&peer, ring, 480);
            }
            if let Some(call) = call {
                self.cancel(call);
            }
            if let Some(open) = open {
                self.end_dialog(&open);
            }
            self.tidy(&peer);
        }
    }

    /// Gives an INVITE of ours up.
    pub(super) fn cancel(&mut self, id: super::SendId) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        if !std::mem::replace(&mut call.is_cancelled, true) {
            call.invite.give_up();
            self.out.push(Action::Cancel(id));
        }
    }

    /// The chat with a peer, unless there are too many.
    pub(super) fn chat(&mut self, peer: &Address) -> Option<&mut Chat> {
        if !self.chats.contains_key(peer) && self.chats.len() >= self.settings.peers {
            return None;
        }
        Some(self.chats.entry(peer.clone()).or_default())
    }
}
