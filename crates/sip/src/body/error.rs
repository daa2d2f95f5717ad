use std::fmt;

/// Why a body could not be read; [`BodyCode::as_str`] is stable and fit for logs and metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BodyCode {
    /// More bytes than [`crate::body::MAX_BODY`], or more text than a limit allows.
    TooLarge,
    /// Elements nested, or multiparts within multiparts, deeper than allowed.
    TooDeep,
    /// More elements, attributes, parts or header lines than allowed.
    TooMany,
    /// Bytes that are no UTF-8 where UTF-8 is due.
    NotUtf8,
    /// XML that is not well-formed.
    Malformed,
    /// A document type declaration, which is never read.
    Dtd,
    /// A reference to an entity other than XML's five.
    Entity,
    /// Another root element than the body's.
    WrongRoot,
    /// An element, attribute or line that has to be there is not.
    Missing,
    /// A value that is no number, URI, token or moment.
    BadValue,
    /// A media type that the reader has no business with.
    WrongType,
    /// A multipart body that contradicts its boundary or stops short.
    Multipart,
}

impl BodyCode {
    /// The code in lower-case words joined by `_`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TooLarge => "body_too_large",
            Self::TooDeep => "body_too_deep",
            Self::TooMany => "body_too_many",
            Self::NotUtf8 => "body_not_utf8",
            Self::Malformed => "body_malformed",
            Self::Dtd => "body_dtd",
            Self::Entity => "body_entity",
            Self::WrongRoot => "body_wrong_root",
            Self::Missing => "body_missing",
            Self::BadValue => "body_bad_value",
            Self::WrongType => "body_wrong_type",
            Self::Multipart => "body_multipart",
        }
    }
}

/// A body that was refused: names and places only, never what people wrote.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {what} at byte {offset}, expected {expected}", code.as_str())]
pub struct BodyError {
    /// The kind of fault.
    pub code: BodyCode,
    /// The name of the element, attribute, header or line at fault, shortened.
    pub what: Name,
    /// Bytes from the start of the (part's) body to the fault, or to the element that holds it.
    pub offset: usize,
    /// What would have been read.
    pub expected: &'static str,
}

impl BodyError {
    pub(crate) fn new(code: BodyCode, what: &str, offset: usize, expected: &'static str) -> Self {
        Self { code, what: Name::new(what), offset, expected }
    }
}

/// A name out of a stranger's body, cut to what fits in a line of a log.
#[derive(Clone, PartialEq, Eq)]
pub struct Name(String);

impl Name {
    const MAX_CHARS: usize = 48;

    fn new(text: &str) -> Self {
        Self(text.chars().filter(|c| !c.is_control()).take(Self::MAX_CHARS).collect())
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}
