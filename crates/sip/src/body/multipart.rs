//! Several bodies in one (RFC 2046), as SIP carries them: binary parts between boundaries.

mod encoding;

use std::hash::{DefaultHasher, Hash, Hasher};

pub(super) use encoding::{from_base64, hex, to_base64};

use super::{BodyCode, BodyError, MAX_BODY, MediaType};

/// Most parts of one multipart: one list may have a thousand people, each with a part.
pub const MAX_PARTS: usize = 2_048;
/// Most header lines of a part.
const MAX_LINES: usize = 32;
/// Longest boundary, by the RFC.
const MAX_BOUNDARY: usize = 70;

/// Parts in their order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Multipart {
    /// Parts.
    pub parts: Vec<Part>,
}

/// One part.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Part {
    /// Its type; `text/plain` if it does not say.
    pub media: MediaType,
    /// Its identifier without the angle brackets.
    pub id: Option<String>,
    /// What to do with it (`render`), as it was spelt.
    pub disposition: Option<String>,
    /// Its bytes.
    pub body: Vec<u8>,
}

/// Bodies are what people wrote: not shown.
impl std::fmt::Debug for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Part({}, {} bytes)", self.media.kind, self.body.len())
    }
}

impl Part {
    /// A part without identifier.
    #[must_use]
    pub fn new(media: MediaType, body: impl Into<Vec<u8>>) -> Self {
        Self { media, id: None, disposition: None, body: body.into() }
    }

    /// A part that others point to.
    #[must_use]
    pub fn identified(self, id: &str) -> Self {
        Self { id: Some(id.to_owned()), ..self }
    }
}

impl Multipart {
    /// Reads what stands between the boundaries; what comes before the first and after the last is dropped.
    ///
    /// # Errors
    /// No boundary or a bad one, a body that does not end with it, too many parts, an unknown transfer encoding.
    pub fn read(media: &MediaType, body: &[u8]) -> Result<Self, BodyError> {
        if body.len() > MAX_BODY {
            return Err(BodyError::new(BodyCode::TooLarge, "body", MAX_BODY, "at most 1 MiB"));
        }
        let boundary = boundary(media)?;
        let mut parts = Vec::new();
        let mut start = None;
        let mut at = 0;
        while at < body.len() {
            let next = line_end(body, at);
            if let Some(last) = delimiter(&body[at..next], boundary) {
                if let Some(start) = start {
                    if parts.len() == MAX_PARTS {
                        return Err(BodyError::new(BodyCode::TooMany, "parts", at, "at most 2048 parts"));
                    }
                    parts.push(part(body, start, at)?);
                }
                if last {
                    return Ok(Self { parts });
                }
                start = Some(next);
            }
            at = next;
        }
        Err(BodyError::new(BodyCode::Multipart, "boundary", body.len(), "a closing boundary"))
    }

    /// The part that others point to by this identifier, with or without `cid:` and brackets.
    #[must_use]
    pub fn by_id(&self, id: &str) -> Option<&Part> {
        let wanted = bare(id.strip_prefix("cid:").unwrap_or(id));
        self.parts.iter().find(|part| part.id.as_deref() == Some(wanted))
    }

    /// The body. The boundary must be in no part; see [`Multipart::boundary`]. With `blank`, each part ends with an empty
    /// line: pidgin's reader takes four bytes off the end of each, and XML does not mind.
    #[must_use]
    pub fn write(&self, boundary: &str, blank: bool) -> Vec<u8> {
        let mut body = Vec::new();
        for part in &self.parts {
            let mut head = format!("--{boundary}\r\nContent-Transfer-Encoding: binary\r\n");
            if let Some(id) = &part.id {
                head.push_str(&format!("Content-ID: <{}>\r\n", single_line(id)));
            }
            head.push_str(&format!("Content-Type: {}\r\n", part.media));
            if let Some(disposition) = &part.disposition {
                head.push_str(&format!("Content-Disposition: {}\r\n", single_line(disposition)));
            }
            head.push_str("\r\n");
            body.extend_from_slice(head.as_bytes());
            body.extend_from_slice(&part.body);
            body.extend_from_slice(if blank { b"\r\n\r\n" } else { b"\r\n" });
        }
        body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
        body
    }

