use crate::config::KEYS;

/// A key of `appSettings`: one row of the table from which parsing, the reference and the example file are
/// made.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// The name, as `key="…"` has it.
    pub name: &'static str,
    /// The heading under which the reference lists it.
    pub section: &'static str,
    /// The default, as `value="…"` would have it.
    pub default: &'static str,
    /// A value that differs from the default.
    pub example: &'static str,
    /// What it does, in Markdown.
    pub meaning: &'static str,
    /// Whether its value may be a secret, and is never shown.
    pub secret: bool,
    /// Whether a running server takes a new value over when it reloads; the others need a restart.
    pub live: bool,
    pub(crate) expected: fn() -> String,
}

impl Key {
    /// The type of its value, such as "a whole number of seconds from 60 to 2592000".
    pub fn expected(&self) -> String {
        (self.expected)()
    }
}

/// The key of this name; letter case matters.
pub(crate) fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}
