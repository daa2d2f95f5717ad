use std::{fmt::Debug, future::Future, time::Duration};

use anyhow::{Result, bail};

/// How long tests wait for something that must happen: `TRUNKLINE_TEST_PATIENCE` seconds, else 30.
pub fn patience() -> Duration {
    let told = std::env::var("TRUNKLINE_TEST_PATIENCE").ok().and_then(|text| text.parse().ok());
    Duration::from_secs(told.unwrap_or(30))
}

/// Asks again and again until `attempt` gives something; fails with `what` and the last error when patience ends.
pub async fn eventually<T, E, F>(what: &str, mut attempt: impl FnMut() -> F) -> Result<T>
where
    E: Debug,
    F: Future<Output = Result<T, E>>,
{
    let deadline = tokio::time::Instant::now() + patience();
    loop {
        match attempt().await {
            Ok(value) => return Ok(value),
            Err(error) if tokio::time::Instant::now() >= deadline => {
                bail!("{what}: not in {:?}: {error:?}", patience())
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await, // tidy: poll
        }
    }
}
