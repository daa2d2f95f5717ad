//! How a `<backend>` becomes a [`BackendConfig`].

use std::collections::BTreeMap;

use super::{
    ATTRIBUTES, BackendConfig, CA_FILE, DOMAIN, HOST, KIND, LOGIN_RATE, PORT, SERVER_NAME, TLS, XmppBackend,
    XmppTls,
};
use crate::{
    code,
    document::Element,
    kind::Kind,
    lookup::Reference,
    rule::check_file,
    section::{only_attributes, required},
    settings::Reading,
};

/// Reads all backends; `login_rate` holds for those that do not set their own.
pub(crate) fn read<'a>(
    elements: &[&Element<'a>],
    login_rate: u32,
    reading: &mut Reading<'a>,
) -> Vec<BackendConfig> {
    let mut backends: Vec<BackendConfig> = Vec::new();
    let mut lines: BTreeMap<String, usize> = BTreeMap::new();
    for element in elements {
        let Some(xmpp) = xmpp(element, login_rate, reading) else {
            continue;
        };
        if let (Some(file), Some(given)) = (&xmpp.ca_file, element.attribute("caFile")) {
            check_file("`caFile`", file, given.span, reading);
        }
        let span = element.attribute("domain").map_or(element.span, |domain| domain.span);
        let line = reading.problems.line(span.start);
        if let Some(first) = lines.insert(xmpp.domain.clone(), line) {
            let message = "two backends have the same domain";
            let problem = reading.problems.error(&code::DUPLICATE, span, message, "expected another domain");
            problem.note(format!("note: the other is in line {first}"));
        }
        backends.push(BackendConfig::Xmpp(xmpp));
    }
    backends
}

/// None after a fault, which has been reported; all attributes are looked at first.
fn xmpp<'a>(element: &Element<'a>, login_rate: u32, reading: &mut Reading<'a>) -> Option<XmppBackend> {
    let known: Vec<&str> = ATTRIBUTES.iter().map(|attribute| attribute.name).collect();
    only_attributes(element, &known, &mut reading.problems);
    let mut attributes = Attributes { element, reading, referred: Vec::new() };
    let kind = attributes.required("kind", &KIND);
    let domain = attributes.required("domain", &DOMAIN);
    let host = attributes.required("host", &HOST);
    let tls = attributes.optional("tls", &TLS);
    let port = attributes.optional("port", &PORT);
    let ca_file = attributes.optional("caFile", &CA_FILE);
    let server_name = attributes.optional("serverName", &SERVER_NAME);
    let rate = attributes.optional("loginRate", &LOGIN_RATE);
    let referred = attributes.referred;
    kind?;
    let (domain, tls) = (domain?, tls?.unwrap_or(XmppTls::StartTls));
    Some(XmppBackend {
        host: host?,
        port: port?.unwrap_or(tls.default_port()),
        tls,
        ca_file: ca_file?.flatten(),
        server_name: server_name?.unwrap_or_else(|| domain.clone()),
        domain,
        login_rate: rate?.unwrap_or(login_rate),
        referred,
    })
}

struct Attributes<'a, 'r> {
    element: &'r Element<'a>,
    reading: &'r mut Reading<'a>,
    referred: Vec<(&'static str, Reference)>,
}

impl<'a> Attributes<'a, '_> {
    fn required<K: Kind>(&mut self, name: &'static str, kind: &K) -> Option<K::Value> {
        required(self.element, name, &mut self.reading.problems)?;
        self.optional(name, kind)?
    }

    /// None after a fault; Some(None) when the attribute is absent.
    fn optional<K: Kind>(&mut self, name: &'static str, kind: &K) -> Option<Option<K::Value>> {
        let Some(given) = self.element.attribute(name) else {
            return Some(None);
        };
        let (value, reference) = self.reading.value(&format!("`{name}`"), given, kind)?;
        self.referred.extend(reference.map(|reference| (name, reference)));
        Some(Some(value))
    }
}
