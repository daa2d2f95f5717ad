use std::fmt::Debug;

use trunkline_sip::body::{
    BodyError, MediaType, command,
    conference::ConferenceInfo,
    contact::Roster,
    delivery::Delivery,
    deregistration::Deregistration,
    invitation::ConferenceInvitation,
    multipart::Multipart,
    offer::Offer,
    pidf::Pidf,
    presence::Categories,
    provisioning::{ProvisionGroupList, ProvisionRequest},
    publication::{Conflict, Publish},
    rlmi::{Document, List, Notification},
    roaming::{RoamingData, RoamingList, SetContainerMembers, SetSubscribers},
    soap::{ListReply, ListRequest},
    subscription::BatchSubscribe,
    text,
    typing::Typing,
    xccos::{Envelope, Item},
    xml,
};

/// Longest input: what is written back is longer, and has to stay within the readers' limits.
const MAX: usize = 32 * 1_024;

/// A body after a line with its media type, given to every reader: none panics, and what any of them understands it
/// understands again, and in the same way, after writing it.
pub(crate) fn body(bytes: &[u8]) {
    let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else { return };
    let (head, body) = (&bytes[..end], &bytes[end + 1..]);
    if body.len() > MAX {
        return;
    }
    let media = MediaType::read(&String::from_utf8_lossy(head));
    presence(&media, body);
    contacts(body);
    conversation(&media, body);
    again(body, ProvisionRequest::read, ProvisionRequest::write);
    again(body, ProvisionGroupList::read, ProvisionGroupList::write);
    again(body, Deregistration::read, Deregistration::write);
    again(body, xml::parse, xml::Element::write);
    if let Ok(multipart) = Multipart::read(&media, body) {
        let boundary = multipart.boundary("b");
        let media = MediaType::new("multipart/mixed").with("boundary", &boundary);
        let read = Multipart::read(&media, &multipart.write(&boundary, false)).expect("what was written");
        let bodies =
            |multipart: &Multipart| multipart.parts.iter().map(|part| part.body.clone()).collect::<Vec<_>>();
        assert_eq!(bodies(&read), bodies(&multipart));
    }
}

fn presence(media: &MediaType, body: &[u8]) {
    again(body, Categories::read, Categories::write);
    again(body, Publish::read, Publish::write);
    again(body, Conflict::read, Conflict::write);
    again(body, RoamingList::read, RoamingList::write);
    again(body, RoamingData::read, RoamingData::write);
    again(body, SetSubscribers::read, SetSubscribers::write);
    again(body, SetContainerMembers::read, SetContainerMembers::write);
    again(body, BatchSubscribe::read, BatchSubscribe::write);
    again(body, List::read, List::write);
    again(body, Pidf::read, Pidf::write);
    match Notification::read(media, body) {
        Ok(first) => {
            let (media, written) = first.write();
            let second = Notification::read(&media, &written).expect("what was written");
            let readable = |document: &Document| !matches!(document, Document::Unreadable(_));
            let first: Vec<_> = first.documents.into_iter().filter(readable).collect();
            assert_eq!(first, second.documents);
        }
        Err(error) => harmless(&error),
    }
}

fn contacts(body: &[u8]) {
    again(body, Roster::read, Roster::write);
    again(body, ListRequest::read, ListRequest::write);
    again(body, ListReply::read, ListReply::write);
}

fn conversation(media: &MediaType, body: &[u8]) {
    again(body, ConferenceInfo::read, ConferenceInfo::write);
    again(body, command::Message::read, command::Message::write);
    again(body, ConferenceInvitation::read, ConferenceInvitation::write);
    again(body, Envelope::read, Envelope::write);
    for item in Envelope::read(body).into_iter().flat_map(|envelope| envelope.items) {
        if let Item::Line(line) = item {
            assert!(line.shown().len() <= 8 * line.text.len());
        }
    }
    again(body, Delivery::read, Delivery::write);
    again(body, Typing::read, Typing::write_composing);
    again(body, Offer::read, Offer::write);
    match text::read(media, body) {
        Ok(read) => {
            assert!(
                read.len() <= 8 * body.len()
                    && read.chars().all(|c| matches!(c, '\n' | '\t') || !c.is_control())
            );
            assert_eq!(text::read_header(&text::write_header(&read)).as_ref(), Ok(&read));
            let pieces = text::split(&read, 40);
            assert_eq!(pieces.concat(), read);
            assert!(pieces.iter().all(|piece| text::write(piece).len() <= 40), "{pieces:?}");
        }
        Err(error) => harmless(&error),
    }
    for kind in ["text/html", "text/rtf"] {
        let _ = text::read(&MediaType::new(kind), body);
    }
}

fn again<T: PartialEq + Debug>(
    body: &[u8],
    read: impl Fn(&[u8]) -> Result<T, BodyError>,
    write: impl Fn(&T) -> String,
) {
    match read(body) {
        Ok(first) => {
            let written = write(&first);
            match read(written.as_bytes()) {
                Ok(second) => assert!(first == second, "{first:?}\n{second:?}\n{written}"),
                Err(error) => panic!("{error}: {written}"),
            }
        }
        Err(error) => harmless(&error),
    }
}

/// An error is one short line, and points into the body.
fn harmless(error: &BodyError) {
    let text = error.to_string();
    assert!(text.len() < 512 && !text.contains(char::is_control), "{text}");
    assert!(error.offset <= MAX, "{text}");
}
