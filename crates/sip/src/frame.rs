//! From a stream of bytes to messages, however the bytes are parted.

use bytes::{Buf, Bytes, BytesMut};

use crate::body::MAX_BODY;
use crate::error::{Error, ErrorCode, Place};
use crate::header::{Headers, name};
use crate::message::{Block, Message, Response, block, content_length, refused};
use crate::method::Method;

/// How large a message may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the start line and the headers with the empty line after them.
    pub block: usize,
    /// Bytes of the body.
    pub body: usize,
}

impl Default for Limits {
    /// 64 KiB of headers, since a first message stands in one, and 1 MiB of body, which is what readers of bodies take.
    fn default() -> Self {
        Self { block: 64 * 1024, body: MAX_BODY }
    }
}

/// What a stream brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// A message that can be worked with.
    Message(Message),
    /// An empty line twice in a row: the peer asks whether we are alive (RFC 5626 section 4.4.1).
    Ping,
    /// Something that is no message.
    Refused(Refused),
}

/// Something that is no message, with what could be read of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// What was wrong first.
    pub error: Error,
    /// The headers that could be read.
    pub headers: Headers,
    /// The method, if it was a request's.
    pub method: Option<Method>,
    /// What is left of it, if it was a response: give it to its transaction, which ends by it. A 2xx whose body was
    /// what had been asked for is a 513 here, since the body is lost.
    pub response: Option<Box<Response>>,
    /// Whether nobody can know where the next message begins: close after the answer. Nothing comes after it.
    pub close: bool,
}

impl Refused {
    /// The answer: none to a response, to what is never answered, and to what says not where it came from.
    pub fn answer(&self, to_tag: &str) -> Option<Response> {
        let method = self.method.as_ref()?;
        let whole = [name::VIA, name::FROM, name::TO, name::CALL_ID, name::CSEQ];
        if method.is_unanswered() || !whole.iter().all(|name| self.headers.has(name)) {
            return None;
        }
        let answer = Response::answer(&self.headers, self.error.status()).reason(self.error.code.reason());
        Some(answer.to_tag(to_tag).done())
    }
}

/// Takes the bytes of one connection and gives its messages. It holds at most one message and what was pushed with it:
/// pull until nothing comes before pushing more.
#[derive(Debug, Default)]
pub struct Framer {
    limits: Limits,
    buffer: BytesMut,
    /// How much of the buffer holds no end of a header block.
    searched: usize,
    /// Empty lines since the last message or ping.
    empty_lines: u8,
    head: Option<Head>,
    /// How much of a body that is over the limit is still to be passed over.
    skip: usize,
    closed: bool,
}

/// A header block whose body is awaited.
#[derive(Debug)]
struct Head {
    block: Block,
    length: usize,
}

const BLOCK_END: &[u8] = b"\r\n\r\n";

/// A header block that is over the limit is read, to know where it ends, up to so many times the limit.
const BLOCK_FACTOR: usize = 16;

/// The largest body that is passed over.
const MOST_SKIPPED: usize = 16 * 1024 * 1024;

/// A larger empty buffer is given back.
const KEPT: usize = 64 * 1024;

