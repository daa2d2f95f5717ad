use bytes::Bytes;

use super::{Request, Response, content_length, set_content};
use crate::header::{Header, Headers, name};
use crate::method::Method;
use crate::uri::Uri;

/// A request in the making; headers come in the order in which they are given.
#[derive(Clone, Debug)]
#[must_use]
pub struct RequestBuilder {
    request: Request,
}

impl RequestBuilder {
    pub(super) fn new(method: Method, uri: Uri) -> Self {
        let line = request_line(&method, &uri);
        Self { request: Request { line, method, uri, headers: Headers::new(), body: Bytes::new() } }
    }

    /// Adds a header.
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.request.headers.push(name, value);
        self
    }

    /// Adds a header as it is.
    pub fn raw(mut self, header: Header) -> Self {
        self.request.headers.push_header(header);
        self
    }

    /// Adds CSeq with the request's method.
    pub fn cseq(self, number: u32) -> Self {
        let value = format!("{number} {}", self.request.method);
        self.header(name::CSEQ, value)
    }

    /// Sets the body and its type.
    pub fn body(mut self, content_type: &str, body: impl Into<Bytes>) -> Self {
        self.request.set_body(content_type, body);
        self
    }

    /// The request, with the Content-Length that its body has, whatever was said before.
    pub fn done(mut self) -> Request {
        length(&mut self.request.headers, self.request.body.len());
        self.request
    }
}

/// A response in the making.
#[derive(Clone, Debug)]
#[must_use]
pub struct ResponseBuilder {
    status: u16,
    reason: String,
    headers: Headers,
    routes: Vec<Header>,
    body: Bytes,
}

impl ResponseBuilder {
    pub(crate) fn new(request: &Headers, status: u16) -> Self {
        let mut headers = Headers::new();
        for copied in [name::VIA, name::FROM, name::TO, name::CALL_ID, name::CSEQ] {
            request.all(copied).for_each(|header| headers.push_header(header.clone()));
        }
        let routes = request.all(name::RECORD_ROUTE).cloned().collect();
        let status = status.clamp(100, 699);
        Self { status, reason: reason(status).to_owned(), headers, routes, body: Bytes::new() }
    }

    /// Says another reason phrase than the usual one; what would end the line becomes a space.
    pub fn reason(mut self, reason: &str) -> Self {
        self.reason = reason.replace(['\r', '\n'], " ");
        self
    }

    /// Gives To a tag, unless it has one.
    pub fn to_tag(mut self, tag: &str) -> Self {
        let tagged = self.headers.to().is_ok_and(|to| to.tag().is_some());
        if let (false, Some(position)) = (tagged, self.headers.position(name::TO))
            && let Some(to) = self.headers.remove_at(position)
        {
            let semicolon = if to.value().ends_with(b";") { "" } else { ";" };
            self.headers.insert(position, to.appended(&format!("{semicolon}tag={tag}")));
        }
        self
    }

    /// Copies every Record-Route, as a response that makes a dialog has to.
    pub fn record_routes(mut self) -> Self {
        std::mem::take(&mut self.routes).into_iter().for_each(|route| self.headers.push_header(route));
        self
    }

    /// Adds a header.
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push(name, value);
        self
    }

    /// Adds a header as it is.
    pub fn raw(mut self, header: Header) -> Self {
        self.headers.push_header(header);
        self
    }

    /// Sets the body and its type.
    pub fn body(mut self, content_type: &str, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        set_content(&mut self.headers, content_type, self.body.len());
        self
    }

    /// The response, with the Content-Length that its body has, whatever was said before.
    pub fn done(mut self) -> Response {
        length(&mut self.headers, self.body.len());
        let line = format!("SIP/2.0 {} {}\r\n", self.status, self.reason).into();
        Response { line, status: self.status, headers: self.headers, body: self.body }
    }
}

pub(super) fn request_line(method: &Method, uri: &Uri) -> Bytes {
    format!("{method} {uri} SIP/2.0\r\n").into()
}

fn length(headers: &mut Headers, length: usize) {
    if headers.all(name::CONTENT_LENGTH).count() != 1 || content_length(headers) != Ok(Some(length)) {
        headers.set(name::CONTENT_LENGTH, length.to_string());
    }
}

/// The usual reason phrase of a status.
pub fn reason(status: u16) -> &'static str {
    match status {
        100 => "Trying",
        101 => "Progress Report",
        180 => "Ringing",
        181 => "Call Is Being Forwarded",
        182 => "Queued",
        183 => "Session Progress",
        200 => "OK",
        202 => "Accepted",
        301 => "Moved Permanently",
        302 => "Moved Temporarily",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        407 => "Proxy Authentication Required",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        413 => "Request Entity Too Large",
        414 => "Request-URI Too Long",
        415 => "Unsupported Media Type",
        416 => "Unsupported URI Scheme",
        420 => "Bad Extension",
        421 => "Extension Required",
        422 => "Session Interval Too Small",
        423 => "Interval Too Brief",
        480 => "Temporarily Unavailable",
        481 => "Call/Transaction Does Not Exist",
        482 => "Loop Detected",
        483 => "Too Many Hops",
        484 => "Address Incomplete",
        485 => "Ambiguous",
        486 => "Busy Here",
        487 => "Request Terminated",
        488 => "Not Acceptable Here",
        489 => "Bad Event",
        491 => "Request Pending",
        493 => "Undecipherable",
        500 => "Server Internal Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Server Time-out",
        505 => "Version Not Supported",
        513 => "Message Too Large",
        600 => "Busy Everywhere",
        603 => "Decline",
        604 => "Does Not Exist Anywhere",
        606 => "Not Acceptable",
        _ => class(status),
    }
}

fn class(status: u16) -> &'static str {
    match status / 100 {
        1 => "Progress",
        2 => "Success",
        3 => "Redirection",
        4 => "Request Failure",
        5 => "Server Failure",
        _ => "Global Failure",
    }
}
