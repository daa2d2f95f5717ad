use std::sync::Arc;

use axum::{
    Extension,
    extract::{Request, State},
    http::{HeaderMap, Method, header},
    response::{IntoResponse, Response},
};
use trunkline_core::Polling;

use super::{Phone, body, opening::flag, rpc::BODY_LIMIT, visitor::Visitor};
use crate::{caller::Caller, problem::Problem};

/// `GET /GaslampService/notify`, or an empty POST: held until there is something for the phone, or for a while.
pub(super) async fn notify(
    State(phone): State<Arc<Phone>>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Response {
    answer(&phone, caller, request).await.unwrap_or_else(Problem::into_response)
}

/// Any other address below `/GaslampService`: a GET or an empty POST that asks for notifications is a poll as well.
pub(super) async fn elsewhere(
    State(phone): State<Arc<Phone>>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Response {
    if !is_wanted(request.headers()) {
        return Problem::NotFound.into_response();
    }
    answer(&phone, caller, request).await.unwrap_or_else(Problem::into_response)
}

/// Whether a request asks for what waits for the phone.
pub(super) fn is_wanted(headers: &HeaderMap) -> bool {
    headers.get("x-notify").and_then(|value| flag(value.to_str().ok()?.trim())) == Some(true)
}

async fn answer(phone: &Phone, caller: Caller, request: Request) -> Result<Response, Problem> {
    let (head, content) = request.into_parts();
    let empty = match head.method {
        Method::GET => true,
        Method::POST => body::read(content, 0, BODY_LIMIT).await.is_ok(),
        _ => false,
    };
    if !empty {
        return Err(Problem::MethodNotAllowed);
    }
    let visitor = Visitor::read(&head.uri, &head.headers, caller, true)?;
    hold(phone, visitor).await
}

/// Answers with what waits for the visitor's phone: at once, as soon as there is something, or with nothing when the time
/// is over, another reader comes or the server goes.
pub(super) async fn hold(phone: &Phone, visitor: Visitor) -> Result<Response, Problem> {
    let visit = visitor.visit(phone).await;
    let frames = match visit.poll().await? {
        Polling::Answer(frame) => vec![frame],
        Polling::Poll(poll) => {
            let (hold, leave) = (phone.settings.get().poll_hold, phone.sockets.left());
            leave.run_until_cancelled(poll.frames(hold)).await.unwrap_or_default()
        }
    };
    Ok(json(array(&frames)))
}

pub(super) fn array(frames: &[String]) -> String {
    format!("[{}]", frames.join(","))
}

pub(super) fn json(text: String) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], text).into_response()
}
