use std::panic::{AssertUnwindSafe, catch_unwind};

use tokio_xmpp::{
    jid::{BareJid, Jid},
    parsers::{
        iq::Iq,
        message::Message,
        ns,
        presence::{Presence, Type},
        roster::Roster,
        sm::Nonza as Sm,
        stanza::Stanza,
        stream_error::DefinedCondition,
    },
    xmlstream::{FallibleStreamElement, RawStanzaHeader, StreamElementError, XmppStreamElement},
};
use tracing::debug;
use trunkline_model::MessageKey;

use super::{End, LONG_WAIT, Worker, serve::Live};
use crate::{
    address::address_of,
    inbox::Event,
    iq::{self, Answer, Asker},
    ledger::Ticket,
    link::Heard,
    message,
};

impl Worker {
    /// Takes what came in.
    pub(super) fn hear(&mut self, live: &mut Live, heard: Heard) -> Result<(), End> {
        match heard {
            Heard::Drained => {}
            Heard::Silence => self.probe(live),
            Heard::Element(FallibleStreamElement::Ok(element)) => return self.hear_element(live, element),
            Heard::Element(FallibleStreamElement::Err(StreamElementError::InvalidStanza {
                name,
                header,
                error,
                ..
            })) => {
                debug!(%name, %error, "a stanza made no sense");
                let ticket = self.memory.inbound.arrive();
                self.memory.inbound.finish(ticket);
                self.complain(live, header);
            }
            Heard::Element(FallibleStreamElement::Err(StreamElementError::InvalidNonza {
                error, ..
            })) => {
                debug!(%error, "an element made no sense");
            }
        }
        Ok(())
    }

    fn probe(&mut self, live: &mut Live) {
        if self.memory.management.is_some() {
            live.link.push(XmppStreamElement::SM(Sm::Req(tokio_xmpp::parsers::sm::R)));
        } else {
            self.ping(live, Asker::Alive);
        }
    }

    /// A question must be answered even if it makes no sense (RFC 6120 section 8.2.3).
    fn complain(&mut self, live: &mut Live, header: RawStanzaHeader) {
        let question = matches!(header.type_.as_deref(), Some("get" | "set"));
        let from = header.from.map(|from| from.parse::<Jid>()).transpose();
        if let (true, Some(id), Ok(from)) = (question, header.id, from) {
            self.send(live, Stanza::Iq(iq::bad_request(from, id)), None);
        }
    }

    fn hear_element(&mut self, live: &mut Live, element: XmppStreamElement) -> Result<(), End> {
        match element {
            XmppStreamElement::Stanza(stanza) => {
                self.hear_stanza(live, stanza);
                Ok(())
            }
            XmppStreamElement::SM(Sm::Ack(ack)) => self.confirmed(live, ack.h),
            XmppStreamElement::SM(Sm::Req(_)) => {
                self.acknowledge(live);
                Ok(())
            }
            XmppStreamElement::StreamError(error) => Err(ended(&error.0.condition)),
            XmppStreamElement::SM(_)
            | XmppStreamElement::Sasl(_)
            | XmppStreamElement::Starttls(_)
            | XmppStreamElement::ComponentHandshake(_) => Ok(()),
        }
    }

    pub(super) fn hear_stanza(&mut self, live: &mut Live, stanza: Stanza) {
        let ticket = self.memory.inbound.arrive();
        // One that makes the program fail makes no sense to it, and must not come again. The panic is told by the hook.
        if catch_unwind(AssertUnwindSafe(|| self.hear_whole(live, stanza, ticket))).is_err() {
            self.memory.inbound.finish(ticket);
        }
    }

    fn hear_whole(&mut self, live: &mut Live, stanza: Stanza, ticket: Ticket) {
        match stanza {
            Stanza::Message(message) => return self.hear_message(message, ticket),
            Stanza::Presence(presence) => self.hear_presence(live, presence),
            Stanza::Iq(iq) => self.hear_iq(live, iq),
        }
        self.memory.inbound.finish(ticket);
    }

    /// What the core must commit goes through the inbox and is finished there; all else is finished here.
    fn hear_message(&mut self, message: Message, ticket: Ticket) {
        let place = self.memory.place(ticket);
        match message::read(message, &self.memory.own, place) {
            message::Heard::Text { incoming, wants_receipt } => {
                #[cfg(debug_assertions)]
                trunkline_model::poison::taste("stanza", incoming.text.expose());
                if wants_receipt {
                    self.shared.asked().insert((incoming.peer.clone(), incoming.id.clone()), ());
                }
                return self.inbox.push(ticket, Event::Received(incoming));
            }
            message::Heard::Receipt { peer, key } => {
                let from = crate::address::jid_of(&peer);
                if from.is_some_and(|from| self.memory.may_speak_of(key, &from)) {
                    return self.inbox.push(ticket, Event::Delivered { peer, key });
                }
            }
            message::Heard::Bounce { from, key, permanent, reason } => {
                return self.hear_bounce(ticket, &from, key, permanent, reason);
            }
            message::Heard::Typing { peer, composing } => self.inlet.typing(&peer, composing),
            message::Heard::Nothing => {}
        }
        self.memory.inbound.finish(ticket);
    }

