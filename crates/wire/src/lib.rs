//! The Connect API's frames: what phones ask, what they are answered, and what they are told unasked.
//!
//! Nothing here does I/O or keeps state; every function takes text or values and gives values or text, in
//! time linear in the input, and none panics on any input. Secrets and message texts never show in `Debug`.

pub mod activation;
mod call;
pub mod contract;
mod error;
mod event;
mod json;
mod method;
pub mod phone;
mod reply;
mod request;
mod response;

pub use call::{BeginSession, Call, DirectoryField, NotifyBackground, Target};
pub use error::{ApiError, ErrorCode};
pub use event::{
    EventData, EventName, contact_update, entry_event, event, line_state, session_terminated, typing,
};
pub use method::Method;
pub use reply::{ContactView, DeviceView, PhotoView, Reply, SessionReply, contact_bytes};
pub use request::{Frame, Limits, Malformed, Parsed, Request, RequestId, parse};
pub use response::{Early, answer, complete, failure_later, failure_now, processing};