impl Framer {
    /// For a new connection.
    pub fn new(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Takes bytes as they came.
    pub fn push(&mut self, bytes: &[u8]) {
        if !self.closed {
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// The next message or ping, or nothing until more is pushed. Nothing ever comes after a [`Refused`] with `close`.
    pub fn pull(&mut self) -> Option<Frame> {
        if self.closed {
            return None;
        }
        let frame = self.frame();
        if let Some(Frame::Refused(Refused { close: true, .. })) = frame {
            self.closed = true;
            self.buffer = BytesMut::new();
        }
        if self.buffer.is_empty() && self.buffer.capacity() > KEPT {
            self.buffer = BytesMut::new();
        }
        frame
    }

    /// Whether the stream may end here; otherwise a message is cut off.
    pub fn end(&self) -> Result<(), Error> {
        if self.closed
            || (self.head.is_none()
                && self.skip == 0
                && self.buffer.iter().all(|byte| matches!(byte, b'\r' | b'\n')))
        {
            return Ok(());
        }
        Err(Error::new(ErrorCode::Truncated, Place::Message(self.buffer.len()), "the rest of the message"))
    }

    fn frame(&mut self) -> Option<Frame> {
        self.pass_over();
        if self.skip > 0 {
            return None;
        }
        if self.head.is_none() {
            if self.skip_empty_lines() {
                return Some(Frame::Ping);
            }
            if let Some(refused) = self.read_head()? {
                return Some(refused);
            }
        }
        let head = self.head.take_if(|head| self.buffer.len() >= head.length)?;
        let body = self.take(head.length);
        Some(match head.block.message(body) {
            Ok(message) => Frame::Message(message),
            // Whoever waits for an answer is better off with one that had an odd line than with none.
            Err(refused) => match *refused {
                Refused { response: Some(response), close: false, .. } => Frame::Message((*response).into()),
                refused => Frame::Refused(refused),
            },
        })
    }

    fn pass_over(&mut self) {
        let passed = self.skip.min(self.buffer.len());
        self.buffer.advance(passed);
        self.skip -= passed;
    }

    /// Whether two empty lines were skipped.
    fn skip_empty_lines(&mut self) -> bool {
        while self.buffer.starts_with(b"\r\n") {
            self.buffer.advance(2);
            self.empty_lines += 1;
            if self.empty_lines == 2 {
                self.empty_lines = 0;
                return true;
            }
        }
        false
    }

    /// Nothing: more bytes are needed. Otherwise the head is there, or what is wrong with it.
    fn read_head(&mut self) -> Option<Option<Frame>> {
        let most = self.limits.block.saturating_mul(BLOCK_FACTOR);
        let within = self.buffer.get(..most).unwrap_or(&self.buffer);
        let from = self.searched.saturating_sub(BLOCK_END.len() - 1);
        let found = memchr::memmem::find(within.get(from..).unwrap_or_default(), BLOCK_END);
        let Some(end) = found.map(|at| from + at + BLOCK_END.len()) else {
            self.searched = within.len();
            return (self.buffer.len() >= most).then(|| Some(self.endless()));
        };
        (self.searched, self.empty_lines) = (0, 0);
        let block = block(&self.take(end));
        let length = Self::body_length(&block.headers);
        if end > self.limits.block {
            return Some(Some(self.too_large(block, self.block_too_long(), length.ok())));
        }
        Some(match length {
            Ok(length) if length > self.limits.body => {
                let expected = format!("at most {} bytes of body", self.limits.body);
                let place = Place::Header(name::CONTENT_LENGTH.to_owned(), 0);
                let error = Error::new(ErrorCode::BodyTooLong, place, expected);
                Some(self.too_large(block, error, Some(length)))
            }
            Ok(length) => {
                self.head = Some(Head { block, length });
                None
            }
            Err(error) => Some(Frame::Refused(refused(block, error, true))),
        })
    }

    /// What is over a limit ends the stream only if nobody knows where it ends itself.
    fn too_large(&mut self, block: Block, error: Error, length: Option<usize>) -> Frame {
        let skipped = length.filter(|length| *length <= MOST_SKIPPED && block.is_sound());
        self.skip = skipped.unwrap_or_default();
        Frame::Refused(refused(block, error, skipped.is_none()))
    }

    /// A header block of which no end is in sight.
    fn endless(&mut self) -> Frame {
        let block = block(&self.take(self.limits.block));
        Frame::Refused(refused(block, self.block_too_long(), true))
    }

    fn block_too_long(&self) -> Error {
        let expected = format!("at most {} bytes of headers", self.limits.block);
        Error::new(ErrorCode::BlockTooLong, Place::Message(self.limits.block), expected)
    }

    fn body_length(headers: &Headers) -> Result<usize, Error> {
        match content_length(headers)? {
            Some(length) => Ok(length),
            None if headers.has(name::CONTENT_TYPE) => Err(Error::new(
                ErrorCode::ContentLengthMissing,
                Place::Header(name::CONTENT_LENGTH.to_owned(), 0),
                "the body's length",
            )),
            None => Ok(0),
        }
    }

    /// Copies, so that a message that is kept keeps nothing but itself.
    fn take(&mut self, length: usize) -> Bytes {
        let taken = Bytes::copy_from_slice(self.buffer.get(..length).unwrap_or_default());
        self.buffer.advance(length.min(self.buffer.len()));
        taken
    }
}
