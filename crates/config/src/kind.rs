//! The types that values can have: what is expected of the text, and how it becomes a value.

use std::{
    ops::{Range, RangeInclusive},
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use ipnet::IpNet;
use secrecy::SecretString;

use crate::{diagnostic::quoted, value::Database};

mod gruu;
mod ldap;
mod name;
mod origin;
mod socket;

pub(crate) use gruu::Gruu;
pub(crate) use ldap::{AttributeMap, LdapUrls, Template};
pub(crate) use name::{Domain, Fqdn, Fqdns, HostName, HostNames};
pub(crate) use origin::Origins;
pub(crate) use socket::{Bind, Socket};

/// Why a text is not a value; `why` is a predicate such as "has no port" and never repeats the text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) why: String,
    /// The guilty part of the text, in bytes.
    pub(crate) part: Option<Range<usize>>,
    pub(crate) help: Option<String>,
}

impl Fault {
    pub(crate) fn new(why: impl Into<String>) -> Self {
        Self { why: why.into(), part: None, help: None }
    }

    fn at(self, part: Range<usize>) -> Self {
        Self { part: Some(part), ..self }
    }

    fn help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }
}

/// A type of value.
pub(crate) trait Kind {
    type Value;

    /// What is expected, as it follows the word "expected".
    fn expected(&self) -> String;

    /// Reads a value; relative paths start at `folder`.
    fn read(&self, text: &str, folder: &Path) -> Result<Self::Value, Fault>;
}

