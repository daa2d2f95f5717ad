use bytes::Bytes;

use crate::address::Address;
use crate::header::{Header, Headers, name};
use crate::message::{Request, RequestBuilder};
use crate::method::Method;
use crate::uri::Uri;

use super::DialogError;

/// More hops than any request passes.
const MOST: usize = 32;

/// The hops that requests take, byte for byte as Record-Route named them: servers sign them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct RouteSet(Vec<Bytes>);

impl RouteSet {
    /// The way of one who was called: as received.
    pub(super) fn in_order(headers: &Headers) -> Result<Self, DialogError> {
        let routes = kept(headers.raw_elements(name::RECORD_ROUTE)?);
        if routes.len() > MOST { Err(DialogError::TooManyRoutes(routes.len())) } else { Ok(Self(routes)) }
    }

    /// The way of one who called as far as it can be read: for the last words in a dialog that cannot be.
    pub(super) fn readable(headers: &Headers) -> Self {
        let each = headers.all(name::RECORD_ROUTE).map(|header| Headers::from_iter([header.clone()]));
        let all = each.filter_map(|one| one.raw_elements(name::RECORD_ROUTE).ok()).flatten();
        let mut routes = kept(all.take(MOST).collect());
        routes.reverse();
        Self(routes)
    }

    /// The way of one who called: the other way round.
    pub(super) fn reversed(headers: &Headers) -> Result<Self, DialogError> {
        let mut routes = Self::in_order(headers)?;
        routes.0.reverse();
        Ok(routes)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Begins a request to a target over these hops.
    pub(super) fn request(&self, method: Method, target: &Uri) -> RequestBuilder {
        let (uri, routes) = self.strict(target).unwrap_or_else(|| (target.clone(), self.0.clone()));
        let begun = Request::build(method, uri).header(name::MAX_FORWARDS, "70");
        routes.into_iter().fold(begun, |begun, route| begun.header(name::ROUTE, route))
    }

    /// If the first hop is of before RFC 3261: it becomes the Request-URI, and the target the last hop.
    fn strict(&self, target: &Uri) -> Option<(Uri, Vec<Bytes>)> {
        let (first, rest) = self.0.split_first()?;
        let first = Address::parse(&Header::new(name::ROUTE, first).text()).ok();
        let first = first.filter(|first| first.uri.param("lr").is_none())?;
        let mut routes = rest.to_vec();
        routes.push(format!("<{target}>").into());
        Some((first.uri, routes))
    }
}

/// The hops in bytes of their own, which keep no message.
fn kept(routes: Vec<Bytes>) -> Vec<Bytes> {
    let named = routes.into_iter().filter(|route| !route.is_empty());
    named.map(|route| Bytes::copy_from_slice(&route)).collect()
}
