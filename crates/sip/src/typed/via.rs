use std::borrow::Cow;

use crate::error::{Error, ErrorCode};
use crate::param::Params;
use crate::scan::{Scan, elements};
use crate::uri::{host_length, is_host};

/// What a branch of RFC 3261 begins with.
const COOKIE: &str = "z9hG4bK";

/// One hop of a request's way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Via {
    /// The transport as written, such as `TLS` or `tcp`.
    pub transport: String,
    /// The host that sent it, IPv6 in brackets.
    pub host: String,
    /// Its port, if given.
    pub port: Option<u16>,
    /// Parameters, `ms-received-cid` and quoted ones among them.
    pub params: Params,
}

impl Via {
    /// Reads one Via.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let mut scan = Scan::new(text);
        let protocol = scan.skip_space().token("SIP")?;
        scan.skip_space().expect(b'/', "a slash")?;
        let version = scan.skip_space().token("2.0")?;
        if !protocol.eq_ignore_ascii_case("SIP") || version != "2.0" {
            return Err(Error::text(ErrorCode::Syntax, 0, "SIP/2.0"));
        }
        scan.skip_space().expect(b'/', "a slash")?;
        let transport = scan.skip_space().token("a transport")?.to_owned();
        let (host, port) = sent_by(scan.skip_space())?;
        let params = Params::scan(&mut scan)?;
        scan.done("a semicolon or the end")?;
        Ok(Self { transport, host, port, params })
    }

    /// Reads the first of a list.
    pub(super) fn first(text: &str) -> Result<Self, Error> {
        let elements = elements(text)?;
        Self::parse(elements.first().map(|(_, element)| *element).unwrap_or_default())
    }

    /// The branch as written. Clients of Microsoft's leave it out.
    pub fn branch(&self) -> Option<&str> {
        self.params.raw("branch")
    }

    /// The branch, if it names its transaction among all (RFC 3261 section 8.1.1.7); without one a transaction is
    /// known by more, as section 17.2.3 says.
    pub fn unique_branch(&self) -> Option<&str> {
        let branch = self.branch()?;
        let (cookie, rest) = branch.split_at_checked(COOKIE.len())?;
        (cookie.eq_ignore_ascii_case(COOKIE) && !rest.is_empty()).then_some(branch)
    }

    /// `host:port`, or the host alone, in lower case: what responses and transactions are matched by.
    pub fn sent_by(&self) -> String {
        let host = self.host.to_ascii_lowercase();
        self.port.map_or_else(|| host.clone(), |port| format!("{host}:{port}"))
    }

    /// The address that the next hop saw the request come from; an IPv6 address may stand in brackets or not.
    pub fn received(&self) -> Option<Cow<'_, str>> {
        self.params.get("received")
    }
}

fn sent_by(scan: &mut Scan<'_>) -> Result<(String, Option<u16>), Error> {
    let rest = scan.rest();
    let host = rest.get(..host_length(rest)).unwrap_or_default();
    if !is_host(host) {
        return Err(scan.error(ErrorCode::Syntax, "a host name or address, IPv6 in brackets"));
    }
    scan.skip(host.len());
    if !scan.skip_space().eat(b':') {
        return Ok((host.to_owned(), None));
    }
    let port = scan.skip_space().number(u32::from(u16::MAX), "a port from 0 to 65535")?;
    Ok((host.to_owned(), u16::try_from(port).ok()))
}
