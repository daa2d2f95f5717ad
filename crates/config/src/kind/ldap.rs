use std::path::Path;

use super::{Fault, HostName, Kind};
use crate::{
    directory::{DirectoryField, DirectoryServer},
    source::Span,
};

/// More servers are not asked.
const MOST_SERVERS: usize = 8;

/// URLs of LDAP servers; at least one, and none twice.
pub(crate) struct LdapUrls;

impl Kind for LdapUrls {
    type Value = Vec<DirectoryServer>;

    fn expected(&self) -> String {
        "`ldaps://HOST`, or `ldap://HOST`, each with a port if need be; several are separated by blanks"
            .into()
    }

    fn read(&self, text: &str, folder: &Path) -> Result<Self::Value, Fault> {
        let mut servers = Vec::new();
        for word in text.split_whitespace() {
            let Span { start, end } = Span::of(word, text);
            let server = server(word, folder).map_err(|fault| fault.at(start..end))?;
            if !servers.contains(&server) {
                servers.push(server);
            }
        }
        match servers.len() {
            0 => Err(Fault::new("names no server")),
            count if count > MOST_SERVERS => {
                Err(Fault::new(format!("names more than {MOST_SERVERS} servers")))
            }
            _ => Ok(servers),
        }
    }
}

fn server(word: &str, folder: &Path) -> Result<DirectoryServer, Fault> {
    let (ldaps, rest) = match word.split_once("://") {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("ldaps") => (true, rest),
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("ldap") => (false, rest),
        Some(_) => return Err(Fault::new("has a part that is neither ldaps:// nor ldap://")),
        None => return Err(Fault::new("has a part without ldaps:// before it")),
    };
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    if rest.contains(['/', '?']) {
        let fault = Fault::new("has a part with more than a host and a port");
        return Err(fault.help("the attributes `base`, `scope` and `filter` say the rest"));
    }
    if rest.starts_with('[') {
        let fault = Fault::new("has a part with an IPv6 address");
        return Err(fault.help("write the server's name: its certificate bears that"));
    }
    let (host, port) = match rest.split_once(':') {
        Some((host, port)) => (host, port.parse().ok().filter(|port| *port > 0)),
        None => (rest, Some(if ldaps { 636 } else { 389 })),
    };
    let port = port.ok_or_else(|| Fault::new("has a part whose port is not from 1 to 65535"))?;
    let host = HostName.read(host, folder).map_err(|_| Fault::new("has a part without a host name"))?;
    Ok(DirectoryServer { ldaps, host, port })
}

/// A filter with a place for what is searched for.
pub(crate) struct Template;

impl Kind for Template {
    type Value = String;

    fn expected(&self) -> String {
        "a filter of LDAP in which `{search}` stands for what is searched for, such as \
         `(&(objectClass=person){search})`"
            .into()
    }

    fn read(&self, text: &str, _: &Path) -> Result<String, Fault> {
        let text = text.trim();
        match text.matches("{search}").count() {
            0 => return Err(Fault::new("has no `{search}` in it")),
            1 => {}
            _ => return Err(Fault::new("has `{search}` more than once in it")),
        }
        let mut open = 0_usize;
        for c in text.chars() {
            match c {
                '(' => open += 1,
                ')' if open == 0 => return Err(Fault::new("has more closing than opening brackets")),
                ')' => open -= 1,
                _ => {}
            }
        }
        if open > 0 {
            return Err(Fault::new("has more opening than closing brackets"));
        }
        if text != "{search}" && !text.starts_with('(') {
            return Err(Fault::new("is not in brackets"));
        }
        Ok(text.to_owned())
    }
}

/// Which attributes hold what.
pub(crate) struct AttributeMap;

impl Kind for AttributeMap {
    type Value = Vec<(DirectoryField, Vec<String>)>;

    fn expected(&self) -> String {
        "`FIELD=ATTRIBUTE`, separated by blanks; several attributes of a field are separated by commas".into()
    }

    fn read(&self, text: &str, _: &Path) -> Result<Self::Value, Fault> {
        let mut map: Self::Value = Vec::new();
        for word in text.split_whitespace() {
            let Span { start, end } = Span::of(word, text);
            let fault = |why: &str| Fault::new(why).at(start..end);
            let (name, attributes) =
                word.split_once('=').ok_or_else(|| fault("has a part without a `=` in it"))?;
            let Some(field) = DirectoryField::ALL.into_iter().find(|field| field.word() == name) else {
                let words = DirectoryField::ALL.map(DirectoryField::word);
                let help = match crate::nearest(name, words.into_iter()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("the fields are {}", words.join(", ")),
                };
                return Err(fault("has a part that begins with no field").help(help));
            };
            let attributes: Vec<String> =
                attributes.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect();
            if !attributes.iter().all(|name| is_attribute(name)) {
                return Err(fault("has a part that does not name an attribute"));
            }
            if map.iter().any(|(other, _)| *other == field) {
                return Err(fault("has a field twice"));
            }
            map.push((field, attributes));
        }
        Ok(map)
    }
}

/// RFC 4512 1.4, `descr`.
fn is_attribute(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}
