use std::fmt;

use async_trait::async_trait;
use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;
use trunkline_model::Address;

use super::LineError;

/// Who has photos of people beside the directory, such as an IM system with avatars.
#[async_trait]
pub trait Album: Send + Sync {
    /// Somebody's photo; `None` when there is none to be shown.
    async fn photo(&self, who: &Address) -> Result<Option<Photo>, LineError>;
}

/// A photo of a person, which phones can show: JPEG or PNG, going by its first bytes, of at most 100 KiB.
#[derive(Clone, PartialEq, Eq)]
pub struct Photo {
    bytes: Bytes,
    hash: String,
}

impl Photo {
    /// Larger ones are not carried to phones: what Active Directory allows.
    pub const MOST_BYTES: usize = 100 * 1024;

    /// `None` for what is no photo or too large.
    pub fn new(bytes: impl Into<Bytes>) -> Option<Self> {
        let bytes: Bytes = bytes.into();
        let is_jpeg = bytes.starts_with(&[0xff, 0xd8, 0xff]);
        let is_png = bytes.starts_with(b"\x89PNG\r\n\x1a\n");
        if bytes.len() > Self::MOST_BYTES || !(is_jpeg || is_png) {
            return None;
        }
        let digest = digest(&SHA256, &bytes);
        let hash = digest.as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        Some(Self { bytes, hash })
    }

    /// The file.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// What phones know it by: the first 32 digits of its SHA-256, so that equal photos have equal ones everywhere.
    pub fn hash(&self) -> &str {
        &self.hash
    }
}

impl fmt::Debug for Photo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Photo({}, {} bytes)", self.hash, self.bytes.len())
    }
}

#[cfg(test)]
mod tests {
    use super::Photo;

    #[test]
    fn what_is_no_photo_by_its_first_bytes_or_too_large_is_not_carried() {
        let jpeg = Photo::new(&b"\xff\xd8\xff\xe0rest"[..]).unwrap();
        assert_eq!(jpeg.hash().len(), 32);
        assert!(Photo::new(&b"\x89PNG\r\n\x1a\nrest"[..]).is_some());
        for other in [&b""[..], b"\xff\xd8", b"<svg/>", b"GIF89a", b"\x89PNG"] {
            assert_eq!(Photo::new(other), None);
        }
        let sized = |size| {
            let mut bytes = vec![0xff, 0xd8, 0xff];
            bytes.resize(size, 0);
            Photo::new(bytes)
        };
        assert!(sized(Photo::MOST_BYTES).is_some() && sized(Photo::MOST_BYTES + 1).is_none());
    }
}
