use bytes::Bytes;

use super::{Message, Request, Response};
use crate::error::{Error, ErrorCode, Place};
use crate::frame::Refused;
use crate::header::{Header, Headers, name};
use crate::method::Method;
use crate::scan::Scan;
use crate::uri::Uri;

/// Where a reason phrase begins in a status line.
pub(super) const REASON: usize = "SIP/2.0 200 ".len();

const VERSION: &str = "SIP/2.0";

/// A header block that was read as far as it can be: what is wrong with it leaves the rest readable.
#[derive(Debug)]
pub(crate) struct Block {
    line: Bytes,
    start: Result<Start, Error>,
    pub(crate) headers: Headers,
    /// The first thing wrong with a line of a header.
    fault: Option<Error>,
}

#[derive(Debug)]
enum Start {
    Request(Method, Uri),
    Response(u16),
}

impl Block {
    /// The message with this body, or what is wrong with the block.
    pub(crate) fn message(self, body: Bytes) -> Result<Message, Box<Refused>> {
        if let Some(error) = self.start.as_ref().err().or(self.fault.as_ref()).cloned() {
            let close = !self.is_sound();
            let mut refused = refused(self, error, close);
            if let Some(response) = &mut refused.response {
                response.body = body;
            }
            return Err(Box::new(refused));
        }
        let Self { line, start, headers, .. } = self;
        match start {
            Ok(Start::Request(method, uri)) => Ok(Request { line, method, uri, headers, body }.into()),
            Ok(Start::Response(status)) => Ok(Response { line, status, headers, body }.into()),
            Err(error) => {
                Err(Box::new(Refused { error, headers, method: None, response: None, close: true }))
            }
        }
    }

    /// Whether where it ends is beyond doubt: a length, a way back, no stray line ends, and a line that says SIP.
    pub(crate) fn is_sound(&self) -> bool {
        let says_sip = self.line.windows(4).any(|part| part.eq_ignore_ascii_case(b"SIP/"));
        let whole = self.fault.as_ref().is_none_or(|fault| fault.code != ErrorCode::LineEnd);
        says_sip && whole && self.headers.has(name::CONTENT_LENGTH) && self.headers.has(name::VIA)
    }
}

/// What is left of a block that is no message.
pub(crate) fn refused(block: Block, error: Error, close: bool) -> Refused {
    let version = block.line.get(..4).unwrap_or_default();
    let is_response = version.eq_ignore_ascii_case(b"SIP/") || matches!(block.start, Ok(Start::Response(_)));
    let first = block.line.split(|byte| *byte == b' ').next().unwrap_or_default();
    let method = std::str::from_utf8(first).ok().and_then(Method::new).filter(|_| !is_response);
    let response = if close { None } else { rest(&block, error.code) };
    Refused { error, headers: block.headers, method, response: response.map(Box::new), close }
}

/// A response without what could not be read of it.
fn rest(block: &Block, code: ErrorCode) -> Option<Response> {
    let Ok(Start::Response(status)) = block.start else { return None };
    let (mut headers, mut line, mut status) = (block.headers.clone(), block.line.clone(), status);
    if matches!(code, ErrorCode::BodyTooLong | ErrorCode::BlockTooLong) {
        headers.remove(name::CONTENT_TYPE);
        headers.set(name::CONTENT_LENGTH, "0");
        let asked_for_body = headers.cseq().is_ok_and(|cseq| asks_for_body(&cseq.method));
        if asked_for_body && (200..300).contains(&status) {
            (status, line) = (513, Bytes::from_static(b"SIP/2.0 513 Message Too Large\r\n"));
        }
    }
    Some(Response { line, status, headers, body: Bytes::new() })
}

/// Whether a 2xx without its body is none. What an INVITE or a MESSAGE has led to holds without one.
fn asks_for_body(method: &Method) -> bool {
    !matches!(method.as_str(), "INVITE" | "MESSAGE" | "INFO" | "BYE" | "CANCEL" | "REGISTER" | "UPDATE")
}

pub(super) fn whole(bytes: &Bytes) -> Result<Message, Error> {
    let empty = bytes.chunks_exact(2).take_while(|pair| *pair == b"\r\n").count() * 2;
    let bytes = bytes.slice(empty..);
    let end = memchr::memmem::find(&bytes, b"\r\n\r\n").map(|at| at + 4);
    let end =
        end.ok_or_else(|| Error::new(ErrorCode::Truncated, Place::Message(bytes.len()), "an empty line"))?;
    let block = block(&bytes.slice(..end));
    let length = content_length(&block.headers)?;
    let length = length.unwrap_or(bytes.len() - end);
    if bytes.len() - end < length {
        let place = Place::Message(bytes.len());
        return Err(Error::new(ErrorCode::Truncated, place, "as many bytes as Content-Length says"));
    }
    block.message(bytes.slice(end..end + length)).map_err(|refused| refused.error)
}