    fn hear_bounce(
        &mut self,
        ticket: Ticket,
        from: &BareJid,
        key: MessageKey,
        permanent: bool,
        reason: String,
    ) {
        if self.memory.may_speak_of(key, from) && !self.refused_early(key, permanent, &reason) {
            return self.inbox.push(ticket, Event::Failed { key, permanent, reason });
        }
        self.memory.inbound.finish(ticket);
    }

    fn hear_presence(&mut self, live: &mut Live, presence: Presence) {
        match presence.type_ {
            Type::None | Type::Unavailable | Type::Error => {
                let changed = self.shared.book().hear(&presence);
                if let Some(contact) = changed {
                    self.inlet.contact_changed(contact);
                }
            }
            Type::Subscribe => self.hear_request(live, presence.from),
            // The server tells the consequences as roster pushes.
            Type::Subscribed | Type::Unsubscribe | Type::Unsubscribed | Type::Probe => {}
        }
    }

    /// Who is in the roster was put there by the person, and may see them. Others wait: the server asks again at the
    /// next sign-in.
    fn hear_request(&mut self, live: &mut Live, from: Option<Jid>) {
        let Some(from) = from else { return };
        let known = address_of(&from).is_some_and(|address| self.shared.book().entry(&address).is_some());
        if known {
            let agreed = Presence::subscribed().with_to(from.into_bare());
            self.send(live, Stanza::Presence(agreed), None);
        } else {
            debug!(account = %self.shared.person.address, "a stranger asks to see the person's presence; not answered");
        }
    }

    fn hear_iq(&mut self, live: &mut Live, iq: Iq) {
        let reply = match iq {
            Iq::Result { id, from, payload, .. } => {
                return self.hear_answer(live, &id, from.as_ref(), Ok(payload));
            }
            Iq::Error { id, from, error, .. } => {
                return self.hear_answer(live, &id, from.as_ref(), Err(error));
            }
            Iq::Set { from, id, payload, .. } if payload.is("query", ns::ROSTER) => {
                self.hear_push(from, id, payload)
            }
            question => iq::reply(question),
        };
        if let Some(reply) = reply {
            self.send(live, Stanza::Iq(reply), None);
        }
    }

    /// A roster push counts only from the account itself (RFC 6121 section 2.1.6).
    fn hear_push(
        &mut self,
        from: Option<Jid>,
        id: String,
        payload: tokio_xmpp::minidom::Element,
    ) -> Option<Iq> {
        if from.as_ref().is_some_and(|from| from.to_bare() != self.memory.own) {
            return Some(iq::unavailable(from, id));
        }
        let Ok(roster) = Roster::try_from(payload) else { return Some(iq::bad_request(from, id)) };
        for item in &roster.items {
            let change = self.shared.book().push(item);
            if let Some(change) = change {
                self.inlet.contact_changed(change.contact);
                if change.groups {
                    self.inlet.roster_changed();
                }
            }
        }
        Some(Iq::Result { from: None, to: from, id, payload: None })
    }

    fn hear_answer(&mut self, live: &mut Live, id: &str, from: Option<&Jid>, answer: Answer) {
        match self.memory.questions.answered(id, from, &self.memory.own) {
            Some(Asker::Call(call)) => {
                // Whoever asked may have given up.
                let _ = call.send(answer);
            }
            Some(Asker::Roster) => self.roster_told(live, answer),
            Some(Asker::Settled) => self.inlet.roster_changed(),
            Some(Asker::Confirm(position)) => {
                // Even an error proves that the server has come this far in the stream.
                live.confirm_by = None;
                let _ = self.memory.confirm(position);
            }
            Some(Asker::Alive) | None => {}
        }
    }

    /// Shows the person only now: presence of others is then heard by a book that knows them.
    fn roster_told(&mut self, live: &mut Live, answer: Answer) {
        live.roster_by = None;
        let items = match answer {
            Ok(payload) => {
                payload.and_then(|payload| Roster::try_from(payload).ok()).map(|roster| roster.items)
            }
            Err(error) => {
                debug!(reason = crate::fault::refusal(&error).1, "the server keeps no roster");
                None
            }
        };
        self.shared.book().load(items.unwrap_or_default());
        self.come_up(live, "fresh");
        self.ping(live, Asker::Settled);
    }
}

fn ended(condition: &DefinedCondition) -> End {
    match condition {
        DefinedCondition::Conflict => {
            End::Lost { reason: "another program took over the session".into(), floor: LONG_WAIT }
        }
        other => End::lost(format!("the server ended the stream: {other}")),
    }
}
