//! XML as a small tree: prefixes are kept but never looked at, since servers and clients choose them freely.

mod parse;
mod write;

use std::str::FromStr;

pub use parse::parse;

use super::{BodyCode, BodyError};

/// Deepest nesting of elements that is read.
pub const MAX_DEPTH: usize = 32;
/// Most elements that one document may have.
pub const MAX_ELEMENTS: usize = 20_000;
/// Most attributes that one element may have.
pub const MAX_ATTRIBUTES: usize = 64;
/// Longest name of an element or attribute, in bytes.
pub const MAX_NAME: usize = 128;

/// An element with its prefix, attributes and content as they were read or shall be written.
#[derive(Clone, Eq)]
pub struct Element {
    name: String,
    attributes: Vec<(String, String)>,
    nodes: Vec<Node>,
    offset: usize,
}

#[derive(Clone, PartialEq, Eq)]
enum Node {
    Element(Element),
    Text(String),
}

/// Where an element stood makes no difference.
impl PartialEq for Element {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.attributes == other.attributes && self.nodes == other.nodes
    }
}

/// Shows names and sizes: content may be what people wrote.
impl std::fmt::Debug for Element {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "<{} +{} {{{}}}>", self.name, self.attributes.len(), self.nodes.len())
    }
}

/// Building, for writers.
impl Element {
    /// An empty element; `name` may have a prefix.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), attributes: Vec::new(), nodes: Vec::new(), offset: 0 }
    }

    /// With an attribute more.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.attributes.push((name.to_owned(), value.to_string()));
        self
    }

    /// With an attribute if there is a value for it.
    #[must_use]
    pub fn with_some(self, name: &str, value: Option<impl ToString>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// With a child more.
    #[must_use]
    pub fn child(mut self, child: Self) -> Self {
        self.nodes.push(Node::Element(child));
        self
    }

    /// With children more.
    #[must_use]
    pub fn children(mut self, children: impl IntoIterator<Item = Self>) -> Self {
        self.nodes.extend(children.into_iter().map(Node::Element));
        self
    }

    /// With a child that holds nothing but text.
    #[must_use]
    pub fn leaf(self, name: &str, text: impl ToString) -> Self {
        self.child(Self::new(name).text(text))
    }

    /// With such a child if there is a text for it.
    #[must_use]
    pub fn leaf_some(self, name: &str, text: Option<impl ToString>) -> Self {
        match text {
            Some(text) => self.leaf(name, text),
            None => self,
        }
    }

    /// With text more.
    #[must_use]
    pub fn text(mut self, text: impl ToString) -> Self {
        self.push_text(&text.to_string());
        self
    }

    fn push_text(&mut self, text: &str) {
        let clean = text.chars().filter(|c| is_xml(*c));
        match self.nodes.last_mut() {
            Some(Node::Text(last)) => last.extend(clean),
            _ => {
                let clean: String = clean.collect();
                if !clean.is_empty() {
                    self.nodes.push(Node::Text(clean));
                }
            }
        }
    }
}

/// Asking, for readers.
impl Element {
    /// The name without its prefix.
    #[must_use]
    pub fn local(&self) -> &str {
        local(&self.name)
    }

    /// Bytes from the start of the document to the element.
    #[must_use]
    pub const fn offset(&self) -> usize {
        self.offset
    }

