//! Messages as the tests need them.

use std::time::Duration;

use bytes::Bytes;
use trunkline_sip::transaction::{Capacity, ConnectionId, Hop, Transactions};
use trunkline_sip::{Message, Request, Response};

pub(crate) const LINK: ConnectionId = ConnectionId(1);
pub(crate) const OTHER: ConnectionId = ConnectionId(2);

pub(crate) fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) fn hop(host: &str) -> Hop {
    Hop { transport: "TLS".to_owned(), sent_by: format!("{host}:5061") }
}

/// Reads a message of lines; what begins with a space continues nothing, and a body follows an empty line.
pub(crate) fn message(text: &str) -> Message {
    let lines: Vec<_> = text.lines().map(str::trim_start).collect();
    let (head, body) = match lines.iter().position(|line| line.is_empty()) {
        Some(end) => (&lines[..end], lines[end + 1..].join("\r\n")),
        None => (&lines[..], String::new()),
    };
    let text = format!("{}\r\nContent-Length: {}\r\n\r\n{body}", head.join("\r\n"), body.len());
    Message::parse(&Bytes::from(text)).unwrap()
}

pub(crate) fn request(text: &str) -> Request {
    message(text).request().unwrap()
}

/// A request of Alice's to Bob, outside of a dialog, without a Via.
pub(crate) fn bare(method: &str, number: u32) -> Request {
    request(&format!(
        "{method} sip:bob@example.com SIP/2.0\nMax-Forwards: 70\n\
         From: <sip:alice@example.com>;tag=a1;epid=26a7a9f5a6\nTo: <sip:bob@example.com>\n\
         Call-ID: call\nCSeq: {number} {method}\nContact: <sip:alice@192.0.2.30:5061;transport=tls>"
    ))
}

/// The same with a branch.
pub(crate) fn stamped(method: &str, number: u32, branch: u128) -> Request {
    let mut request = bare(method, number);
    hop("192.0.2.30").stamp(&mut request, branch);
    request
}

/// The same as a client of Microsoft's sends it: without a branch.
pub(crate) fn classic(method: &str, number: u32) -> Request {
    let mut request = bare(method, number);
    request.headers_mut().push("Via", "SIP/2.0/TLS 192.0.2.9:40123");
    request
}

pub(crate) fn reply(request: &Request, status: u16, tag: &str) -> Response {
    let contact = format!("<sip:bob@192.0.2.31:5061;transport=tls;x={tag}>");
    Response::build(request, status).to_tag(tag).record_routes().header("Contact", contact).done()
}

pub(crate) fn transactions() -> Transactions {
    Transactions::new(Capacity::default(), 7)
}
