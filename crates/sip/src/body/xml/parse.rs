use quick_xml::{
    Reader, XmlVersion,
    events::{BytesRef, BytesStart, Event},
};

use super::{Element, MAX_ATTRIBUTES, MAX_DEPTH, MAX_ELEMENTS, MAX_NAME, Node, is_xml};
use crate::body::{BodyCode, BodyError, MAX_BODY};

/// Reads a whole document.
///
/// # Errors
/// What is not well-formed UTF-8 XML, has a document type, refers to entities or exceeds the limits of this module.
pub fn parse(body: &[u8]) -> Result<Element, BodyError> {
    if body.len() > MAX_BODY {
        return Err(BodyError::new(BodyCode::TooLarge, "body", MAX_BODY, "at most 1 MiB"));
    }
    let text = std::str::from_utf8(body)
        .map_err(|error| BodyError::new(BodyCode::NotUtf8, "body", error.valid_up_to(), "UTF-8"))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = Reader::from_str(text);
    let mut tree = Tree::default();
    loop {
        let at = offset(reader.buffer_position());
        let event = reader.read_event().map_err(|_| malformed("markup", offset(reader.error_position())))?;
        match event {
            Event::Start(tag) => tree.open(&tag, at)?,
            Event::Empty(tag) => {
                tree.open(&tag, at)?;
                tree.close();
            }
            Event::End(_) => tree.close(),
            Event::Text(text) => tree.text(&text.xml10_content(), at)?,
            Event::CData(text) => tree.text(&text.xml10_content(), at)?,
            Event::GeneralRef(reference) => {
                tree.text(resolve(&reference, at)?.encode_utf8(&mut [0; 4]), at)?
            }
            Event::DocType(_) => {
                return Err(BodyError::new(BodyCode::Dtd, "DOCTYPE", at, "no document type"));
            }
            Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
            Event::Eof => return tree.finish(at),
        }
    }
}

#[derive(Default)]
struct Tree {
    open: Vec<Element>,
    root: Option<Element>,
    count: usize,
}

impl Tree {
    fn open(&mut self, tag: &BytesStart<'_>, at: usize) -> Result<(), BodyError> {
        if self.open.is_empty() && self.root.is_some() {
            return Err(malformed("second root", at));
        }
        self.count += 1;
        if self.count > MAX_ELEMENTS {
            return Err(BodyError::new(BodyCode::TooMany, "elements", at, "at most 20000 elements"));
        }
        if self.open.len() >= MAX_DEPTH {
            return Err(BodyError::new(BodyCode::TooDeep, "elements", at, "at most 32 levels"));
        }
        self.open.push(element(tag, at)?);
        Ok(())
    }

    fn close(&mut self) {
        let Some(done) = self.open.pop() else { return };
        match self.open.last_mut() {
            Some(parent) => parent.nodes.push(Node::Element(done)),
            None => self.root = Some(done),
        }
    }

    fn text(&mut self, text: &str, at: usize) -> Result<(), BodyError> {
        match self.open.last_mut() {
            Some(element) => element.push_text(text),
            None if text.trim().is_empty() => {}
            None => return Err(malformed("text outside the root", at)),
        }
        Ok(())
    }

    fn finish(self, at: usize) -> Result<Element, BodyError> {
        if let Some(element) = self.open.last() {
            return Err(malformed(&element.name, at));
        }
        self.root.ok_or_else(|| BodyError::new(BodyCode::Missing, "document", at, "a root element"))
    }
}

fn element(tag: &BytesStart<'_>, at: usize) -> Result<Element, BodyError> {
    let mut element = Element::new(name(tag.name().0, at)?);
    element.offset = at;
    for attribute in tag.attributes() {
        let attribute = attribute.map_err(|_| malformed(&element.name, at))?;
        if element.attributes.len() == MAX_ATTRIBUTES {
            return Err(BodyError::new(BodyCode::TooMany, &element.name, at, "at most 64 attributes"));
        }
        let key = name(attribute.key.0, at)?.to_owned();
        let value = attribute
            .normalized_value(XmlVersion::Implicit1_0)
            .map_err(|_| BodyError::new(BodyCode::Entity, &key, at, "no entities but XML's five"))?;
        element.attributes.push((key, value.chars().filter(|c| is_xml(*c)).collect()));
    }
    Ok(element)
}

fn name(name: &str, at: usize) -> Result<&str, BodyError> {
    let fits = |c: char| c.is_alphanumeric() || matches!(c, '_' | ':' | '-' | '.');
    let begins = |c: char| c.is_alphabetic() || c == '_';
    let local = super::local(name);
    if name.len() > MAX_NAME
        || !name.chars().all(fits)
        || !local.starts_with(begins)
        || !name.starts_with(begins)
    {
        return Err(malformed(name, at));
    }
    Ok(name)
}

fn resolve(reference: &BytesRef<'_>, at: usize) -> Result<char, BodyError> {
    let refused = || BodyError::new(BodyCode::Entity, reference, at, "no entities but XML's five");
    if let Some(c) = reference.resolve_char_ref().map_err(|_| refused())? {
        return if is_xml(c) { Ok(c) } else { Err(refused()) };
    }
    match &**reference {
        "lt" => Ok('<'),
        "gt" => Ok('>'),
        "amp" => Ok('&'),
        "quot" => Ok('"'),
        "apos" => Ok('\''),
        _ => Err(refused()),
    }
}

fn malformed(what: &str, at: usize) -> BodyError {
    BodyError::new(BodyCode::Malformed, what, at, "well-formed XML")
}

fn offset(position: u64) -> usize {
    usize::try_from(position).unwrap_or(usize::MAX)
}