/// Reads a header block. It may end anywhere, as one that is over the limit does.
pub(crate) fn block(bytes: &Bytes) -> Block {
    let mut fault = None;
    let first = line_end(bytes, 0, &mut fault);
    let line = bytes.slice(..first);
    let start = match fault.take() {
        Some(error) => Err(error),
        None => start(&line),
    };
    let mut headers = Headers::default();
    let mut at = first;
    while at < bytes.len() && bytes.get(at..at + 2) != Some(b"\r\n") {
        let (begin, mut wrong) = (at, None);
        at = line_end(bytes, at, &mut wrong);
        let header = wrong.is_none().then(|| Header::parse(bytes.slice(begin..at))).flatten();
        match header {
            Some(header) => headers.push_header(header),
            None if wrong.is_none() => wrong = Some(no_header(begin)),
            None => {}
        }
        fault = fault.or(wrong);
    }
    Block { line, start, headers, fault }
}

fn no_header(at: usize) -> Error {
    Error::new(ErrorCode::HeaderLine, Place::Message(at), "a header's name and a colon")
}

/// Where the line or folded lines from `start` end, the CRLF included.
fn line_end(bytes: &[u8], start: usize, fault: &mut Option<Error>) -> usize {
    let mut at = start;
    while let Some(found) = memchr::memchr2(b'\r', b'\n', bytes.get(at..).unwrap_or_default()) {
        at += found;
        if bytes.get(at..at + 2) != Some(b"\r\n") {
            fault.get_or_insert_with(|| {
                Error::new(ErrorCode::LineEnd, Place::Message(at), "CR and LF together")
            });
            at += 1;
            continue;
        }
        at += 2;
        if !matches!(bytes.get(at), Some(b' ' | b'\t')) {
            return at;
        }
    }
    fault.get_or_insert_with(|| Error::new(ErrorCode::Truncated, Place::Message(start), "the line's end"));
    bytes.len()
}

fn start(line: &Bytes) -> Result<Start, Error> {
    let text = line.strip_suffix(b"\r\n").unwrap_or_default();
    if let Some(fold) = memchr::memchr(b'\n', text) {
        return Err(wrong(fold, "one line, which nothing continues"));
    }
    if text.get(..4).is_some_and(|version| version.eq_ignore_ascii_case(b"SIP/")) {
        return status(text).map(Start::Response);
    }
    let text = std::str::from_utf8(text).map_err(|error| wrong(error.valid_up_to(), "UTF-8"))?;
    let mut parts = text.split(' ');
    let (Some(method), Some(uri), Some(version), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(wrong(0, "method, URI and version, one space between them"));
    };
    let at = method.len() + 1;
    let method = Method::new(method).ok_or_else(|| wrong(0, "a token as method"))?;
    check_version(version.as_bytes(), at + uri.len() + 1)?;
    let uri = Uri::parse(uri).map_err(|mut error| {
        if let Place::Text(within) = &mut error.place {
            *within += at;
        }
        error.in_start_line()
    })?;
    Ok(Start::Request(method, uri))
}

fn status(text: &[u8]) -> Result<u16, Error> {
    check_version(text.split(|byte| *byte == b' ').next().unwrap_or_default(), 0)?;
    let expected = "a status from 100 to 699 after one space";
    let digits =
        text.get(VERSION.len() + 1..REASON - 1).filter(|digits| digits.iter().all(u8::is_ascii_digit));
    let number = digits.and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
    match (number, text.get(REASON - 1)) {
        (Some(status @ 100..=699), None | Some(b' ')) => Ok(status),
        _ => Err(wrong(VERSION.len() + 1, expected)),
    }
}

fn check_version(version: &[u8], at: usize) -> Result<(), Error> {
    if version.eq_ignore_ascii_case(VERSION.as_bytes()) {
        return Ok(());
    }
    let (digits, sip) = (version.get(4..).unwrap_or_default(), version.get(..4).unwrap_or_default());
    let is_other =
        sip.eq_ignore_ascii_case(b"SIP/") && digits.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.');
    let code = if is_other { ErrorCode::Version } else { ErrorCode::StartLine };
    Err(Error::new(code, Place::StartLine(at), VERSION))
}

fn wrong(at: usize, expected: &'static str) -> Error {
    Error::new(ErrorCode::StartLine, Place::StartLine(at), expected)
}

/// What all Content-Length headers say alike, or that they do not.
pub(crate) fn content_length(headers: &Headers) -> Result<Option<usize>, Error> {
    let mut length = None;
    for header in headers.all(name::CONTENT_LENGTH) {
        let text = header.text();
        let read = || {
            let mut scan = Scan::new(&text);
            let number = scan.number(u32::MAX, "a number of bytes")?;
            scan.done("digits alone")?;
            Ok(number as usize)
        };
        let bad =
            |error: Error| Error { code: ErrorCode::ContentLength, ..error.in_header(name::CONTENT_LENGTH) };
        let this = read().map_err(bad)?;
        if length.is_some_and(|length| length != this) {
            let place = Place::Header(name::CONTENT_LENGTH.to_owned(), 0);
            return Err(Error::new(ErrorCode::ContentLengthConflict, place, "the same length each time"));
        }
        length = Some(this);
    }
    Ok(length)
}
