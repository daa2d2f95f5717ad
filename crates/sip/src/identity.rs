//! Which endpoint of a user: epid, instance and GRUU, each derived from the one before.

use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use sha1::{Digest, Sha1};
use uuid::{Builder, Uuid, uuid};

use crate::error::{Error, ErrorCode};
use crate::uri::Uri;

/// The name space of instances that are derived from an epid.
const NAMESPACE: Uuid = uuid!("fcacfb03-8a73-46ef-91b1-e5ebeeaba4fe");

/// What stands before the encoded instance in `opaque`.
const USER: &str = "user:epid:";

/// An endpoint's id: up to 16 letters and digits, the same for as long as the endpoint is the same.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Epid(String);

impl Epid {
    /// Reads an epid: 1 to 16 ASCII letters and digits.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let fits = (1..=16).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let error = || Error::text(ErrorCode::Syntax, 0, "1 to 16 letters and digits");
        fits.then(|| Self(text.to_owned())).ok_or_else(error)
    }

    /// Ten hexadecimal digits, as clients of Microsoft's have.
    pub fn from_bytes(bytes: [u8; 5]) -> Self {
        Self(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// The epid as it stands in From.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The endpoint's instance: a UUID of version 5, but with name space and digest in the byte order of Windows.
    pub fn instance(&self) -> Uuid {
        let digest =
            Sha1::new().chain_update(NAMESPACE.to_bytes_le()).chain_update(self.0.as_bytes()).finalize();
        let mut first = [0; 16];
        first.iter_mut().zip(digest.iter()).for_each(|(to, from)| *to = *from);
        Builder::from_sha1_bytes(Uuid::from_bytes_le(first).into_bytes()).into_uuid()
    }
}

impl fmt::Display for Epid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Epid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The 24 characters that stand for an instance in a GRUU.
pub fn encode_instance(instance: Uuid) -> String {
    let mut bytes = [0; 18];
    bytes.iter_mut().zip(instance.to_bytes_le()).for_each(|(to, from)| *to = from);
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// The instance that 24 characters of a GRUU stand for.
pub fn decode_instance(text: &str) -> Option<Uuid> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
    let (instance, [0, 0]) = bytes.split_at_checked(16)? else { return None };
    Uuid::from_slice_le(instance).ok()
}

/// The GRUU of a user's endpoint.
pub fn gruu(user: &Uri, instance: Uuid) -> Result<Uri, Error> {
    Uri::parse(&format!("{};opaque={USER}{};gruu", user.bare(), encode_instance(instance)))
}

/// The endpoint that a user's GRUU leads to; nothing for any other URI.
pub fn instance_of(gruu: &Uri) -> Option<Uuid> {
    decode_instance(gruu.opaque()?.strip_prefix(USER)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instances_come_of_epids_as_clients_make_them() {
        let instance = |epid| Epid::parse(epid).unwrap().instance().to_string();
        assert_eq!(instance("451e9252b6"), "e0de506b-a705-59cc-9bfa-d37593141231");
        assert_eq!(instance("cf0b98dadeb9"), "b7878522-d7fe-5c33-b30d-265f6618ae78");
    }

    #[test]
    fn gruus_name_their_instance_and_back() {
        let instance = uuid!("e0de506b-a705-59cc-9bfa-d37593141231");
        assert_eq!(encode_instance(instance), "a1De4AWnzFmb-tN1kxQSMQAA");
        let user = Uri::parse("sip:alice@example.com:5061;transport=tls").unwrap();
        let gruu = gruu(&user, instance).unwrap();
        assert_eq!(gruu.as_str(), "sip:alice@example.com;opaque=user:epid:a1De4AWnzFmb-tN1kxQSMQAA;gruu");
        assert_eq!(instance_of(&gruu), Some(instance));
        for other in ["a1De4AWnzFmb-tN1kxQSMQAB", "a1De4AWnzFmb", "", "a1De4AWnzFmb+tN1kxQSMQAA"] {
            assert_eq!(decode_instance(other), None, "{other}");
        }
    }

    #[test]
    fn an_epid_is_short_and_plain() {
        assert_eq!(Epid::from_bytes([0x26, 0xa7, 0xa9, 0xf5, 0xa6]).as_str(), "26a7a9f5a6");
        for wrong in ["", "0123456789abcdef0", "ab;tag=1"] {
            assert!(Epid::parse(wrong).is_err(), "{wrong}");
        }
    }
}
