//! The arrival of a peer's INVITE.

use aws_lc_rs::digest::{SHA256, digest};
use trunkline_model::{Address, MessageText};
use trunkline_sip::body::invitation::{self, ConferenceInvitation};
use trunkline_sip::body::multipart::Multipart;
use trunkline_sip::body::offer::{self, Offer};
use trunkline_sip::body::{MediaType, text};
use trunkline_sip::dialog::{Invited, Ours, Verdict, on_invite};
use trunkline_sip::transaction::ServerId;
use trunkline_sip::{Request, Response, name};

use super::state::{Commit, Ring};
use super::{Accept, Action, Chats, OWNER, Token, write};

/// What may be required of us.
const KNOWN: [&str; 4] = ["ms-sender", "ms-text-format", "ms-embedded-first-message", "ms-delayed-accept"];
/// How often the same INVITE may come over different connections.
const REPEATS: usize = 4;
/// Most characters of a first message.
const MAX_TEXT: usize = 65_536;

impl Chats {
    pub(super) fn invited(&mut self, id: ServerId, request: Request, trusted: bool) {
        if let Some(unknown) = request.unknown_requirements(&KNOWN).ok().filter(|all| !all.is_empty()) {
            let tag = self.tag();
            let answer = Response::build(&request, 420).to_tag(&tag);
            return self.answer(id, answer.header(name::UNSUPPORTED, unknown.join(", ")).done());
        }
        let Some((peer, name)) = sender(&request, trusted) else { return self.reply(id, &request, 400) };
        if let Err(status) = self.is_fit(&request, &peer) {
            return self.reply(id, &request, status);
        }
        let Some(foreign_id) = foreign_id(&peer, &request) else { return self.reply(id, &request, 400) };
        if self.came_before(id, &request, &peer, &foreign_id) {
            return;
        }
        let is_full =
            self.commits.len() >= self.settings.peers || self.talks.len() >= 2 * self.settings.peers;
        if is_full || self.chat(&peer).is_none() {
            return self.reply(id, &request, 503);
        }
        let tag = self.tag();
        let ring = Ring {
            id,
            invited: Invited::new(OWNER, &request, &tag, &write::contact(&self.me)),
            tag,
            again: Vec::new(),
            verdict: self.verdict(&peer, &request),
            conversation: request.conversation_id(),
            name,
            call: foreign_id.clone(),
            foreign_id,
            text: first_text(&request),
            takes_text: write::TOOK_FIRST.iter().any(|token| request.supports(token)),
            token: None,
            is_shown: false,
            until: self.now.saturating_add(self.settings.ring_here),
        };
        self.ring(&peer, ring);
    }

    /// Whether the INVITE is for a chat, or with what status it is refused.
    fn is_fit(&mut self, request: &Request, peer: &Address) -> Result<(), u16> {
        let media = MediaType::read(&request.text(name::CONTENT_TYPE).unwrap_or_default());
        if media.is(invitation::TYPE) {
            if let Ok(invitation) = ConferenceInvitation::read(request.body()) {
                self.out.push(Action::ConferenceInvited { peer: peer.clone(), invitation });
            }
            return Err(488);
        }
        let is_empty = request.body().is_empty();
        if !is_empty && !media.is(offer::TYPE) && !media.kind.starts_with("multipart/") {
            return Err(415);
        }
        let is_me = self.me.uri.address().is_some_and(|me| me.eq_ignore_ascii_case(peer.bare()));
        match () {
            () if !offers_messages(request) => Err(488),
            () if self.closing || is_me => Err(480),
            // Before anything in it is kept: no dialog could be made of it.
            () if !self.is_answerable(request) => Err(400),
            () => Ok(()),
        }
    }

    /// Whether a dialog can be made of an INVITE.
    fn is_answerable(&self, request: &Request) -> bool {
        let mut invited = Invited::new(OWNER, request, "tag", &write::contact(&self.me));
        invited.answer(200).is_ok_and(|build| invited.accept(self.now, &build.done()).is_ok())
    }

    /// The same INVITE over another connection: it gets the answer that the first one gets.
    fn came_before(&mut self, id: ServerId, request: &Request, peer: &Address, foreign_id: &str) -> bool {
        let ring = self.chats.get_mut(peer).and_then(|chat| chat.ring.as_mut());
        if let Some(ring) = ring.filter(|ring| ring.call == foreign_id) {
            if ring.again.len() < REPEATS {
                ring.again.push((id, request.clone()));
            } else {
                self.reply(id, request, 482);
            }
            return true;
        }
        let (call_id, tag) = (request.call_id().ok(), request.from().ok());
        let tag = tag.as_ref().and_then(|from| from.tag()).unwrap_or_default();
        let talk = self.talks.iter().find(|(dialog, talk)| {
            talk.peer == *peer && Some(&dialog.call_id) == call_id.as_ref() && dialog.remote_tag == tag
        });
        let Some((tag, took)) = talk.map(|(dialog, talk)| (dialog.local_tag.clone(), talk.first.is_some()))
        else {
            return false;
        };
        let response = self.accepted_again(request, &tag, took);
        self.answer(id, response);
        true
    }

