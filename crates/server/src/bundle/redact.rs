//! Takes people, network addresses and secrets out of text.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

/// Shorter secrets would blot out ordinary words.
const SHORTEST_SECRET: usize = 6;

/// Gives the same person or address the same number, over all texts of a bundle.
pub(super) struct Redactor {
    secrets: Vec<String>,
    users: HashMap<String, usize>,
    addresses: HashMap<IpAddr, usize>,
}

impl Redactor {
    pub(super) fn new(mut secrets: Vec<String>) -> Self {
        secrets.retain(|secret| secret.len() >= SHORTEST_SECRET);
        // A secret that holds another one goes first.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        Self { secrets, users: HashMap::new(), addresses: HashMap::new() }
    }

    /// The text without secrets, people and network addresses.
    pub(super) fn redact(&mut self, text: &str) -> String {
        let mut bare = text.to_owned();
        for secret in &self.secrets {
            bare = bare.replace(secret.as_str(), "<hidden>");
        }
        let mut out = String::with_capacity(bare.len());
        let mut rest = bare.as_str();
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
        if word.starts_with("tl1.") {
            return "<hidden>".to_owned();
        }
        if let Some((user, domain)) = word.rsplit_once('@') {
            return self.person(user, domain);
        }
        self.network(word)
    }

    fn person(&mut self, user: &str, domain: &str) -> String {
        let (scheme, user) = match user.rsplit_once(':') {
            Some((scheme, user)) => (format!("{scheme}:"), user),
            None => (String::new(), user),
        };
        if user.is_empty() {
            return format!("{scheme}@{domain}");
        }
        let key = format!("{}@{}", user.to_lowercase(), domain.to_lowercase());
        let next = self.users.len() + 1;
        let number = *self.users.entry(key).or_insert(next);
        format!("{scheme}user-{number}@{domain}")
    }

    /// An address alone, or with a port; those of this computer say nothing about anybody.
    fn network(&mut self, word: &str) -> String {
        let trimmed = word.trim_end_matches([':', '.']);
        let tail = &word[trimmed.len()..];
        let (address, port) = match trimmed.parse::<IpAddr>() {
            Ok(address) => (address, ""),
            Err(_) => match trimmed.rsplit_once(':') {
                Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => {
                    match host.parse::<Ipv4Addr>() {
                        Ok(address) => (address.into(), &trimmed[host.len()..]),
                        Err(_) => return word.to_owned(),
                    }
                }
                _ => return word.to_owned(),
            },
        };
        if harmless(address) {
            return word.to_owned();
        }
        let next = self.addresses.len() + 1;
        let number = *self.addresses.entry(address).or_insert(next);
        format!("ip-{number}{port}{tail}")
    }
}

fn harmless(address: IpAddr) -> bool {
    address.is_loopback()
        || address.is_unspecified()
        // What reads like one but is a version or a time, such as `::`.
        || address == IpAddr::V6(Ipv6Addr::UNSPECIFIED)
}

/// What addresses of people and networks are made of.
fn in_word(c: char) -> bool {
    c.is_alphanumeric()
        || matches!(c, '@' | '.' | ':' | '-' | '_' | '+' | '%' | '~' | '!' | '#' | '$' | '&' | '*')
}

#[cfg(test)]
mod tests {
    use super::Redactor;

    #[test]
    fn people_networks_and_secrets_are_hidden_and_the_rest_stays() {
        let mut redactor = Redactor::new(vec!["s3cret-word".into(), "short".into()]);
        let text = "account=sip:Alice@corp.test source=10.1.2.3 from 10.1.2.3:5222, pw s3cret-word; short stays\n\
                    2026-11-25T10:00:00Z bob@corp.test 127.0.0.1:8080 [2001:db8::5] tl1.abc done. at 10.1.2.4.";
        assert_eq!(
            redactor.redact(text),
            "account=sip:user-1@corp.test source=ip-1 from ip-1:5222, pw <hidden>; short stays\n\
             2026-11-25T10:00:00Z user-2@corp.test 127.0.0.1:8080 [ip-2] <hidden> done. at ip-3."
        );
        assert_eq!(redactor.redact("alice@CORP.test"), "user-1@CORP.test", "the same in every text");
    }
}
