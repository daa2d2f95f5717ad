//! What a request must be as an HTTP message, beyond what the library checks, so that no proxy in front and this server
//! can read one stream of bytes as different requests (RFC 9112 sections 3.2, 6.1 and 6.3).

use axum::{
    extract::Request,
    http::{HeaderMap, Version, header},
};

use crate::problem::Problem;

/// Refuses what two servers could understand differently.
pub(super) fn check(request: &Request) -> Result<(), Problem> {
    let headers = request.headers();
    let invalid = |what: &str| Err(Problem::InvalidRequest(what.to_owned()));
    let hosts = headers.get_all(header::HOST).iter().count();
    if hosts > 1 || (hosts == 0 && request.version() != Version::HTTP_10) {
        return invalid("exactly one Host header is needed");
    }
    let lengths = headers.get_all(header::CONTENT_LENGTH).iter().count();
    if lengths > 1 || (lengths > 0 && ends_connection(headers)) {
        return invalid("the length of the body is told twice");
    }
    if headers.contains_key(header::UPGRADE) && (ends_connection(headers) || has_length(headers)) {
        return invalid("a request for an upgrade has no body");
    }
    Ok(())
}

/// After a body in chunks nothing more is read from the connection: the library does not tell whether there was a
/// `Content-Length` too.
pub(super) fn ends_connection(headers: &HeaderMap) -> bool {
    headers.contains_key(header::TRANSFER_ENCODING)
}

fn has_length(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_LENGTH).is_some_and(|length| length.as_bytes() != b"0")
}
