use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey},
    digest, hmac,
};
use secrecy::{ExposeSecret, SecretString};
use trunkline_model::{AccountId, DeviceId, Timestamp};
use zeroize::Zeroizing;

use crate::{KeyId, MasterKey, StoreError};

const NONCE_BYTES: usize = 12;

/// The keys that the store derives from the master key, one for each purpose.
pub(crate) struct Keys {
    id: KeyId,
    seal: RandomizedNonceKey,
    seal_id: String,
    access_key: hmac::Key,
    session: hmac::Key,
    text: hmac::Key,
}

/// A secret as it lies in its row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sealed {
    /// Which key sealed it.
    pub(crate) key_id: String,
    /// Nonce, ciphertext and tag.
    pub(crate) bytes: Vec<u8>,
}

impl Keys {
    pub(crate) fn derive(master: &MasterKey) -> Result<Self, StoreError> {
        let root = hmac::Key::new(hmac::HMAC_SHA256, master.bytes());
        let sub = |label: &str| hmac::sign(&root, label.as_bytes());
        let mac = |label: &str| hmac::Key::new(hmac::HMAC_SHA256, sub(label).as_ref());
        let seal = RandomizedNonceKey::new(&AES_256_GCM, sub("trunkline/secret/1").as_ref());
        Ok(Self {
            id: master.id(),
            seal: seal.map_err(|_| StoreError::Crypto("the sealing key cannot be made".to_owned()))?,
            seal_id: hex(&sub("trunkline/secret/1/id").as_ref()[..4]),
            access_key: mac("trunkline/access-key/1"),
            session: mac("trunkline/session/1"),
            text: mac("trunkline/text/1"),
        })
    }

    /// Which master key these come from.
    pub(crate) fn id(&self) -> KeyId {
        self.id
    }

    /// The name under which what these keys sealed is kept.
    pub(crate) fn seal_id(&self) -> &str {
        &self.seal_id
    }

    /// Seals a secret for exactly this row.
    pub(crate) fn seal(
        &self,
        account: AccountId,
        name: &str,
        secret: &SecretString,
    ) -> Result<Sealed, StoreError> {
        let plain = secret.expose_secret().as_bytes();
        // Room for the tag from the start: growing would leave a copy behind that nobody wipes.
        let mut bytes = Zeroizing::new(Vec::with_capacity(plain.len() + AES_256_GCM.tag_len()));
        bytes.extend_from_slice(plain);
        let nonce = self
            .seal
            .seal_in_place_append_tag(Aad::from(place(account, name, &self.seal_id)), &mut *bytes)
            .map_err(|_| StoreError::Crypto("sealing failed".to_owned()))?;
        let bytes = [nonce.as_ref().as_slice(), &bytes].concat();
        Ok(Sealed { key_id: self.seal_id.clone(), bytes })
    }

    /// Opens what [`Keys::seal`] made for this row.
    pub(crate) fn open(
        &self,
        account: AccountId,
        name: &str,
        sealed: Sealed,
    ) -> Result<SecretString, StoreError> {
        if sealed.key_id != self.seal_id {
            return Err(StoreError::Crypto(format!(
                "it was sealed with the key {}, the master key gives {}",
                sealed.key_id, self.seal_id
            )));
        }
        let damaged = || StoreError::Crypto("it is damaged or belongs to another row".to_owned());
        let (nonce, body) = sealed.bytes.split_at_checked(NONCE_BYTES).ok_or_else(damaged)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| damaged())?;
        let mut body = Zeroizing::new(body.to_vec());
        let aad = Aad::from(place(account, name, &self.seal_id));
        let plain = self.seal.open_in_place(nonce, aad, &mut body).map_err(|_| damaged())?;
        let plain = std::str::from_utf8(plain).map_err(|_| damaged())?;
        Ok(SecretString::from(plain))
    }

    /// The keyed hash under which an access key is stored.
    pub(crate) fn access_key_hash(&self, key: &str) -> Vec<u8> {
        hmac::sign(&self.access_key, key.as_bytes()).as_ref().to_vec()
    }

    /// Stands in for a text that retention has removed, so that a resend can still be told from a reuse.
    pub(crate) fn text_digest(&self, text: &str) -> Vec<u8> {
        hmac::sign(&self.text, text.as_bytes()).as_ref().to_vec()
    }

    pub(crate) fn session_id(&self, device: DeviceId, started_at: Timestamp) -> String {
        let mut context = hmac::Context::with_key(&self.session);
        context.update(device.0.as_bytes());
        context.update(&started_at.0.to_be_bytes());
        hex(&context.sign().as_ref()[..16])
    }
}

/// The hash under which a device token is stored; tokens hold 256 random bits, so it needs no key.
pub(crate) fn token_hash(token: &str) -> Vec<u8> {
    digest::digest(&digest::SHA256, token.as_bytes()).as_ref().to_vec()
}

/// Associated data: where the ciphertext lies, so that it opens nowhere else.
fn place(account: AccountId, name: &str, key_id: &str) -> Vec<u8> {
    format!("secrets/{}/{name}/sealed/{key_id}", account.0).into_bytes()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys(hidden)")
    }
}
