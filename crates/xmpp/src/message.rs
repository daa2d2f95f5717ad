use std::collections::BTreeMap;

use tokio_xmpp::{
    jid::BareJid,
    minidom::Element,
    parsers::{
        chatstates::ChatState,
        delay::Delay,
        message::{Id, Message, MessageType},
        ns,
        receipts::{Received, Request},
        stanza_error::StanzaError,
        stanza_id::{OriginId, StanzaId},
    },
};
use trunkline_core::port::{Incoming, OutgoingMessage};
use trunkline_model::{Address, MessageId, MessageKey, MessageText, Timestamp};
use uuid::Uuid;

use crate::{
    address::address_of,
    fault::refusal,
    text::{cut, fingerprint, xml_safe},
};

/// Most characters of a message that are taken; a longer one is cut, with a mark.
const MAX_TEXT: usize = 65_536;
/// Most bytes of an id as the core keeps it.
const MAX_ID: usize = 255;

/// What a message stanza means to us.
#[derive(Debug)]
pub(crate) enum Heard {
    /// Somebody wrote; `wants_receipt` when they ask to be told of the arrival (XEP-0184).
    Text { incoming: Box<Incoming>, wants_receipt: bool },
    /// Somebody types, or has stopped (XEP-0085).
    Typing { peer: Address, composing: bool },
    /// A message of ours reached somebody (XEP-0184).
    Receipt { peer: Address, key: MessageKey },
    /// A message of ours came back; `from` is whoever sent it back.
    Bounce { from: BareJid, key: MessageKey, permanent: bool, reason: String },
    /// Nothing for us: rooms, headlines, what our own account sends.
    Nothing,
}

/// Reads a message stanza that arrived for `own`. `place` is what tells it from every other stanza even when the server
/// repeats it over another link; `None` when it never will.
pub(crate) fn read(message: Message, own: &BareJid, place: Option<String>) -> Heard {
    let Some(from) = message.from.clone() else { return Heard::Nothing };
    match message.type_ {
        MessageType::Error => return bounce(&message, from.into_bare()),
        MessageType::Groupchat | MessageType::Headline => return Heard::Nothing,
        MessageType::Chat | MessageType::Normal => {}
    }
    let Some(peer) = address_of(&from).filter(|_| from.to_bare() != *own) else { return Heard::Nothing };
    // Private messages and invitations of rooms: the bare address would be the room's.
    if message.payloads.iter().any(|payload| payload.is("x", ns::MUC_USER)) {
        return Heard::Nothing;
    }
    match best_text(&message.bodies) {
        Some(text) => written(&message, own, place, peer, text),
        None => signal(&message, peer),
    }
}

fn best_text(bodies: &BTreeMap<tokio_xmpp::parsers::message::Lang, String>) -> Option<MessageText> {
    let body = bodies.get("").or_else(|| bodies.values().next())?;
    MessageText::new(&cut(body, MAX_TEXT), MAX_TEXT).ok()
}

fn written(
    message: &Message,
    own: &BareJid,
    place: Option<String>,
    peer: Address,
    text: MessageText,
) -> Heard {
    let foreign_id = foreign_id(message, own, place, &peer, &text);
    let id = message.id.as_ref().map(|id| id.0.clone()).or_else(|| origin_id(message));
    let id = id.and_then(|id| id.parse::<MessageId>().ok());
    let wants_receipt = id.is_some() && payload::<Request>(message).is_some();
    let Some(id) = id.or_else(|| fingerprint(&[&foreign_id]).parse().ok()) else { return Heard::Nothing };
    let sent_at = stamp(message, own).unwrap_or_else(Timestamp::now);
    let incoming = Incoming { peer, id, foreign_id, text, sent_at, profile: None };
    Heard::Text { incoming: Box::new(incoming), wants_receipt }
}

fn signal(message: &Message, peer: Address) -> Heard {
    if let Some(Received { id }) = payload(message) {
        return id.parse().map_or(Heard::Nothing, |key| Heard::Receipt { peer, key });
    }
    match payload::<ChatState>(message) {
        Some(state) => Heard::Typing { peer, composing: state == ChatState::Composing },
        None => Heard::Nothing,
    }
}

