use std::fmt;
use std::net::Ipv6Addr;
use std::ops::Range;
use std::str::FromStr;
use std::sync::Arc;

use crate::error::{Error, ErrorCode};

/// A URI as written, with the places of its parts. Two are `==` when they are written alike; whether they mean the
/// same says [`Uri::is_same`]. Cheap to clone.
#[derive(Clone)]
pub struct Uri {
    raw: Arc<str>,
    parts: Packed,
}

/// Schemes of URIs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// `sip:`
    Sip,
    /// `sips:`
    Sips,
    /// `tel:`
    Tel,
    /// Any other; only the text as a whole can be had of such a URI.
    Other,
}

/// Where the parts stand.
struct Parts {
    scheme: Scheme,
    user: Option<Range<usize>>,
    host: Range<usize>,
    port: Option<u16>,
    params: Range<usize>,
    query: Option<Range<usize>>,
}

/// The same in less room: an account has a dozen URIs, and there are thousands of accounts.
#[derive(Clone, Copy)]
struct Packed {
    scheme: Scheme,
    port: Option<u16>,
    user: Option<Span>,
    host: Span,
    params: Span,
    query: Option<Span>,
}

/// A range in a text of at most 4 GiB.
#[derive(Clone, Copy)]
struct Span(u32, u32);

impl Span {
    fn of(range: &Range<usize>) -> Option<Self> {
        Some(Self(u32::try_from(range.start).ok()?, u32::try_from(range.end).ok()?))
    }

    fn range(self) -> Range<usize> {
        self.0 as usize..self.1 as usize
    }
}

impl Packed {
    fn of(parts: &Parts) -> Option<Self> {
        let Parts { scheme, user, host, port, params, query } = parts;
        let maybe = |range: &Option<Range<usize>>| {
            range.as_ref().map_or(Some(None), |range| Span::of(range).map(Some))
        };
        let (host, params) = (Span::of(host)?, Span::of(params)?);
        Some(Self { scheme: *scheme, port: *port, user: maybe(user)?, host, params, query: maybe(query)? })
    }
}

impl Uri {
    /// Reads a URI that the text consists of.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let unfit = |byte: u8| byte <= b' ' || matches!(byte, b'<' | b'>' | b'"' | 0x7f);
        if let Some(at) = text.bytes().position(unfit) {
            return Err(bad(at, "a URI without spaces, quotation marks or angle brackets"));
        }
        let colon = text.find(':').ok_or_else(|| bad(0, "a scheme and a colon"))?;
        let (scheme, rest) = (text.get(..colon).unwrap_or_default(), colon + 1);
        let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
        if !is_scheme || rest == text.len() {
            return Err(bad(0, "a scheme, a colon and more"));
        }
        let parts = match scheme.to_ascii_lowercase().as_str() {
            "sip" => sip(text, rest, Scheme::Sip)?,
            "sips" => sip(text, rest, Scheme::Sips)?,
            "tel" => tel(text, rest)?,
            _ => Parts::opaque(text.len()),
        };
        let parts = Packed::of(&parts).ok_or_else(|| bad(text.len(), "a URI of less than 4 GiB"))?;
        Ok(Self { raw: text.into(), parts })
    }

    /// The URI as written.
    pub fn as_str(&self) -> &str {
        &self.raw
    }

    /// The scheme.
    pub fn scheme(&self) -> Scheme {
        self.parts.scheme
    }

    /// The user as written, with a password if there is one; of a `tel:` URI the number.
    pub fn user(&self) -> Option<&str> {
        self.part(self.parts.user?)
    }

    /// The host as written: IPv6 in its brackets; empty in a `tel:` URI.
    pub fn host(&self) -> &str {
        self.part(self.parts.host).unwrap_or_default()
    }

    /// The port, if one is given.
    pub fn port(&self) -> Option<u16> {
        self.parts.port
    }

    /// The parameters in their order: name and value as written, no value where there was no `=`.
    pub fn params(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        let params = self.part(self.parts.params).unwrap_or_default();
        params.split(';').filter(|param| !param.is_empty()).map(|param| match param.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (param, None),
        })
    }

    /// The value of a parameter as written, escapes in its name resolved; empty when it has none.
    pub fn param(&self, name: &str) -> Option<&str> {
        let is_meant = |each: &str| {
            each.eq_ignore_ascii_case(name) || (each.contains('%') && plain(each).eq_ignore_ascii_case(name))
        };
        let found = self.params().find(|(each, _)| is_meant(each))?;
        Some(found.1.unwrap_or_default())
    }

    /// What stands after a question mark.
    pub fn query(&self) -> Option<&str> {
        self.part(self.parts.query?)
    }

    /// Whether the parameter `gruu` says that this URI leads to one endpoint.
    pub fn is_gruu(&self) -> bool {
        self.param("gruu").is_some()
    }

    /// The parameter `opaque`, which says which endpoint, conference or application is meant.
    pub fn opaque(&self) -> Option<&str> {
        self.param("opaque").filter(|opaque| !opaque.is_empty())
    }

    /// `user@host` in lower case, escapes resolved: what addresses of people are compared and kept by.
    pub fn address(&self) -> Option<String> {
        let user = plain(self.user()?);
        let user = user.split_once(':').map_or(user.as_str(), |(name, _)| name);
        match self.parts.scheme {
            Scheme::Sip | Scheme::Sips => Some(format!("{user}@{}", self.host().to_ascii_lowercase())),
            Scheme::Tel => {
                Some(user.chars().filter(|digit| !matches!(digit, '-' | '.' | '(' | ')')).collect())
            }
            Scheme::Other => None,
        }
    }

    /// Whether both lead to the same place: scheme, user, host and port alike, `opaque` exactly alike; no other
    /// parameter counts, and their order does not either.
    pub fn is_same(&self, other: &Self) -> bool {
        if self.scheme() == Scheme::Other || self.scheme() != other.scheme() {
            return self.raw.eq_ignore_ascii_case(&other.raw);
        }
        self.address() == other.address()
            && self.host().eq_ignore_ascii_case(other.host())
            && self.port() == other.port()
            && self.opaque() == other.opaque()
    }

    /// The same URI without parameters, port and query: a person's address.
    #[must_use]
    pub fn bare(&self) -> Self {
        let end = self.parts.host.1;
        let raw = self.raw.get(..end as usize).unwrap_or_default();
        let (params, query) = (Span(end, end), None);
        Self { raw: raw.into(), parts: Packed { port: None, params, query, ..self.parts } }
    }

    /// The address of an IPv6 host; `:::`, which RFC 3261's grammar allowed, is read as `::` (RFC 5118 section 4.10).
    pub fn ipv6(&self) -> Option<Ipv6Addr> {
        ipv6(self.host())
    }

    fn part(&self, span: Span) -> Option<&str> {
        self.raw.get(span.range())
    }
}

