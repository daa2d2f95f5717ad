//! The requests and answers of chats.

use trunkline_sip::body::offer::{self, Offer};
use trunkline_sip::body::text;
use trunkline_sip::message::ResponseBuilder;
use trunkline_sip::{Address, Method, Request, Response, Uri, name};

use super::event::Identity;
use super::invitation::offer_of;

/// The methods that chats take.
const ALLOW: &str = "INVITE, BYE, ACK, CANCEL, INFO, MESSAGE, UPDATE, OPTIONS, NOTIFY, BENOTIFY";
/// The content types that chats take.
const ACCEPT: &str = "text/plain, text/html, text/rtf, multipart/alternative, application/sdp, application/xml, \
                      application/im-iscomposing+xml, application/ms-imdn+xml";
/// The product, as the servers' reports show it.
const AGENT: &str = concat!("Trunkline/", env!("CARGO_PKG_VERSION"));
/// Longest text that goes inside an INVITE: headers are short.
const MAX_EMBEDDED: usize = 2_000;
/// An address nobody uses, for messages do not go by what SDP says.
const NO_ADDRESS: &str = "0.0.0.0";
const PORT: u16 = 5060;

/// What the peer of a first message inside an INVITE says when it took it.
pub(super) const TOOK_FIRST: [&str; 2] = ["ms-text-format", "ms-embedded-first-message"];

/// Whether a text is short enough to go inside an INVITE.
pub(super) fn fits_invite(text: &str) -> bool {
    text.len() <= MAX_EMBEDDED
}

/// What a new dialog is told from others by.
pub(super) struct Names {
    pub(super) tag: String,
    pub(super) call_id: String,
    pub(super) conversation: String,
}

/// The INVITE of a chat.
pub(super) fn invite(me: &Identity, peer: &Uri, names: &Names, first: Option<&str>) -> Request {
    let from = Address::new(me.display.as_deref(), me.uri.clone());
    let mut build = Request::build(Method::INVITE, peer.clone())
        .header(name::MAX_FORWARDS, "70")
        .header(name::FROM, format!("{from};tag={};epid={}", names.tag, me.epid))
        .header(name::TO, format!("<{peer}>"))
        .header(name::CALL_ID, &names.call_id)
        .cseq(1)
        .header(name::CONTACT, contact(me))
        .header(name::USER_AGENT, AGENT)
        .header(name::SUPPORTED, "ms-dialog-route-set-update")
        .header(name::SUPPORTED, "ms-sender")
        .header(name::SUPPORTED, "ms-delayed-accept")
        .header(name::MS_CONVERSATION_ID, &names.conversation)
        .header("Roster-Manager", me.uri.as_str())
        .header("EndPoints", format!("<{}>, <{peer}>", me.uri))
        .header(name::ALLOW, ALLOW);
    if let Some(first) = first {
        build = build
            .header(name::SUPPORTED, "ms-embedded-first-message")
            .header(name::MS_TEXT_FORMAT, text::write_header(first));
    }
    build.body(offer::TYPE, Offer::of_messages(NO_ADDRESS, PORT, None).write()).done()
}

/// Our Contact.
pub(super) fn contact(me: &Identity) -> String {
    format!("<{}>", me.contact)
}

/// Finishes the 200 to an INVITE; `took_first` says that the message inside it need not come again.
pub(super) fn accepted(
    me: &Identity,
    invite: &Request,
    build: ResponseBuilder,
    took_first: bool,
) -> Response {
    let mut build = build
        .header(name::SUPPORTED, "ms-dialog-route-set-update")
        .header(name::SUPPORTED, "ms-sender")
        .header(name::USER_AGENT, AGENT)
        .header(name::ALLOW, ALLOW);
    for token in TOOK_FIRST.into_iter().filter(|_| took_first) {
        build = build.header(name::SUPPORTED, token);
    }
    described(me, invite, build)
}

/// The 200 to a request inside a dialog that may change it.
pub(super) fn refreshed(me: &Identity, request: &Request) -> Response {
    let build = Response::build(request, 200).record_routes().header(name::CONTACT, contact(me));
    let build = build.header(name::SUPPORTED, "ms-dialog-route-set-update").header(name::ALLOW, ALLOW);
    if request.body().is_empty() && *request.method() != Method::INVITE {
        return build.done();
    }
    described(me, request, build)
}

/// What we can, to whoever asks.
pub(super) fn abilities(me: &Identity, request: &Request, tag: &str) -> Response {
    let build = Response::build(request, 200).to_tag(tag).header(name::ALLOW, ALLOW);
    described(me, request, build.header("Accept", ACCEPT).header(name::SUPPORTED, "ms-sender"))
}

/// An answer that says what would have been taken instead.
pub(super) fn refusal(request: &Request, status: u16, tag: &str) -> Response {
    let build = Response::build(request, status).to_tag(tag);
    match status {
        405 => build.header(name::ALLOW, ALLOW),
        415 => build.header("Accept", ACCEPT),
        503 => build.header(name::RETRY_AFTER, "5"),
        _ => build,
    }
    .done()
}

/// Describes our medium for messages, and refuses what else was offered.
fn described(me: &Identity, request: &Request, build: ResponseBuilder) -> Response {
    let others = offer_of(request).map(|offer| offer.others).unwrap_or_default();
    let offer = Offer { others, ..Offer::of_messages(NO_ADDRESS, PORT, Some(me.uri.as_str())) };
    build.body(offer::TYPE, offer.write()).done()
}
