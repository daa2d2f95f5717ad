use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use unicode_normalization::UnicodeNormalization;

/// Longest address that is accepted, in bytes of its bare form: RFC 6122 allows 1023 a part; directories hold far less.
const MAX_BYTES: usize = 512;

/// A person's address on an IM system: `user@domain`, lower-case, NFC; cheap to clone.
///
/// Shown as a SIP URI (`sip:user@domain`), stored and compared in the bare form.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address {
    bare: Arc<str>,
    at: usize,
}

/// Why a text is not an [`Address`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Nothing but white space or a bare scheme.
    #[error("is empty; expected an address like sip:user@domain")]
    Empty,
    /// More than 512 bytes.
    #[error("is longer than {MAX_BYTES} bytes")]
    TooLong,
    /// No `@`, or nothing on one side of it.
    #[error("is not an address like sip:user@domain")]
    NotUserAtDomain,
    /// White space, control characters, or URI parameters.
    #[error("holds a character that an address cannot have")]
    BadCharacter,
}

impl Address {
    /// The bare form, `user@domain`: what is stored, and the JID on an XMPP system.
    pub fn bare(&self) -> &str {
        &self.bare
    }

    /// What stands before the `@`.
    pub fn local(&self) -> &str {
        &self.bare[..self.at]
    }

    /// What stands after the `@`.
    pub fn domain(&self) -> &str {
        &self.bare[self.at + 1..]
    }

    /// The form that phones see: `sip:user@domain`.
    pub fn uri(&self) -> String {
        format!("sip:{}", self.bare)
    }
}

impl FromStr for Address {
    type Err = AddressError;

    /// Accepts `user@domain` with or without a `sip:`, `sips:`, `im:` or `xmpp:` scheme, in any letter case.
    fn from_str(text: &str) -> Result<Self, AddressError> {
        if text.len() > 4 * MAX_BYTES {
            return Err(AddressError::TooLong);
        }
        let bare: String = without_scheme(text.trim()).to_lowercase().nfc().collect();
        if bare.is_empty() {
            return Err(AddressError::Empty);
        }
        if bare.len() > MAX_BYTES {
            return Err(AddressError::TooLong);
        }
        let at = bare.find('@').ok_or(AddressError::NotUserAtDomain)?;
        let (local, domain) = (&bare[..at], &bare[at + 1..]);
        if local.is_empty() || domain.is_empty() || domain.starts_with('.') || domain.ends_with('.') {
            return Err(AddressError::NotUserAtDomain);
        }
        if bare.chars().any(forbidden) || domain.contains('@') {
            return Err(AddressError::BadCharacter);
        }
        Ok(Self { bare: bare.into(), at })
    }
}

fn without_scheme(text: &str) -> &str {
    match text.split_once(':') {
        Some((scheme, rest))
            if ["sip", "sips", "im", "xmpp"].iter().any(|s| scheme.eq_ignore_ascii_case(s)) =>
        {
            rest
        }
        _ => text,
    }
}

fn forbidden(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || matches!(c, '"' | '<' | '>' | '\\' | ':' | ';' | '/' | '?' | ',' | '&')
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sip:{}", self.bare)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::{Address, AddressError};

    #[test]
    fn scheme_and_letter_case_do_not_matter() {
        let plain: Address = "alice@example.test".parse().unwrap();
        assert_eq!(plain, "SIP:Alice@Example.TEST".parse().unwrap());
        assert_eq!(plain.to_string(), "sip:alice@example.test");
        assert_eq!((plain.local(), plain.domain()), ("alice", "example.test"));
    }

    #[test]
    fn what_is_not_user_at_domain_is_refused() {
        for (text, error) in [
            ("", AddressError::Empty),
            ("sip:", AddressError::Empty),
            ("alice", AddressError::NotUserAtDomain),
            ("@example.test", AddressError::NotUserAtDomain),
            ("alice@", AddressError::NotUserAtDomain),
            ("a b@example.test", AddressError::BadCharacter),
            ("a@b@c", AddressError::BadCharacter),
            ("a@b;transport=tls", AddressError::BadCharacter),
        ] {
            assert_eq!(text.parse::<Address>(), Err(error), "{text:?}");
        }
        assert_eq!(format!("{}@b", "a".repeat(600)).parse::<Address>(), Err(AddressError::TooLong));
    }
}
