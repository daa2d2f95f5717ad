use std::net::{IpAddr, Ipv4Addr};

use super::{HIDDEN, Redactor};

impl Redactor {
    /// Text in which no people are.
    pub(super) fn words(&mut self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while !rest.is_empty() {
            let word = rest.find(|c| !in_word(c)).unwrap_or(rest.len());
            out.push_str(&self.word(&rest[..word]));
            let gap = rest[word..].find(in_word).map_or(rest.len(), |at| word + at);
            out.push_str(&rest[word..gap]);
            rest = &rest[gap..];
        }
        out
    }

    fn word(&mut self, word: &str) -> String {
        // Our tokens and access keys are in no source; should one ever be, it ends here.
        if let Some(at) = word.find("tl1.") {
            return format!("{}{HIDDEN}", &word[..at]);
        }
        self.network(word)
    }

    /// An address alone, or with a port; those of this computer say nothing about anybody.
    fn network(&mut self, word: &str) -> String {
        let trimmed = word.trim_end_matches([':', '.']);
        let tail = &word[trimmed.len()..];
        let (address, more) = match address(trimmed) {
            Some(address) => (address, ""),
            None => match trimmed.rsplit_once(':').and_then(|(host, port)| with_port(host, port)) {
                Some((address, length)) => (address, &trimmed[length..]),
                None => return word.to_owned(),
            },
        };
        if address.is_loopback() || address.is_unspecified() {
            return word.to_owned();
        }
        let next = self.addresses.len() + 1;
        let number = *self.addresses.entry(address).or_insert(next);
        format!("ip-{number}{more}{tail}")
    }
}

/// With or without the interface that an IPv6 address is reached by.
fn address(text: &str) -> Option<IpAddr> {
    text.split_once('%').map_or(text, |(address, _)| address).parse().ok()
}

/// The address, and how long its text is.
fn with_port(host: &str, port: &str) -> Option<(IpAddr, usize)> {
    let numeric = port.bytes().all(|byte| byte.is_ascii_digit());
    let address: Ipv4Addr = host.parse().ok().filter(|_| numeric)?;
    Some((address.into(), host.len()))
}

/// What network addresses are made of, and tokens.
fn in_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '.' | ':' | '-' | '_' | '+' | '%' | '~' | '!' | '#' | '$' | '&' | '*')
}
