use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use uuid::Uuid;

use crate::{
    StoreError,
    engine::{Row, Value},
};

/// The type of a column; the schema has no others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    Int,
    Text,
    Bytes,
    Bool,
    Uuid,
}

impl Kind {
    /// From what a catalog calls it: SQLite as it was declared, PostgreSQL by its own name.
    pub(super) fn declared(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "bigint" => Some(Self::Int),
            "text" => Some(Self::Text),
            "bytea" => Some(Self::Bytes),
            "boolean" => Some(Self::Bool),
            "uuid" => Some(Self::Uuid),
            _ => None,
        }
    }

    /// A column of a row as JSON: bytes in base64, UUIDs as text.
    pub(super) fn told(self, row: &Row, at: usize) -> Result<Json, StoreError> {
        Ok(match self {
            Self::Int => row.try_get::<Option<i64>>(at)?.map_or(Json::Null, Json::from),
            Self::Text => row.try_get::<Option<String>>(at)?.map_or(Json::Null, Json::from),
            Self::Bool => row.try_get::<Option<bool>>(at)?.map_or(Json::Null, Json::from),
            Self::Bytes => {
                let bytes = row.try_get::<Option<Vec<u8>>>(at)?;
                bytes.map_or(Json::Null, |bytes| Json::from(STANDARD.encode(bytes)))
            }
            Self::Uuid => {
                let id = row.try_get::<Option<Uuid>>(at)?;
                id.map_or(Json::Null, |id| Json::from(id.hyphenated().to_string()))
            }
        })
    }

    /// The opposite; `None` when the JSON is of another kind.
    pub(super) fn read(self, json: Json) -> Option<Value> {
        Some(match (self, json) {
            (Self::Int, Json::Null) => Value::Int(None),
            (Self::Text, Json::Null) => Value::Text(None),
            (Self::Bytes, Json::Null) => Value::Bytes(None),
            (Self::Bool, Json::Null) => Value::Bool(None),
            (Self::Uuid, Json::Null) => Value::Uuid(None),
            (Self::Int, Json::Number(number)) => Value::Int(Some(number.as_i64()?)),
            (Self::Text, Json::String(text)) => Value::Text(Some(text)),
            (Self::Bool, Json::Bool(bool)) => Value::Bool(Some(bool)),
            (Self::Bytes, Json::String(text)) => Value::Bytes(Some(STANDARD.decode(text).ok()?)),
            (Self::Uuid, Json::String(text)) => Value::Uuid(Some(text.parse().ok()?)),
            _ => return None,
        })
    }
}
