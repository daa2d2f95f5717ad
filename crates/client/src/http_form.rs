//! The HTTP form of the Connect API: requests by POST, and what waits for the phone by polls.

mod line;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use http_body_util::Full;
use hyper::{
    HeaderMap, Method, Request, StatusCode,
    body::Bytes,
    header::{ACCEPT, ACCEPT_LANGUAGE, CONTENT_TYPE, HOST, RETRY_AFTER, SET_COOKIE},
    http::request::Builder,
};
use serde_json::value::RawValue;
use trunkline_wire::activation::Problem;

pub(crate) use self::line::Line;
use crate::{ConnectError, Handshake, Server};

/// For the first phases of what one POST asks.
const POST_LIMIT: Duration = Duration::from_secs(60);
/// Longer than any relay holds a poll that a proxy lets through.
const POLL_LIMIT: Duration = Duration::from_secs(90);

/// Why a request over HTTP brought nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The relay wants fewer requests: again after this.
    #[error("the relay wants fewer requests")]
    Busy(Duration),
    /// Another answer than the API has.
    #[error("the relay answered with HTTP status {status}{because}")]
    Status { status: u16, because: String },
    #[error("the connection broke: {0}")]
    Broken(String),
}

/// Whose requests these are; cheap to clone.
#[derive(Clone)]
pub(crate) struct HttpForm {
    server: Server,
    handshake: Arc<Handshake>,
    session: Arc<Mutex<Option<String>>>,
}

impl HttpForm {
    /// For the phone with this handshake, whose token goes into BeginSession alone.
    pub(crate) fn new(server: &Server, handshake: Handshake) -> Self {
        Self { server: server.clone(), handshake: Arc::new(handshake), session: Arc::default() }
    }

    /// A connection for requests one after the other.
    pub(crate) fn line(&self) -> Line {
        Line::new(self.server.clone())
    }

    /// Sends requests, one or an array; gives their first phases.
    pub(crate) async fn post(&self, line: &mut Line, body: String) -> Result<Vec<String>, Failure> {
        let request = self.request(Method::POST, "/GaslampService").header(CONTENT_TYPE, "application/json");
        let (headers, frames) = self.ask(line, request, body, POST_LIMIT).await?;
        if let Some(id) = session_cookie(&headers) {
            *self.session.lock().unwrap_or_else(PoisonError::into_inner) = Some(id);
        }
        Ok(frames)
    }

    /// Waits for what comes after `sequence`, which is thereby acknowledged.
    pub(crate) async fn poll(&self, line: &mut Line, sequence: i64) -> Result<Vec<String>, Failure> {
        let request = self.request(Method::GET, "/GaslampService/notify").header("sequence", sequence);
        let (_, frames) =
            self.ask(line, request.header("x-notify", "true"), String::new(), POLL_LIMIT).await?;
        Ok(frames)
    }

    fn request(&self, method: Method, path: &str) -> Builder {
        let Handshake { platform, locale, background, device_token, .. } = &*self.handshake;
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, self.server.authority())
            .header(ACCEPT, "application/json")
            .header(ACCEPT_LANGUAGE, locale)
            .header("x-user-agent", platform)
            .header("x-good-background", background.to_string());
        if let Some(device) = device_token {
            request = request.header("x-gc-devicetoken", device);
        }
        let session = self.session.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match session {
            Some(session) => request.header("sessionId", session),
            None => request,
        }
    }

    async fn ask(
        &self,
        line: &mut Line,
        request: Builder,
        body: String,
        limit: Duration,
    ) -> Result<(HeaderMap, Vec<String>), Failure> {
        let request = request
            .body(Full::new(Bytes::from(body)))
            .map_err(|error| Failure::Connect(ConnectError::Handshake(error.to_string())))?;
        let (status, headers, body) = line.ask(request, limit).await?;
        match status {
            StatusCode::OK => Ok((headers, frames(&body)?)),
            StatusCode::TOO_MANY_REQUESTS => {
                let secs = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
                Err(Failure::Busy(Duration::from_secs(secs.unwrap_or(1))))
            }
            status => {
                let problem = serde_json::from_slice::<Problem>(&body).ok();
                let because = problem.map(|problem| format!(": {}", problem.detail)).unwrap_or_default();
                Err(Failure::Status { status: status.as_u16(), because })
            }
        }
    }
}

fn session_cookie(headers: &HeaderMap) -> Option<String> {
    let mut cookies = headers.get_all(SET_COOKIE).iter().filter_map(|cookie| cookie.to_str().ok());
    let value = cookies.find_map(|cookie| cookie.strip_prefix("sessionId="))?;
    value.split(';').next().map(str::to_owned)
}

/// The frames of a body: one, or an array.
fn frames(body: &[u8]) -> Result<Vec<String>, Failure> {
    let wrong = |_| Failure::Broken("it is not what a relay answers".to_owned());
    let text =
        std::str::from_utf8(body).map_err(|_| Failure::Broken("the answer is not UTF-8".to_owned()))?;
    if !text.trim_start().starts_with('[') {
        return Ok(vec![text.to_owned()]);
    }
    let frames: Vec<&RawValue> = serde_json::from_str(text).map_err(wrong)?;
    Ok(frames.into_iter().map(|frame| frame.get().to_owned()).collect())
}
