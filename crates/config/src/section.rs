//! What the elements of a file mean.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    code,
    config::KEYS,
    diagnostic::{Problems, quoted, tag},
    document::{Attribute, Document, Element},
    foreign,
    key::{self, Key},
    source::Span,
    suggest::nearest,
};

/// The parts of a file that mean something.
pub(crate) struct Sections<'a, 'd> {
    pub(crate) settings: BTreeMap<&'static str, &'d Attribute<'a>>,
    pub(crate) backends: Vec<&'d Element<'a>>,
    pub(crate) directories: Vec<&'d Element<'a>>,
}

/// Sorts the elements of a file, and reports what does not belong there.
pub(crate) fn sort<'a, 'd>(document: &'d Document<'a>, problems: &mut Problems<'_>) -> Sections<'a, 'd> {
    let mut sections = Sections { settings: BTreeMap::new(), backends: Vec::new(), directories: Vec::new() };
    let mut roots = document.roots.iter();
    match roots.next() {
        Some(root) if root.name == "configuration" => configuration(root, &mut sections, problems),
        Some(root) => {
            let message = format!("the file is {}, not a configuration", tag(root.name));
            problems.error(&code::UNKNOWN_ELEMENT, root.span, message, "expected `<configuration>`");
        }
        None if !document.damaged => {
            let message = "the file holds no configuration";
            let span = Span { start: 0, end: 0 };
            problems.error(&code::MALFORMED, span, message, "expected `<configuration>`");
        }
        None => {}
    }
    for other in roots {
        let message = "there is an element after `</configuration>`";
        problems.error(&code::MALFORMED, other.span, message, "expected nothing more");
    }
    sections
}

fn configuration<'a, 'd>(
    root: &'d Element<'a>,
    sections: &mut Sections<'a, 'd>,
    problems: &mut Problems<'_>,
) {
    only_attributes(root, &[], problems);
    no_text(root, problems);
    let declared: BTreeSet<&str> = root
        .children
        .iter()
        .filter(|section| section.name == "configSections")
        .flat_map(|section| &section.children)
        .filter_map(|section| section.attribute("name"))
        .map(|name| name.value.as_ref())
        .collect();
    let mut ignored = BTreeSet::new();
    for section in &root.children {
        match section.name {
            "appSettings" => app_settings(section, sections, problems),
            "backends" => list(section, "backend", &mut sections.backends, problems),
            "directories" => list(section, "directory", &mut sections.directories, problems),
            name if foreign::is_dotnet_section(name) || declared.contains(name) => {
                if ignored.insert(name) {
                    let message = format!("the section {} is ignored", tag(name));
                    let label = ".NET reads it, Trunkline does not";
                    problems.warning(&code::IGNORED, section.span, message, label);
                }
            }
            name => unknown_element(
                section,
                name,
                &["appSettings", "backends", "directories"],
                "configuration",
                problems,
            ),
        }
    }
}

fn app_settings<'a, 'd>(
    section: &'d Element<'a>,
    sections: &mut Sections<'a, 'd>,
    problems: &mut Problems<'_>,
) {
    only_attributes(section, &[], problems);
    no_text(section, problems);
    for element in &section.children {
        match element.name {
            "add" => add(element, &mut sections.settings, problems),
            name @ ("clear" | "remove") => {
                let message = format!("{} has nothing to take away", tag(name));
                let label = "expected `<add key=\"…\" value=\"…\" />`";
                let problem = problems.error(&code::UNKNOWN_ELEMENT, element.span, message, label);
                problem.note("note: no other file is merged into this one");
            }
            name => unknown_element(element, name, &["add"], "appSettings", problems),
        }
    }
}

fn add<'a, 'd>(
    element: &'d Element<'a>,
    settings: &mut BTreeMap<&'static str, &'d Attribute<'a>>,
    problems: &mut Problems<'_>,
) {
    only_attributes(element, &["key", "value"], problems);
    no_content(element, problems);
    let Some(name) = required(element, "key", problems) else {
        return;
    };
    let Some(key) = key::find(&name.value) else {
        return unknown_key(name, problems);
    };
    let Some(value) = required(element, "value", problems) else {
        return;
    };
    if let Some(first) = settings.get(key.name) {
        let line = problems.line(first.span.start);
        let message = format!("{} is given twice", key.name);
        let problem = problems.error(&code::DUPLICATE, name.span, message, "expected it once");
        problem.note(format!("note: the first is in line {line}"));
        return;
    }
    settings.insert(key.name, value);
}

