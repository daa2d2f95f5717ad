//! Takes people, network addresses and secrets out of text.

mod network;
mod person;
mod secret;
mod shape;
#[cfg(test)]
mod tests;

use std::{collections::HashMap, net::IpAddr};

use self::secret::Secrets;

/// Stands for a secret while people are looked for; Unicode keeps it free for such use.
const HIDDEN: char = '\u{fdd0}';

/// Gives the same person or address the same number, over all texts of a bundle.
pub(super) struct Redactor {
    secrets: Secrets,
    users: HashMap<String, usize>,
    addresses: HashMap<IpAddr, usize>,
}

impl Redactor {
    /// For texts that must not show these, however they are written there.
    pub(super) fn new(secrets: &[String]) -> Self {
        Self { secrets: Secrets::new(secrets), users: HashMap::new(), addresses: HashMap::new() }
    }

    /// The text without secrets, people and network addresses.
    pub(super) fn redact(&mut self, text: &str) -> String {
        let bare = self.secrets.hide(text);
        let mut out = String::with_capacity(bare.len());
        let mut rest = bare.as_str();
        while !rest.is_empty() {
            let token = rest.find(ends_token).unwrap_or(rest.len());
            out.push_str(&self.token(&rest[..token]));
            let gap = rest[token..].find(|c| !ends_token(c)).map_or(rest.len(), |at| token + at);
            out.push_str(&rest[token..gap]);
            rest = &rest[gap..];
        }
        out.replace(HIDDEN, "<hidden>")
    }
}

/// What no address of a person can hold (RFC 6122 2.3, RFC 3986 3.2.1), and so surely ends one.
fn ends_token(c: char) -> bool {
    c.is_whitespace() || c.is_control() || matches!(c, '"' | '<' | '>')
}