/// One of a few words.
pub(crate) struct Choice<T: 'static>(pub(crate) &'static [(&'static str, T)]);

/// Yes or no.
pub(crate) const FLAG: Choice<bool> = Choice(&[("true", true), ("false", false)]);

impl<T: Clone> Kind for Choice<T> {
    type Value = T;

    fn expected(&self) -> String {
        let words: Vec<String> = self.0.iter().map(|(word, _)| format!("`{word}`")).collect();
        words.join(" or ")
    }

    fn read(&self, text: &str, _: &Path) -> Result<T, Fault> {
        if let Some((_, value)) = self.0.iter().find(|(word, _)| *word == text) {
            return Ok(value.clone());
        }
        let fault = Fault::new(format!("is not {}", self.expected()));
        match self.0.iter().find(|(word, _)| word.eq_ignore_ascii_case(text)) {
            Some((word, _)) => Err(fault.help(format!("write {}: letter case matters", quoted(word)))),
            None => Err(fault),
        }
    }
}

/// A whole number.
pub(crate) struct Count<T>(pub(crate) RangeInclusive<T>, pub(crate) &'static str);

impl<T: FromStr + PartialOrd + std::fmt::Display> Kind for Count<T> {
    type Value = T;

    fn expected(&self) -> String {
        let of = if self.1.is_empty() { String::new() } else { format!(" of {}", self.1) };
        format!("a whole number{of} from {} to {}", self.0.start(), self.0.end())
    }

    fn read(&self, text: &str, _: &Path) -> Result<T, Fault> {
        if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(Fault::new("is not a whole number"));
        }
        match text.parse() {
            Ok(number) if self.0.contains(&number) => Ok(number),
            _ => Err(Fault::new("is out of range")),
        }
    }
}

/// A unit of time.
#[derive(Clone, Copy)]
pub(crate) enum Unit {
    Milliseconds,
    Seconds,
    Hours,
    Days,
}

impl Unit {
    fn name(self) -> &'static str {
        match self {
            Self::Milliseconds => "milliseconds",
            Self::Seconds => "seconds",
            Self::Hours => "hours",
            Self::Days => "days",
        }
    }

    fn times(self, count: u32) -> Duration {
        let count = u64::from(count);
        match self {
            Self::Milliseconds => Duration::from_millis(count),
            Self::Seconds => Duration::from_secs(count),
            Self::Hours => Duration::from_secs(count * 3600),
            Self::Days => Duration::from_secs(count * 86_400),
        }
    }
}

/// A length of time in one unit.
pub(crate) struct Period(pub(crate) RangeInclusive<u32>, pub(crate) Unit);

impl Kind for Period {
    type Value = Duration;

    fn expected(&self) -> String {
        Count(self.0.clone(), self.1.name()).expected()
    }

    fn read(&self, text: &str, folder: &Path) -> Result<Duration, Fault> {
        let count = Count(self.0.clone(), self.1.name()).read(text, folder);
        count.map(|count| self.1.times(count)).map_err(|fault| {
            if text.starts_with(|c: char| c.is_ascii_digit()) && text.ends_with(char::is_alphabetic) {
                return fault.help(format!("write the number alone: the unit is always {}", self.1.name()));
            }
            fault
        })
    }
}

/// A length of time in one unit, or 0 for no end.
pub(crate) struct PeriodOrForever(pub(crate) RangeInclusive<u32>, pub(crate) Unit);

impl Kind for PeriodOrForever {
    type Value = Option<Duration>;

    fn expected(&self) -> String {
        format!("{}, or 0 for ever", Count(self.0.clone(), self.1.name()).expected())
    }

    fn read(&self, text: &str, folder: &Path) -> Result<Self::Value, Fault> {
        if text == "0" {
            return Ok(None);
        }
        Period(self.0.clone(), self.1).read(text, folder).map(Some)
    }
}

/// A list of networks, separated by commas.
pub(crate) struct Networks;

impl Kind for Networks {
    type Value = Vec<IpNet>;

    fn expected(&self) -> String {
        "networks or IP addresses separated by commas, such as 10.0.0.0/8, ::1".into()
    }

    fn read(&self, text: &str, _: &Path) -> Result<Self::Value, Fault> {
        let mut networks = Vec::new();
        for part in list(text) {
            let word = &text[part.clone()];
            let network = match word.parse::<std::net::IpAddr>() {
                Ok(address) => IpNet::from(address),
                Err(_) => word.parse::<IpNet>().map_err(|_| {
                    Fault::new("has a part that is neither a network nor an IP address").at(part.clone())
                })?,
            };
            networks.push(network.trunc());
        }
        Ok(networks)
    }
}

/// The parts of a list separated by commas, in bytes, without the blanks around them; empty parts are left
/// out.
fn list(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut start = 0;
    text.split(',').filter_map(move |part| {
        let at = start + (part.len() - part.trim_start().len());
        start += part.len() + 1;
        let word = part.trim();
        (!word.is_empty()).then_some(at..at + word.len())
    })
}

/// A path.
pub(crate) struct FilePath;

impl Kind for FilePath {
    type Value = PathBuf;

    fn expected(&self) -> String {
        "a path".into()
    }

    fn read(&self, text: &str, folder: &Path) -> Result<PathBuf, Fault> {
        if text.is_empty() {
            return Err(Fault::new("is empty"));
        }
        if text.contains('\0') {
            return Err(Fault::new("holds a character that a path cannot have"));
        }
        Ok(join(folder, Path::new(text)))
    }
}

/// `path` as seen from `folder`, without the `.` parts that joining leaves behind.
pub(crate) fn join(folder: &Path, path: &Path) -> PathBuf {
    folder.join(path).components().collect()
}

/// A text that means something to somebody else; not empty.
pub(crate) struct Text(pub(crate) &'static str);

impl Kind for Text {
    type Value = String;

    fn expected(&self) -> String {
        self.0.into()
    }

    fn read(&self, text: &str, _: &Path) -> Result<String, Fault> {
        let text = text.trim();
        if text.is_empty() {
            return Err(Fault::new("is empty"));
        }
        if text.chars().any(char::is_control) {
            return Err(Fault::new("holds a character that it cannot have"));
        }
        Ok(text.to_owned())
    }
}

/// A path, or nothing.
pub(crate) struct OptionalFilePath;

impl Kind for OptionalFilePath {
    type Value = Option<PathBuf>;

    fn expected(&self) -> String {
        "a path, or nothing".into()
    }

    fn read(&self, text: &str, folder: &Path) -> Result<Self::Value, Fault> {
        if text.is_empty() { Ok(None) } else { FilePath.read(text, folder).map(Some) }
    }
}

/// A path within DATA_DIR, which is joined when the whole configuration is known.
pub(crate) struct DataPath;

impl Kind for DataPath {
    type Value = PathBuf;

    fn expected(&self) -> String {
        "a path; a relative one starts at DATA_DIR".into()
    }

    fn read(&self, text: &str, _: &Path) -> Result<PathBuf, Fault> {
        FilePath.read(text, Path::new(""))
    }
}

/// Where the database is.
pub(crate) struct DatabaseAddress;

impl Kind for DatabaseAddress {
    type Value = Database;

    fn expected(&self) -> String {
        "`sqlite:FILE` or `postgres://USER:PASSWORD@HOST/DATABASE`".into()
    }

    fn read(&self, text: &str, _: &Path) -> Result<Database, Fault> {
        if let Some(rest) = text.strip_prefix("postgres://").or_else(|| text.strip_prefix("postgresql://")) {
            let authority = rest.split(['/', '?']).next().unwrap_or_default();
            if authority.is_empty() && !rest.contains("host=") {
                return Err(Fault::new("names no host"));
            }
            return Ok(Database::Postgres(SecretString::from(text)));
        }
        let Some(rest) = text.strip_prefix("sqlite:") else {
            return Err(Fault::new("is neither an SQLite file nor a PostgreSQL address"));
        };
        let file = rest.strip_prefix("//").unwrap_or(rest);
        if file.is_empty() || file.starts_with(':') {
            return Err(Fault::new("names no file; a database in memory would lose messages"));
        }
        if file.contains('?') {
            return Err(Fault::new("has options after a question mark, which SQLite files do not take here"));
        }
        FilePath.read(file, Path::new("")).map(Database::Sqlite)
    }
}

/// A secret that stands in an HTTP header, or nothing.
pub(crate) struct Token;

/// Shorter tokens can be guessed.
const SHORTEST_TOKEN: usize = 16;

impl Kind for Token {
    type Value = Option<SecretString>;

    fn expected(&self) -> String {
        format!("at least {SHORTEST_TOKEN} visible ASCII characters without blanks, or nothing")
    }

    fn read(&self, text: &str, _: &Path) -> Result<Self::Value, Fault> {
        if text.is_empty() {
            return Ok(None);
        }
        if !text.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(Fault::new("holds a blank or a character outside visible ASCII"));
        }
        if text.len() < SHORTEST_TOKEN {
            return Err(Fault::new("is too short").help("`openssl rand -hex 32` makes a good one"));
        }
        Ok(Some(SecretString::from(text)))
    }
}

/// How much is logged.
pub(crate) struct LogLevel;

const LEVELS: [&str; 6] = ["error", "warn", "info", "debug", "trace", "off"];

impl Kind for LogLevel {
    type Value = String;

    fn expected(&self) -> String {
        format!("one of {}; single parts may differ, as in `info,trunkline_xmpp=debug`", LEVELS.join(", "))
    }

    fn read(&self, text: &str, _: &Path) -> Result<String, Fault> {
        let mut parts = 0;
        for part in list(text) {
            let word = &text[part.clone()];
            let (target, level) =
                word.split_once('=').map_or(("trunkline", word), |(target, level)| (target, level));
            if !LEVELS.contains(&level) {
                let end = part.end;
                return Err(Fault::new("has a part that is not a level").at(end - level.len()..end));
            }
            if target.is_empty()
                || !target.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | ':'))
            {
                return Err(Fault::new("has a part that does not name a module").at(part));
            }
            parts += 1;
        }
        if parts == 0 { Err(Fault::new("is empty")) } else { Ok(text.to_owned()) }
    }
}
