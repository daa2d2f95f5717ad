use std::{
    env, fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use trunkline_model::Address;

use crate::Server;

/// What one device of a person keeps between runs, in a file that only they can read.
pub(super) struct StateFile {
    path: PathBuf,
}

/// The content of a [`StateFile`].
pub(super) struct Kept {
    /// The install's id, kept for good.
    pub(super) device_token: String,
    /// Absent before the first activation.
    pub(super) token: Option<SecretString>,
}

/// Why the token cannot be kept or read.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// Neither `--state-dir` nor `XDG_STATE_HOME` nor `HOME`.
    #[error("there is no home directory to keep the token in; name one with --state-dir")]
    NoHome,
    /// The system refuses.
    #[error("cannot keep the token in {}: {source}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Others can read the file.
    #[error("{} can be read by others; its mode must be 0600", .0.display())]
    Readable(PathBuf),
    /// Not what this program wrote.
    #[error("{} is not a file of this program; remove it to activate again", .0.display())]
    Foreign(PathBuf),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Content {
    device_token: String,
    #[serde(default)]
    token: Option<String>,
}

impl StateFile {
    /// The file for this person on this relay.
    pub(super) fn at(dir: Option<&Path>, user: &Address, server: &Server) -> Result<Self, StateError> {
        let dir = match dir {
            Some(dir) => dir.to_owned(),
            None => usual_dir().ok_or(StateError::NoHome)?,
        };
        let name = format!("{}_{}", user.bare(), server.authority());
        let safe = |c: char| if c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '@') { c } else { '_' };
        Ok(Self { path: dir.join(format!("{}.json", name.chars().map(safe).collect::<String>())) })
    }

    /// Reads what was kept; a device without a token when there is nothing yet.
    pub(super) fn load(&self) -> Result<Kept, StateError> {
        let text = match fs::read_to_string(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Kept { device_token: uuid::Uuid::new_v4().simple().to_string(), token: None });
            }
            Err(error) => return Err(self.failed(error)),
        };
        if readable_by_others(&self.path).map_err(|error| self.failed(error))? {
            return Err(StateError::Readable(self.path.clone()));
        }
        let content: Content =
            serde_json::from_str(&text).map_err(|_| StateError::Foreign(self.path.clone()))?;
        Ok(Kept { device_token: content.device_token, token: content.token.map(SecretString::from) })
    }

    /// Keeps this; replaces the file as a whole, so that a crash leaves the old one.
    pub(super) fn save(&self, kept: &Kept) -> Result<(), StateError> {
        let token = kept.token.as_ref().map(|token| token.expose_secret().to_owned());
        let content = Content { device_token: kept.device_token.clone(), token };
        self.write(&content).map_err(|error| self.failed(error))
    }

    fn write(&self, content: &Content) -> io::Result<()> {
        if let Some(dir) = self.path.parent() {
            create_private_dir(dir)?;
        }
        let draft = self.path.with_extension(format!("{}.new", std::process::id()));
        let written = private_file(&draft).and_then(|mut file| {
            file.write_all(serde_json::to_string_pretty(content)?.as_bytes())?;
            file.sync_all()
        });
        let kept = written.and_then(|()| fs::rename(&draft, &self.path));
        if kept.is_err() {
            // The failure that counts is told; a draft that cannot be removed holds nothing new.
            let _ = fs::remove_file(&draft);
        }
        kept
    }

    fn failed(&self, source: io::Error) -> StateError {
        StateError::Io { path: self.path.clone(), source }
    }
}

fn usual_dir() -> Option<PathBuf> {
    let absolute = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = absolute("XDG_STATE_HOME").or_else(|| Some(absolute("HOME")?.join(".local/state")))?;
    Some(state.join("trunkline"))
}

#[cfg(unix)]
fn create_private_dir(dir: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)
}

#[cfg(unix)]
fn private_file(path: &Path) -> io::Result<fs::File> {
    use std::os::unix::fs::OpenOptionsExt;
    fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)
}

#[cfg(unix)]
fn readable_by_others(path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::PermissionsExt;
    Ok(fs::metadata(path)?.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn create_private_dir(dir: &Path) -> io::Result<()> {
    fs::create_dir_all(dir)
}

#[cfg(not(unix))]
fn private_file(path: &Path) -> io::Result<fs::File> {
    fs::File::create(path)
}

#[cfg(not(unix))]
fn readable_by_others(_path: &Path) -> io::Result<bool> {
    Ok(false)
}

#[cfg(all(test, unix))]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use secrecy::{ExposeSecret, SecretString};

    use super::{Kept, StateError, StateFile};
    use crate::{Server, Trust};

    #[test]
    fn the_token_is_kept_for_its_owner_alone() {
        let dir = tempfile::tempdir().unwrap();
        let server = Server::new("http://[::1]:9", &Trust::System).unwrap();
        let file =
            StateFile::at(Some(&dir.path().join("a/b")), &"ana@corp.test".parse().unwrap(), &server).unwrap();
        let fresh = file.load().unwrap();
        assert!(fresh.token.is_none() && fresh.device_token.len() == 32);
        file.save(&Kept { device_token: "d".into(), token: Some(SecretString::from("t")) }).unwrap();
        let kept = file.load().unwrap();
        assert_eq!((kept.device_token.as_str(), kept.token.unwrap().expose_secret()), ("d", "t"));
        assert_eq!(fs::metadata(&file.path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&file.path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(file.load(), Err(StateError::Readable(_))));
        fs::set_permissions(&file.path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&file.path, "{").unwrap();
        assert!(matches!(file.load(), Err(StateError::Foreign(_))));
    }
}
