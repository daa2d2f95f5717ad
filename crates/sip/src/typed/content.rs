use std::borrow::Cow;

use super::number;
use crate::error::{Error, ErrorCode};
use crate::header::{Headers, name};
use crate::param::Params;
use crate::scan::{Scan, unquoted};

/// A content type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaType {
    /// Type and subtype in lower case, `text/plain`.
    pub name: String,
    /// Parameters, `charset` and `boundary` among them.
    pub params: Params,
}

impl MediaType {
    /// Reads a media type that the text consists of.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let mut scan = Scan::new(text);
        let kind = scan.skip_space().token("a type")?;
        scan.skip_space().expect(b'/', "a slash")?;
        let subtype = scan.skip_space().token("a subtype")?;
        let params = Params::scan(&mut scan)?;
        scan.done("a semicolon or the end")?;
        Ok(Self { name: format!("{kind}/{subtype}").to_ascii_lowercase(), params })
    }

    /// Whether it is that type, whatever its parameters.
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// The parameter `charset` in lower case.
    pub fn charset(&self) -> Option<String> {
        self.params.get("charset").map(|charset| charset.to_ascii_lowercase())
    }
}

/// How long a session lasts without a refresh (RFC 4028).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionExpires {
    /// Seconds.
    pub seconds: u32,
    /// Parameters; `refresher` says who refreshes.
    pub params: Params,
}

impl SessionExpires {
    /// Whether the client of the transaction refreshes; `None` when that is left open.
    pub fn is_refresher_uac(&self) -> Option<bool> {
        self.params.raw("refresher").map(|who| who.eq_ignore_ascii_case("uac"))
    }
}

/// When to try again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryAfter {
    /// Seconds; more than fits is as many as fit.
    pub seconds: u32,
    /// Parameters, `duration` among them.
    pub params: Params,
}

/// A warning: why something failed, in three digits and in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// Three digits.
    pub code: u16,
    /// Who warns.
    pub agent: String,
    /// The words.
    pub text: String,
}

impl Warning {
    fn parse(text: &str) -> Result<Self, Error> {
        let mut scan = Scan::new(text);
        let code = scan.number(999, "three digits")?;
        if code < 100 {
            return Err(Error::text(ErrorCode::Range, 0, "three digits"));
        }
        let agent = scan.skip_space().take(|byte| byte > b' ' && byte != b'"').to_owned();
        if scan.skip_space().peek() != Some(b'"') {
            return Err(scan.error(ErrorCode::Syntax, "words in quotation marks"));
        }
        let text = unquoted(scan.quoted()?).into_owned();
        scan.skip_space().done("the end")?;
        Ok(Self { code: u16::try_from(code).unwrap_or(999), agent, text })
    }
}

/// Why a request was sent (RFC 3326): `SIP;cause=200;text="Call completed elsewhere"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// Whose codes: `SIP` as a rule.
    pub protocol: String,
    /// Parameters.
    pub params: Params,
}

impl Reason {
    fn parse(text: &str) -> Result<Self, Error> {
        let mut scan = Scan::new(text);
        let protocol = scan.token("a protocol")?.to_owned();
        let params = Params::scan(&mut scan)?;
        scan.done("a semicolon or the end")?;
        Ok(Self { protocol, params })
    }

    /// The code.
    pub fn cause(&self) -> Option<u32> {
        self.params.number("cause")
    }

    /// The words.
    pub fn text(&self) -> Option<Cow<'_, str>> {
        self.params.get("text")
    }
}

/// Bodies, sessions, failures.
impl Headers {
    /// Content-Type.
    pub fn content_type(&self) -> Result<Option<MediaType>, Error> {
        self.once(name::CONTENT_TYPE, MediaType::parse)
    }

    /// Session-Expires.
    pub fn session_expires(&self) -> Result<Option<SessionExpires>, Error> {
        self.once(name::SESSION_EXPIRES, |text| {
            seconds(text).map(|(seconds, params)| SessionExpires { seconds, params })
        })
    }

    /// Min-SE in seconds.
    pub fn min_se(&self) -> Result<Option<u32>, Error> {
        self.once(name::MIN_SE, |text| seconds(text).map(|(seconds, _)| seconds))
    }

    /// Retry-After; a comment in it is left out.
    pub fn retry_after(&self) -> Result<Option<RetryAfter>, Error> {
        self.once(name::RETRY_AFTER, |text| {
            let comment = text.find('(').and_then(|start| Some((start, text.rfind(')')? + 1)));
            let without =
                comment.and_then(|(start, end)| Some([text.get(..start)?, text.get(end..)?].concat()));
            let (seconds, params) = seconds(without.as_deref().unwrap_or(text))?;
            Ok(RetryAfter { seconds, params })
        })
    }

    /// Every Warning.
    pub fn warnings(&self) -> Result<Vec<Warning>, Error> {
        self.each(name::WARNING, Warning::parse)
    }

    /// Every Reason.
    pub fn reasons(&self) -> Result<Vec<Reason>, Error> {
        self.each(name::REASON, Reason::parse)
    }

    /// `ms-piggyback-cseq`: a SUBSCRIBE's 200 is its first notification too, and this the CSeq that that would have.
    pub fn piggyback_cseq(&self) -> Result<Option<u32>, Error> {
        self.once(name::MS_PIGGYBACK_CSEQ, |text| number(text, super::MAX_CSEQ, "a number below 2^31"))
    }
}

fn seconds(text: &str) -> Result<(u32, Params), Error> {
    let mut scan = Scan::new(text);
    let seconds = scan.skip_space().seconds()?;
    let params = Params::scan(&mut scan)?;
    scan.skip_space().done("a semicolon or the end")?;
    Ok((seconds, params))
}
