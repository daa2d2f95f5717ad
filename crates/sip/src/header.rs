//! Headers as they stand on the wire, in their order.

pub mod name;

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;

use crate::error::{Error, ErrorCode, Place};
use crate::scan::{elements, is_token_byte};

/// One header: the bytes of its line or folded lines, and where in them name and value stand. Cheap to clone.
#[derive(Clone, PartialEq, Eq)]
pub struct Header {
    line: Bytes,
    name: usize,
    value: (usize, usize),
}

impl Header {
    /// A header of one's own. What would end its line becomes a space, and what no name may hold a hyphen.
    pub fn new(name: &str, value: impl AsRef<[u8]>) -> Self {
        let value = value.as_ref();
        let mut line = Vec::with_capacity(name.len() + value.len() + 4);
        line.extend(name.bytes().map(|byte| if is_token_byte(byte) { byte } else { b'-' }));
        let name = line.len();
        line.extend_from_slice(b": ");
        line.extend(value.iter().map(|byte| if matches!(byte, b'\r' | b'\n') { b' ' } else { *byte }));
        let value = trim(&line, name + 1, line.len());
        line.extend_from_slice(b"\r\n");
        Self { line: line.into(), name, value }
    }

    /// Takes a line, or folded lines, ending with CRLF.
    pub(crate) fn parse(line: Bytes) -> Option<Self> {
        let name = line.iter().position(|byte| !is_token_byte(*byte))?;
        let space = line.iter().skip(name).take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        if name == 0 || line.get(name + space) != Some(&b':') {
            return None;
        }
        let value = trim(&line, name + space + 1, line.len());
        Some(Self { line, name, value })
    }

    /// The name as written.
    pub fn name(&self) -> &str {
        self.line.get(..self.name).and_then(|name| std::str::from_utf8(name).ok()).unwrap_or_default()
    }

    /// Whether this is the header of that name; case and compact forms make no difference.
    pub fn is(&self, name: &str) -> bool {
        name::same(self.name(), name)
    }

    /// The value byte for byte, folds included, without the white space around it.
    pub fn value(&self) -> &[u8] {
        self.line.get(self.value.0..self.value.1).unwrap_or_default()
    }

    /// The value as text: folds are one space, and what is no UTF-8 is U+FFFD.
    pub fn text(&self) -> Cow<'_, str> {
        let text = String::from_utf8_lossy(self.value());
        if !text.contains('\n') { text } else { Cow::Owned(unfolded(&text)) }
    }

    /// The whole line or folded lines, CRLF included.
    pub fn line(&self) -> &Bytes {
        &self.line
    }

    /// The same header with `suffix` after its value, in bytes of its own.
    #[must_use]
    pub fn appended(&self, suffix: &str) -> Self {
        Self::with_value(self, &[self.value(), suffix.as_bytes()].concat())
    }

    /// The same header in bytes of its own: one that is kept for long does not keep its message.
    #[must_use]
    pub fn detached(&self) -> Self {
        Self { line: Bytes::copy_from_slice(&self.line), ..*self }
    }

    fn with_value(&self, value: &[u8]) -> Self {
        let before = self.line.get(..self.value.0).unwrap_or_default();
        let after = self.line.get(self.value.1..).unwrap_or_default();
        let line = [before, value, after].concat();
        Self { line: line.into(), name: self.name, value: (self.value.0, self.value.0 + value.len()) }
    }
}

/// Shows the name alone: values hold what people wrote.
impl fmt::Debug for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} bytes", self.name(), self.value().len())
    }
}

fn trim(line: &[u8], start: usize, end: usize) -> (usize, usize) {
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
    let whole = line.get(start..end).unwrap_or_default();
    let before = whole.iter().take_while(|byte| is_space(byte)).count();
    if before == whole.len() {
        return (start, start);
    }
    let after = whole.iter().skip(before).rev().take_while(|byte| is_space(byte)).count();
    (start + before, start + whole.len() - after)
}

fn unfolded(text: &str) -> String {
    let mut lines = text.split("\r\n");
    let mut one = lines.next().unwrap_or_default().to_owned();
    for line in lines {
        one.push(' ');
        one.push_str(line.trim_start_matches([' ', '\t']));
    }
    one
}

/// The headers of a message in their order. Typed readers for the known ones are its methods too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers(Vec<Header>);

