//! The keys that a file gives, on their way to becoming values.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use crate::{
    code,
    diagnostic::Problems,
    document::Attribute,
    kind::{Fault, Kind},
    lookup::{Lookup, Reference},
    source::{Source, Span},
};

/// What is needed to turn the text of a value into the value.
pub(crate) struct Reading<'a> {
    pub(crate) problems: Problems<'a>,
    /// Where relative paths start.
    pub(crate) folder: &'a Path,
    pub(crate) lookup: &'a dyn Lookup,
}

impl<'a> Reading<'a> {
    /// Reads a value, and says by which reference it came; None after a fault, which has been reported.
    ///
    /// `name` is how messages call it. No message repeats the value itself.
    pub(crate) fn value<K: Kind>(
        &mut self,
        name: &str,
        given: &Attribute<'a>,
        kind: &K,
    ) -> Option<(K::Value, Option<Reference>)> {
        let reference = Reference::parse(&given.value);
        let resolved = match &reference {
            None => Ok(given.value.clone().into_owned()),
            Some(reference) => reference.resolve(self.folder, self.lookup),
        };
        let text = match resolved {
            Ok(text) => text,
            Err(fault) => {
                let message = format!("{name} {}", fault.why);
                self.problems.error(
                    &code::UNRESOLVED,
                    given.span,
                    message,
                    "expected a value that can be read",
                );
                return None;
            }
        };
        match kind.read(&text, self.folder) {
            Ok(value) => Some((value, reference)),
            Err(fault) => {
                self.report(name, given, reference.is_some(), &text, fault, kind.expected());
                None
            }
        }
    }

    fn report(
        &mut self,
        name: &str,
        given: &Attribute<'a>,
        referred: bool,
        text: &str,
        fault: Fault,
        expected: String,
    ) {
        let mut span = given.span;
        // A part can be pointed at only where the file's text is the value itself, without entities.
        let whole = span.end - span.start == text.len();
        if let Some(part) = fault.part.filter(|_| whole && !referred) {
            span = Span { start: given.span.start + part.start, end: given.span.start + part.end };
        }
        let message = format!("{name} {}", fault.why);
        let problem =
            self.problems.error(&code::INVALID_VALUE, span, message, format!("expected {expected}"));
        if let Some(help) = fault.help {
            problem.note(format!("help: {help}"));
        }
        if referred {
            problem.note("note: the value itself is not shown, because it does not stand in this file");
        }
    }
}

/// The keys of `appSettings` that a file gives, at most once each.
pub(crate) struct Settings<'a, 'd> {
    pub(crate) reading: Reading<'a>,
    pub(crate) given: BTreeMap<&'static str, &'d Attribute<'a>>,
    /// Keys whose values could not be read.
    failed: BTreeSet<&'static str>,
    references: BTreeMap<&'static str, Reference>,
}

impl<'a, 'd> Settings<'a, 'd> {
    pub(crate) fn new(reading: Reading<'a>, given: BTreeMap<&'static str, &'d Attribute<'a>>) -> Self {
        Self { reading, given, failed: BTreeSet::new(), references: BTreeMap::new() }
    }

    /// Reads a configuration of which no file gives anything.
    pub(crate) fn of_defaults<T>(read: impl FnOnce(&mut Settings<'_, '_>) -> T) -> T {
        let source = Source::new("");
        let problems = Problems::new("", Some(&source));
        let reading = Reading { problems, folder: Path::new(""), lookup: &crate::lookup::System };
        read(&mut Settings::new(reading, BTreeMap::new()))
    }

    /// The value of a key, else its default.
    pub(crate) fn read<K: Kind>(&mut self, key: &'static str, kind: &K, default: &str) -> K::Value {
        if let Some(given) = self.given.get(key).copied() {
            match self.reading.value(key, given, kind) {
                Some((value, reference)) => {
                    self.references.extend(reference.map(|reference| (key, reference)));
                    return value;
                }
                None => {
                    self.failed.insert(key);
                }
            }
        }
        kind.read(default, Path::new(""))
            .unwrap_or_else(|fault| unreachable!("the table's default of {key} {}", fault.why))
    }

    pub(crate) fn take_references(&mut self) -> BTreeMap<&'static str, Reference> {
        std::mem::take(&mut self.references)
    }

    /// Whether all these keys have values that can be compared.
    pub(crate) fn all_read(&self, keys: &[&str]) -> bool {
        keys.iter().all(|key| !self.failed.contains(key))
    }

    /// Where the first of these keys that the file gives has its value.
    pub(crate) fn place_of(&self, keys: &[&str]) -> Option<Span> {
        keys.iter().find_map(|key| self.given.get(key)).map(|given| given.span)
    }
}
