//! The torture messages of RFC 5118. Its archive ends lines with LF alone, and so do the files here; what goes on the
//! wire ends them with CRLF.

use std::net::Ipv6Addr;

use bytes::Bytes;
use trunkline_sip::{Error, ErrorCode, Message, Place, Request, check};

fn read(name: &str) -> Result<Request, Error> {
    let file = format!("{}/tests/data/rfc5118/{name}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{file}: {error}"));
    let mut text = text.replace('\n', "\r\n");
    // Two messages lack the empty line after the headers.
    if !text.contains("\r\n\r\n") {
        text.push_str("\r\n");
    }
    let bytes = Bytes::from(with_length(&text));
    let message = Message::parse(&bytes)?;
    assert_eq!(message.to_bytes(), bytes, "{name}");
    check(&message).unwrap_or_else(|error| panic!("{name}: {error}"));
    Ok(message.request().expect("a request"))
}

/// The text with a Content-Length that is right: two of the archive's are not.
fn with_length(text: &str) -> String {
    let body = text.split_once("\r\n\r\n").expect("an empty line").1;
    let said = text.lines().find(|line| line.starts_with("Content-Length")).expect("a length");
    text.replacen(said, &format!("Content-Length: {}", body.len()), 1)
}

fn request(name: &str) -> Request {
    read(name).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn address(text: &str) -> Option<Ipv6Addr> {
    text.parse().ok()
}

#[test]
fn references_stand_in_brackets_and_nowhere_else() {
    assert_eq!(request("ipv6-good").uri().ipv6(), address("2001:db8::10"));
    let error = read("ipv6-bad").unwrap_err();
    assert!(matches!(error.place, Place::StartLine(_)), "{error}");
    assert_eq!((error.code, error.status()), (ErrorCode::Uri, 400));
}

#[test]
fn a_port_is_what_stands_after_the_brackets() {
    let within = request("port-ambiguous");
    assert_eq!((within.uri().ipv6(), within.uri().port()), (address("2001:db8::10:5070"), None));
    let after = request("port-unambiguous");
    assert_eq!((after.uri().ipv6(), after.uri().port()), (address("2001:db8::10"), Some(5070)));
}

#[test]
fn received_comes_with_brackets_and_without() {
    let received = |name| request(name).via().unwrap().received().unwrap().into_owned();
    assert_eq!(received("via-received-param-with-delim"), "[2001:db8::9:255]");
    assert_eq!(received("via-received-param-no-delim"), "2001:db8::9:255");
}

#[test]
fn both_families_may_stand_in_one_message() {
    let hops = request("mult-ip-in-header").vias().unwrap();
    let sent_by: Vec<_> = hops.iter().map(trunkline_sip::Via::sent_by).collect();
    assert_eq!(sent_by, ["[2001:db8::9:1]:6050", "192.0.2.1", "[2001:db8::9:255]"]);
    let mapped = request("ipv4-mapped-ipv6");
    assert_eq!(mapped.vias().unwrap()[0].sent_by(), "[::ffff:192.0.2.10]:19823");
    assert_eq!(mapped.contacts().unwrap()[0].uri.ipv6(), address("::ffff:192.0.2.2"));
    for name in ["ipv6-in-sdp", "mult-ip-in-sdp"] {
        assert!(request(name).body().starts_with(b"v=0\r\n"), "{name}");
    }
}

#[test]
fn three_colons_are_read_as_two() {
    let right = address("2001:db8::192.0.2.1");
    assert_eq!(request("ipv6-correct-abnf-2-colons").uri().ipv6(), right);
    assert_eq!(request("ipv6-bug-abnf-3-colons").uri().ipv6(), right);
}
