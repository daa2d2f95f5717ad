use std::fmt::Debug;

use trunkline_sip::body::{
    BodyError, MediaType,
    contact::Roster,
    deregistration::Deregistration,
    multipart::Multipart,
    pidf::Pidf,
    presence::Categories,
    provisioning::{ProvisionGroupList, ProvisionRequest},
    publication::{Conflict, Publish},
    rlmi::{Document, List, Notification},
    roaming::{RoamingData, RoamingList, SetContainerMembers, SetSubscribers},
    soap::{ListReply, ListRequest},
    subscription::BatchSubscribe,
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
