use tokio_xmpp::{minidom::Element, parsers::message::Message};
use trunkline_core::port::{Incoming, OutgoingMessage};
use trunkline_model::{MessageKey, MessageText, Timestamp};

use super::{Heard, outgoing, read};

fn heard(attributes: &str, children: &str) -> Heard {
    heard_at(None, attributes, children)
}

fn heard_at(place: Option<&str>, attributes: &str, children: &str) -> Heard {
    let xml =
        format!("<message xmlns='jabber:client' to='alice@corp.test/r' {attributes}>{children}</message>");
    let message = Message::try_from(xml.parse::<Element>().unwrap()).unwrap();
    read(message, &"alice@corp.test".parse().unwrap(), place.map(str::to_owned))
}

fn text(attributes: &str, children: &str) -> Incoming {
    match heard(attributes, &format!("<body>hello</body>{children}")) {
        Heard::Text { incoming, .. } => *incoming,
        other => panic!("not a text: {other:?}"),
    }
}

const BOB: &str = "from='bob@corp.test/desk' type='chat' id='m1'";

#[test]
fn ids_come_from_who_may_give_them() {
    let stanza_id = |by: &str| format!("<stanza-id xmlns='urn:xmpp:sid:0' id='s1' by='{by}'/>");
    let origin = "<origin-id xmlns='urn:xmpp:sid:0' id='o1'/>";
    let ours = text(BOB, &(stanza_id("mallory@corp.test") + &stanza_id("alice@corp.test") + origin));
    assert_eq!((ours.foreign_id.as_str(), ours.id.as_str()), ("s:s1|bob@corp.test|", "m1"));
    let theirs = text(BOB, &(stanza_id("bob@corp.test") + origin)).foreign_id;
    assert!(theirs.starts_with("o:o1|bob@corp.test|"), "{theirs}");
    let plain = text(BOB, "").foreign_id;
    assert!(plain.starts_with("i:m1|bob@corp.test|"), "{plain}");
    assert_eq!(text("from='bob@corp.test/desk'", origin).id.as_str(), "o1");
}

#[test]
fn an_id_that_a_client_gives_twice_hides_no_other_text() {
    let with = |body: &str| match heard(BOB, &format!("<body>{body}</body>")) {
        Heard::Text { incoming, .. } => incoming.foreign_id,
        other => panic!("not a text: {other:?}"),
    };
    assert_eq!(with("fire"), with("fire"), "what the server gives again is known");
    assert_ne!(with("fire"), with("fire is out"));
}

#[test]
fn a_message_without_ids_is_unique_and_long_ids_fit() {
    let (one, two) = (text("from='bob@corp.test/desk'", ""), text("from='bob@corp.test/desk'", ""));
    assert_ne!(one.foreign_id, two.foreign_id);
    assert_ne!(one.id, two.id);
    let long = format!("from='bob@corp.test' id='{}'", "x".repeat(5_000));
    assert_eq!(text(&long, "").foreign_id, text(&long, "").foreign_id);
    assert!(text(&long, "").foreign_id.len() <= 255);
}

#[test]
fn a_message_without_ids_is_known_again_by_its_place() {
    let at = |place| match heard_at(Some(place), "from='bob@corp.test/desk'", "<body>hello</body>") {
        Heard::Text { incoming, .. } => (incoming.foreign_id, incoming.id),
        other => panic!("not a text: {other:?}"),
    };
    assert_eq!(at("session/7"), at("session/7"));
    assert_ne!(at("session/7"), at("session/8"));
}

#[test]
fn stamps_are_believed_from_our_own_server_only() {
    let delay = |from: &str, stamp: &str| format!("<delay xmlns='urn:xmpp:delay' {from} stamp='{stamp}'/>");
    let old = Timestamp(1_000_000_000_000_000);
    let stamped = |from: &str| text(BOB, &delay(from, "2001-09-09T01:46:40Z")).sent_at;
    assert_eq!(stamped("from='corp.test'"), old);
    assert_eq!(stamped("from='alice@corp.test'"), old);
    for stranger in ["", "from='bob@corp.test'", "from='elsewhere.test'"] {
        assert!(stamped(stranger) > old, "{stranger:?} was believed");
    }
    let future = text(BOB, &delay("from='corp.test'", "2999-01-01T00:00:00Z"));
    assert!(future.sent_at <= Timestamp::now());
}

