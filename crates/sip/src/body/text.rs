//! What people write, out of the forms in which clients send it, as plain text with `\n` between lines.

mod entity;
mod html;
mod rtf;
mod split;

use encoding_rs::{Encoding, UTF_8};

pub(super) use html::links_to_text;
pub use split::{MAX_MESSAGE, split};

use super::{
    BodyCode, BodyError, MediaType,
    multipart::{Multipart, Part, from_base64, to_base64},
};

/// The media type to send text with.
pub const TYPE: &str = "text/plain; charset=UTF-8";

/// Longest body of text that is read, formats and all.
const MAX_TEXT: usize = 512 * 1_024;
/// Deepest nesting of multiparts.
const MAX_NESTING: usize = 3;

/// Reads text out of `text/plain`, `text/html`, `text/rtf`, or the plainest of the parts of a multipart.
///
/// # Errors
/// Another type ([`BodyCode::WrongType`]: the peer sends what was not asked for), or a body that is too long, too deep or
/// not what its type says.
pub fn read(media: &MediaType, body: &[u8]) -> Result<String, BodyError> {
    read_nested(media, body, 0)
}

/// Whether [`read`] has any business with a type.
#[must_use]
pub fn is_text(media: &MediaType) -> bool {
    rank(media).is_some()
}

/// The bytes to send as [`TYPE`]: lines are parted by CRLF.
#[must_use]
pub fn write(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    let mut last = '\0';
    for c in text.chars() {
        if c == '\n' && last != '\r' {
            written.push('\r');
        }
        written.push(c);
        last = c;
    }
    written
}

/// Reads the text that an INVITE carries in `ms-text-format` or `ms-im-format`.
///
/// # Errors
/// As [`read`], or no `ms-body` of base64.
pub fn read_header(value: &str) -> Result<String, BodyError> {
    let media = MediaType::read(value);
    let encoded = media.param("ms-body");
    let encoded = encoded.ok_or_else(|| BodyError::new(BodyCode::Missing, "ms-text-format", 0, "ms-body"))?;
    read(&media, &from_base64(encoded.as_bytes(), 0)?)
}

/// The value of `ms-text-format` for a text.
#[must_use]
pub fn write_header(text: &str) -> String {
    format!("{TYPE}; ms-body={}", to_base64(write(text).as_bytes()))
}

fn read_nested(media: &MediaType, body: &[u8], depth: usize) -> Result<String, BodyError> {
    if body.len() > MAX_TEXT {
        return Err(BodyError::new(BodyCode::TooLarge, "text", MAX_TEXT, "at most 512 KiB"));
    }
    match media.kind.as_str() {
        "text/plain" => Ok(clean(&decode(media, body))),
        "text/html" => Ok(clean(&html::to_text(&decode(media, body)))),
        "text/rtf" | "application/rtf" => rtf::to_text(body).map(|text| clean(&text)),
        kind if kind.starts_with("multipart/") => {
            if depth == MAX_NESTING {
                return Err(BodyError::new(BodyCode::TooDeep, "multipart", 0, "at most 3 levels"));
            }
            let read = Multipart::read(media, body)?;
            let part = plainest(&read, kind == "multipart/alternative");
            let part =
                part.ok_or_else(|| BodyError::new(BodyCode::WrongType, kind, 0, "a part with text"))?;
            read_nested(&part.media, &part.body, depth + 1)
        }
        kind => {
            Err(BodyError::new(BodyCode::WrongType, kind, 0, "text/plain, text/html, text/rtf or multipart"))
        }
    }
}

/// The part that loses least, or outside of alternatives the first with text.
fn plainest(multipart: &Multipart, alternative: bool) -> Option<&Part> {
    let ranked = multipart.parts.iter().filter_map(|part| Some((rank(&part.media)?, part)));
    if alternative {
        return ranked.min_by_key(|(rank, _)| *rank).map(|(_, part)| part);
    }
    ranked.map(|(_, part)| part).next()
}

fn rank(media: &MediaType) -> Option<u8> {
    match media.kind.as_str() {
        "text/plain" => Some(0),
        "text/html" => Some(1),
        "text/rtf" | "application/rtf" => Some(2),
        kind if kind.starts_with("multipart/") => Some(3),
        _ => None,
    }
}

/// By the charset that the type names, or else UTF-8; what does not fit becomes U+FFFD.
fn decode(media: &MediaType, body: &[u8]) -> String {
    let named = media.param("charset").and_then(|charset| Encoding::for_label(charset.trim().as_bytes()));
    named.unwrap_or(UTF_8).decode(body).0.into_owned()
}

/// One kind of line break, and no control characters besides tabs.
fn clean(text: &str) -> String {
    let mut cleaned = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\r' if chars.peek() == Some(&'\n') => {}
            '\r' => cleaned.push('\n'),
            '\n' | '\t' => cleaned.push(c),
            // Marks of byte order that no decoder took away, too.
            c if c.is_control() || c == '\u{feff}' => {}
            c => cleaned.push(c),
        }
    }
    cleaned
}
