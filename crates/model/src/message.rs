use std::{fmt, str::FromStr, sync::Arc};

use crate::{MessageKey, Timestamp};

/// The `messageId` that a sender's phone or client made: 1 to 255 characters, unique only with its sender.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageId(Arc<str>);

/// Why a text is not a [`MessageId`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MessageIdError {
    /// Nothing there.
    #[error("is empty")]
    Empty,
    /// Over 255 characters.
    #[error("is longer than 255 characters")]
    TooLong,
    /// A control character.
    #[error("holds a control character")]
    BadCharacter,
}

impl MessageId {
    /// The id as its sender made it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for MessageId {
    type Err = MessageIdError;

    fn from_str(text: &str) -> Result<Self, MessageIdError> {
        if text.is_empty() {
            return Err(MessageIdError::Empty);
        }
        if text.chars().count() > 255 {
            return Err(MessageIdError::TooLong);
        }
        if text.chars().any(char::is_control) {
            return Err(MessageIdError::BadCharacter);
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

/// What a person wrote; its `Debug` tells only the length, so that no log can hold it.
#[derive(Clone, PartialEq, Eq)]
pub struct MessageText(Arc<str>);

/// Why a text is not a [`MessageText`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MessageTextError {
    /// Nothing there.
    #[error("is empty")]
    Empty,
    /// More characters than the limit.
    #[error("has {found} characters; at most {limit} are allowed")]
    TooLong {
        /// Characters found.
        found: usize,
        /// Characters allowed.
        limit: usize,
    },
    /// U+0000, which PostgreSQL and XML cannot carry.
    #[error("holds the character U+0000")]
    Nul,
}

impl MessageText {
    /// Takes a text of 1 to `limit` characters (Unicode scalar values).
    pub fn new(text: &str, limit: usize) -> Result<Self, MessageTextError> {
        if text.is_empty() {
            return Err(MessageTextError::Empty);
        }
        if text.contains('\0') {
            return Err(MessageTextError::Nul);
        }
        let found = if text.len() > limit { text.chars().count() } else { 0 };
        if found > limit {
            return Err(MessageTextError::TooLong { found, limit });
        }
        Ok(Self(text.into()))
    }

    /// Takes what the store gives back; it passed [`MessageText::new`] on its way in.
    pub fn stored(text: String) -> Self {
        Self(text.into())
    }

    /// The text itself: for sockets and stores, never for logs.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for MessageText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({} bytes)", self.0.len())
    }
}

/// What became of a message on its way to the recipient's IM system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MessageState {
    /// Committed; not yet handed to the IM system.
    Stored,
    /// Handed over; no word yet.
    Submitted,
    /// The IM system (or the recipient's mailbox here) has it.
    Confirmed,
    /// The IM system refused it.
    Failed,
    /// The link died after submit: nobody knows; never re-sent by itself.
    Unknown,
}

impl MessageState {
    /// The number that the store keeps.
    pub fn code(self) -> i64 {
        match self {
            Self::Stored => 0,
            Self::Submitted => 1,
            Self::Confirmed => 2,
            Self::Failed => 3,
            Self::Unknown => 4,
        }
    }

    /// The state with this number; `None` for a number that no version wrote.
    pub fn from_code(code: i64) -> Option<Self> {
        [Self::Stored, Self::Submitted, Self::Confirmed, Self::Failed, Self::Unknown]
            .into_iter()
            .find(|state| state.code() == code)
    }
}

/// A message as a mailbox entry shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageView {
    /// The relay's key.
    pub key: MessageKey,
    /// The sender's id, unchanged.
    pub id: MessageId,
    /// What was written; empty once retention has removed it.
    pub text: MessageText,
    /// When the relay took it, or the IM system's own stamp.
    pub sent_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::{MessageId, MessageText, MessageTextError};

    #[test]
    fn text_is_counted_in_characters() {
        assert!(MessageText::new(&"ü".repeat(8_000), 8_000).is_ok());
        let error = MessageText::new(&"ü".repeat(8_001), 8_000).unwrap_err();
        assert_eq!(error, MessageTextError::TooLong { found: 8_001, limit: 8_000 });
        assert_eq!(MessageText::new("", 8_000), Err(MessageTextError::Empty));
        assert_eq!(MessageText::new("a\0", 8_000), Err(MessageTextError::Nul));
    }

    #[test]
    fn text_is_not_printed() {
        let text = MessageText::new("the door code is 4711", 100).unwrap();
        assert_eq!(format!("{text:?}"), "(21 bytes)");
    }

    #[test]
    fn ids_have_bounds() {
        assert!("m-1".parse::<MessageId>().is_ok());
        assert!("".parse::<MessageId>().is_err());
        assert!("a\nb".parse::<MessageId>().is_err());
        assert!("x".repeat(256).parse::<MessageId>().is_err());
    }
}
