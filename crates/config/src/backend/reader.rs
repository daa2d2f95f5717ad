//! How a `<backend>` becomes a [`BackendConfig`].

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use super::{Attribute, BackendConfig, DOMAIN, KIND, Sort, lync, xmpp};
use crate::{
    code::{self, Code},
    diagnostic::Diagnostic,
    document::Element,
    kind::{FilePath, Kind},
    lookup::Reference,
    rule::{self, check_file},
    section::{only_attributes, required},
    settings::Reading,
    source::Span,
};

/// What backends share with the rest of the file.
pub(crate) struct Surroundings {
    /// Holds for XMPP backends that do not set their own.
    pub(crate) login_rate: u32,
    /// Where the relay's own listeners are, by their keys.
    pub(crate) listeners: Vec<(&'static str, SocketAddr)>,
}

/// Reads all backends.
pub(crate) fn read<'a>(
    elements: &[&Element<'a>],
    surroundings: &Surroundings,
    reading: &mut Reading<'a>,
) -> Vec<BackendConfig> {
    let mut backends = Vec::new();
    let mut domains = BTreeMap::new();
    let mut listeners: Vec<(String, SocketAddr)> =
        surroundings.listeners.iter().map(|(key, at)| ((*key).to_owned(), *at)).collect();
    for element in elements {
        let Some(backend) = backend(element, surroundings, reading) else {
            continue;
        };
        one_of_a_domain(&backend, element, &mut domains, reading);
        if let BackendConfig::Lync(lync) = &backend {
            alone_at_its_address(lync.listen, element, &mut listeners, reading);
        }
        backends.push(backend);
    }
    backends
}

fn one_of_a_domain<'a>(
    backend: &BackendConfig,
    element: &Element<'a>,
    lines: &mut BTreeMap<String, usize>,
    reading: &mut Reading<'a>,
) {
    let span = place(element, "domain");
    let line = reading.problems.line(span.start);
    if let Some(first) = lines.insert(backend.domain().to_owned(), line) {
        let message = "two backends have the same domain";
        let problem = reading.problems.error(&code::DUPLICATE, span, message, "expected another domain");
        problem.note(format!("note: the other is in line {first}"));
    }
}

fn alone_at_its_address<'a>(
    listen: SocketAddr,
    element: &Element<'a>,
    listeners: &mut Vec<(String, SocketAddr)>,
    reading: &mut Reading<'a>,
) {
    let span = place(element, "listen");
    if let Some((other, _)) = listeners.iter().find(|(_, other)| rule::clash(listen, *other)) {
        let message = format!("`listen` and {other} cannot both listen on port {}", listen.port());
        reading.problems.error(&code::CONFLICT, span, message, "expected another port");
    }
    if listen.port() == 0 {
        let label = "expected the port that the topology has for the trusted application";
        reading.problems.warning(&code::UNWISE, span, "`listen` leaves its port to chance", label);
    }
    listeners.push((format!("the one in line {}", reading.problems.line(span.start)), listen));
}

/// None after a fault, which has been reported; all attributes are looked at first.
fn backend<'a>(
    element: &Element<'a>,
    surroundings: &Surroundings,
    reading: &mut Reading<'a>,
) -> Option<BackendConfig> {
    let mut attributes = Attributes::new(element, reading);
    let sort = attributes.required("kind", &KIND);
    attributes.no_others(sort);
    let domain = attributes.required("domain", &DOMAIN);
    match sort? {
        Sort::Xmpp => xmpp::read(domain, surroundings.login_rate, &mut attributes).map(BackendConfig::Xmpp),
        Sort::Lync => lync::read(domain, &mut attributes).map(BackendConfig::Lync),
    }
}

/// Where an attribute stands, else its element.
pub(crate) fn place(element: &Element<'_>, name: &str) -> Span {
    element.attribute(name).map_or(element.span, |given| given.span)
}

/// The attributes of one element, on their way to becoming values.
pub(crate) struct Attributes<'a, 'r> {
    element: &'r Element<'a>,
    reading: &'r mut Reading<'a>,
    referred: Vec<(&'static str, Reference)>,
}

impl<'a, 'r> Attributes<'a, 'r> {
    pub(crate) fn new(element: &'r Element<'a>, reading: &'r mut Reading<'a>) -> Self {
        Self { element, reading, referred: Vec::new() }
    }

    pub(crate) fn required<K: Kind>(&mut self, name: &'static str, kind: &K) -> Option<K::Value> {
        required(self.element, name, &mut self.reading.problems)?;
        self.optional(name, kind)?
    }

    /// None after a fault; Some(None) when the attribute is absent.
    pub(crate) fn optional<K: Kind>(&mut self, name: &'static str, kind: &K) -> Option<Option<K::Value>> {
        let Some(given) = self.element.attribute(name) else {
            return Some(None);
        };
        let (value, reference) = self.reading.value(&format!("`{name}`"), given, kind)?;
        self.referred.extend(reference.map(|reference| (name, reference)));
        Some(Some(value))
    }

    /// A file that must be named and there.
    pub(crate) fn file(&mut self, name: &'static str, kind: &FilePath) -> Option<PathBuf> {
        let file = self.required(name, kind)?;
        self.check_file(name, &file);
        Some(file)
    }

    pub(crate) fn check_file(&mut self, name: &str, file: &Path) {
        check_file(&format!("`{name}`"), file, place(self.element, name), self.reading);
    }

    /// Reports at an attribute.
    pub(crate) fn error(
        &mut self,
        code: &'static Code,
        name: &str,
        message: &str,
        label: &str,
    ) -> &mut Diagnostic {
        self.reading.problems.error(code, place(self.element, name), message, label)
    }

    /// Warns at an attribute.
    pub(crate) fn warning(&mut self, code: &'static Code, name: &str, message: &str, label: &str) {
        let span = place(self.element, name);
        self.reading.problems.warning(code, span, message, label);
    }

    /// Reports what is not among the names of a table.
    pub(crate) fn only(&mut self, table: &[Attribute]) {
        let known: Vec<&str> = table.iter().map(|attribute| attribute.name).collect();
        only_attributes(self.element, &known, &mut self.reading.problems);
    }

    /// What came by reference, so that it is not shown.
    pub(crate) fn referred(&mut self) -> Vec<(&'static str, Reference)> {
        std::mem::take(&mut self.referred)
    }

    /// Reports what backends of this sort do not have; without a sort, what none has.
    fn no_others(&mut self, sort: Option<Sort>) {
        let sorts = sort.map_or(Sort::ALL.to_vec(), |sort| vec![sort]);
        let mut known: Vec<&str> = Vec::new();
        for name in sorts.iter().flat_map(|sort| sort.attributes()).map(|attribute| attribute.name) {
            if !known.contains(&name) {
                known.push(name);
            }
        }
        only_attributes(self.element, &known, &mut self.reading.problems);
    }
}
