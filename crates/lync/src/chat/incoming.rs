//! What peers send inside of dialogs, and what belongs to none.

use trunkline_model::{Address, MessageText};
use trunkline_sip::body::delivery::{self, Delivery};
use trunkline_sip::body::typing::{COMPOSING_TYPE, KEYBOARD_TYPE, Typing};
use trunkline_sip::body::{BodyCode, MediaType, text};
use trunkline_sip::dialog::{DialogId, Received as Judged};
use trunkline_sip::transaction::ServerId;
use trunkline_sip::{Method, Request, name};

use super::invitation::{foreign_id, offers_messages};
use super::state::Commit;
use super::{Action, Chats, Received, Token, failure, write};

/// Most characters of one message; no client sends as many.
const MAX_TEXT: usize = 65_536;

/// What a peer's words are.
enum Word {
    Text(MessageText),
    Typing(bool),
    Report(Delivery),
    Nothing,
}

impl Chats {
    pub(super) fn requested(&mut self, id: ServerId, request: Request, trusted: bool) {
        let is_first = request.to().is_ok_and(|to| to.tag().is_none());
        if *request.method() == Method::INVITE && is_first {
            return self.invited(id, request, trusted);
        }
        let Some(dialog) = self.dialog_of(&request) else { return self.outside(id, &request) };
        let Some(talk) = self.talks.get_mut(&dialog) else { return };
        match talk.dialog.receive(&request) {
            Err(rejection) => self.reply(id, &request, rejection.status()),
            Ok(Judged::Bye) => self.ended_by_peer(id, &request, &dialog),
            Ok(Judged::New | Judged::Again) => self.inside(id, request, &dialog),
        }
    }

    fn outside(&mut self, id: ServerId, request: &Request) {
        match request.method().as_str() {
            "OPTIONS" => self.describe(id, request),
            "REFER" => self.reply(id, request, 603),
            "BYE" if self.given_up(request) => self.reply(id, request, 200),
            "NOTIFY" => match word(request) {
                Ok(Word::Report(report)) if self.reported(&report, Some((id, request))) => {}
                Ok(Word::Report(_)) => self.reply(id, request, 200),
                _ => self.reply(id, request, 481),
            },
            "BYE" | "INFO" | "INVITE" | "MESSAGE" | "PRACK" | "UPDATE" => self.reply(id, request, 481),
            _ => self.reply(id, request, 405),
        }
    }

    fn describe(&mut self, id: ServerId, request: &Request) {
        let tag = self.tag();
        self.answer(id, write::abilities(&self.me, request, &tag));
    }

    fn ended_by_peer(&mut self, id: ServerId, request: &Request, dialog: &DialogId) {
        self.reply(id, request, 200);
        if let Some(talk) = self.talks.remove(dialog) {
            self.close(&talk.peer, dialog);
            self.pump(&talk.peer);
        }
    }

    fn inside(&mut self, id: ServerId, request: Request, dialog: &DialogId) {
        let peer = self.heard_in(dialog);
        match request.method().as_str() {
            "INVITE" | "UPDATE" => self.refreshed(id, &request, dialog),
            "MESSAGE" | "INFO" | "NOTIFY" => self.told(id, request, dialog),
            "OPTIONS" => self.describe(id, &request),
            "REFER" => self.reply(id, &request, 603),
            _ => self.reply(id, &request, 405),
        }
        if let Some(peer) = peer {
            self.pump(&peer);
        }
    }

    /// Notes that the peer has the dialog; who, if that is news.
    fn heard_in(&mut self, dialog: &DialogId) -> Option<Address> {
        let talk = self.talks.get_mut(dialog)?;
        talk.until = self.now.saturating_add(self.settings.idle);
        if std::mem::replace(&mut talk.is_ready, true) {
            return None;
        }
        let peer = talk.peer.clone();
        self.settle_crossed(&peer);
        Some(peer)
    }

    /// Our own INVITE, if it is still open, is not needed any more, unless it carries a message: the peer may be taking
    /// that. A 2xx that crosses the CANCEL is judged as ever.
    fn settle_crossed(&mut self, peer: &Address) {
        let call = self.chats.get(peer).and_then(|chat| chat.call);
        if let Some((id, call)) = call.and_then(|id| Some((id, self.calls.get_mut(&id)?)))
            && !call.embeds
            && !std::mem::replace(&mut call.is_cancelled, true)
        {
            self.out.push(Action::Cancel(id));
        }
    }

    fn refreshed(&mut self, id: ServerId, request: &Request, dialog: &DialogId) {
        if !request.body().is_empty() && !offers_messages(request) {
            return self.reply(id, request, 488);
        }
        let refreshed = self.talks.get_mut(dialog).map(|talk| talk.dialog.refreshed(request));
        match refreshed {
            Some(Ok(())) => self.answer(id, write::refreshed(&self.me, request)),
            _ => self.reply(id, request, 400),
        }
    }

