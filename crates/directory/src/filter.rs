//! What a search becomes in LDAP (RFC 4515), and which of the answers are truly hits.

use std::collections::BTreeSet;

use trunkline_core::port::{Search, SearchField};
use trunkline_model::{Address, Contact};
use unicode_normalization::UnicodeNormalization;

use crate::settings::{Attributes, DirectorySettings};

/// What stands in a filter for what is searched for.
pub(crate) const PLACE: &str = "{search}";
/// More words of a term are not looked for.
const MOST_WORDS: usize = 6;
/// More digits of a number are not looked for.
const MOST_DIGITS: usize = 20;
/// Fewer digits are a number only where a number is asked for.
const FEWEST_DIGITS: usize = 3;
/// Servers compare numbers with their blanks and brackets, so that these filters let through what is no hit: more is asked
/// for, and looked through here.
const CANDIDATES: usize = 1_000;

/// One search, as the server is asked and as its answers are judged.
pub(crate) struct Question {
    filter: String,
    /// In lower case.
    term: String,
    /// Without leading zeros; empty when no number is looked for.
    digits: String,
    field: SearchField,
}

impl Question {
    /// `None` when nobody can be found.
    pub(crate) fn new(search: &Search, settings: &DirectorySettings) -> Option<Self> {
        let term: String = search.term.trim().nfc().collect();
        let attributes = &settings.attributes;
        let wants = |field| search.field == field || search.field == SearchField::Any;
        let mut parts = Vec::new();
        if wants(SearchField::Name) {
            parts.extend(name(&term, attributes));
        }
        if wants(SearchField::Email) {
            parts.extend(email(&term, attributes));
        }
        let digits = if wants(SearchField::Phone) { number(&term, search.field) } else { String::new() };
        if !digits.is_empty() {
            parts.extend(phone(&digits, attributes));
        }
        if parts.is_empty() {
            return None;
        }
        let filter = whole(&settings.filter, &any(parts));
        Some(Self { filter, term: term.to_lowercase(), digits, field: search.field })
    }

    pub(crate) fn filter(&self) -> &str {
        &self.filter
    }

    /// How many entries to ask for.
    pub(crate) fn size(&self, settings: &DirectorySettings, limit: usize) -> usize {
        let size = settings.size_limit.max(limit.saturating_add(1));
        if self.digits.is_empty() { size } else { size.max(CANDIDATES) }
    }

    /// Whether an answer is a hit.
    pub(crate) fn fits(&self, contact: &Contact) -> bool {
        if self.digits.is_empty() {
            return true;
        }
        let profile = &contact.profile;
        let by_number =
            [&profile.work_phone, &profile.mobile_phone].iter().any(|phone| begins(phone, &self.digits));
        by_number || (self.field == SearchField::Any && self.rank(contact) < LAST)
    }

    /// The best hits have the lowest.
    pub(crate) fn rank(&self, contact: &Contact) -> u8 {
        let name = contact.shown_name().to_lowercase();
        if name.starts_with(&self.term) {
            0
        } else if name.split(|c: char| !c.is_alphanumeric()).any(|word| word.starts_with(&self.term)) {
            1
        } else if contact.address.bare().starts_with(&self.term)
            || contact.profile.email.to_lowercase().starts_with(&self.term)
        {
            2
        } else {
            LAST
        }
    }
}

const LAST: u8 = 3;

/// A filter with a condition in the place for it.
pub(crate) fn whole(template: &str, condition: &str) -> String {
    template.replacen(PLACE, condition, 1)
}

/// Whom a relay can find at all: somebody with an address.
pub(crate) fn anybody(settings: &DirectorySettings) -> String {
    let parts = settings.attributes.address.iter().map(|attribute| format!("({attribute}=*)"));
    whole(&settings.filter, &any(parts.collect()))
}

/// The person with this address.
pub(crate) fn exactly(who: &Address, settings: &DirectorySettings) -> String {
    let address = escape(who.bare());
    let forms =
        |attribute: &String| [format!("({attribute}=sip:{address})"), format!("({attribute}={address})")];
    whole(&settings.filter, &any(settings.attributes.address.iter().flat_map(forms).collect()))
}

/// The name begins with the term, or each word of the term begins one of the names: `berg anna` finds Anna Berg.
fn name(term: &str, attributes: &Attributes) -> Vec<String> {
    let names: Vec<&String> =
        attributes.name.iter().chain(&attributes.first_name).chain(&attributes.last_name).collect();
    let mut parts: Vec<String> = names.iter().map(|attribute| prefix(attribute, "", term)).collect();
    let words: Vec<&str> = term
        .split_whitespace()
        .map(|word| word.trim_matches([',', ';']))
        .filter(|word| !word.is_empty())
        .take(MOST_WORDS)
        .collect();
    if words.len() > 1 {
        let each =
            words.iter().map(|word| any(names.iter().map(|attribute| prefix(attribute, "", word)).collect()));
        parts.push(format!("(&{})", each.collect::<String>()));
    }
    parts
}

