use std::{sync::Arc, time::Duration};

use axum::{
    Extension,
    extract::{Request, State},
    http::Method,
    response::{IntoResponse, Response},
};
use trunkline_core::{Posted, Visit};

use super::{
    Phone, body, cookie,
    notify::{array, hold, is_wanted, json},
    visitor::Visitor,
};
use crate::{caller::Caller, problem::Problem};

/// For the whole body, which is no larger than a frame.
pub(super) const BODY_LIMIT: Duration = Duration::from_secs(20);

/// `POST /GaslampService`: one request or an array of them, answered by the first phase of each.
pub(super) async fn rpc(
    State(phone): State<Arc<Phone>>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Response {
    answer(&phone, caller, request).await.unwrap_or_else(Problem::into_response)
}

async fn answer(phone: &Phone, caller: Caller, request: Request) -> Result<Response, Problem> {
    let (head, content) = request.into_parts();
    let wants = is_wanted(&head.headers);
    let polls = |polls| Visitor::read(&head.uri, &head.headers, caller, polls);
    if head.method == Method::GET && wants {
        return hold(phone, polls(true)?).await;
    }
    if head.method != Method::POST {
        return Err(Problem::MethodNotAllowed);
    }
    let bytes = body::read(content, phone.settings.get().frame_max_bytes, BODY_LIMIT).await?;
    if wants && bytes.trim_ascii().is_empty() {
        return hold(phone, polls(true)?).await;
    }
    let visitor = polls(false)?;
    let text = String::from_utf8(bytes.into()).map_err(|_| Problem::InvalidRequest(NO_UTF8.into()))?;
    let device = visitor.device.clone();
    let mut visit = visitor.visit(phone).await;
    let posted = visit.post(text).await?;
    let along = if wants { along(&visit).await } else { Vec::new() };
    let session = posted.session.clone();
    let mut response = json(written(posted, along).ok_or(Problem::Unavailable)?);
    if let Some(session) = session {
        cookie::offer_device_token(response.headers_mut(), &device, caller);
        cookie::set(response.headers_mut(), "sessionId", &session, None, caller.secure);
    }
    Ok(response)
}

const NO_UTF8: &str = "the body is not UTF-8";

/// What is finished already, for a phone that asked for it too.
async fn along(visit: &Visit) -> Vec<String> {
    match visit.poll_along().await {
        Some(poll) => poll.frames(Duration::ZERO).await,
        None => Vec::new(),
    }
}

/// `None` when a request went unanswered, because the server goes or has failed.
fn written(posted: Posted, along: Vec<String>) -> Option<String> {
    let Posted { mut answers, batch, .. } = posted;
    if !batch && along.is_empty() {
        return answers.pop();
    }
    if answers.is_empty() {
        return None;
    }
    answers.extend(along);
    Some(array(&answers))
}