impl Parts {
    fn opaque(end: usize) -> Self {
        Self { scheme: Scheme::Other, user: None, host: end..end, port: None, params: end..end, query: None }
    }
}

fn sip(text: &str, start: usize, scheme: Scheme) -> Result<Parts, Error> {
    let after = text.get(start..).unwrap_or_default();
    let user = after.find('@').map(|at| start..start + at);
    let begin = user.as_ref().map_or(start, |user| user.end + 1);
    if user.as_ref().is_some_and(Range::is_empty) {
        return Err(bad(start, "a user before the @"));
    }
    let host = begin..begin + host_length(text.get(begin..).unwrap_or_default());
    if host.is_empty() || !is_host(text.get(host.clone()).unwrap_or_default()) {
        return Err(bad(begin, "a host name or address, IPv6 in brackets"));
    }
    let (port, end) = port(text, host.end)?;
    let query = text.get(end..).unwrap_or_default().find('?').map(|at| end + at + 1..text.len());
    let last = query.as_ref().map_or(text.len(), |query| query.start - 1);
    if last > end && !text.get(end..).unwrap_or_default().starts_with(';') {
        return Err(bad(end, "a semicolon, a question mark or the end"));
    }
    Ok(Parts { scheme, user, host, port, params: (end + 1).min(last)..last, query })
}

fn tel(text: &str, start: usize) -> Result<Parts, Error> {
    let after = text.get(start..).unwrap_or_default();
    let end = after.find(';').map_or(text.len(), |at| start + at);
    let number = after.get(..end - start).unwrap_or_default();
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.()*#%".contains(&byte);
    if number.is_empty() || !number.bytes().all(fits) {
        return Err(bad(start, "a telephone number"));
    }
    let params = (end + 1).min(text.len())..text.len();
    Ok(Parts { scheme: Scheme::Tel, user: Some(start..end), host: end..end, port: None, params, query: None })
}

/// A port after a colon, and where what follows begins. A colon alone says nothing.
fn port(text: &str, at: usize) -> Result<(Option<u16>, usize), Error> {
    let Some(rest) = text.get(at..).unwrap_or_default().strip_prefix(':') else { return Ok((None, at)) };
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    if digits == 0 {
        return Ok((None, at + 1));
    }
    let port = rest.get(..digits).unwrap_or_default().parse();
    let port = port.map_err(|_| bad(at + 1, "a port from 0 to 65535"))?;
    Ok((Some(port), at + 1 + digits))
}

/// How much of the text a host takes.
pub(crate) fn host_length(text: &str) -> usize {
    if text.starts_with('[') {
        return text.find(']').map_or(0, |end| end + 1);
    }
    text.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(byte)).count()
}

/// Whether the text is a host name, an IPv4 address or an IPv6 address in brackets.
pub(crate) fn is_host(text: &str) -> bool {
    if text.starts_with('[') {
        ipv6(text).is_some()
    } else {
        host_length(text) == text.len() && !text.is_empty()
    }
}

fn ipv6(host: &str) -> Option<Ipv6Addr> {
    let inner = host.strip_prefix('[')?.strip_suffix(']')?;
    Ipv6Addr::from_str(&inner.replace(":::", "::")).ok()
}

/// A user's name as it is compared: escapes resolved where they stand for ASCII that could stand there itself.
fn plain(user: &str) -> String {
    let mut plain = String::with_capacity(user.len());
    let mut rest = user;
    while let Some((before, after)) = rest.split_once('%') {
        plain.push_str(before);
        let byte = after.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match byte.filter(u8::is_ascii_graphic).filter(|byte| !b"@:%;?/".contains(byte)) {
            Some(byte) => {
                plain.push(char::from(byte));
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                plain.push('%');
                rest = after;
            }
        }
    }
    plain.push_str(rest);
    plain.make_ascii_lowercase();
    plain
}

fn bad(at: usize, expected: &'static str) -> Error {
    Error::text(ErrorCode::Uri, at, expected)
}

impl FromStr for Uri {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

impl PartialEq for Uri {
    fn eq(&self, other: &Self) -> bool {
        self.raw == other.raw
    }
}

impl Eq for Uri {}

impl std::hash::Hash for Uri {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.raw.hash(state);
    }
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.raw)
    }
}

impl fmt::Debug for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.raw)
    }
}
