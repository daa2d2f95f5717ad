//! `POST /v1/activation`: a person's address and access key for a device's auth token.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use trunkline_model::{Address, DeviceId};

/// Longest member, in characters.
const MAX_CHARS: usize = 255;

/// What the phone sends. Unknown members are ignored; its `Debug` hides the access key.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ActivationRequest {
    /// The account's address as typed, with or without `sip:`.
    pub address: String,
    /// The access key as typed.
    #[serde(serialize_with = "expose", deserialize_with = "hide")]
    pub access_key: SecretString,
    /// The install's stable id.
    pub device_token: String,
    /// `iOS`, `Android`, ….
    #[serde(default)]
    pub platform: String,
    /// What the person calls the device.
    #[serde(default)]
    pub name: String,
    /// The app's version.
    #[serde(default)]
    pub app_version: String,
    /// The person's language.
    #[serde(default)]
    pub locale: String,
}

impl ActivationRequest {
    /// Tells in plain words which member is empty or longer than 255 characters.
    pub fn check(&self) -> Result<(), String> {
        let needed = [
            ("address", self.address.as_str()),
            ("accessKey", self.access_key.expose_secret()),
            ("deviceToken", &self.device_token),
        ];
        if let Some((name, _)) = needed.iter().find(|(_, text)| text.trim().is_empty()) {
            return Err(format!("{name} is empty"));
        }
        let optional = [
            ("platform", self.platform.as_str()),
            ("name", &self.name),
            ("appVersion", &self.app_version),
            ("locale", &self.locale),
        ];
        let all = needed.iter().chain(&optional);
        for (name, text) in all {
            if text.chars().nth(MAX_CHARS).is_some() {
                return Err(format!("{name} is longer than {MAX_CHARS} characters"));
            }
            if text.contains('\0') {
                return Err(format!("{name} holds the character U+0000"));
            }
        }
        Ok(())
    }
}

/// What the phone gets; its `Debug` hides the token.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ActivationReply {
    /// The device's token, for `gdAuthToken`.
    #[serde(serialize_with = "expose", deserialize_with = "hide")]
    pub auth_token: SecretString,
    /// The device.
    pub device_id: DeviceId,
    /// The account.
    pub account: ActivatedAccount,
}

/// Whose device it is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ActivatedAccount {
    /// The account's address.
    pub address: Address,
    /// The person's name.
    pub display_name: String,
}

/// A problem document (RFC 9457).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// A URI for the kind, or `about:blank`.
    #[serde(rename = "type", default)]
    pub kind: String,
    /// The kind in a few words.
    #[serde(default)]
    pub title: String,
    /// The HTTP status.
    #[serde(default)]
    pub status: u16,
    /// What was wrong this time, and what to do.
    #[serde(default)]
    pub detail: String,
    /// A stable word for programs.
    #[serde(default)]
    pub code: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = if self.detail.is_empty() { &self.title } else { &self.detail };
        f.write_str(words)
    }
}

fn expose<S: Serializer>(secret: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.expose_secret())
}

fn hide<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SecretString, D::Error> {
    String::deserialize(deserializer).map(SecretString::from)
}

#[cfg(test)]
mod tests {
    use super::ActivationRequest;

    #[test]
    fn a_request_needs_three_members_of_sane_length() {
        let read = |text: &str| serde_json::from_str::<ActivationRequest>(text);
        let good = r#"{"address":"a@b","accessKey":"K7QX4","deviceToken":"d","more":[1]}"#;
        let mut request = read(good).unwrap();
        assert_eq!(request.check(), Ok(()));
        assert!(!format!("{request:?}").contains("K7QX4"));
        assert_eq!(read(&serde_json::to_string(&request).unwrap()).unwrap().check(), Ok(()));
        request.locale = "x".repeat(256);
        assert_eq!(request.check(), Err("locale is longer than 255 characters".to_owned()));
        request.device_token = " ".to_owned();
        assert_eq!(request.check(), Err("deviceToken is empty".to_owned()));
        assert!(read(r#"{"address":"a@b","deviceToken":"d"}"#).is_err());
    }
}
