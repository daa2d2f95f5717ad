//! The file as a tree of elements, each part with its place; what is malformed is reported and stepped over.

use std::borrow::Cow;

use quick_xml::{
    Reader,
    errors::{Error, SyntaxError},
    events::{BytesDecl, BytesStart, Event},
};

use crate::{
    code,
    diagnostic::{Problems, end_tag, tag},
    source::Span,
    suggest::nearest,
};

mod attribute;

/// Deeper elements are refused; a file for us has three levels, and .NET's sections a few more.
const DEEPEST: usize = 32;
/// After so many syntax errors the file is taken for something else than XML.
const SYNTAX_ERRORS: usize = 20;

/// An element with its attributes and children.
pub(crate) struct Element<'a> {
    pub(crate) name: &'a str,
    pub(crate) span: Span,
    pub(crate) attributes: Vec<Attribute<'a>>,
    pub(crate) children: Vec<Element<'a>>,
    /// The first text in it that is not blank.
    pub(crate) text: Option<Span>,
    /// Whether some of its attributes could not be read, which has been reported.
    pub(crate) damaged: bool,
}

/// An attribute; `span` is that of the text between the quotes.
pub(crate) struct Attribute<'a> {
    pub(crate) name: &'a str,
    pub(crate) name_span: Span,
    pub(crate) value: Cow<'a, str>,
    pub(crate) span: Span,
}

impl<'a> Element<'a> {
    pub(crate) fn attribute(&self, name: &str) -> Option<&Attribute<'a>> {
        self.attributes.iter().find(|attribute| attribute.name == name)
    }
}

/// What could be read of a file.
pub(crate) struct Document<'a> {
    pub(crate) roots: Vec<Element<'a>>,
    /// Whether parts may be missing, so that nothing can be said about what is absent.
    pub(crate) damaged: bool,
}

/// Reads `text`, which has no byte order mark.
pub(crate) fn read<'a>(text: &'a str, problems: &mut Problems<'_>) -> Document<'a> {
    let root = Element::new("", Span { start: 0, end: 0 });
    let mut builder = Builder { text, open: vec![root], damaged: false, syntax_errors: 0 };
    let mut at = Some(0);
    while let Some(start) = at {
        at = builder.read_from(start, problems);
    }
    builder.close_all(problems);
    let roots = builder.open.pop().map(|root| root.children).unwrap_or_default();
    Document { roots, damaged: builder.damaged }
}

impl<'a> Element<'a> {
    fn new(name: &'a str, span: Span) -> Self {
        Self { name, span, attributes: Vec::new(), children: Vec::new(), text: None, damaged: false }
    }
}

struct Builder<'a> {
    text: &'a str,
    /// The elements that are open, outermost first; the first is the document itself and is never closed.
    open: Vec<Element<'a>>,
    damaged: bool,
    syntax_errors: usize,
}

impl<'a> Builder<'a> {
    /// Reads on from a byte of the text; returns where to start again after an error that the XML reader
    /// does not survive.
    fn read_from(&mut self, start: usize, problems: &mut Problems<'_>) -> Option<usize> {
        let mut reader = Reader::from_str(&self.text[start..]);
        // Tags are matched here, where their places are known.
        reader.config_mut().check_end_names = false;
        reader.config_mut().allow_unmatched_ends = true;
        reader.config_mut().allow_dangling_amp = true;
        loop {
            let before = start + usize::try_from(reader.buffer_position()).unwrap_or_default();
            match reader.read_event() {
                Ok(Event::Eof) => return None,
                Ok(Event::Start(tag)) => match self.start(&tag, true, problems) {
                    Next::Event => {}
                    Next::Restart(at) => return Some(at),
                    Next::Stop => return None,
                },
                Ok(Event::Empty(tag)) => {
                    if let Next::Restart(at) = self.start(&tag, false, problems) {
                        return Some(at);
                    }
                }
                Ok(Event::End(tag)) => self.end(self.find(tag.name().as_ref()), problems),
                Ok(Event::Text(text)) => self.text(&text, problems),
                Ok(Event::CData(text)) => self.text(&text, problems),
                Ok(Event::GeneralRef(name)) => self.text(&name, problems),
                Ok(Event::Decl(declaration)) => self.declaration(&declaration, problems),
                Ok(Event::DocType(content)) => {
                    let span = Span::of(&content, self.text);
                    let message = "a document type is not allowed";
                    problems.error(&code::ENTITY, span, message, "expected nothing of the kind");
                }
                Ok(Event::Comment(_) | Event::PI(_)) => {}
                Err(error) => {
                    let at = start + usize::try_from(reader.error_position()).unwrap_or_default();
                    return self.syntax_error(&error, at.max(before).min(self.text.len()), problems);
                }
            }
        }
    }

