//! Which session an HTTP request belongs to, and what must come with it so that no page can make a browser send it.

use axum::http::{HeaderMap, HeaderName, Uri};
use trunkline_core::{Opening, Visit, VisitError};

use super::{
    Phone, cookie,
    opening::{DeviceToken, device_token, opening, word},
};
use crate::{caller::Caller, problem::Problem};

const SESSION: &str = "sessionId";
/// Headers that no page can have a browser send without asking first.
const USER_AGENT: HeaderName = HeaderName::from_static("x-user-agent");
const NOTIFY: HeaderName = HeaderName::from_static("x-notify");

/// What a request over HTTP tells of its sender.
pub(super) struct Visitor {
    pub(super) device: DeviceToken,
    opening: Opening,
    session: Option<String>,
}

impl Visitor {
    /// Reads the request's head; `polls` when it asks for what waits, and for nothing else.
    pub(super) fn read(uri: &Uri, headers: &HeaderMap, caller: Caller, polls: bool) -> Result<Self, Problem> {
        if in_query(uri, SESSION).is_some() {
            return Err(Problem::SessionInUrl);
        }
        let device = device_token(headers);
        let mut opening = opening(headers, &device, caller);
        let told = word(headers, &HeaderName::from_static("sessionid"));
        let session = told.or_else(|| cookie::find(headers, SESSION).filter(|id| !id.is_empty()));
        let only_cookie = session.is_some() && told.is_none() && opening.auth_token.is_none();
        let own = headers.contains_key(USER_AGENT) || (polls && headers.contains_key(NOTIFY));
        if only_cookie && !own {
            return Err(Problem::UserAgentMissing);
        }
        if polls && !headers.contains_key("sequence") {
            let told = in_query(uri, "sequence").and_then(|text| text.parse::<i64>().ok());
            opening.sequence = told.filter(|sequence| *sequence >= 0);
        }
        Ok(Self { device, session: session.map(str::to_owned), opening })
    }

    /// Finds the session.
    pub(super) async fn visit(self, phone: &Phone) -> Visit {
        phone.relay.visit(self.opening, self.session.as_deref()).await
    }
}

/// The value of a parameter of the URL, in any letter case, as it is written there.
fn in_query<'u>(uri: &'u Uri, name: &str) -> Option<&'u str> {
    let pairs = uri.query().unwrap_or_default().split('&');
    let mut pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    pairs.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

impl From<VisitError> for Problem {
    fn from(error: VisitError) -> Self {
        match error {
            VisitError::Busy(wait) => Self::TooManyRequests(wait),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use axum::http::HeaderValue;

    use super::*;

    type Pair = (&'static str, &'static str);

    fn read(uri: &'static str, pairs: &[Pair], polls: bool) -> Result<Visitor, Problem> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        let address = IpAddr::from(Ipv4Addr::LOCALHOST);
        let caller = Caller { address, secure: false, proxied: false, exempt: false };
        Visitor::read(&Uri::from_static(uri), &headers, caller, polls)
    }

    #[test]
    fn a_cookie_alone_is_what_a_page_can_have_sent() {
        let cookie = ("cookie", "sessionId=c");
        let table: &[(&[Pair], bool, bool)] = &[
            (&[cookie], false, false),
            (&[cookie, ("x-notify", "true")], false, true),
            (&[cookie, ("x-user-agent", "iOS")], true, true),
            (&[cookie, ("x-good-gd-authtoken", "t")], true, true),
            (&[cookie, ("x-good-gd-authtoken", "null")], false, false),
            (&[cookie, ("sessionid", "h")], true, true),
            (&[("sessionid", "h")], true, true),
            (&[], true, true),
        ];
        for (pairs, posts, polls) in table {
            assert_eq!(read("/GaslampService", pairs, false).is_ok(), *posts, "{pairs:?}");
            assert_eq!(read("/GaslampService/notify", pairs, true).is_ok(), *polls, "{pairs:?}");
        }
    }

    #[test]
    fn a_session_in_the_url_is_refused_and_the_header_goes_before_the_cookie() {
        for uri in
            ["/GaslampService?sessionId=1", "/GaslampService?a=b&SESSIONID=1", "/GaslampService?sessionid"]
        {
            assert_eq!(read(uri, &[], true).err(), Some(Problem::SessionInUrl), "{uri}");
        }
        let both = read("/GaslampService", &[("cookie", "sessionId=c"), ("sessionid", "h")], false).unwrap();
        assert_eq!(both.session.as_deref(), Some("h"));
    }

    #[test]
    fn the_resume_point_is_read_from_header_or_url() {
        let url = "/GaslampService/notify?sequence=7";
        assert_eq!(read(url, &[], true).unwrap().opening.sequence, Some(7));
        assert_eq!(read(url, &[("sequence", "9")], true).unwrap().opening.sequence, Some(9));
        assert_eq!(read(url, &[("sequence", "-1")], true).unwrap().opening.sequence, None);
        for none in [
            "/GaslampService/notify",
            "/GaslampService/notify?sequence=-1",
            "/GaslampService/notify?sequence=x",
        ] {
            assert_eq!(read(none, &[], true).unwrap().opening.sequence, None, "{none}");
        }
    }
}