fn email(term: &str, attributes: &Attributes) -> Vec<String> {
    let bare = term.split_once(':').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("sip"));
    let term = bare.map_or(term, |(_, rest)| rest);
    let plain =
        attributes.email.iter().chain(&attributes.address).map(|attribute| prefix(attribute, "", term));
    let own = attributes.address.iter().filter(|attribute| !attributes.email.contains(attribute));
    let with_scheme = own.flat_map(|attribute| {
        // The one attribute that holds addresses of every sort.
        let other = attribute.eq_ignore_ascii_case("proxyAddresses").then_some("smtp:");
        ["sip:"].into_iter().chain(other).map(move |scheme| prefix(attribute, scheme, term))
    });
    plain.chain(with_scheme).collect()
}

/// Whatever stands between the digits.
fn phone(digits: &str, attributes: &Attributes) -> Vec<String> {
    let pattern: String = digits.chars().map(|digit| format!("{digit}*")).collect();
    let phones = attributes.work_phone.iter().chain(&attributes.mobile_phone);
    phones.map(|attribute| format!("({attribute}=*{pattern})")).collect()
}

/// The digits of a term that may be a number.
fn number(term: &str, field: SearchField) -> String {
    let digits: String = term.chars().filter(char::is_ascii_digit).collect();
    let is_text = term.chars().any(char::is_alphabetic) || term.contains('@');
    if field == SearchField::Any && (is_text || digits.len() < FEWEST_DIGITS) {
        return String::new();
    }
    // 0151 and 0049151 are dialled for +49 151.
    let digits = digits.trim_start_matches('0');
    digits[..digits.len().min(MOST_DIGITS)].to_owned()
}

/// Whether a number begins with the digits, at its start or at one of its parts: people type it with or without its prefixes.
fn begins(phone: &str, digits: &str) -> bool {
    let starts = phone.char_indices().filter(|(at, c)| {
        c.is_ascii_digit() && !phone[..*at].ends_with(|before: char| before.is_ascii_digit())
    });
    starts.into_iter().any(|(at, _)| {
        let rest: String = phone[at..].chars().filter(char::is_ascii_digit).collect();
        rest.trim_start_matches('0').starts_with(digits)
    })
}

fn prefix(attribute: &str, scheme: &str, term: &str) -> String {
    format!("({attribute}={scheme}{}*)", escape(term))
}

/// At least one of them, each once.
fn any(parts: Vec<String>) -> String {
    let parts: BTreeSet<String> = parts.into_iter().collect();
    match parts.len() {
        1 => parts.into_iter().collect(),
        _ => format!("(|{})", parts.into_iter().collect::<String>()),
    }
}

/// RFC 4515 3: every byte that is not plainly harmless is written as `\hh`.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z'
            | b'A'..=b'Z'
            | b'0'..=b'9'
            | b' '
            | b'-'
            | b'_'
            | b'.'
            | b'@'
            | b','
            | b'+'
            | b'\'' => {
                escaped.push(char::from(byte));
            }
            other => escaped.push_str(&format!("\\{other:02x}")),
        }
    }
    escaped
}

#[cfg(test)]
mod tests;

#[cfg(test)]
pub(crate) mod samples {
    use std::time::Duration;

    use crate::settings::{Attributes, DirectoryServer, DirectorySettings, Encryption, Scope};

    /// A directory as Microsoft's have it.
    pub(crate) fn active_directory() -> DirectorySettings {
        let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        DirectorySettings {
            domain: "contoso.test".into(),
            servers: vec![DirectoryServer {
                host: "dc1.contoso.test".into(),
                port: 636,
                encryption: Encryption::Tls,
            }],
            bind_dn: "CN=relay,DC=contoso,DC=test".into(),
            password_file: "/nowhere".into(),
            base: "DC=contoso,DC=test".into(),
            scope: Scope::Subtree,
            filter: "(&(objectClass=user){search})".into(),
            attributes: Attributes {
                address: list(&["msRTCSIP-PrimaryUserAddress", "proxyAddresses"]),
                name: list(&["displayName"]),
                first_name: list(&["givenName"]),
                last_name: list(&["sn"]),
                email: list(&["mail"]),
                title: list(&["title"]),
                work_phone: list(&["telephoneNumber"]),
                mobile_phone: list(&["mobile"]),
                photo: list(&["thumbnailPhoto"]),
                ..Attributes::default()
            },
            ca_file: None,
            connections: 2,
            size_limit: 200,
            patience: Duration::from_secs(4),
        }
    }
}
