//! Headers as they stand on the wire, in their order.

pub mod name;

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use bytes::Bytes;

use crate::error::{Error, ErrorCode, Place};
use crate::scan::{elements, is_token_byte, parted, trimmed};

/// One header: the bytes of its line or folded lines, and where in them name and value stand. Cheap to clone.
#[derive(Clone, PartialEq, Eq)]
pub struct Header {
    line: Bytes,
    name: usize,
    value: Range<usize>,
}

impl Header {
    /// A header of one's own. A line end that is no fold becomes spaces, and what no name may hold a hyphen.
    pub fn new(name: &str, value: impl AsRef<[u8]>) -> Self {
        let value = value.as_ref();
        let mut line = Vec::with_capacity(name.len() + value.len() + 4);
        line.extend(name.bytes().map(|byte| if is_token_byte(byte) { byte } else { b'-' }));
        let name = line.len();
        line.extend_from_slice(b": ");
        push_value(&mut line, value);
        let value = trimmed(&line, name + 1..line.len());
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
        let value = trimmed(&line, name + space + 1..line.len());
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
        self.line.get(self.value.clone()).unwrap_or_default()
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
        let (before, after) = self.line.split_at(self.value.end);
        let mut line = before.to_vec();
        push_value(&mut line, suffix.as_bytes());
        let value = self.value.start..line.len();
        line.extend_from_slice(after);
        Self { line: line.into(), name: self.name, value }
    }

    /// The same header in bytes of its own: one that is kept for long does not keep its message.
    #[must_use]
    pub fn detached(&self) -> Self {
        Self { line: Bytes::copy_from_slice(&self.line), name: self.name, value: self.value.clone() }
    }
}

/// Shows the name alone: values hold what people wrote.
impl fmt::Debug for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} bytes", self.name(), self.value().len())
    }
}

/// Adds what may stand in a line; a CRLF stays where white space makes a fold of it, unless it is the value's end.
fn push_value(line: &mut Vec<u8>, value: &[u8]) {
    let value = value.get(trimmed(value, 0..value.len())).unwrap_or_default();
    let is_fold = |at: usize| matches!(value.get(at..at + 3), Some([b'\r', b'\n', b' ' | b'\t']));
    for (at, byte) in value.iter().enumerate() {
        let stays = match byte {
            b'\r' => is_fold(at),
            b'\n' => at > 0 && is_fold(at - 1),
            _ => true,
        };
        line.push(if stays { *byte } else { b' ' });
    }
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
        self.each(name, |element| Ok(element.to_owned()))
    }

    /// The same elements byte for byte, folds within them included: what a Route echoes of a Record-Route.
    pub fn raw_elements(&self, name: &str) -> Result<Vec<Bytes>, Error> {
        let mut all = Vec::new();
        for header in self.all(name) {
            let ranges = parted(header.value()).map_err(|error| error.in_header(name))?;
            let start = header.value.start;
            all.extend(
                ranges.into_iter().map(|range| header.line.slice(start + range.start..start + range.end)),
            );
        }
        Ok(all)
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
