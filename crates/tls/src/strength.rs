use std::sync::LazyLock;

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, UnparsedPublicKey};
use rustls::{
    crypto::{CryptoProvider, aws_lc_rs::default_provider},
    pki_types::{AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm, alg_id},
};

/// Whether this program was built with the feature `legacy-tls`.
pub const HAS_LEGACY: bool = cfg!(feature = "legacy-tls");

/// What is asked of a peer's TLS.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Strength {
    /// TLS 1.2 with ECDHE and AEAD, or newer; certificates signed with SHA-2.
    #[default]
    Usual,
    /// TLS 1.0 or newer with any suite that authenticates and encrypts; certificates signed with SHA-1, too.
    Legacy,
}

impl Strength {
    /// rustls's default provider. With [`Strength::Legacy`], chains of certificates may have SHA-1 in them when they are
    /// judged with it; what rustls itself speaks stays the same.
    pub fn provider(self) -> CryptoProvider {
        let mut provider = default_provider();
        if self == Self::Legacy {
            provider.signature_verification_algorithms.all = &ALL;
        }
        provider
    }
}

static ALL: LazyLock<Vec<&'static dyn SignatureVerificationAlgorithm>> = LazyLock::new(|| {
    let usual = default_provider().signature_verification_algorithms.all;
    usual.iter().copied().chain([&Sha1 as _]).collect()
});

/// sha1WithRSAEncryption with keys of 2048 bits at least (RFC 3279 section 2.2.1).
#[derive(Debug)]
struct Sha1;

impl SignatureVerificationAlgorithm for Sha1 {
    fn verify_signature(
        &self,
        public_key: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), InvalidSignature> {
        let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, public_key);
        key.verify(message, signature).map_err(|_| InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::RSA_ENCRYPTION
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        // The content of a SEQUENCE of the object identifier 1.2.840.113549.1.1.5 and NULL.
        const SHA1_WITH_RSA: &[u8] =
            &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x05, 0x05, 0x00];
        AlgorithmIdentifier::from_slice(SHA1_WITH_RSA)
    }
}
