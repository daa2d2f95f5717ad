use std::borrow::Cow;
use std::fmt;

/// What was wrong with bytes of a peer's, where, and what would have been right; never what stood there instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {code}, expected {expected}")]
pub struct Error {
    /// What was wrong.
    pub code: ErrorCode,
    /// Where it was wrong.
    pub place: Place,
    /// What belongs there, in words that finish "expected …".
    pub expected: Cow<'static, str>,
}

impl Error {
    /// An error of your own making, as readers of headers that this crate does not know need it.
    pub fn new(code: ErrorCode, place: Place, expected: impl Into<Cow<'static, str>>) -> Self {
        Self { code, place, expected: expected.into() }
    }

    pub(crate) fn text(code: ErrorCode, at: usize, expected: &'static str) -> Self {
        Self::new(code, Place::Text(at), expected)
    }

    /// The same error in the named header, if it was one in a text of which only the offset was known.
    #[must_use]
    pub fn in_header(mut self, name: &str) -> Self {
        if let Place::Text(at) = self.place {
            self.place = Place::Header(name.to_owned(), at);
        }
        self
    }

    pub(crate) fn in_start_line(mut self) -> Self {
        if let Place::Text(at) = self.place {
            self.place = Place::StartLine(at);
        }
        self
    }

    /// The status that answers a request with this error.
    pub fn status(&self) -> u16 {
        self.code.status()
    }
}

/// Kinds of errors; [`ErrorCode::as_str`] never changes for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorCode {
    /// A header block over the limit.
    BlockTooLong,
    /// A body over the limit.
    BodyTooLong,
    /// A CR or LF that is no line's end.
    LineEnd,
    /// Something that is neither a request's nor a status line.
    StartLine,
    /// A version other than SIP/2.0.
    Version,
    /// A line of the header block without a name and a colon.
    HeaderLine,
    /// A Content-Length that is no number.
    ContentLength,
    /// Several Content-Length headers that contradict each other.
    ContentLengthConflict,
    /// A body of unknown length on a stream.
    ContentLengthMissing,
    /// The end of the bytes inside a message.
    Truncated,
    /// A mandatory header that is not there.
    Missing,
    /// A header that may stand once and stands several times.
    Repeated,
    /// A quotation mark or angle bracket without its partner.
    Unbalanced,
    /// Characters that do not belong there.
    Syntax,
    /// A number out of its range.
    Range,
    /// A URI that cannot be read.
    Uri,
    /// A Request-URI of a scheme that is not served here.
    Scheme,
    /// A CSeq with another method than the request's.
    MethodMismatch,
    /// Base64 that is none.
    Base64,
}

impl ErrorCode {
    /// The code as logs and metrics show it.
    pub fn as_str(self) -> &'static str {
        self.words().0
    }

    /// The status that answers a request with such an error.
    pub fn status(self) -> u16 {
        match self {
            Self::BodyTooLong => 413,
            Self::Scheme => 416,
            Self::Version => 505,
            _ => 400,
        }
    }

    /// The reason phrase that says it to the peer.
    pub fn reason(self) -> &'static str {
        self.words().1
    }

    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::BlockTooLong => ("block_too_long", "Header block too long"),
            Self::BodyTooLong => ("body_too_long", "Body too long"),
            Self::LineEnd => ("line_end", "Stray line end in the header block"),
            Self::StartLine => ("start_line", "Bad start line"),
            Self::Version => ("version", "Version not supported"),
            Self::HeaderLine => ("header_line", "Header line without a name"),
            Self::ContentLength => ("content_length", "Bad Content-Length"),
            Self::ContentLengthConflict => ("content_length_conflict", "Contradicting Content-Length"),
            Self::ContentLengthMissing => ("content_length_missing", "Missing Content-Length"),
            Self::Truncated => ("truncated", "Message cut off"),
            Self::Missing => ("missing", "Missing header"),
            Self::Repeated => ("repeated", "Repeated header"),
            Self::Unbalanced => ("unbalanced", "Unbalanced quotes or brackets"),
            Self::Syntax => ("syntax", "Bad syntax in a header"),
            Self::Range => ("range", "Number out of range"),
            Self::Uri => ("uri", "Bad URI"),
            Self::Scheme => ("scheme", "Unsupported URI scheme"),
            Self::MethodMismatch => ("method_mismatch", "CSeq does not match the method"),
            Self::Base64 => ("base64", "Bad base64"),
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where an error is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the bytes of a message, so many from its beginning.
    Message(usize),
    /// In the start line, so many bytes from its beginning.
    StartLine(usize),
    /// In a header (its name in the long form), so many bytes from the beginning of the unfolded value.
    Header(String, usize),
    /// In a text that was read on its own, so many bytes from its beginning.
    Text(usize),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message(at) => write!(f, "message, byte {at}"),
            Self::StartLine(at) => write!(f, "start line, byte {at}"),
            Self::Header(name, at) => write!(f, "{name}, byte {at}"),
            Self::Text(at) => write!(f, "byte {at}"),
        }
    }
}
