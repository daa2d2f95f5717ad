//! The attributes of a tag.

use std::borrow::Cow;

use quick_xml::{
    escape::{EscapeError, unescape},
    events::{
        BytesStart,
        attributes::{AttrError, Attribute as RawAttribute},
    },
};

use super::{Attribute, Element};
use crate::{
    code,
    diagnostic::{Problems, quoted},
    source::Span,
};

/// More attributes are refused; ours have eight at most.
const MOST: usize = 64;

/// Reads the attributes of `tag` into `element`; the error is where a tag begins that an unclosed value has
/// swallowed.
pub(super) fn read<'a>(
    text: &'a str,
    tag: &BytesStart<'_>,
    element: &mut Element<'a>,
    problems: &mut Problems<'_>,
) -> Result<(), usize> {
    let mut attributes = tag.attributes();
    // Duplicates are reported here, with the place of the first.
    attributes.with_checks(false);
    for (index, attribute) in attributes.enumerate() {
        if index == MOST {
            element.damaged = true;
            let message = format!("an element has more than {MOST} attributes");
            problems.error(&code::MALFORMED, element.span, message, "the others are not read");
            break;
        }
        match attribute {
            Ok(raw) => push(text, &raw, element, problems)?,
            // What follows the first error of a tag is often its consequence.
            Err(_) if element.damaged => {}
            Err(error) => report(text, tag, &error, element, problems),
        }
    }
    Ok(())
}

fn push<'a>(
    text: &'a str,
    raw: &RawAttribute<'_>,
    element: &mut Element<'a>,
    problems: &mut Problems<'_>,
) -> Result<(), usize> {
    let name_span = Span::of(raw.key.as_ref(), text);
    let span = Span::of(&raw.value, text);
    let name = text.get(name_span.start..name_span.end).unwrap_or_default();
    let value = text.get(span.start..span.end).unwrap_or_default();
    if let Some(at) = value.find('<') {
        element.damaged = true;
        return swallowed(value, at, span, problems);
    }
    let Some(value) = unescaped(value, span, problems) else {
        element.damaged = true;
        return Ok(());
    };
    if let Some(first) = element.attribute(name) {
        let message = format!("the attribute {} is given twice", quoted(name));
        let line = problems.line(first.name_span.start);
        let problem = problems.error(&code::DUPLICATE, name_span, message, "expected it once");
        problem.note(format!("note: the first is in line {line}"));
        element.damaged = true;
        return Ok(());
    }
    element.attributes.push(Attribute { name, name_span, value, span });
    Ok(())
}

/// A `<` in a value: either it is meant as such, or the closing quote is missing and the next tag was
/// swallowed.
fn swallowed(value: &str, at: usize, span: Span, problems: &mut Problems<'_>) -> Result<(), usize> {
    let start = span.start + at;
    if value[..at].trim_end().ends_with('>') {
        let message = "a value has no closing quote";
        let quote = Span { start: span.start.saturating_sub(1), end: span.start };
        problems.error(&code::MALFORMED, quote, message, "expected the same quote at the end of the value");
        return Err(start);
    }
    let label = "expected `&lt;` instead, or a closing quote before it";
    problems.error(&code::MALFORMED, Span { start, end: start + 1 }, "a value holds a `<`", label);
    Ok(())
}

/// The value with its entities replaced and its line breaks made blanks, as XML wants it.
fn unescaped<'a>(raw: &'a str, span: Span, problems: &mut Problems<'_>) -> Option<Cow<'a, str>> {
    let breaks: &[char] = &['\n', '\r', '\t'];
    let error = match unescape(raw) {
        Ok(_) if raw.contains(breaks) => {
            return unescape(&raw.replace(breaks, " ")).ok().map(|value| Cow::Owned(value.into_owned()));
        }
        Ok(value) => return Some(value),
        Err(error) => error,
    };
    let part = match error {
        EscapeError::UnrecognizedEntity(part, _) | EscapeError::UnterminatedEntity(part) => part,
        _ => 0..raw.len(),
    };
    let span = Span { start: span.start + part.start, end: span.start + part.end };
    let label = "expected one of `&amp;` `&lt;` `&gt;` `&quot;` `&apos;`, or `&amp;` for a single `&`";
    problems.error(&code::ENTITY, span, "a value holds an entity that is not defined", label);
    None
}

fn report(
    text: &str,
    tag: &BytesStart<'_>,
    error: &AttrError,
    element: &mut Element<'_>,
    problems: &mut Problems<'_>,
) {
    element.damaged = true;
    let (at, message, label) = match *error {
        AttrError::ExpectedEq(at) => (at, "an attribute has no value", "expected `=` and a value in quotes"),
        AttrError::ExpectedValue(at) => (at, "an attribute has no value", "expected a value in quotes"),
        AttrError::UnquotedValue(at) => (at, "a value is not in quotes", "expected `\"`"),
        AttrError::ExpectedQuote(at, _) => {
            (at, "a value has no closing quote", "expected the quote that began it")
        }
        AttrError::Duplicated(at, _) => (at, "an attribute is given twice", "expected it once"),
    };
    let start = (Span::of(tag, text).start + at).min(text.len());
    problems.error(&code::MALFORMED, Span { start, end: start + 1 }, message, label);
}