    fn told(&mut self, id: ServerId, request: Request, dialog: &DialogId) {
        let is_message = *request.method() == Method::MESSAGE;
        match word(&request) {
            Ok(Word::Text(text)) if is_message => return self.deliver(id, request, dialog, text),
            Ok(Word::Text(_)) => return self.reply(id, &request, 415),
            Ok(Word::Typing(composing)) => self.peer_types(dialog, composing),
            Ok(Word::Report(report)) if self.reported(&report, Some((id, &request))) => return,
            Ok(Word::Report(_)) => {}
            Ok(Word::Nothing) => {}
            Err(status) => return self.reply(id, &request, status),
        }
        self.reply(id, &request, 200);
    }

    /// Has the message committed; only then it is answered.
    fn deliver(&mut self, id: ServerId, request: Request, dialog: &DialogId, text: MessageText) {
        if self.commits.len() >= self.settings.peers {
            return self.reply(id, &request, 503);
        }
        let Some(talk) = self.talks.get_mut(dialog) else { return };
        let (peer, name) = (talk.peer.clone(), talk.name.clone());
        let number = request.cseq().map(|cseq| cseq.number).ok();
        let shown = talk.shown.as_mut().zip(number).and_then(|(shown, number)| shown.id_of(number, &text));
        let own = shown.map(str::to_owned).or_else(|| foreign_id(&peer, &request));
        let Some(foreign_id) = own else { return self.reply(id, &request, 400) };
        let token = Token(self.number());
        self.peer_types(dialog, false);
        self.commits.insert(token, Commit::Message(id, Box::new(request)));
        self.out.push(Action::Deliver { token, message: Received { peer, foreign_id, text, name } });
    }

    fn peer_types(&mut self, dialog: &DialogId, composing: bool) {
        let Some(peer) = self.talks.get(dialog).map(|talk| talk.peer.clone()) else { return };
        let now = self.now;
        if self.chat(&peer).is_some_and(|chat| chat.typing.heard(now, composing)) {
            self.out.push(Action::Typing { peer: peer.clone(), composing });
        }
        self.tidy(&peer);
    }

    /// A report on a message that was confirmed. Whether what asks for an answer gets it when the core has taken that.
    fn reported(&mut self, report: &Delivery, asks: Option<(ServerId, &Request)>) -> bool {
        let Some(failed) = report.recipients.iter().find(|recipient| recipient.failed()) else {
            return false;
        };
        let found = self.reports.iter().find(|(name, _)| *name == report.message);
        let Some(key) = found.map(|(_, key)| *key) else { return false };
        self.reports.retain(|(_, each)| *each != key);
        let (permanent, reason) = failure::reported(failed.status);
        let mut letters = self.chats.values_mut().flat_map(|chat| chat.queue.iter_mut());
        if let Some(letter) = letters.find(|letter| letter.key == key) {
            letter.returned = Some((permanent, reason));
            return false;
        }
        let token = asks.map(|(id, request)| {
            let token = Token(self.number());
            self.commits.insert(token, Commit::Message(id, Box::new(request.clone())));
            token
        });
        self.out.push(Action::Failed { token, key, permanent, reason });
        token.is_some()
    }

    /// The ACK to a 2xx of ours, or a report that wants no answer.
    pub(super) fn noticed(&mut self, request: &Request) {
        if *request.method() == Method::BENOTIFY {
            if let Ok(Word::Report(report)) = word(request) {
                self.reported(&report, None);
            }
            return;
        }
        let Some(dialog) = self.dialog_of(request) else { return };
        let Some(talk) = self.talks.get_mut(&dialog) else { return };
        if talk.invited.as_mut().is_some_and(|invited| invited.acknowledge(request)) {
            talk.invited = None;
            if let Some(peer) = self.heard_in(&dialog) {
                self.pump(&peer);
            }
        }
    }
}

/// Reads a body, or says what to answer to one that cannot be read.
fn word(request: &Request) -> Result<Word, u16> {
    let media = MediaType::read(&request.text(name::CONTENT_TYPE).unwrap_or_default());
    let body = request.body();
    if body.is_empty() {
        return Ok(Word::Nothing);
    }
    match media.kind.as_str() {
        KEYBOARD_TYPE | COMPOSING_TYPE => {
            Typing::read(body).map(|typing| Word::Typing(typing.active)).map_err(|_| 415)
        }
        delivery::TYPE => Delivery::read(body).map(Word::Report).map_err(|_| 400),
        _ if text::is_text(&media) => read_text(&media, body),
        _ => Err(415),
    }
}

fn read_text(media: &MediaType, body: &[u8]) -> Result<Word, u16> {
    let text = text::read(media, body).map_err(|error| -> u16 {
        match error.code {
            BodyCode::WrongType => 415,
            BodyCode::TooLarge => 513,
            _ => 400,
        }
    })?;
    if text.is_empty() {
        return Ok(Word::Nothing);
    }
    MessageText::new(&text, MAX_TEXT).map(Word::Text).map_err(|_| 513)
}
