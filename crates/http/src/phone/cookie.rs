use axum::http::{HeaderMap, HeaderValue, header};
use uuid::Uuid;

use super::opening::DeviceToken;
use crate::caller::Caller;

/// For the `deviceToken` cookie: as long as browsers keep one.
const COOKIE_SECS: u32 = 400 * 24 * 60 * 60;

/// The value of a cookie by its name; the first one counts.
pub(super) fn find<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value.trim_matches('"'))
}

/// A cookie for the Connect API alone. `lifetime` is in seconds; without it, the cookie goes with the browser's session.
pub(super) fn set(headers: &mut HeaderMap, name: &str, value: &str, lifetime: Option<u32>, secure: bool) {
    let age = lifetime.map(|secs| format!("; Max-Age={secs}")).unwrap_or_default();
    let secure = if secure { "; Secure" } else { "" };
    let text = format!("{name}={value}; Path=/GaslampService; HttpOnly; SameSite=Strict{age}{secure}");
    if let Ok(text) = HeaderValue::from_str(&text) {
        headers.append(header::SET_COOKIE, text);
    }
}

/// A client that shows no device id of its own is given one.
pub(super) fn offer_device_token(headers: &mut HeaderMap, device: &DeviceToken, caller: Caller) {
    if *device == DeviceToken::Absent {
        set(headers, "deviceToken", &Uuid::new_v4().to_string(), Some(COOKIE_SECS), caller.secure);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_found_among_others() {
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, HeaderValue::from_static("a=1;deviceToken = x"));
        headers.append(header::COOKIE, HeaderValue::from_static("junk; deviceToken=\"d-1\"; b=2"));
        assert_eq!(find(&headers, "deviceToken"), Some("d-1"));
        assert_eq!(find(&headers, "b"), Some("2"));
        assert_eq!(find(&headers, "junk"), None);
    }
}
