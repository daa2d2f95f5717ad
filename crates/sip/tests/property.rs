//! What holds for every message: it is written as it was read, and comes out of a stream however that is parted.

use bytes::Bytes;
use proptest::prelude::*;
use trunkline_sip::{Epid, Frame, Framer, Header, Limits, Message, Method, Request, Uri, identity};

/// A header's line or folded lines, with a name that says nothing about the body.
fn header() -> impl Strategy<Value = String> {
    let value = "[ \t]{0,2}([a-z0-9ü\";,<>=:@%\\\\-]{0,12}(\r\n[ \t]{1,2}[a-z;,]{1,4})?){0,3}[ \t]{0,2}";
    ("(X-[A-Za-z0-9.!%*_+`'~-]{1,8}|Via|v|FROM|t|Contact|Route)[ \t]{0,2}", value)
        .prop_map(|(name, value)| format!("{name}:{value}\r\n"))
}

fn start() -> impl Strategy<Value = String> {
    let method = "[A-Z]{2,9}";
    let uri = "sips?:([a-z0-9+;=]{1,8}@)?[a-z]{1,9}(\\.example)?(:[1-9][0-9]{0,3})?(;[a-z]{1,5}(=[a-zA-Z0-9:_+-]{1,8})?){0,3}";
    prop_oneof![
        (method, uri).prop_map(|(method, uri)| format!("{method} {uri} SIP/2.0")),
        (100u16..700, "( [A-Za-zü ]{0,12})?")
            .prop_map(|(status, reason)| format!("SIP/2.0 {status}{reason}")),
    ]
}

fn message() -> impl Strategy<Value = Vec<u8>> {
    let headers = proptest::collection::vec(header(), 0..8);
    let length = prop_oneof![Just("Content-Length"), Just("l"), Just("CONTENT-LENGTH ")];
    let body = proptest::collection::vec(any::<u8>(), 0..80);
    (start(), headers, length, any::<prop::sample::Index>(), body).prop_map(
        |(start, mut headers, length, at, body)| {
            headers.insert(at.index(headers.len() + 1), format!("{length}: {}\r\n", body.len()));
            [format!("{start}\r\n{}\r\n", headers.concat()).as_bytes(), &body].concat()
        },
    )
}

fn frames(parts: &[&[u8]], limits: Limits) -> Vec<Frame> {
    let mut framer = Framer::new(limits);
    let mut frames = Vec::new();
    for part in parts {
        framer.push(part);
        frames.extend(std::iter::from_fn(|| framer.pull()));
    }
    frames
}

/// The bytes, cut at these places.
fn cut<'a>(bytes: &'a [u8], places: &[prop::sample::Index]) -> Vec<&'a [u8]> {
    let mut places: Vec<_> = places.iter().map(|place| place.index(bytes.len() + 1)).collect();
    places.extend([0, bytes.len()]);
    places.sort_unstable();
    places.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect()
}

proptest! {
    #[test]
    fn what_was_read_is_written_as_it_was(bytes in message()) {
        let bytes = Bytes::from(bytes);
        let message = Message::parse(&bytes).unwrap();
        prop_assert_eq!(message.to_bytes(), bytes);
    }

    #[test]
    fn a_header_put_in_and_taken_out_leaves_no_trace(bytes in message(), at in 0usize..12, value in "\\PC{0,20}") {
        let bytes = Bytes::from(bytes);
        let mut message = Message::parse(&bytes).unwrap();
        let at = at.min(message.len());
        message.insert(at, Header::new("X-New", &value));
        let again = Message::parse(&message.to_bytes()).unwrap();
        prop_assert_eq!(again.at(at).unwrap().value(), value.trim_matches([' ', '\t', '\r', '\n']).as_bytes());
        message.remove_at(at);
        prop_assert_eq!(message.to_bytes(), bytes);
    }

    #[test]
    fn a_stream_comes_apart_the_same_however_it_is_parted(
        messages in proptest::collection::vec((message(), 0usize..6), 1..5),
        rest in proptest::collection::vec(any::<u8>(), 0..40),
        places in proptest::collection::vec(any::<prop::sample::Index>(), 0..20),
        block in 100usize..400,
    ) {
        let mut stream = Vec::new();
        for (message, lines) in &messages {
            stream.extend_from_slice(message);
            stream.extend(b"\r\n".repeat(*lines));
        }
        stream.extend(rest);
        for limits in [Limits::default(), Limits { block, body: 60 }] {
            prop_assert_eq!(frames(&cut(&stream, &places), limits), frames(&[&stream], limits));
        }
        let taken = frames(&[&stream], Limits::default());
        let taken = taken.iter().filter(|frame| matches!(frame, Frame::Message(_))).count();
        prop_assert_eq!(taken, messages.len());
    }

    #[test]
    fn what_is_built_is_read_as_it_was_meant(subject in "\\PC{0,20}", body in proptest::collection::vec(any::<u8>(), 0..80)) {
        let request = Request::build(Method::INFO, Uri::parse("sip:a@example.com").unwrap())
            .header("Subject", &subject)
            .body("application/xml", body.clone())
            .done();
        let again = Message::parse(&request.to_bytes()).unwrap().request().unwrap();
        prop_assert_eq!(again.body().as_ref(), body.as_slice());
        prop_assert_eq!(&again, &request);
        prop_assert_eq!(again.text("Subject").unwrap(), subject.trim_matches([' ', '\t']));
    }

    #[test]
    fn a_gruu_leads_back_to_its_endpoint(epid in "[0-9a-f]{1,16}") {
        let instance = Epid::parse(&epid).unwrap().instance();
        prop_assert_eq!((instance.get_version_num(), instance.get_variant()), (5, uuid::Variant::RFC4122));
        let gruu = identity::gruu(&Uri::parse("sip:a@example.com").unwrap(), instance).unwrap();
        prop_assert_eq!(identity::instance_of(&gruu), Some(instance));
        prop_assert_eq!(identity::encode_instance(instance).len(), 24);
    }
}