    /// The same text, borrowed from the file rather than from an event.
    fn find(&self, part: &str) -> &'a str {
        let span = Span::of(part, self.text);
        self.text.get(span.start..span.end).unwrap_or_default()
    }

    fn start(&mut self, tag: &BytesStart<'_>, mut open: bool, problems: &mut Problems<'_>) -> Next {
        let name = self.find(tag.name().as_ref());
        let mut element = Element::new(name, Span::of(name, self.text));
        if self.open.len() > DEEPEST {
            self.damaged = true;
            let message = format!("elements are nested more than {DEEPEST} levels deep");
            problems.error(&code::TOO_DEEP, element.span, message, "the rest of the file is not read");
            self.open.truncate(1);
            return Next::Stop;
        }
        let mut next = Next::Event;
        if let Err(at) = attribute::read(self.text, tag, &mut element, problems) {
            self.syntax_errors += 1;
            open = self.text[..at].trim_end().ends_with('>') && !self.text[..at].trim_end().ends_with("/>");
            next = if self.syntax_errors < SYNTAX_ERRORS { Next::Restart(at) } else { Next::Stop };
        }
        self.damaged |= element.damaged;
        self.open.push(element);
        if !open {
            self.close();
        }
        next
    }

    /// Moves the innermost open element into the one around it.
    fn close(&mut self) {
        if self.open.len() > 1
            && let Some(element) = self.open.pop()
            && let Some(parent) = self.open.last_mut()
        {
            parent.children.push(element);
        }
    }

    fn end(&mut self, name: &'a str, problems: &mut Problems<'_>) {
        let span = Span::of(name, self.text);
        let Some(depth) = self.open.iter().skip(1).rposition(|element| element.name == name) else {
            return self.end_of_nothing(name, span, problems);
        };
        while self.open.len() > depth + 2 {
            let line = problems.line(span.start);
            let note = format!("note: {} in line {line} ends the element around it", end_tag(name));
            self.report_unclosed(problems, &note);
        }
        self.close();
    }

    /// Reports an end tag without a start tag; one that is nearly that of the innermost element closes it.
    fn end_of_nothing(&mut self, name: &str, span: Span, problems: &mut Problems<'_>) {
        self.damaged = true;
        let inner = self.open.last().filter(|_| self.open.len() > 1).map(|element| element.name);
        let misspelt = inner.is_some_and(|inner| nearest(name, [inner].into_iter()).is_some());
        let expected = match inner.map(end_tag) {
            Some(tag) if misspelt => format!("did you mean {tag}?"),
            Some(tag) => format!("expected {tag}"),
            None => "expected no end tag here".to_owned(),
        };
        let message = format!("{} closes nothing", end_tag(name));
        problems.error(&code::MALFORMED, span, message, expected);
        if misspelt {
            self.close();
        }
    }

    /// Reports the innermost open element as unclosed, and closes it.
    fn report_unclosed(&mut self, problems: &mut Problems<'_>, note: &str) {
        self.damaged = true;
        if let Some(element) = self.open.last() {
            let message = format!("{} is not closed", tag(element.name));
            let label = format!("expected {} after it, or `/>`", end_tag(element.name));
            problems.error(&code::MALFORMED, element.span, message, label).note(note);
        }
        self.close();
    }

    fn close_all(&mut self, problems: &mut Problems<'_>) {
        while self.open.len() > 1 {
            if self.syntax_errors > 0 {
                // Very likely its end tag was lost with what could not be read.
                self.close();
            } else {
                self.report_unclosed(problems, "note: the file ends before it does");
            }
        }
    }

    fn text(&mut self, content: &str, problems: &mut Problems<'_>) {
        let trimmed = content.trim();
        if trimmed.is_empty() {
            return;
        }
        let span = Span::of(self.find(trimmed), self.text);
        if self.open.len() == 1 {
            self.damaged = true;
            let message = "there is text outside of all elements";
            problems.error(&code::MALFORMED, span, message, "expected `<configuration>` alone");
        } else if let Some(element) = self.open.last_mut() {
            element.text.get_or_insert(span);
        }
    }

    fn declaration(&self, declaration: &BytesDecl<'_>, problems: &mut Problems<'_>) {
        if let Some(Ok(encoding)) = declaration.encoding()
            && !["utf-8", "utf8", "us-ascii"].iter().any(|name| encoding.eq_ignore_ascii_case(name))
        {
            let span = Span::of(&encoding, self.text);
            problems.error(&code::NOT_UTF8, span, "the file says that it is not UTF-8", "expected `utf-8`");
        }
    }

    /// Reports what the XML reader stumbled over; returns the next tag when there is hope beyond it.
    fn syntax_error(&mut self, error: &Error, at: usize, problems: &mut Problems<'_>) -> Option<usize> {
        self.damaged = true;
        self.syntax_errors += 1;
        let (message, label, hope) = explain(error);
        let line_end = self.text[at..].find('\n').map_or(self.text.len(), |len| at + len);
        problems.error(&code::MALFORMED, Span { start: at, end: line_end }, message, label);
        if !hope || self.syntax_errors >= SYNTAX_ERRORS {
            return None;
        }
        let next = at + 1 + self.text.get(at + 1..)?.find('<')?;
        let tag = self.text[at + 1..next].trim_end();
        if tag.ends_with('>') && !tag.ends_with("/>") {
            let name = tag.split(|c: char| c.is_whitespace() || c == '>').next().unwrap_or_default();
            let mut element = Element::new(name, Span::of(name, self.text));
            element.damaged = true;
            self.open.push(element);
        }
        Some(next)
    }
}

