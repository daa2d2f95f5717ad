//! Which master key a database was made with, and how it comes by another one.

mod ring;
mod rotation;

use std::fmt;

use aws_lc_rs::hmac;

use crate::{
    MasterKey, StoreError,
    crypto::Keys,
    engine::{Connection, query},
    sql::key as sql,
};

pub(crate) use ring::Keyring;
pub use rotation::Rotated;

/// Bytes of the value by which a key is known: 48 bits tell a wrong key from the right one, and nothing of it.
const ID_BYTES: usize = 6;

/// Tells master keys apart without saying anything of them; 12 hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct KeyId(i64);

impl KeyId {
    pub(crate) fn of(master: &[u8]) -> Self {
        let root = hmac::Key::new(hmac::HMAC_SHA256, master);
        let check = hmac::sign(&root, b"trunkline/check/1");
        Self(check.as_ref().iter().take(ID_BYTES).fold(0, |id, byte| id << 8 | i64::from(*byte)))
    }

    pub(crate) fn from_number(number: i64) -> Self {
        Self(number)
    }

    pub(crate) fn number(self) -> i64 {
        self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:012x}", self.0)
    }
}

impl From<KeyId> for String {
    fn from(id: KeyId) -> Self {
        id.to_string()
    }
}

impl TryFrom<String> for KeyId {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let id = Some(&text).filter(|text| text.len() == 2 * ID_BYTES);
        let id = id.and_then(|text| i64::from_str_radix(text, 16).ok()).filter(|id| *id >= 0);
        id.map(Self).ok_or_else(|| "expected 12 hex digits".to_owned())
    }
}

impl MasterKey {
    /// By what this key is known.
    pub fn id(&self) -> KeyId {
        KeyId::of(self.bytes())
    }
}

/// Refuses a master key that the database was not made with; a database that knows none yet takes it.
pub(crate) async fn check(connection: &mut Connection, keys: &Keys) -> Result<(), StoreError> {
    let wrong = |database: Option<KeyId>| StoreError::WrongKey { given: keys.id(), database };
    match in_force(connection).await? {
        Some(id) if id == keys.id() => return Ok(()),
        Some(id) => return Err(wrong(Some(id))),
        None => {}
    }
    // Made before key ids were kept: what was sealed tells.
    let sealed = query(sql::SEALED_BY_OTHERS).bind(keys.seal_id()).fetch_one(&mut *connection).await?;
    if sealed.try_get::<i64>(0)? > 0 {
        return Err(wrong(None));
    }
    query(sql::ADOPT).bind(keys.id().number()).execute(connection).await?;
    Ok(())
}

/// The key that the database is under.
pub(crate) async fn in_force(connection: &mut Connection) -> Result<Option<KeyId>, StoreError> {
    let row = query(sql::IN_FORCE).fetch_optional(connection).await?;
    Ok(row.map(|row| row.try_get(0)).transpose()?.map(KeyId::from_number))
}

#[cfg(test)]
mod tests {
    use super::KeyId;

    #[test]
    fn ids_are_twelve_digits_and_read_back() {
        for number in [0, 1, (1 << 48) - 1] {
            let text = String::from(KeyId(number));
            assert_eq!((text.len(), KeyId::try_from(text.clone())), (12, Ok(KeyId(number))));
        }
        for text in ["", "12345", "zzzzzzzzzzzz", "-00000000001"] {
            assert!(KeyId::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}
