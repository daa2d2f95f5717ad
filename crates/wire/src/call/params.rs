use std::{collections::HashMap, str::FromStr};

use secrecy::SecretString;
use serde::Deserialize;
use serde_json::Value;
use trunkline_model::{Address, ChatId, GroupId, PresenceChoice};

use crate::ApiError;

/// Most addresses in one list.
const MAX_LIST: usize = 1_000;

/// The members of `params`, found by name in any letter case; of a repeated one the last counts.
#[derive(Default)]
pub(crate) struct Params {
    members: HashMap<Folded, Value>,
    /// Every name that was asked for, so that a test can hold it against the description.
    #[cfg(test)]
    pub(crate) asked: std::collections::BTreeSet<&'static str>,
}

#[derive(PartialEq, Eq, Hash)]
struct Folded(String);

impl<'de> Deserialize<'de> for Folded {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut name = String::deserialize(deserializer)?;
        name.make_ascii_lowercase();
        Ok(Self(name))
    }
}

impl Params {
    /// From the JSON text; absent and null are an empty object. The error is plain words.
    pub(crate) fn read(raw: Option<&str>) -> Result<Self, &'static str> {
        let mut params = Self::default();
        match raw {
            None | Some("null") => {}
            Some(text) if text.starts_with('{') => {
                params.members =
                    serde_json::from_str(text).map_err(|_| "params holds a number that is out of range")?;
            }
            Some(_) => return Err("params is not an object"),
        }
        Ok(params)
    }

    /// Takes out the first of these aliases that is there and not null, with the name it was asked under.
    pub(crate) fn take(&mut self, names: &[&'static str]) -> Option<(&'static str, Value)> {
        #[cfg(test)]
        self.asked.extend(names);
        names.iter().find_map(|name| {
            let value = self.members.remove(&Folded(name.to_ascii_lowercase()))?;
            (!value.is_null()).then_some((*name, value))
        })
    }

    /// A text of at most `limit` characters; a number counts as its text. `None` when absent; may be empty.
    pub(super) fn text(&mut self, names: &[&'static str], limit: usize) -> Result<Option<String>, ApiError> {
        let Some((name, value)) = self.take(names) else { return Ok(None) };
        let text = match value {
            Value::String(text) => text,
            Value::Number(number) => number.to_string(),
            _ => return Err(ApiError::invalid(name, "is not a string")),
        };
        if text.len() > limit && text.chars().count() > limit {
            return Err(ApiError::invalid(name, format_args!("is longer than {limit} characters")));
        }
        if text.contains('\0') {
            return Err(ApiError::invalid(name, "holds the character U+0000"));
        }
        Ok(Some(text))
    }

    /// As [`Self::text`], and an empty text counts as absent.
    pub(super) fn filled(
        &mut self,
        names: &[&'static str],
        limit: usize,
    ) -> Result<Option<String>, ApiError> {
        Ok(self.text(names, limit)?.filter(|text| !text.is_empty()))
    }

    /// A text that must be there and not empty.
    pub(super) fn required(&mut self, names: &[&'static str], limit: usize) -> Result<String, ApiError> {
        self.filled(names, limit)?.ok_or_else(|| ApiError::missing(first(names)))
    }

    /// A secret; the text `null`, which the vendor's client sends when it has none, counts as absent.
    pub(super) fn secret(&mut self, names: &[&'static str]) -> Result<Option<SecretString>, ApiError> {
        let text = self.filled(names, 16_384)?;
        Ok(text.filter(|text| text != "null").map(SecretString::from))
    }

    /// A token that must be there.
    pub(super) fn required_secret(&mut self, names: &[&'static str]) -> Result<SecretString, ApiError> {
        self.secret(names)?.ok_or_else(|| ApiError::missing(first(names)))
    }

    /// A whole number, also as text. `None` when absent or an empty text.
    pub(super) fn number(&mut self, names: &[&'static str]) -> Result<Option<i64>, ApiError> {
        let Some((name, value)) = self.take(names) else { return Ok(None) };
        let number = match &value {
            Value::String(text) if text.is_empty() => return Ok(None),
            Value::String(text) => text.trim().parse().ok(),
            Value::Number(number) => number.as_i64().or_else(|| number.as_f64().and_then(whole)),
            _ => None,
        };
        number.map(Some).ok_or_else(|| ApiError::invalid(name, "is not a whole number"))
    }

    /// A truth value that must be there, also as the text `true` or `false`.
    pub(super) fn truth(&mut self, names: &[&'static str]) -> Result<bool, ApiError> {
        let Some((name, value)) = self.take(names) else { return Err(ApiError::missing(first(names))) };
        match &value {
            Value::Bool(truth) => Ok(*truth),
            Value::String(text) if text.eq_ignore_ascii_case("true") => Ok(true),
            Value::String(text) if text.eq_ignore_ascii_case("false") => Ok(false),
            Value::String(text) if text.is_empty() => Err(ApiError::missing(name)),
            _ => Err(ApiError::invalid(name, "is neither true nor false")),
        }
    }

    /// An address that must be there; of a list the first.
    pub(super) fn contact(&mut self) -> Result<Address, ApiError> {
        self.contact_opt()?.ok_or_else(|| ApiError::missing("contactId"))
    }

    /// An address, if there; of a list the first.
    pub(super) fn contact_opt(&mut self) -> Result<Option<Address>, ApiError> {
        let Some((name, text)) = self.first_text(&["contactId", "contactIds"])? else { return Ok(None) };
        text.parse().map(Some).map_err(|error| ApiError::invalid(name, error))
    }

    /// An address under this name, if there.
    pub(super) fn address_opt(&mut self, name: &'static str) -> Result<Option<Address>, ApiError> {
        let Some((name, text)) = self.first_text(&[name])? else { return Ok(None) };
        text.parse().map(Some).map_err(|error| ApiError::invalid(name, error))
    }

    /// A text that is not empty, if there, with the name that it stood under; of a list the first.
    pub(super) fn first_text(
        &mut self,
        names: &[&'static str],
    ) -> Result<Option<(&'static str, String)>, ApiError> {
        let Some((name, value)) = self.take(names) else { return Ok(None) };
        let first = match value {
            Value::Array(values) => values.into_iter().next().unwrap_or(Value::Null),
            one => one,
        };
        match first {
            Value::Null => Ok(None),
            Value::String(text) if text.is_empty() => Ok(None),
            Value::String(text) => Ok(Some((name, text))),
            _ => Err(ApiError::invalid(name, "is not a string")),
        }
    }

    /// 1 to 1,000 addresses, as a list or alone.
    pub(super) fn contacts(&mut self) -> Result<Vec<Address>, ApiError> {
        let Some((name, value)) = self.take(&["contactIds", "contactId"]) else {
            return Err(ApiError::missing("contactIds"));
        };
        let values = match value {
            Value::Array(values) => values,
            Value::String(text) if text.is_empty() => Vec::new(),
            one => vec![one],
        };
        if values.is_empty() {
            return Err(ApiError::missing(name));
        }
        if values.len() > MAX_LIST {
            return Err(ApiError::invalid(name, format_args!("holds more than {MAX_LIST} addresses")));
        }
        values.iter().map(|value| address(name, value)).collect()
    }

    /// A roster group's number, as text or number.
    pub(super) fn group(&mut self) -> Result<GroupId, ApiError> {
        self.group_opt()?.ok_or_else(|| ApiError::missing("groupId"))
    }

    /// A roster group's number, if there.
    pub(super) fn group_opt(&mut self) -> Result<Option<GroupId>, ApiError> {
        Ok(self.number(&["groupId"])?.map(GroupId))
    }

    /// An invitation's id.
    pub(super) fn chat(&mut self, names: &[&'static str]) -> Result<ChatId, ApiError> {
        let text = self.required(names, 255)?;
        ChatId::from_str(&text).map_err(|_| ApiError::invalid(first(names), "is not the id of an invitation"))
    }

    /// A presence by name, if there.
    pub(super) fn presence(&mut self) -> Result<Option<PresenceChoice>, ApiError> {
        let Some(name) = self.filled(&["presence"], 255)? else { return Ok(None) };
        PresenceChoice::from_name(&name).map(Some).ok_or_else(|| {
            let expected = "available, busy, donotdisturb, berightback, away, offwork, offline, reset";
            ApiError::invalid("presence", format_args!("is not one of {expected}"))
        })
    }

    /// Whether any of these is there; for telling a missing parameter from another kind of call.
    pub(super) fn has(&mut self, name: &'static str) -> bool {
        #[cfg(test)]
        self.asked.insert(name);
        self.members.get(&Folded(name.to_ascii_lowercase())).is_some_and(|value| !value.is_null())
    }
}

fn first(names: &[&'static str]) -> &'static str {
    names.first().copied().unwrap_or_default()
}

fn whole(number: f64) -> Option<i64> {
    // Beyond 2^53 a double no longer tells neighbours apart.
    #[allow(clippy::cast_possible_truncation, reason = "the range is checked")]
    (number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_992.0).then_some(number as i64)
}

fn address(name: &str, value: &Value) -> Result<Address, ApiError> {
    let Value::String(text) = value else { return Err(ApiError::invalid(name, "is not a string")) };
    text.parse().map_err(|error| ApiError::invalid(name, error))
}