fn bounce(message: &Message, from: BareJid) -> Heard {
    let Some(key) = message.id.as_ref().and_then(|id| id.0.parse().ok()) else { return Heard::Nothing };
    // Typing notes and receipts have no such id, so only texts come this far.
    let (permanent, reason) = payload::<StanzaError>(message)
        .map_or_else(|| (true, "the message was returned without a reason".into()), |error| refusal(&error));
    Heard::Bounce { from, key, permanent, reason }
}

/// What makes a message unique over reconnects. The sender is always part of it: a server without XEP-0359 lets a
/// stranger's `stanza-id` through, which must not hide anybody else's message. So are the text and the client's resource
/// beside an id that the client made: simple ones count from 1 each time they start.
fn foreign_id(
    message: &Message,
    own: &BareJid,
    place: Option<String>,
    peer: &Address,
    text: &MessageText,
) -> String {
    let stamped = payloads::<StanzaId>(message)
        .find(|stanza_id| stanza_id.by.is_bare() && stanza_id.by.to_bare() == *own)
        .map(|stanza_id| ("s", stanza_id.id));
    let (kind, id) = stamped
        .or_else(|| origin_id(message).map(|id| ("o", id)))
        .or_else(|| message.id.as_ref().map(|id| ("i", id.0.clone())))
        .filter(|(_, id)| !id.is_empty())
        .unwrap_or_else(|| ("n", place.unwrap_or_else(|| Uuid::now_v7().to_string())));
    let client = message.from.as_ref().map(ToString::to_string).unwrap_or_default();
    let text = if kind == "s" { String::new() } else { fingerprint(&[&client, text.expose()]) };
    let plain = format!("{kind}:{id}|{}|{}", peer.bare(), &text[..text.len().min(16)]);
    if plain.len() <= MAX_ID { plain } else { format!("h:{}", fingerprint(&[kind, &id, peer.bare(), &text])) }
}

fn origin_id(message: &Message) -> Option<String> {
    payload::<OriginId>(message).map(|origin| origin.id)
}

/// The moment our own server says it took the message (XEP-0203); never one in the future.
fn stamp(message: &Message, own: &BareJid) -> Option<Timestamp> {
    let ours = |delay: &Delay| {
        delay.from.as_ref().is_some_and(|from| {
            from.is_bare()
                && from.domain() == own.domain()
                && (from.node().is_none() || from.to_bare() == *own)
        })
    };
    let micros = payloads::<Delay>(message).find(ours)?.stamp.0.timestamp_micros();
    Some(Timestamp(micros.max(0)).min(Timestamp::now()))
}

fn payload<T: TryFrom<Element>>(message: &Message) -> Option<T> {
    payloads(message).next()
}

fn payloads<T: TryFrom<Element>>(message: &Message) -> impl Iterator<Item = T> + '_ {
    message.payloads.iter().filter_map(|element| T::try_from(element.clone()).ok())
}

/// A message of ours as a stanza: its id is the relay's key, so receipts and bounces find their way back.
pub(crate) fn outgoing(to: BareJid, message: &OutgoingMessage) -> Message {
    let id = message.key.to_string();
    let mut stanza = Message::chat(tokio_xmpp::jid::Jid::from(to))
        .with_body(Default::default(), xml_safe(message.text.expose()))
        .with_payload(ChatState::Active)
        .with_payload(Request)
        .with_payload(OriginId { id: id.clone() });
    stanza.id = Some(Id(id));
    stanza
}

/// A note that the person types, or has stopped; no server is to keep it.
pub(crate) fn typing(to: BareJid, composing: bool) -> Message {
    let state = if composing { ChatState::Composing } else { ChatState::Paused };
    let mut stanza = Message::chat(tokio_xmpp::jid::Jid::from(to)).with_payload(state);
    stanza.payloads.push(Element::bare("no-store", HINTS));
    stanza
}

/// A receipt for a message that asked for one.
pub(crate) fn receipt(to: BareJid, id: &MessageId) -> Message {
    let mut stanza =
        Message::chat(tokio_xmpp::jid::Jid::from(to)).with_payload(Received { id: xml_safe(id.as_str()) });
    stanza.payloads.push(Element::bare("store", HINTS));
    stanza
}

/// XEP-0334.
const HINTS: &str = "urn:xmpp:hints";

#[cfg(test)]
mod tests;
