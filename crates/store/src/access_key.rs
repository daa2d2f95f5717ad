use std::fmt;

use aws_lc_rs::rand;
use zeroize::Zeroizing;

use crate::StoreError;

/// Letters and digits that are not taken for one another: no 0 O, 1 I L, 2 Z, 5 S, 8 B, U V.
const ALPHABET: &[u8; 24] = b"34679ACDEFGHJKMNPQRTUWXY";

const LENGTH: usize = 15;
const BLOCK: usize = 5;

/// A fresh activation key, three blocks of five characters (69 random bits): `Display` shows it once, for the
/// person who hands it out; `Debug` hides it.
pub struct AccessKey(Zeroizing<String>);

impl AccessKey {
    pub(crate) fn fresh() -> Result<Self, StoreError> {
        let mut key = Zeroizing::new(String::with_capacity(LENGTH));
        let mut bytes = Zeroizing::new([0_u8; 64]);
        while key.len() < LENGTH {
            rand::fill(bytes.as_mut_slice())
                .map_err(|_| StoreError::Crypto("the system gives no random bytes".to_owned()))?;
            // 240 is the highest multiple of 24 in a byte: what lies above would favour the first characters.
            let fair =
                bytes.iter().filter(|byte| **byte < 240).map(|byte| usize::from(*byte) % ALPHABET.len());
            let missing = LENGTH - key.len();
            key.extend(fair.take(missing).map(|at| char::from(ALPHABET[at])));
        }
        Ok(Self(key))
    }

    /// The characters without hyphens, as they are hashed.
    pub(crate) fn copy(&self) -> Zeroizing<String> {
        self.0.clone()
    }
}

/// What a person typed, without hyphens, spaces and letter case; empty when it cannot be a key.
pub(crate) fn typed(text: &str) -> Zeroizing<String> {
    let bare = text.chars().filter(|c| !c.is_whitespace() && !is_hyphen(*c));
    // One more than a key has, so that a longer text is told from a key and no text is copied at length.
    let key: Zeroizing<String> =
        Zeroizing::new(bare.take(LENGTH + 1).map(|c| c.to_ascii_uppercase()).collect());
    let proper = key.len() == LENGTH && key.bytes().all(|byte| ALPHABET.contains(&byte));
    if proper { key } else { Zeroizing::default() }
}

/// Phones like to make a dash of a hyphen.
fn is_hyphen(c: char) -> bool {
    matches!(c, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}')
}

impl fmt::Display for AccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, rest) = self.0.split_at(BLOCK);
        let (second, third) = rest.split_at(BLOCK);
        write!(f, "{first}-{second}-{third}")
    }
}

impl fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessKey(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::{AccessKey, typed};

    #[test]
    fn keys_are_read_as_people_type_them() {
        let key = AccessKey::fresh().unwrap();
        let shown = key.to_string();
        assert_eq!((shown.len(), shown.matches('-').count()), (17, 2));
        for form in
            [shown.clone(), shown.to_lowercase(), shown.replace('-', ""), shown.replace('-', " \u{2013} ")]
        {
            assert_eq!(typed(&form), key.copy(), "{form}");
        }
        assert_eq!(format!("{key:?}"), "AccessKey(hidden)");
    }

    #[test]
    fn what_cannot_be_a_key_is_empty() {
        for text in ["", "-----", "34679ACDEFGHJK", "34679ACDEFGHJKMN", "34679ACDEFGHJK0", "ÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄ"]
        {
            assert_eq!(*typed(text), "", "{text}");
        }
    }
}
