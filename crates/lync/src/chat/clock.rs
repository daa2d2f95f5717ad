//! What ends with time.

use std::time::Duration;

use trunkline_model::Address;
use trunkline_sip::dialog::DialogId;

use super::{Action, Chats, SendId};

impl Chats {
    /// When [`super::Event::Timer`] is due.
    pub fn next_deadline(&self) -> Option<Duration> {
        let calls = self.calls.values().map(|call| call.until);
        let talks = self.talks.values().map(|talk| talk.until);
        let acks = self.talks.values().filter_map(|talk| talk.invited.as_ref()?.deadline());
        let rings = self.chats.values().filter_map(|chat| Some(chat.ring.as_ref()?.until));
        let typing = self.chats.values().filter_map(|chat| chat.typing.deadline());
        let again = self.chats.values().filter_map(|chat| chat.again);
        let letters = self.chats.values().filter_map(|chat| Some(chat.queue.get(1)?.until));
        calls.chain(talks).chain(letters).chain(again).chain(acks).chain(rings).chain(typing).min()
    }

    pub(super) fn expire(&mut self) {
        if self.next_deadline().is_none_or(|deadline| deadline > self.now) {
            return;
        }
        self.expire_letters();
        self.expire_calls();
        self.expire_rings();
        self.expire_typing();
        self.expire_talks();
        self.try_again();
    }

    fn try_again(&mut self) {
        let now = self.now;
        let due = self.chats.iter().filter(|(_, chat)| chat.again.is_some_and(|at| at <= now));
        let due: Vec<Address> = due.map(|(peer, _)| peer.clone()).collect();
        due.iter().for_each(|peer| self.pump(peer));
    }

    /// Gives back what waited for too long: the first in a queue has its own end, the others have not left.
    fn expire_letters(&mut self) {
        let now = self.now;
        let is_due = |chat: &super::Chat| chat.queue.get(1).is_some_and(|letter| letter.until <= now);
        let due = self.chats.iter().filter(|(_, chat)| is_due(chat));
        let due: Vec<Address> = due.map(|(peer, _)| peer.clone()).collect();
        due.iter().for_each(|peer| self.give_back(peer, 1));
    }

    fn expire_calls(&mut self) {
        let now = self.now;
        let due = self.calls.iter().filter(|(_, call)| call.until <= now);
        let due: Vec<(SendId, bool)> = due.map(|(id, call)| (*id, call.is_over)).collect();
        for (id, is_over) in due {
            if is_over {
                self.calls.remove(&id);
                continue;
            }
            if let Some(call) = self.calls.get_mut(&id) {
                // It ends by itself now, in a minute at most.
                call.until = now.saturating_add(self.settings.ring.saturating_mul(4));
            }
            self.cancel(id);
        }
    }

    fn expire_rings(&mut self) {
        let now = self.now;
        let is_due = |peer: &&Address| {
            let chat = self.chats.get(*peer);
            chat.and_then(|chat| chat.ring.as_ref()).is_some_and(|ring| ring.until <= now)
        };
        let due: Vec<Address> = self.chats.keys().filter(is_due).cloned().collect();
        for peer in due {
            if let Some(ring) = self.chats.get_mut(&peer).and_then(|chat| chat.ring.take()) {
                self.miss(&peer, ring, 480);
            }
            self.pump(&peer);
        }
    }

    fn expire_typing(&mut self) {
        let now = self.now;
        let due = self.chats.iter().filter(|(_, chat)| chat.typing.deadline().is_some_and(|at| at <= now));
        let due: Vec<Address> = due.map(|(peer, _)| peer.clone()).collect();
        for peer in due {
            if let Some(chat) = self.chats.get_mut(&peer) {
                chat.typing.heard(now, false);
                self.out.push(Action::Typing { peer: peer.clone(), composing: false });
            }
            self.tidy(&peer);
        }
    }

    /// Ends dialogs that nobody acknowledged or used, and forgets those that are over.
    fn expire_talks(&mut self) {
        let now = self.now;
        let mut due: Vec<DialogId> = Vec::new();
        for (id, talk) in &mut self.talks {
            let unheard = talk.invited.as_mut().is_some_and(|invited| invited.expire(now));
            if unheard || talk.until <= now {
                due.push(id.clone());
            }
        }
        due.sort_by(|one, other| one.call_id.cmp(&other.call_id));
        for id in due {
            let Some(talk) = self.talks.get_mut(&id) else { continue };
            let peer = talk.peer.clone();
            if talk.dialog.is_over() {
                self.talks.remove(&id);
            } else if self.chats.get(&peer).is_some_and(|chat| chat.is_out && chat.open.as_ref() == Some(&id))
            {
                talk.until = now.saturating_add(self.settings.idle);
            } else {
                self.end_dialog(&id);
            }
            self.pump(&peer);
        }
    }
}