impl Headers {
    /// No headers yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// All in their order.
    pub fn iter(&self) -> std::slice::Iter<'_, Header> {
        self.0.iter()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The first of that name.
    pub fn get(&self, name: &str) -> Option<&Header> {
        self.all(name).next()
    }

    /// All of that name in their order.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &Header> {
        let name = name::long(name);
        self.0.iter().filter(move |header| name::long(header.name()).eq_ignore_ascii_case(name))
    }

    /// Whether there is one of that name.
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// The value of the first of that name as text, unfolded.
    pub fn text(&self, name: &str) -> Option<Cow<'_, str>> {
        self.get(name).map(Header::text)
    }

    /// Where the first of that name stands.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.0.iter().position(|header| header.is(name))
    }

    /// The header at a position.
    pub fn at(&self, position: usize) -> Option<&Header> {
        self.0.get(position)
    }

    /// Adds a header after all others.
    pub fn push(&mut self, name: &str, value: impl AsRef<[u8]>) {
        self.0.push(Header::new(name, value));
    }

    /// Adds a header as it is after all others.
    pub fn push_header(&mut self, header: Header) {
        self.0.push(header);
    }

    /// Puts a header before the one at `position`, or after all when there are fewer.
    pub fn insert(&mut self, position: usize, header: Header) {
        self.0.insert(position.min(self.0.len()), header);
    }

    /// Replaces the first of that name at its place and removes the others, or adds one after all.
    pub fn set(&mut self, name: &str, value: impl AsRef<[u8]>) {
        let position = self.position(name).unwrap_or(self.0.len());
        self.remove(name);
        self.insert(position, Header::new(name, value));
    }

    /// Takes away the header at a position.
    pub fn remove_at(&mut self, position: usize) -> Option<Header> {
        (position < self.0.len()).then(|| self.0.remove(position))
    }

    /// Takes away all of that name, and says how many there were.
    pub fn remove(&mut self, name: &str) -> usize {
        let before = self.0.len();
        self.0.retain(|header| !header.is(name));
        before - self.0.len()
    }

    /// The elements of the comma lists in all headers of that name, as text; commas in quotes or angle brackets part nothing.
    pub fn elements(&self, name: &str) -> Result<Vec<String>, Error> {
        let read = |element: &str| Ok(element.to_owned());
        self.each(name, read)
    }

    /// Reads each element of each comma list of that name.
    pub(crate) fn each<T>(
        &self,
        name: &str,
        read: impl Fn(&str) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        let mut values = Vec::new();
        for header in self.all(name) {
            let text = header.text();
            for (offset, element) in elements(&text).map_err(|error| error.in_header(name))? {
                let value = read(element).map_err(|error| moved(error, offset).in_header(name))?;
                values.push(value);
            }
        }
        Ok(values)
    }

    /// Reads a header that may stand once.
    pub(crate) fn once<T>(
        &self,
        name: &str,
        read: impl FnOnce(&str) -> Result<T, Error>,
    ) -> Result<Option<T>, Error> {
        let mut all = self.all(name);
        let Some(header) = all.next() else { return Ok(None) };
        if all.next().is_some() {
            return Err(Error::new(
                ErrorCode::Repeated,
                Place::Header(name.to_owned(), 0),
                "one such header",
            ));
        }
        read(&header.text()).map(Some).map_err(|error| error.in_header(name))
    }

    /// Reads a header that has to stand once.
    pub(crate) fn one<T>(&self, name: &str, read: impl FnOnce(&str) -> Result<T, Error>) -> Result<T, Error> {
        self.once(name, read)?.ok_or_else(|| missing(name))
    }
}

pub(crate) fn missing(name: &str) -> Error {
    Error::new(ErrorCode::Missing, Place::Header(name.to_owned(), 0), "the header")
}

fn moved(mut error: Error, by: usize) -> Error {
    if let Place::Text(at) = &mut error.place {
        *at += by;
    }
    error
}

impl<'a> IntoIterator for &'a Headers {
    type Item = &'a Header;
    type IntoIter = std::slice::Iter<'a, Header>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl FromIterator<Header> for Headers {
    fn from_iter<T: IntoIterator<Item = Header>>(headers: T) -> Self {
        Self(headers.into_iter().collect())
    }
}
