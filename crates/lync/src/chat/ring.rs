//! How a peer's INVITE ends: accepted, refused, given up, or taken by another endpoint of the person's.

use trunkline_model::{Address, MessageText};
use trunkline_sip::dialog::{DialogId, Keep, Verdict, on_second_dialog};
use trunkline_sip::transaction::ServerId;
use trunkline_sip::{Request, Response};

use super::state::{Commit, Ring, Shown, Talk};
use super::{Accept, Action, Chats, OWNER, Received, Token, write};

impl Chats {
    /// Accepts the INVITE of a peer's that waits, after its text was committed if that need not come again.
    pub(super) fn accept(&mut self, peer: &Address) {
        let token = Token(self.number());
        let Some(chat) = self.chats.get_mut(peer) else { return };
        let Some(ring) = chat.ring.as_mut() else { return };
        if ring.token.is_some() {
            return;
        }
        chat.ends = false;
        let Some(text) = ring.text.clone().filter(|_| ring.takes_text) else {
            return self.accept_now(peer);
        };
        ring.token = Some(token);
        let message = ring.message(peer, text);
        self.commits.insert(token, Commit::Ring(peer.clone()));
        self.out.push(Action::Deliver { token, message });
    }

    /// The core has what waited for it, or whoever wrote is answered with that status.
    pub(super) fn committed(&mut self, token: Token, result: Result<(), u16>) {
        match self.commits.remove(&token) {
            Some(Commit::Message(id, request)) => {
                self.reply(id, &request, result.err().unwrap_or(200));
            }
            Some(Commit::Ring(peer)) => {
                let Some(chat) = self.chats.get_mut(&peer) else { return };
                let Some(ring) = chat.ring.take_if(|ring| ring.token == Some(token)) else { return };
                if result.is_ok() {
                    chat.ring = Some(ring);
                    return self.accept_now(&peer);
                }
                self.refuse(ring, 480);
                self.pump(&peer);
            }
            Some(Commit::Shown(peer, call)) if result.is_err() => self.unshown(&peer, &call),
            Some(Commit::Shown(..)) | None => {}
        }
    }

    /// Whoever rings and is blocked hears what he would of somebody who is away.
    pub(super) fn person_blocks(&mut self, peer: &Address) {
        let rings = |ring: &mut Ring| ring.token.is_none();
        let Some(ring) = self.chats.get_mut(peer).and_then(|chat| chat.ring.take_if(rings)) else { return };
        if ring.is_shown && ring.text.is_none() {
            self.out.push(Action::Missed { peer: peer.clone(), message: None });
        }
        self.refuse(ring, 480);
        self.pump(peer);
    }

    /// The person was not told of the INVITE: whoever called is told so, unless it is being accepted.
    fn unshown(&mut self, peer: &Address, call: &str) {
        let Some(chat) = self.chats.get_mut(peer) else { return };
        let is_it = |ring: &mut Ring| ring.call == call && ring.token.is_none();
        if let Some(ring) = chat.ring.take_if(is_it) {
            self.refuse(ring, 480);
            self.pump(peer);
        }
    }

    fn accept_now(&mut self, peer: &Address) {
        let Some(mut ring) = self.chats.get_mut(peer).and_then(|chat| chat.ring.take()) else { return };
        let took_text = ring.takes_text && ring.text.is_some();
        let Ok(build) = ring.invited.answer(200) else { return self.pump(peer) };
        let response = write::accepted(&self.me, ring.invited.request(), build, took_text);
        let Ok(dialog) = ring.invited.accept(self.now, &response) else {
            self.refuse(ring, 400);
            return self.pump(peer);
        };
        self.answer(ring.id, response);
        for (id, request) in std::mem::take(&mut ring.again) {
            let response = self.accepted_again(&request, &ring.tag, took_text);
            self.answer(id, response);
        }
        let id = dialog.id().clone();
        let until = self.now.saturating_add(self.settings.idle);
        let text = ring.text.map(|text| (text, ring.foreign_id));
        let (first, comes_again) = if took_text { (text, None) } else { (None, text) };
        let talk = Talk {
            peer: peer.clone(),
            name: ring.name,
            dialog,
            conversation: ring.conversation,
            invited: Some(ring.invited),
            first,
            shown: comes_again.filter(|_| ring.is_shown).map(Shown::new),
            is_ready: false,
            until,
        };
        self.talks.insert(id.clone(), talk);
        self.adopt_theirs(peer, id, ring.verdict);
        self.pump(peer);
    }

    /// The 200 once more, to the same INVITE that came another way.
    pub(super) fn accepted_again(&self, request: &Request, tag: &str, took_text: bool) -> Response {
        let build = Response::build(request, 200).to_tag(tag).record_routes();
        let build = build.header(trunkline_sip::name::CONTACT, write::contact(&self.me));
        write::accepted(&self.me, request, build, took_text)
    }

