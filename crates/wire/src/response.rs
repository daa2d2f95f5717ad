use trunkline_model::{ChatId, Timestamp};

use crate::{ApiError, Reply, RequestId, json::Object};

/// What the first phase already tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Early {
    /// Only that the request is under way.
    Nothing,
    /// StartChat, SendMessage: when the relay took it.
    Timestamp(Timestamp),
    /// AcceptChat: the conversation.
    Chat(ChatId),
    /// Ping: seconds.
    SessionTimeout(u64),
    /// TerminateSession: COMPLETE in both phases.
    Complete,
}

/// The first phase of two: the request is taken.
pub fn processing(id: &RequestId, name: &str, early: Early, background: bool) -> String {
    let data = early_data(name, early);
    now(Some(id))
        .put_raw("result", &result(&data))
        .put("jsonrpc", "2.0")
        .put("background", &background)
        .finish()
}

/// The first phase's `data` object.
pub(crate) fn early_data(name: &str, early: Early) -> String {
    let mut data = Object::new();
    match early {
        Early::Nothing | Early::Complete => {}
        Early::Timestamp(at) => _ = data.put("timestamp", &at.as_millis()),
        Early::Chat(chat) => _ = data.put("chatId", &chat),
        Early::SessionTimeout(secs) => _ = data.put("sessionTimeout", &secs),
    }
    let state = if early == Early::Complete { "COMPLETE" } else { "PROCESSING" };
    data.put("method", name).put("state", state).finish()
}

/// The second phase: the request is done.
pub fn complete(id: &RequestId, name: &str, reply: &Reply, sequence: i64) -> String {
    let data = reply.data(name);
    Object::new()
        .put_raw("id", id.raw())
        .put("sequence", &sequence)
        .put_raw("result", &result(&data))
        .put("jsonrpc", "2.0")
        .finish()
}

/// The only phase of a method that has one.
pub fn answer(id: &RequestId, name: &str, reply: &Reply, background: bool) -> String {
    let mut frame = now(Some(id));
    if odd_shape(name) {
        // Two methods are shown with these members outside `data`; a superset serves both readings.
        let result = Object::new().put("status", "success").put_raw("data", &odd_data(name)).finish();
        frame.put("method", name).put("state", "COMPLETE").put_raw("result", &result);
    } else {
        frame.put_raw("result", &result(&reply.data(name)));
    }
    frame.put("jsonrpc", "2.0").put("background", &background).finish()
}

/// An error in the first phase, which is final. Without an id it is told as null.
pub fn failure_now(id: Option<&RequestId>, name: Option<&str>, error: &ApiError, background: bool) -> String {
    Object::new()
        .put_raw("id", id.map_or("null", RequestId::raw))
        .put_raw("error", &error_object(name, error))
        .put_raw("result", "null")
        .put("jsonrpc", "2.0")
        .put("background", &background)
        .finish()
}

/// An error in the second phase.
pub fn failure_later(id: &RequestId, name: &str, error: &ApiError, sequence: i64) -> String {
    Object::new()
        .put_raw("id", id.raw())
        .put("sequence", &sequence)
        .put_raw("error", &error_object(Some(name), error))
        .put_raw("result", "null")
        .put("jsonrpc", "2.0")
        .finish()
}

fn now(id: Option<&RequestId>) -> Object {
    let mut frame = Object::new();
    frame.put_raw("id", id.map_or("null", RequestId::raw)).put_raw("error", "null");
    frame
}

pub(crate) fn result(data: &str) -> String {
    Object::new().put_raw("data", data).finish()
}

pub(crate) fn odd_data(name: &str) -> String {
    Object::new().put("method", name).put("state", "COMPLETE").put("status", "success").finish()
}

pub(crate) fn odd_shape(name: &str) -> bool {
    ["SetGDToken", "SetOAuth2Token"].iter().any(|odd| odd.eq_ignore_ascii_case(name))
}

/// The vendor never shows the inside, so the words stand where any client may look.
fn error_object(name: Option<&str>, error: &ApiError) -> String {
    let mut data = Object::new();
    if let Some(name) = name {
        data.put("method", name);
    }
    let data = data.put("innerError", &error.inner).finish();
    Object::new()
        .put("code", &error.code.number())
        .put("message", error.code.name())
        .put("name", error.code.name())
        .put("innerError", &error.inner)
        .put_raw("data", &data)
        .finish()
}
