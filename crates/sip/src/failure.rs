//! What statuses and Microsoft's diagnostics mean: what to do, and what to tell the user.

mod row;

use crate::header::Headers;
use crate::method::Method;
use crate::typed::{Diagnostics, Warning};

pub use row::ROWS;

/// One meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What it is about.
    pub on: On,
    /// The statuses that it comes with; none if any will do.
    pub statuses: &'static [u16],
    /// The diagnostics that say so; none if the status alone does.
    pub ids: &'static [u32],
    /// What happened, for operators.
    pub meaning: &'static str,
    /// Whether to try again.
    pub retry: Retry,
    /// The key of the text that the user gets, if he gets one.
    pub text: Option<&'static str>,
    /// Whether an operator has to act.
    pub alarm: bool,
}

/// What kind of message a meaning is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    /// An answer to any request.
    Answer,
    /// An answer to MESSAGE.
    Message,
    /// An answer with a Warning of that code.
    Warning(u16),
    /// A BYE or an answer.
    Bye,
    /// A NOTIFY or BENOTIFY.
    Notification,
    /// An answer over HTTP.
    Http,
}

/// Whether a request that failed may be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// It would fail again.
    Permanent,
    /// After a while.
    Later,
    /// Once and at once, in another way: a new dialog, another server, another version.
    Automatic,
    /// Never by itself: it may have arrived.
    Unknown,
    /// It is no failure.
    Nothing,
}

/// What an answer from 300 on means. What diagnostics say counts more than the status, and what they say of an id that
/// is not known counts nothing.
pub fn judge(method: &Method, status: u16, headers: &Headers) -> &'static Failure {
    let warnings = headers.warnings().unwrap_or_default();
    judge_parts(method, status, &headers.diagnostics(), &warnings)
}

/// What an answer means of which only these parts are known.
pub fn judge_parts(
    method: &Method,
    status: u16,
    diagnostics: &[Diagnostics],
    warnings: &[Warning],
) -> &'static Failure {
    let of_message = || (*method == Method::MESSAGE).then(|| by_status(On::Message, status)).flatten();
    let of_warning = || warnings.iter().find_map(|warning| by_status(On::Warning(warning.code), status));
    of_message()
        .or_else(|| diagnostics.iter().find_map(|why| by_id(why.id, Some(status))))
        .or_else(|| diagnostics.iter().find_map(|why| by_id(why.id, None)))
        .or_else(of_warning)
        .or_else(|| by_status(On::Answer, status))
        .unwrap_or_else(|| row::by_class(status))
}

/// What diagnostics mean wherever they come from: a notification, HTTP.
pub fn of_id(id: u32) -> Option<&'static Failure> {
    by_id(id, None)
}

fn by_id(id: u32, status: Option<u16>) -> Option<&'static Failure> {
    let anywhere = |row: &Failure| row.retry != Retry::Nothing;
    let fits = |row: &Failure| status.map_or(anywhere(row), |status| row.statuses.contains(&status));
    ROWS.iter().find(|row| row.ids.contains(&id) && fits(row))
}

fn by_status(on: On, status: u16) -> Option<&'static Failure> {
    let mut rows = ROWS.iter().filter(|row| row.on == on && row.statuses.contains(&status));
    rows.find(|row| row.ids.is_empty())
}
