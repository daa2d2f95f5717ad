use axum::http::{HeaderMap, HeaderName, header};

/// Says whether the page that made a browser send the request is of the request's own origin (Fetch Metadata).
const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Apps send neither `Origin` nor `Sec-Fetch-Site`; a browser sends the first with whatever a page may do across sites,
/// and the second always. No page lives on this server, so `same-origin` is believed under an allowed origin's name only.
pub(super) fn may_ask(headers: &HeaderMap, allowed: &[String]) -> bool {
    let mut origins = headers.get_all(header::ORIGIN).iter().peekable();
    if origins.peek().is_none() {
        return headers.get_all(SITE).iter().all(|site| match site.as_bytes() {
            b"none" => true,
            b"same-origin" => is_allowed_host(headers, allowed),
            _ => false,
        });
    }
    origins.all(|origin| {
        let origin = origin.as_bytes();
        allowed.iter().any(|allowed| allowed.trim_end_matches('/').as_bytes().eq_ignore_ascii_case(origin))
    })
}

/// Whether the request was made under the name of an origin that is allowed, as one that shares a proxy with this server.
fn is_allowed_host(headers: &HeaderMap, allowed: &[String]) -> bool {
    let host = headers.get(header::HOST).map(|host| host.as_bytes()).unwrap_or_default();
    allowed
        .iter()
        .filter_map(|origin| origin.trim_end_matches('/').split_once("://"))
        .any(|(_, name)| name.as_bytes().eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn only_apps_and_pages_that_were_allowed_may_ask() {
        let allowed = ["https://chat.example.test/".to_owned()];
        let table: &[(&[(&str, &str)], bool)] = &[
            (&[], true),
            (&[("sec-fetch-site", "none")], true),
            (&[("sec-fetch-site", "cross-site")], false),
            (&[("sec-fetch-site", "same-site")], false),
            (&[("sec-fetch-site", "same-origin")], false),
            (&[("sec-fetch-site", "same-origin"), ("host", "rebound.evil.test")], false),
            (&[("sec-fetch-site", "same-origin"), ("host", "chat.example.test")], true),
            (&[("sec-fetch-site", "none"), ("sec-fetch-site", "cross-site")], false),
            (&[("origin", "https://chat.example.test"), ("sec-fetch-site", "cross-site")], true),
            (&[("origin", "HTTPS://CHAT.example.test")], true),
            (&[("origin", "http://chat.example.test")], false),
            (&[("origin", "https://chat.example.test.evil.test")], false),
            (&[("origin", "https://chat.example.test:8443")], false),
            (&[("origin", "null")], false),
            (&[("origin", "")], false),
            (&[("origin", "https://chat.example.test"), ("origin", "https://evil.test")], false),
        ];
        for (pairs, may) in table {
            let mut headers = HeaderMap::new();
            for (name, value) in *pairs {
                headers.append(*name, HeaderValue::from_static(value));
            }
            assert_eq!(may_ask(&headers, &allowed), *may, "{pairs:?}");
        }
    }
}