fn unknown_key(name: &Attribute<'_>, problems: &mut Problems<'_>) {
    let message = format!("there is no key {}", quoted(name.value.trim()));
    if let Some(sentence) = foreign::replacement(&name.value) {
        problems.error(&code::UNKNOWN_KEY, name.span, message, "").note(format!("help: {sentence}"));
        return;
    }
    if let Some(near) = nearest(name.value.trim(), KEYS.iter().map(|key: &Key| key.name)) {
        problems.error(&code::UNKNOWN_KEY, name.span, message, format!("did you mean `{near}`?"));
        return;
    }
    let problem = problems.error(&code::UNKNOWN_KEY, name.span, message, "expected a key of Trunkline");
    match foreign::subject(&name.value) {
        Some(sentence) => problem.note(format!("help: {sentence}")),
        None => problem.note("help: docs/configuration.md lists every key"),
    };
}

/// A section of elements that all have one name.
fn list<'a, 'd>(
    section: &'d Element<'a>,
    name: &str,
    found: &mut Vec<&'d Element<'a>>,
    problems: &mut Problems<'_>,
) {
    only_attributes(section, &[], problems);
    no_text(section, problems);
    for element in &section.children {
        if element.name == name {
            no_content(element, problems);
            found.push(element);
        } else {
            unknown_element(element, element.name, &[name], section.name, problems);
        }
    }
}

/// The attribute that must be there; reports when it is not, unless the element was damaged
/// or has one with nearly that name, which has been reported.
pub(crate) fn required<'a, 'd>(
    element: &'d Element<'a>,
    name: &str,
    problems: &mut Problems<'_>,
) -> Option<&'d Attribute<'a>> {
    let found = element.attribute(name);
    let misspelt = |attribute: &Attribute<'_>| nearest(attribute.name, [name].into_iter()).is_some();
    if found.is_none() && !element.damaged && !element.attributes.iter().any(misspelt) {
        let message = format!("{} has no {}", tag(element.name), quoted(name));
        problems.error(&code::MISSING_ATTRIBUTE, element.span, message, format!("expected `{name}=\"…\"`"));
    }
    found
}

/// Reports every attribute that is not one of `known`.
pub(crate) fn only_attributes(element: &Element<'_>, known: &[&str], problems: &mut Problems<'_>) {
    for attribute in &element.attributes {
        let name = attribute.name;
        if known.contains(&name) || name == "xmlns" || name.starts_with("xmlns:") {
            continue;
        }
        let message = format!("{} has no attribute {}", tag(element.name), quoted(name));
        let label = match nearest(name, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None if known.is_empty() => "expected no attribute".to_owned(),
            None => format!("expected one of {}", known.join(", ")),
        };
        let problem = problems.error(&code::UNKNOWN_ATTRIBUTE, attribute.name_span, message, label);
        if matches!(name, "file" | "configSource") {
            problem.note("note: settings are read from this file alone");
        }
    }
}

fn no_text(element: &Element<'_>, problems: &mut Problems<'_>) {
    if let Some(text) = element.text {
        let message = format!("there is text in {}", tag(element.name));
        problems.error(&code::STRAY_TEXT, text, message, "expected elements and comments only");
    }
}

fn no_content(element: &Element<'_>, problems: &mut Problems<'_>) {
    no_text(element, problems);
    if let Some(child) = element.children.first() {
        let message = format!("there is an element in {}", tag(element.name));
        problems.error(&code::UNKNOWN_ELEMENT, child.span, message, "expected nothing in it");
    }
}

fn unknown_element(
    element: &Element<'_>,
    name: &str,
    known: &[&str],
    parent: &str,
    problems: &mut Problems<'_>,
) {
    let message = format!("{} has no element {}", tag(parent), tag(name));
    let expected: Vec<_> = known.iter().map(|name| format!("`<{name}>`")).collect();
    let label = match nearest(name, known.iter().copied()) {
        Some(near) => format!("did you mean `<{near}>`?"),
        None => format!("expected {}", expected.join(" or ")),
    };
    let problem = problems.error(&code::UNKNOWN_ELEMENT, element.span, message, label);
    if let Some(key) = key::find(name) {
        problem.note(format!("help: write `<add key=\"{}\" value=\"…\" />` in `<appSettings>`", key.name));
    }
}
