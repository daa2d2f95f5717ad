use std::{
    fmt,
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::Path,
};

use aws_lc_rs::rand;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::KeyId;

mod rotation;

const BYTES: usize = 32;

/// The key from which the store's other keys are derived; its `Debug` shows nothing, its memory is wiped on
/// drop.
#[derive(Clone)]
pub struct MasterKey {
    bytes: Zeroizing<[u8; BYTES]>,
    /// It was made by this process: nothing can be under it yet.
    fresh: bool,
}

/// Why there is no usable master key.
#[derive(Debug, thiserror::Error)]
pub enum MasterKeyError {
    /// The file cannot be read or made.
    #[error("the master key file {path} cannot be read or made: {error}")]
    File {
        /// The file.
        path: String,
        /// The system's word.
        error: io::Error,
    },
    /// Somebody else than the owner may read it.
    #[error(
        "the master key file {path} can be read by others (mode {mode:03o}): expected 600, use chmod 600"
    )]
    Exposed {
        /// The file.
        path: String,
        /// Its permission bits.
        mode: u32,
    },
    /// There are data, but not the key that they were made with.
    #[error(
        "the master key file {path} is missing, but the database {database} is there: \
         restore the key file that belongs to it"
    )]
    Missing {
        /// The file.
        path: String,
        /// The database that needs it.
        database: String,
    },
    /// The file does not hold 32 bytes in base64url.
    #[error("the master key file {path} is damaged: expected 43 characters of base64url")]
    Malformed {
        /// The file.
        path: String,
    },
    /// It is a key, but not the one that is needed there.
    #[error("the master key file {path} has the key {found}, expected {expected}")]
    Another {
        /// The file.
        path: String,
        /// Which key is in it.
        found: KeyId,
        /// Which should be.
        expected: KeyId,
    },
    /// The system gives no random bytes.
    #[error("the system gives no random bytes")]
    Random,
}

impl MasterKey {
    /// Reads the key from `path`, or makes one there (mode 0600, base64url text) unless `database` holds data
    /// already; refuses a file that others can read.
    pub fn load_or_create(path: &Path, database: &Path) -> Result<Self, MasterKeyError> {
        // Asked first: whoever starts at the same time makes the key before the database.
        let in_use = fs::metadata(database).is_ok_and(|metadata| metadata.len() > 0);
        match File::open(path) {
            Ok(file) => Self::load(path, &file),
            Err(error) if error.kind() == io::ErrorKind::NotFound && in_use => {
                Err(MasterKeyError::Missing { path: shown(path), database: shown(database) })
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::create(path),
            Err(error) => Err(file_error(path, error)),
        }
    }

    /// A fresh key that is kept nowhere: for tests and throw-away stores.
    ///
    /// # Panics
    /// When the system gives no random bytes.
    pub fn generate() -> Self {
        Self::random().expect("the system gives random bytes")
    }

    pub(crate) fn bytes(&self) -> &[u8; BYTES] {
        &self.bytes
    }

    pub(crate) fn is_fresh(&self) -> bool {
        self.fresh
    }

    fn load(path: &Path, file: &File) -> Result<Self, MasterKeyError> {
        let mode = file.metadata().map_err(|error| file_error(path, error))?.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(MasterKeyError::Exposed { path: shown(path), mode });
        }
        let text = match io::read_to_string(file).map(Zeroizing::new) {
            Err(error) if error.kind() == io::ErrorKind::InvalidData => Zeroizing::default(),
            text => text.map_err(|error| file_error(path, error))?,
        };
        Self::read(&text).ok_or_else(|| MasterKeyError::Malformed { path: shown(path) })
    }

    /// A key from its text, 43 characters of base64url; `None` when it is none.
    pub fn read(text: &str) -> Option<Self> {
        let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(text.trim()).ok()?);
        let bytes = Zeroizing::new(<[u8; BYTES]>::try_from(bytes.as_slice()).ok()?);
        Some(Self { bytes, fresh: false })
    }

    /// Written beside and linked into place, so that a crash leaves no half key and two starters agree on
    /// one.
    fn create(path: &Path) -> Result<Self, MasterKeyError> {
        let key = Self::random()?;
        let draft = path.with_extension(format!("{}.new", Uuid::new_v4().simple()));
        let made = write_draft(&draft, &key).and_then(|()| fs::hard_link(&draft, path));
        let removed = fs::remove_file(&draft);
        match made {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.exists() => {
                let file = File::open(path).map_err(|error| file_error(path, error))?;
                Self::load(path, &file)
            }
            made => {
                made.and(removed)
                    .and_then(|()| sync_folder(path))
                    .map_err(|error| file_error(path, error))?;
                Ok(key)
            }
        }
    }

    fn random() -> Result<Self, MasterKeyError> {
        let mut bytes = Zeroizing::new([0; BYTES]);
        rand::fill(bytes.as_mut_slice()).map_err(|_| MasterKeyError::Random)?;
        Ok(Self { bytes, fresh: true })
    }
}

fn write_draft(draft: &Path, key: &MasterKey) -> io::Result<()> {
    if let Some(folder) = folder_of(draft) {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(draft)?;
    let text = Zeroizing::new(URL_SAFE_NO_PAD.encode(key.bytes()) + "\n");
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

fn sync_folder(path: &Path) -> io::Result<()> {
    folder_of(path).map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

fn folder_of(path: &Path) -> Option<&Path> {
    path.parent().filter(|folder| !folder.as_os_str().is_empty())
}

fn file_error(path: &Path, error: io::Error) -> MasterKeyError {
    MasterKeyError::File { path: shown(path), error }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(hidden)")
    }
}
