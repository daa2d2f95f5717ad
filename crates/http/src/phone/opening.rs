//! What phones tell in headers, on opening a socket and with every request over HTTP.

use axum::http::{HeaderMap, HeaderName};
use secrecy::SecretString;
use trunkline_core::Opening;

use super::cookie;
use crate::caller::Caller;

/// Longest device id or other word that is looked at.
const WORD_BYTES: usize = 255;

/// The install's own id, as the headers tell it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum DeviceToken {
    Header(String),
    Cookie(String),
    /// None came, so the server makes one.
    Absent,
    /// One came that cannot be one; it is not replaced, and nothing fails because of it.
    Unusable,
}

pub(super) fn device_token(headers: &HeaderMap) -> DeviceToken {
    const NAME: HeaderName = HeaderName::from_static("x-gc-devicetoken");
    match (headers.get(NAME), word(headers, &NAME), cookie::find(headers, "deviceToken")) {
        (Some(_), Some(token), _) => DeviceToken::Header(token.to_owned()),
        (Some(header), None, _) if !header.as_bytes().trim_ascii().is_empty() => DeviceToken::Unusable,
        (_, _, Some(token)) if !token.is_empty() && token.len() <= WORD_BYTES => {
            DeviceToken::Cookie(token.to_owned())
        }
        _ => DeviceToken::Absent,
    }
}

/// Reads the vendor's headers; one that makes no sense counts as absent.
pub(super) fn opening(headers: &HeaderMap, device: &DeviceToken, caller: Caller) -> Opening {
    let text = |name: &'static str| word(headers, &HeaderName::from_static(name));
    let auth_token = auth_token(headers);
    let device_token = match device {
        DeviceToken::Header(token) => Some(token.clone()),
        // The cookie may hold an id that this server made up: it claims nothing against a token's own device.
        _ => None,
    };
    Opening {
        device_token,
        auth_token,
        sequence: text("sequence").and_then(|n| n.parse::<i64>().ok()).filter(|n| *n >= 0),
        background: text("x-good-background").and_then(flag),
        source: caller.address,
    }
}

pub(super) fn flag(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    }
}

/// The vendor's client sends the text `null` while it has no token.
fn auth_token(headers: &HeaderMap) -> Option<SecretString> {
    let token = headers.get("x-good-gd-authtoken")?.to_str().ok()?.trim();
    (!token.is_empty() && token != "null").then(|| SecretString::from(token))
}

/// A header's value when it is short visible text.
pub(super) fn word<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    let text = headers.get(name)?.to_str().ok()?.trim();
    (!text.is_empty() && text.len() <= WORD_BYTES).then_some(text)
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use axum::http::HeaderValue;
    use secrecy::ExposeSecret;

    use super::*;

    fn read(pairs: &[(&'static str, &[u8])]) -> (DeviceToken, Opening) {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_bytes(value).expect("a header value"));
        }
        let address = IpAddr::from(Ipv4Addr::LOCALHOST);
        let device = device_token(&headers);
        let opening =
            opening(&headers, &device, Caller { address, secure: false, proxied: false, exempt: false });
        (device, opening)
    }

    #[test]
    fn the_vendors_headers_are_read() {
        let (device, opening) = read(&[
            ("accept-language", b"de_CH"),
            ("date", b"7 Mar 2025 09:05:11 +0100"),
            ("x-user-agent", b"Android"),
            ("sequence", b"1557921600000042"),
            ("x-gc-devicetoken", b"0123456789abcdef"),
            ("x-good-background", b"true"),
            ("x-good-gd-authtoken", b"tl1.secret"),
        ]);
        assert_eq!(device, DeviceToken::Header("0123456789abcdef".into()));
        assert_eq!(opening.device_token.as_deref(), Some("0123456789abcdef"));
        assert_eq!(opening.sequence, Some(1_557_921_600_000_042));
        assert_eq!(opening.auth_token.expect("a token").expose_secret(), "tl1.secret");
        assert_eq!(opening.background, Some(true));
    }

    #[test]
    fn headers_that_make_no_sense_count_as_absent() {
        for sequence in [&b"-1"[..], b"", b"garbage", b"99999999999999999999", b"\xff\xfe"] {
            assert_eq!(read(&[("sequence", sequence)]).1.sequence, None);
        }
        for token in [&b"null"[..], b"", b" ", b"\xff"] {
            assert!(read(&[("x-good-gd-authtoken", token)]).1.auth_token.is_none());
        }
        let long = [b'x'; 256];
        let (device, opening) = read(&[("x-gc-devicetoken", &long), ("x-good-background", b"maybe")]);
        assert_eq!((device, opening.device_token, opening.background), (DeviceToken::Unusable, None, None));
        assert_eq!(read(&[("x-gc-devicetoken", b"")]).0, DeviceToken::Absent);
    }

    #[test]
    fn the_device_cookie_claims_nothing() {
        let cookie = ("cookie", &b"deviceToken=d-1"[..]);
        let (device, opening) = read(&[cookie, ("x-good-gd-authtoken", b"t")]);
        assert_eq!((device, opening.device_token), (DeviceToken::Cookie("d-1".into()), None));
        let (_, opening) = read(&[cookie, ("x-gc-devicetoken", b"h"), ("x-good-gd-authtoken", b"t")]);
        assert_eq!(opening.device_token.as_deref(), Some("h"));
    }
}