    /// The value of an attribute by its local name; one without prefix comes first.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&str> {
        let plain = self.attributes.iter().find(|(key, _)| key == name);
        let prefixed =
            || self.attributes.iter().find(|(key, _)| local(key) == name && !key.starts_with("xmlns:"));
        plain.or_else(prefixed).map(|(_, value)| value.as_str())
    }

    /// All children that are elements, in order.
    pub fn elements(&self) -> impl Iterator<Item = &Self> {
        self.nodes.iter().filter_map(|node| match node {
            Node::Element(element) => Some(element),
            Node::Text(_) => None,
        })
    }

    /// The children of a local name, in order.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.elements().filter(move |element| element.local() == name)
    }

    /// The first child of a local name.
    #[must_use]
    pub fn first(&self, name: &str) -> Option<&Self> {
        self.elements().find(|element| element.local() == name)
    }

    /// The first descendant on a path of local names.
    #[must_use]
    pub fn at(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |element, name| element.first(name))
    }

    /// The text directly inside, as it stands.
    #[must_use]
    pub fn content(&self) -> String {
        let texts = self.nodes.iter().filter_map(|node| match node {
            Node::Text(text) => Some(text.as_str()),
            Node::Element(_) => None,
        });
        texts.collect()
    }

    /// The text of a child without white space around it, if there is any.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<String> {
        let content = self.first(name)?.content();
        let trimmed = content.trim();
        (!trimmed.is_empty()).then(|| trimmed.to_owned())
    }

    /// # Errors
    /// [`BodyCode::WrongRoot`] if the element has another local name.
    pub fn root(self, name: &'static str) -> Result<Self, BodyError> {
        if self.local() == name {
            return Ok(self);
        }
        Err(BodyError::new(BodyCode::WrongRoot, &self.name, self.offset, name))
    }

    /// # Errors
    /// [`BodyCode::Missing`] if there is no such child.
    pub fn need(&self, name: &'static str) -> Result<&Self, BodyError> {
        self.first(name).ok_or_else(|| BodyError::new(BodyCode::Missing, &self.name, self.offset, name))
    }

    /// # Errors
    /// [`BodyCode::Missing`] if there is no such attribute.
    pub fn need_attribute(&self, name: &'static str) -> Result<&str, BodyError> {
        self.attribute(name).ok_or_else(|| BodyError::new(BodyCode::Missing, &self.name, self.offset, name))
    }

    /// # Errors
    /// [`BodyCode::Missing`] if there is no such child with text in it.
    pub fn need_value(&self, name: &'static str) -> Result<String, BodyError> {
        self.value(name).ok_or_else(|| BodyError::new(BodyCode::Missing, &self.name, self.offset, name))
    }

    /// # Errors
    /// [`BodyCode::BadValue`] if the attribute is there and no number.
    pub fn number<T: FromStr>(&self, name: &'static str) -> Result<Option<T>, BodyError> {
        self.attribute(name).map(|value| self.parsed(value, name)).transpose()
    }

    /// # Errors
    /// [`BodyCode::Missing`] or [`BodyCode::BadValue`] if the attribute is not there or no number.
    pub fn need_number<T: FromStr>(&self, name: &'static str) -> Result<T, BodyError> {
        self.parsed(self.need_attribute(name)?, name)
    }

    /// # Errors
    /// [`BodyCode::BadValue`] if the child is there and its text no number.
    pub fn child_number<T: FromStr>(&self, name: &'static str) -> Result<Option<T>, BodyError> {
        self.value(name).map(|value| self.parsed(&value, name)).transpose()
    }

    /// What an attribute says of yes and no; `None` if it says neither.
    #[must_use]
    pub fn flag(&self, name: &str) -> Option<bool> {
        flag(self.attribute(name)?)
    }

    fn parsed<T: FromStr>(&self, value: &str, expected: &'static str) -> Result<T, BodyError> {
        value
            .trim()
            .parse()
            .map_err(|_| BodyError::new(BodyCode::BadValue, &self.name, self.offset, expected))
    }
}

/// Yes and no as XML Schema spells them, in any case.
pub(crate) fn flag(text: &str) -> Option<bool> {
    match text.trim() {
        "1" => Some(true),
        "0" => Some(false),
        word if word.eq_ignore_ascii_case("true") => Some(true),
        word if word.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

fn local(name: &str) -> &str {
    name.rsplit_once(':').map_or(name, |(_, local)| local)
}

/// Characters that XML 1.0 can carry at all.
const fn is_xml(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}
