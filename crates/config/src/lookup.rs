//! Values that stand elsewhere: `env:NAME` and `file:PATH`.

use std::{
    ffi::OsString,
    fmt,
    fs::{self, File},
    io::{self, Read},
    path::Path,
};

use crate::kind::{Fault, join};

/// A value that stands in a file is not longer than this, in bytes.
const LONGEST: u64 = 64 * 1024;

/// What a configuration may ask of the world around it; [`System`] is the real one.
pub trait Lookup {
    /// The value of an environment variable.
    fn variable(&self, name: &str) -> Option<OsString>;

    /// The content of a file that holds one value; not more than 64 KiB of it are asked for.
    fn file(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// Whether a file that a key names can be opened for reading.
    fn openable(&self, path: &Path) -> io::Result<()>;
}

/// This process's environment and files.
#[derive(Debug, Clone, Copy)]
pub struct System;

impl Lookup for System {
    fn variable(&self, name: &str) -> Option<OsString> {
        std::env::var_os(name)
    }

    fn file(&self, path: &Path) -> io::Result<Vec<u8>> {
        let mut content = Vec::new();
        File::open(path)?.take(LONGEST + 1).read_to_end(&mut content)?;
        Ok(content)
    }

    fn openable(&self, path: &Path) -> io::Result<()> {
        let metadata = fs::metadata(path)?;
        if metadata.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        // A pipe is not opened: that may wait for ever.
        if metadata.is_file() { File::open(path).map(drop) } else { Ok(()) }
    }
}

/// Where a value stands when it does not stand in the configuration file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reference {
    Variable(String),
    File(String),
}

impl Reference {
    /// Reads `env:NAME` and `file:PATH`; None for a value that stands for itself.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text.split_once(':') {
            Some(("env", name)) => Some(Self::Variable(name.to_owned())),
            Some(("file", path)) => Some(Self::File(path.to_owned())),
            _ => None,
        }
    }

    /// The value, without the newline that ends a file; a fault never tells any part of it.
    pub(crate) fn resolve(&self, folder: &Path, lookup: &dyn Lookup) -> Result<String, Fault> {
        let value = match self {
            Self::Variable(name) if name.is_empty() || name.contains(['=', '\0']) => {
                return Err(Fault::new("names no environment variable"));
            }
            Self::Variable(name) => lookup
                .variable(name)
                .ok_or_else(|| Fault::new("names an environment variable that is not set"))?
                .into_string()
                .map_err(|_| Fault::new("names an environment variable that is not UTF-8"))?,
            Self::File(path) if path.is_empty() || path.contains('\0') => {
                return Err(Fault::new("names no file"));
            }
            Self::File(path) => content(&join(folder, Path::new(path)), lookup)?,
        };
        Ok(value)
    }
}

fn content(path: &Path, lookup: &dyn Lookup) -> Result<String, Fault> {
    let bytes = lookup
        .file(path)
        .map_err(|error| Fault::new(format!("names a file that cannot be read: {}", reason(&error))))?;
    if bytes.len() as u64 > LONGEST {
        return Err(Fault::new(format!("names a file larger than {} KiB", LONGEST / 1024)));
    }
    let text = String::from_utf8(bytes).map_err(|_| Fault::new("names a file that is not UTF-8"))?;
    let value = text.strip_suffix('\n').map_or(text.as_str(), |text| text.strip_suffix('\r').unwrap_or(text));
    Ok(value.to_owned())
}

/// Why a file cannot be read, in plain words and without its path.
pub(crate) fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "it is not there".to_owned(),
        io::ErrorKind::PermissionDenied => "this account may not read it".to_owned(),
        io::ErrorKind::IsADirectory => "it is a folder".to_owned(),
        kind => kind.to_string(),
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable(name) => write!(f, "env:{name}"),
            Self::File(path) => write!(f, "file:{path}"),
        }
    }
}