#[test]
fn what_is_not_from_a_person_is_ignored() {
    let body = "<body>hello</body>";
    for attributes in [
        "type='chat'",
        "from='corp.test'",
        "from='alice@corp.test/other' type='chat'",
        "from='room@conf.test/bob' type='groupchat'",
        "from='bob@corp.test' type='headline'",
    ] {
        assert!(matches!(heard(attributes, body), Heard::Nothing), "{attributes}");
    }
    let private = format!("{body}<x xmlns='http://jabber.org/protocol/muc#user'/>");
    assert!(matches!(heard("from='room@conf.test/bob' type='chat'", &private), Heard::Nothing));
    assert!(matches!(heard(BOB, "<body/>"), Heard::Nothing));
}

#[test]
fn signals_are_told_apart() {
    let composing = "<composing xmlns='http://jabber.org/protocol/chatstates'/>";
    assert!(matches!(heard(BOB, composing), Heard::Typing { composing: true, .. }));
    let paused = "<paused xmlns='http://jabber.org/protocol/chatstates'/>";
    assert!(matches!(heard(BOB, paused), Heard::Typing { composing: false, .. }));
    let key = MessageKey::fresh();
    let receipt = format!("<received xmlns='urn:xmpp:receipts' id='{key}'/>");
    assert!(matches!(heard(BOB, &receipt), Heard::Receipt { key: found, .. } if found == key));
    assert!(matches!(heard(BOB, "<received xmlns='urn:xmpp:receipts' id='other'/>"), Heard::Nothing));
    let asks = "<body>hi</body><request xmlns='urn:xmpp:receipts'/>";
    assert!(matches!(heard(BOB, asks), Heard::Text { wants_receipt: true, .. }));
    assert!(matches!(heard(BOB, "<body>hi</body>"), Heard::Text { wants_receipt: false, .. }));
}

#[test]
fn bounces_say_whether_to_try_again() {
    let bounced = |kind: &str, condition: &str| {
        let error = format!(
            "<body>hello</body><error type='{kind}'><{condition} \
             xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"
        );
        let attributes = format!("from='bob@corp.test' type='error' id='{}'", MessageKey::fresh());
        match heard(&attributes, &error) {
            Heard::Bounce { permanent, reason, .. } => (permanent, reason),
            other => panic!("not a bounce: {other:?}"),
        }
    };
    assert!(bounced("cancel", "item-not-found").0);
    assert!(!bounced("wait", "resource-constraint").0);
    assert!(!bounced("cancel", "remote-server-timeout").0);
    assert!(!bounced("cancel", "service-unavailable").1.contains("hello"));
    assert!(matches!(heard("from='bob@corp.test' type='error' id='m1'", ""), Heard::Nothing));
}

#[test]
fn what_goes_out_carries_the_key_and_asks_for_a_receipt() {
    let key = MessageKey::fresh();
    let message = OutgoingMessage {
        key,
        peer: "bob@corp.test".parse().unwrap(),
        text: MessageText::new("a <b>\u{1}", 100).unwrap(),
        sent_at: Timestamp::now(),
        turn: 1,
    };
    let xml = String::from(&Element::from(outgoing("bob@corp.test".parse().unwrap(), &message)));
    for part in [
        &format!("id=\"{key}\"") as &str,
        "<body>a &lt;b&gt;\u{fffd}</body>",
        "type=\"chat\"",
        "urn:xmpp:receipts",
        "origin-id",
        "active",
    ] {
        assert!(xml.replace('\'', "\"").contains(part), "{part} is not in {xml}");
    }
}

#[test]
fn the_same_id_and_text_of_another_client_is_another_message() {
    let from =
        |client: &str| text(&format!("from='bob@corp.test/{client}' type='chat' id='1'"), "").foreign_id;
    assert_ne!(from("one"), from("two"));
    assert_eq!(from("one"), from("one"), "what the server gives again is known");
}