    /// A boundary that begins with `start` and is in no part: nobody can write a text that holds its own hash.
    #[must_use]
    pub fn boundary(&self, start: &str) -> String {
        let hash = |round: u32| {
            let mut hasher = DefaultHasher::new();
            round.hash(&mut hasher);
            self.parts.iter().for_each(|part| part.body.hash(&mut hasher));
            format!("{start}{:016x}", hasher.finish())
        };
        let taken = |candidate: &str| {
            let holds =
                |bytes: &[u8]| bytes.windows(candidate.len()).any(|window| window == candidate.as_bytes());
            self.parts.iter().any(|part| holds(&part.body))
        };
        (0..4).map(hash).find(|candidate| !taken(candidate)).unwrap_or_else(|| hash(4))
    }
}

fn boundary(media: &MediaType) -> Result<&str, BodyError> {
    if !media.kind.starts_with("multipart/") {
        return Err(BodyError::new(BodyCode::WrongType, &media.kind, 0, "multipart"));
    }
    let boundary = media.param("boundary").unwrap_or_default();
    let fits = |c: char| c.is_ascii_graphic() || c == ' ';
    if boundary.is_empty() || boundary.len() > MAX_BOUNDARY || !boundary.chars().all(fits) {
        return Err(BodyError::new(BodyCode::Multipart, "boundary", 0, "a boundary of 1 to 70 characters"));
    }
    Ok(boundary)
}

/// Whether a line is a delimiter, and then whether it is the last.
fn delimiter(line: &[u8], boundary: &str) -> Option<bool> {
    let rest = line.strip_prefix(b"--")?.strip_prefix(boundary.as_bytes())?;
    match rest.trim_ascii_end() {
        b"" => Some(false),
        b"--" => Some(true),
        _ => None,
    }
}

/// The place after the line that begins at `at`.
fn line_end(body: &[u8], at: usize) -> usize {
    body[at..].iter().position(|byte| *byte == b'\n').map_or(body.len(), |end| at + end + 1)
}

/// The part from `start` to the delimiter at `end`, whose line break before it belongs to the delimiter. A line of its
/// head that is no header is passed over.
fn part(body: &[u8], start: usize, end: usize) -> Result<Part, BodyError> {
    let mut part = Part { media: MediaType::new("text/plain"), ..Part::default() };
    let mut encoding = String::new();
    let mut at = start;
    for _ in 0..=MAX_LINES {
        if at >= end {
            return Ok(part);
        }
        let next = unfolded_end(body, at, end);
        let line = body[at..next].trim_ascii();
        if line.is_empty() {
            let whole = &body[next..end];
            let whole = whole.strip_suffix(b"\n").map_or(whole, |cut| cut.strip_suffix(b"\r").unwrap_or(cut));
            part.body = encoding::decode(whole, &encoding, next)?;
            return Ok(part);
        }
        let line = String::from_utf8_lossy(line);
        if let Some((name, value)) = line.split_once(':') {
            let lines: Vec<_> = value.lines().map(str::trim).collect();
            header(&mut part, &mut encoding, name.trim(), lines.join(" ").trim());
        }
        at = next;
    }
    Err(BodyError::new(BodyCode::TooMany, "part header", at, "at most 32 lines"))
}

/// The place after the line that begins at `at`, and after those that continue it; an empty line is continued by none.
fn unfolded_end(body: &[u8], at: usize, end: usize) -> usize {
    let mut next = line_end(body, at).min(end);
    let is_empty = body[at..next].trim_ascii().is_empty();
    while !is_empty && next < end && matches!(body[next], b' ' | b'\t') {
        let after = line_end(body, next).min(end);
        if body[next..after].trim_ascii().is_empty() {
            break;
        }
        next = after;
    }
    next
}

fn header(part: &mut Part, encoding: &mut String, name: &str, value: &str) {
    match name.to_ascii_lowercase().as_str() {
        "content-type" => part.media = MediaType::read(value),
        "content-id" => part.id = Some(bare(value).to_owned()),
        "content-disposition" => part.disposition = Some(value.to_owned()),
        "content-transfer-encoding" => *encoding = value.to_ascii_lowercase(),
        _ => {}
    }
}

fn bare(id: &str) -> &str {
    let id = id.trim();
    id.strip_prefix('<').and_then(|inner| inner.strip_suffix('>')).unwrap_or(id)
}

fn single_line(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}
