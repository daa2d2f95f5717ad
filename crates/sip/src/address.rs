use std::borrow::Cow;
use std::fmt;

use uuid::Uuid;

use crate::error::{Error, ErrorCode, Place};
use crate::param::Params;
use crate::scan::{SPACE, Scan, quoted, unquoted};
use crate::uri::Uri;

/// What From, To, Contact, Route, Record-Route, P-Asserted-Identity and their like hold: `"Name"<uri>;params`, or a
/// bare URI with parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    raw: String,
    /// The display name out of its quotation marks; `None` when there is none, empty for `""`.
    pub display: Option<String>,
    /// The URI.
    pub uri: Uri,
    /// What stands after `>`, or after a bare URI.
    pub params: Params,
}

impl Address {
    /// An address without parameters, the name in quotation marks.
    pub fn new(display: Option<&str>, uri: Uri) -> Self {
        let name = display.map(quoted).unwrap_or_default();
        Self {
            raw: format!("{name}<{uri}>"),
            display: display.map(str::to_owned),
            uri,
            params: Params::default(),
        }
    }

    /// Reads one address. A bare URI ends at its first semicolon, and may have no question mark or comma (RFC 3261
    /// section 20.10).
    pub fn parse(text: &str) -> Result<Self, Error> {
        let mut scan = Scan::new(text);
        let (display, uri) = match scan.skip_space().peek() {
            Some(b'"') => {
                let display = unquoted(scan.quoted()?).into_owned();
                scan.skip_space();
                (Some(display), bracketed(&mut scan)?)
            }
            _ if is_named(text) => {
                let display = unquoted_name(&mut scan)?;
                (display, bracketed(&mut scan)?)
            }
            _ => (None, bare(&mut scan)?),
        };
        let params = Params::scan(&mut scan)?;
        scan.done("a semicolon or the end")?;
        Ok(Self { raw: text.trim_matches(SPACE).to_owned(), display, uri, params })
    }

    /// The address as written, parameters included: what a Route echoes of a Record-Route.
    pub fn as_str(&self) -> &str {
        &self.raw
    }

    /// The tag of a From or To.
    pub fn tag(&self) -> Option<&str> {
        self.params.raw("tag")
    }

    /// The epid of a From or To: which endpoint of the user.
    pub fn epid(&self) -> Option<Cow<'_, str>> {
        self.params.get("epid")
    }

    /// The seconds that a Contact's registration lasts.
    pub fn expires(&self) -> Option<u32> {
        self.params.number("expires")
    }

    /// The UUID in a Contact's `+sip.instance`.
    pub fn instance(&self) -> Option<Uuid> {
        let value = self.params.get("+sip.instance")?;
        let urn = value.strip_prefix('<')?.strip_suffix('>')?;
        let (prefix, uuid) = urn.split_at_checked("urn:uuid:".len())?;
        prefix.eq_ignore_ascii_case("urn:uuid:").then(|| Uuid::try_parse(uuid).ok())?
    }

    /// The GRUU that a registrar gave for a Contact.
    pub fn gruu(&self) -> Option<Result<Uri, Error>> {
        self.params.get("gruu").map(|gruu| Uri::parse(&gruu))
    }
}

fn bracketed(scan: &mut Scan<'_>) -> Result<Uri, Error> {
    scan.expect(b'<', "an opening angle bracket")?;
    let start = scan.at();
    let text = scan.take(|byte| byte != b'>');
    if !scan.eat(b'>') {
        return Err(scan.error(ErrorCode::Unbalanced, "a closing angle bracket"));
    }
    Uri::parse(text).map_err(|error| moved(error, start))
}

/// Whether an angle bracket comes before any parameter.
fn is_named(text: &str) -> bool {
    text.bytes().find(|byte| matches!(byte, b'<' | b';' | b'"')) == Some(b'<')
}

/// A display name without quotation marks. Only what would make it ambiguous is refused.
fn unquoted_name(scan: &mut Scan<'_>) -> Result<Option<String>, Error> {
    let start = scan.at();
    let name = scan.take(|byte| byte != b'<').trim_end_matches(SPACE);
    match name.bytes().position(|byte| matches!(byte, b',' | b'>')) {
        Some(at) => Err(Error::text(ErrorCode::Syntax, start + at, "quotation marks around such a name")),
        None => Ok((!name.is_empty()).then(|| name.to_owned())),
    }
}

fn bare(scan: &mut Scan<'_>) -> Result<Uri, Error> {
    let start = scan.at();
    let text = scan.take(|byte| byte > b' ' && byte != b';');
    match text.bytes().position(|byte| matches!(byte, b'?' | b',')) {
        Some(at) => Err(Error::text(ErrorCode::Uri, start + at, "angle brackets around such a URI")),
        None => Uri::parse(text).map_err(|error| moved(error, start)),
    }
}

fn moved(mut error: Error, by: usize) -> Error {
    if let Place::Text(at) = &mut error.place {
        *at += by;
    }
    error
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.raw)
    }
}
