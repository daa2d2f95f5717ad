use std::{net::IpAddr, path::Path};

use trunkline_model::Address;

use super::{Fault, Kind};
use crate::source::Span;

/// The domain of addresses, in the form in which addresses have it: lower case, NFC.
pub(crate) struct Domain;

impl Kind for Domain {
    type Value = String;

    fn expected(&self) -> String {
        "a domain such as corp.test".into()
    }

    fn read(&self, text: &str, _: &Path) -> Result<String, Fault> {
        // The law for domains is the one for addresses, or an account would never find its backend.
        let address = format!("x@{text}").parse::<Address>();
        let fault = if text.contains('@') { "is an address, not a domain" } else { "is not a domain" };
        address.map(|address| address.domain().to_owned()).map_err(|_| Fault::new(fault))
    }
}

/// The name or IP address of a host, without a port.
pub(crate) struct HostName;

impl Kind for HostName {
    type Value = String;

    fn expected(&self) -> String {
        "a host name or an IP address, without a port".into()
    }

    fn read(&self, text: &str, _: &Path) -> Result<String, Fault> {
        let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
        if bare.parse::<IpAddr>().is_ok() {
            return Ok(bare.to_owned());
        }
        if text.contains("://") {
            return Err(Fault::new("is a URL, not a host name"));
        }
        if let Some((host, port)) = text.rsplit_once(':')
            && !host.is_empty()
            && port.bytes().all(|b| b.is_ascii_digit())
        {
            return Err(Fault::new("has a port in it")
                .at(host.len()..text.len())
                .help("the attribute `port` takes it"));
        }
        let name = text.strip_suffix('.').unwrap_or(text);
        let label_is_good = |label: &str| {
            let good = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_');
            (1..=63).contains(&label.len()) && label.chars().all(good) && !label.starts_with('-')
        };
        if name.len() > 253 || !name.split('.').all(label_is_good) {
            return Err(Fault::new("is not a host name"));
        }
        Ok(name.to_lowercase())
    }
}

/// A fully qualified DNS name, in lower case, as certificates bear it.
pub(crate) struct Fqdn;

impl Kind for Fqdn {
    type Value = String;

    fn expected(&self) -> String {
        "a fully qualified name such as pool.contoso.test".into()
    }

    fn read(&self, text: &str, _: &Path) -> Result<String, Fault> {
        if text.trim_matches(['[', ']']).parse::<IpAddr>().is_ok() {
            return Err(Fault::new("is an IP address, not a name"));
        }
        if text.contains('*') {
            return Err(Fault::new("has a wildcard in it").help("name each server"));
        }
        if !text.is_ascii() {
            return Err(Fault::new("is not ASCII").help("write the name as certificates have it: `xn--…`"));
        }
        let name = text.strip_suffix('.').unwrap_or(text);
        let label_is_good = |label: &str| {
            let good = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
            (1..=63).contains(&label.len())
                && label.bytes().all(good)
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        if name.len() > 253 || !name.split('.').all(label_is_good) {
            return Err(Fault::new("is not a name of DNS"));
        }
        if !name.contains('.') {
            return Err(Fault::new("has no domain in it"));
        }
        Ok(name.to_ascii_lowercase())
    }
}

/// A list of fully qualified names; at least one, and none twice.
pub(crate) struct Fqdns;

/// One host or several, kept as text with one blank between them.
pub(crate) struct HostNames;

impl Kind for HostNames {
    type Value = String;

    fn expected(&self) -> String {
        "a host name or an IP address, without a port; several are separated by blanks".into()
    }

    fn read(&self, text: &str, folder: &Path) -> Result<String, Fault> {
        if !text.contains([' ', ',']) {
            return HostName.read(text, folder);
        }
        each(text, &HostName, folder).map(|names| names.join(" "))
    }
}

/// Words, each read by itself and kept once.
fn each(text: &str, kind: &impl Kind<Value = String>, folder: &Path) -> Result<Vec<String>, Fault> {
    let mut names = Vec::new();
    let words = text.split(|c: char| c.is_whitespace() || c == ',').filter(|word| !word.is_empty());
    for word in words {
        let Span { start, end } = Span::of(word, text);
        let name = kind.read(word, folder).map_err(|fault| {
            let why = format!("has a part that {}", fault.why);
            Fault { why, ..fault.at(start..end) }
        })?;
        if !names.contains(&name) {
            names.push(name);
        }
    }
    if names.is_empty() { Err(Fault::new("names nobody")) } else { Ok(names) }
}

impl Kind for Fqdns {
    type Value = Vec<String>;

    fn expected(&self) -> String {
        "fully qualified names separated by blanks, such as pool.contoso.test fe1.contoso.test".into()
    }

    fn read(&self, text: &str, folder: &Path) -> Result<Self::Value, Fault> {
        each(text, &Fqdn, folder)
    }
}
