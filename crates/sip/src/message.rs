//! Messages: a start line, headers in their order, a body.

mod build;
mod parse;

use std::borrow::Cow;
use std::fmt;
use std::ops::{Deref, DerefMut};

use bytes::{BufMut, Bytes, BytesMut};

use crate::error::Error;
use crate::header::{Headers, name};
use crate::method::Method;
use crate::uri::Uri;

pub use build::{RequestBuilder, ResponseBuilder, reason};
pub(crate) use parse::{Block, block, content_length, refused};

/// A request or a response. One that was read and not changed serialises to the bytes that it was read from; headers
/// are its own by [`Deref`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// A request.
    Request(Request),
    /// A response.
    Response(Response),
}

/// A request.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    line: Bytes,
    method: Method,
    uri: Uri,
    headers: Headers,
    body: Bytes,
}

/// A response.
#[derive(Clone, PartialEq, Eq)]
pub struct Response {
    line: Bytes,
    status: u16,
    headers: Headers,
    body: Bytes,
}

impl Message {
    /// Reads bytes that are one message, as a datagram is. Empty lines before it are left out; what comes after a body of known length is ignored, and a body of unknown length goes to the end.
    pub fn parse(bytes: &Bytes) -> Result<Self, Error> {
        parse::whole(bytes)
    }

    /// The bytes on the wire.
    pub fn to_bytes(&self) -> Bytes {
        match self {
            Self::Request(request) => request.to_bytes(),
            Self::Response(response) => response.to_bytes(),
        }
    }

    /// The body.
    pub fn body(&self) -> &Bytes {
        match self {
            Self::Request(request) => &request.body,
            Self::Response(response) => &response.body,
        }
    }

    /// The request, if it is one.
    pub fn request(self) -> Option<Request> {
        if let Self::Request(request) = self { Some(request) } else { None }
    }

    /// The response, if it is one.
    pub fn response(self) -> Option<Response> {
        if let Self::Response(response) = self { Some(response) } else { None }
    }
}

impl Request {
    /// Begins a request.
    pub fn build(method: Method, uri: Uri) -> RequestBuilder {
        RequestBuilder::new(method, uri)
    }

    /// The method.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// The Request-URI.
    pub fn uri(&self) -> &Uri {
        &self.uri
    }

    /// Replaces the Request-URI.
    pub fn set_uri(&mut self, uri: Uri) {
        self.line = build::request_line(&self.method, &uri);
        self.uri = uri;
    }

    /// The headers.
    pub fn headers(&self) -> &Headers {
        &self.headers
    }

    /// The headers, to change them.
    pub fn headers_mut(&mut self) -> &mut Headers {
        &mut self.headers
    }

    /// The body.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// Forgets the body of a request of which only the headers are still of use.
    pub(crate) fn drop_body(&mut self) {
        self.body = Bytes::new();
    }

    /// Replaces the body and sets Content-Type and Content-Length.
    pub fn set_body(&mut self, content_type: &str, body: impl Into<Bytes>) {
        self.body = body.into();
        set_content(&mut self.headers, content_type, self.body.len());
    }

    /// The bytes on the wire.
    pub fn to_bytes(&self) -> Bytes {
        bytes(&self.line, &self.headers, &self.body)
    }

    /// How many bytes are kept with it.
    pub(crate) fn weight(&self) -> usize {
        weight(&self.line, &self.headers, &self.body)
    }
}

impl Response {
    /// Begins a response to a request: every Via, From, To, Call-ID and CSeq as they are there.
    pub fn build(request: &Request, status: u16) -> ResponseBuilder {
        ResponseBuilder::new(&request.headers, status)
    }

    /// Begins a response to what could be read of a request.
    pub(crate) fn answer(headers: &Headers, status: u16) -> ResponseBuilder {
        ResponseBuilder::new(headers, status)
    }

    /// The status, 100 to 699.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Whether it is a 1xx, after which more comes.
    pub fn is_provisional(&self) -> bool {
        self.status < 200
    }

    /// Whether it is a 2xx.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The reason phrase, which may be empty.
    pub fn reason(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(
            self.line.get(parse::REASON..self.line.len().saturating_sub(2)).unwrap_or_default(),
        )
    }

    /// The headers.
    pub fn headers(&self) -> &Headers {
        &self.headers
    }

    /// The headers, to change them.
    pub fn headers_mut(&mut self) -> &mut Headers {
        &mut self.headers
    }

    /// The body.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// Replaces the body and sets Content-Type and Content-Length.
    pub fn set_body(&mut self, content_type: &str, body: impl Into<Bytes>) {
        self.body = body.into();
        set_content(&mut self.headers, content_type, self.body.len());
    }

    /// The bytes on the wire.
    pub fn to_bytes(&self) -> Bytes {
        bytes(&self.line, &self.headers, &self.body)
    }

    /// How many bytes are kept with it.
    pub(crate) fn weight(&self) -> usize {
        weight(&self.line, &self.headers, &self.body)
    }
}

fn weight(line: &Bytes, headers: &Headers, body: &Bytes) -> usize {
    line.len() + headers.iter().map(|header| header.line().len()).sum::<usize>() + body.len()
}

fn set_content(headers: &mut Headers, content_type: &str, length: usize) {
    headers.set(name::CONTENT_TYPE, content_type);
    headers.set(name::CONTENT_LENGTH, length.to_string());
}

fn bytes(line: &Bytes, headers: &Headers, body: &Bytes) -> Bytes {
    let lines: usize = headers.iter().map(|header| header.line().len()).sum();
    let mut bytes = BytesMut::with_capacity(line.len() + lines + 2 + body.len());
    bytes.put_slice(line);
    headers.iter().for_each(|header| bytes.put_slice(header.line()));
    bytes.put_slice(b"\r\n");
    bytes.put_slice(body);
    bytes.freeze()
}

macro_rules! has_headers {
    ($($message:ty)*) => { $(
        impl Deref for $message {
            type Target = Headers;

            fn deref(&self) -> &Headers {
                &self.headers
            }
        }

        impl DerefMut for $message {
            fn deref_mut(&mut self) -> &mut Headers {
                &mut self.headers
            }
        }
    )* };
}

has_headers! { Request Response }

impl Deref for Message {
    type Target = Headers;

    fn deref(&self) -> &Headers {
        match self {
            Self::Request(request) => &request.headers,
            Self::Response(response) => &response.headers,
        }
    }
}

impl DerefMut for Message {
    fn deref_mut(&mut self) -> &mut Headers {
        match self {
            Self::Request(request) => &mut request.headers,
            Self::Response(response) => &mut response.headers,
        }
    }
}

impl From<Request> for Message {
    fn from(request: Request) -> Self {
        Self::Request(request)
    }
}

impl From<Response> for Message {
    fn from(response: Response) -> Self {
        Self::Response(response)
    }
}

/// Shows the start line and how much there is, never what people wrote.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ({} headers, {} bytes)", self.method, self.uri, self.headers.len(), self.body.len())
    }
}

/// Shows the status and how much there is, never what people wrote.
impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} headers, {} bytes)", self.status, self.headers.len(), self.body.len())
    }
}