    fn verdict(&self, peer: &Address, request: &Request) -> Verdict {
        let chat = self.chats.get(peer);
        let talk = chat.and_then(|chat| self.talks.get(chat.open.as_ref()?));
        let ours = match talk {
            _ if chat.is_some_and(|chat| chat.call.is_some()) => Ours::Pending,
            Some(talk) => Ours::Open(talk.conversation.as_deref()),
            None => Ours::Nothing,
        };
        on_invite(ours, request.conversation_id().as_deref())
    }

    fn ring(&mut self, peer: &Address, mut ring: Ring) {
        let was_accepted = self.supersede(peer, &mut ring);
        self.recall(peer, &mut ring);
        let at_once = match self.settings.accept {
            _ if was_accepted || matches!(ring.verdict, Verdict::TakeBoth | Verdict::ReplaceSilently) => true,
            Accept::Always => true,
            Accept::OnlyEndpoint => self.others == Some(0),
            Accept::User => false,
        };
        if !at_once {
            self.show(peer, &mut ring);
        }
        if let Some(chat) = self.chat(peer) {
            chat.ring = Some(ring);
        }
        if at_once {
            self.accept(peer);
        }
    }

    /// Has the person told, and rings.
    fn show(&mut self, peer: &Address, ring: &mut Ring) {
        ring.is_shown = true;
        let token = Token(self.number());
        self.commits.insert(token, Commit::Shown(peer.clone(), ring.call.clone()));
        let message = ring.text.clone().map(|text| ring.message(peer, text));
        self.out.push(Action::Invited { token, peer: peer.clone(), name: ring.name.clone(), message });
        if let Ok(ringing) = ring.invited.answer(180) {
            self.answer(ring.id, ringing.done());
        }
    }

    /// A peer that invites anew gave up the invitation before; what is the same text is not missed. Whether that one was
    /// being accepted.
    fn supersede(&mut self, peer: &Address, new: &mut Ring) -> bool {
        let Some(mut old) = self.chats.get_mut(peer).and_then(|chat| chat.ring.take()) else { return false };
        let was_accepted = old.token.is_some();
        old.is_shown &= !was_accepted;
        if old.text == new.text && old.conversation == new.conversation {
            old.text = None;
            old.is_shown = false;
            // The core may be taking it this moment.
            new.foreign_id.clone_from(&old.foreign_id);
        }
        self.miss(peer, old, 487);
        was_accepted
    }

    /// A text that was taken comes again if the peer never heard that it was.
    fn recall(&self, peer: &Address, new: &mut Ring) {
        let open = self.chats.get(peer).and_then(|chat| self.talks.get(chat.open.as_ref()?));
        let unheard = open.filter(|talk| talk.invited.is_some() && talk.conversation == new.conversation);
        if let Some((text, id)) = unheard.and_then(|talk| talk.first.as_ref())
            && new.text.as_ref() == Some(text)
        {
            new.foreign_id.clone_from(id);
        }
    }
}

/// Whether a body has SDP with a medium for messages.
pub(super) fn offers_messages(request: &Request) -> bool {
    offer_of(request).is_some()
}

/// The first SDP in a body that has a medium for messages.
pub(super) fn offer_of(request: &Request) -> Option<Offer> {
    let media = MediaType::read(&request.text(name::CONTENT_TYPE).unwrap_or_default());
    let read = |body: &[u8]| Offer::read(body).ok().filter(Offer::has_messages);
    if media.is(offer::TYPE) {
        return read(request.body());
    }
    let parts = Multipart::read(&media, request.body()).ok()?.parts;
    parts.iter().filter(|part| part.media.is(offer::TYPE)).find_map(|part| read(&part.body))
}

/// The text inside an INVITE: plain, or else out of one of its richer forms.
fn first_text(request: &Request) -> Option<MessageText> {
    let plain = request.all(name::MS_TEXT_FORMAT);
    let all = plain.chain(request.all(name::MS_IM_FORMAT));
    let mut texts = all.filter_map(|header| text::read_header(&header.text()).ok());
    texts.find_map(|text| MessageText::new(&text, MAX_TEXT).ok())
}

/// Who sends, and by what name: as a trusted server says, else as From says. Nobody, if the server says it in a way that
/// cannot be read.
pub(crate) fn sender(request: &Request, trusted: bool) -> Option<(Address, Option<String>)> {
    let from = request.from().ok()?;
    let asserted = if trusted { request.asserted_identities().ok()? } else { Vec::new() };
    let mut all = asserted.iter().chain([&from]);
    let peer = all.find_map(|each| each.uri.address()?.parse().ok())?;
    let mut names = asserted.iter().chain([&from]).filter_map(|each| each.display.as_deref()).map(str::trim);
    let name = names.find(|name| !name.is_empty()).map(str::to_owned);
    Some((peer, name))
}

/// What a message is known by, however often it comes. Clients that were started in the same second make the same
/// Call-IDs, tags and numbers, so it takes the sender, too.
pub(super) fn foreign_id(peer: &Address, request: &Request) -> Option<String> {
    let (from, call_id, number) =
        (request.from().ok()?, request.call_id().ok()?, request.cseq().ok()?.number.to_string());
    let epid = from.epid().unwrap_or_default();
    let parts = [peer.bare(), &epid, &call_id, from.tag().unwrap_or_default(), &number];
    let hash = digest(&SHA256, parts.join("\0").as_bytes());
    Some(hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect())
}
