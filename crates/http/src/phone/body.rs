use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use http_body_util::LengthLimitError;
use tokio::time::timeout;

use crate::problem::Problem;

/// A request's body of at most `most` bytes, which must be there within `limit`.
pub(super) async fn read(body: Body, most: usize, limit: Duration) -> Result<Bytes, Problem> {
    let bytes = timeout(limit, to_bytes(body, most)).await.map_err(|_| Problem::TooSlow)?;
    bytes.map_err(|error| {
        if error.into_inner().is::<LengthLimitError>() {
            Problem::TooLarge(most)
        } else {
            Problem::InvalidRequest("the body ended early".into())
        }
    })
}
