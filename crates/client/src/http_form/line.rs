use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    HeaderMap, Request, StatusCode,
    body::{Bytes, Incoming},
    client::conn::http1::{SendRequest, handshake},
};
use hyper_util::rt::TokioIo;
use tokio::{task::AbortHandle, time::timeout};

use super::Failure;
use crate::{ConnectError, Server, stream::Stream};

/// Largest answer that is read: a relay's are at most some 2 MiB.
const MAX_ANSWER: usize = 8 * 1024 * 1024;

/// One connection after the other to a relay, each kept for as long as the relay keeps it.
pub(crate) struct Line {
    server: Server,
    open: Option<Open>,
}

struct Open {
    sender: SendRequest<Full<Bytes>>,
    driver: AbortHandle,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Line {
    pub(super) fn new(server: Server) -> Self {
        Self { server, open: None }
    }

    /// Sends a request and reads the whole answer. Dropped midway, it takes the connection with it.
    pub(super) async fn ask(
        &mut self,
        request: Request<Full<Bytes>>,
        limit: Duration,
    ) -> Result<(StatusCode, HeaderMap, Bytes), Failure> {
        let authority = self.server.authority().to_owned();
        let answer = timeout(limit, self.exchange(request)).await;
        answer.unwrap_or(Err(ConnectError::TimedOut { authority, after: limit }.into()))
    }

    async fn exchange(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<(StatusCode, HeaderMap, Bytes), Failure> {
        let mut open = self.ready().await?;
        let answer = match open.sender.try_send_request(request).await {
            Ok(answer) => answer,
            Err(mut error) => match error.take_message() {
                // The relay has closed a kept connection, and not seen the request.
                Some(request) => {
                    open = self.dial().await?;
                    open.sender.send_request(request).await.map_err(broken)?
                }
                None => return Err(broken(error.into_error())),
            },
        };
        let (head, body) = answer.into_parts();
        let body = read(body).await?;
        self.open = Some(open);
        Ok((head.status, head.headers, body))
    }

    async fn ready(&mut self) -> Result<Open, Failure> {
        if let Some(mut open) = self.open.take()
            && open.sender.ready().await.is_ok()
        {
            return Ok(open);
        }
        self.dial().await
    }

    async fn dial(&self) -> Result<Open, Failure> {
        let stream = Stream::open(&self.server).await?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(broken)?;
        let driver = tokio::spawn(connection).abort_handle();
        Ok(Open { sender, driver })
    }
}

async fn read(body: Incoming) -> Result<Bytes, Failure> {
    let body = Limited::new(body, MAX_ANSWER).collect().await;
    Ok(body.map_err(|error| Failure::Broken(error.to_string()))?.to_bytes())
}

#[allow(clippy::needless_pass_by_value, reason = "it is given to map_err")]
fn broken(error: hyper::Error) -> Failure {
    Failure::Broken(error.to_string())
}