enum Next {
    /// Go on with the next event.
    Event,
    /// Read anew from this byte.
    Restart(usize),
    /// Read no further.
    Stop,
}

/// Message, label, and whether the text after it can be read.
fn explain(error: &Error) -> (&'static str, &'static str, bool) {
    match error {
        Error::Syntax(SyntaxError::UnclosedComment) => ("a comment is not closed", "expected `-->`", false),
        Error::Syntax(SyntaxError::UnclosedCData) => {
            ("a CDATA section is not closed", "expected `]]>`", false)
        }
        Error::Syntax(SyntaxError::UnclosedDoctype) => {
            ("a document type is not closed", "expected `>`", false)
        }
        Error::Syntax(SyntaxError::UnclosedPI | SyntaxError::UnclosedXmlDecl) => {
            ("a processing instruction is not closed", "expected `?>`", false)
        }
        Error::Syntax(SyntaxError::UnclosedTag) => ("a tag is not closed", "expected `>`", true),
        Error::Syntax(
            SyntaxError::UnclosedSingleQuotedAttributeValue | SyntaxError::UnclosedDoubleQuotedAttributeValue,
        ) => ("a value in this tag has no closing quote", "expected a quote at the end of each value", true),
        _ => ("this is not XML", "expected an element, a comment or nothing", true),
    }
}