    /// Takes the dialog of a peer's INVITE in place of the one that there is.
    fn adopt_theirs(&mut self, peer: &Address, id: DialogId, verdict: Verdict) {
        let open = self.chats.get(peer).and_then(|chat| chat.open.clone());
        if let Some(ours) = open {
            let crossed = verdict == Verdict::TakeBoth;
            if crossed && on_second_dialog(&ours.call_id, &id.call_id, true) == Keep::Ours {
                return self.end_dialog(&id);
            }
            self.drop_dialog(&ours, verdict != Verdict::ReplaceSilently);
        }
        if let Some(chat) = self.chat(peer) {
            chat.open = Some(id);
        }
    }

    /// Gives the INVITE a final answer that is no 2xx.
    pub(super) fn refuse(&mut self, mut ring: Ring, status: u16) {
        if let Ok(build) = ring.invited.refuse(status) {
            self.answer(ring.id, build.done());
        }
        for (id, request) in ring.again {
            self.answer(id, write::refusal(&request, status, &ring.tag));
        }
    }

    /// Nobody took the INVITE: its text becomes a missed message, unless it was committed already.
    pub(super) fn miss(&mut self, peer: &Address, mut ring: Ring, status: u16) {
        let text = ring.text.take().filter(|_| ring.token.is_none());
        let message = text.map(|text| ring.message(peer, text));
        let is_shown = ring.is_shown;
        self.refuse(ring, status);
        if is_shown || message.is_some() {
            self.out.push(Action::Missed { peer: peer.clone(), message });
        }
    }

    pub(super) fn cancelled(&mut self, invite: ServerId, request: &Request) {
        let is_it = |ring: &Ring| ring.id == invite || ring.again.iter().any(|(id, _)| *id == invite);
        let found = self.chats.iter().find(|(_, chat)| chat.ring.as_ref().is_some_and(is_it));
        let Some(peer) = found.map(|(peer, _)| peer.clone()) else { return };
        let Some(ring) = self.chats.get_mut(&peer).and_then(|chat| chat.ring.take()) else { return };
        if let Some(took) = answered_elsewhere(request) {
            let foreign_id = ring.text.is_some().then(|| ring.foreign_id.clone());
            self.refuse(ring, 487);
            self.out.push(Action::AnsweredElsewhere { peer: peer.clone(), took, foreign_id });
        } else {
            self.miss(&peer, ring, 487);
        }
        self.pump(&peer);
    }

    /// The BYE of a caller who does not wait for the answer to his INVITE; SIPE's names no tag of ours.
    pub(super) fn given_up(&mut self, bye: &Request) -> bool {
        let (Ok(call_id), Ok(from), Ok(to)) = (bye.call_id(), bye.from(), bye.to()) else { return false };
        let is_it = |ring: &Ring| {
            let request = ring.invited.request();
            to.tag().is_none_or(|tag| tag == ring.tag)
                && request.call_id().is_ok_and(|of_invite| of_invite == call_id)
                && request.from().is_ok_and(|of_invite| of_invite.tag() == from.tag())
        };
        let found = self.chats.iter().find(|(_, chat)| chat.ring.as_ref().is_some_and(is_it));
        let Some(peer) = found.map(|(peer, _)| peer.clone()) else { return false };
        if let Some(ring) = self.chats.get_mut(&peer).and_then(|chat| chat.ring.take()) {
            self.miss(&peer, ring, 487);
        }
        self.pump(&peer);
        true
    }

    pub(super) fn endpoints_changed(&mut self, others: Option<usize>) {
        self.others = others;
        if others == Some(0) && self.settings.accept == Accept::OnlyEndpoint {
            let rings = self.chats.iter().filter(|(_, chat)| chat.ring.is_some());
            let peers: Vec<_> = rings.map(|(peer, _)| peer.clone()).collect();
            peers.iter().for_each(|peer| self.accept(peer));
        }
    }

    /// The dialog that a request of a peer's belongs to.
    pub(super) fn dialog_of(&self, request: &Request) -> Option<DialogId> {
        id_of(request).filter(|id| self.talks.contains_key(id))
    }
}

impl Ring {
    pub(super) fn message(&self, peer: &Address, text: MessageText) -> Received {
        let (foreign_id, name) = (self.foreign_id.clone(), self.name.clone());
        Received { peer: peer.clone(), foreign_id, text, name }
    }
}

/// The ids of the dialog that a request of a peer's belongs to, if it belongs to any.
fn id_of(request: &Request) -> Option<DialogId> {
    let local_tag = request.to().ok()?.tag()?.to_owned();
    let remote_tag = request.from().ok()?.tag().unwrap_or_default().to_owned();
    Some(DialogId { owner: OWNER, call_id: request.call_id().ok()?, local_tag, remote_tag })
}

/// Whether another endpoint took the call, or declined it for all, if a CANCEL says so.
fn answered_elsewhere(cancel: &Request) -> Option<bool> {
    let reasons = cancel.reasons().unwrap_or_default();
    let sip = reasons.iter().filter(|why| why.protocol.eq_ignore_ascii_case("SIP"));
    let causes: Vec<_> = sip.filter_map(|why| why.cause()).collect();
    let has = |cause: u32| causes.contains(&cause);
    (cancel.has("ms-acceptedby") || has(200)).then_some(true).or((has(600) || has(603)).then_some(false))
}
