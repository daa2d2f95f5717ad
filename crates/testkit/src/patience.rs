use std::{
    fmt::Debug,
    future::Future,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};

/// How long tests wait for something that must happen: `TRUNKLINE_TEST_PATIENCE` seconds, else 30.
pub fn patience() -> Duration {
    let told = std::env::var("TRUNKLINE_TEST_PATIENCE").ok().and_then(|text| text.parse().ok());
    Duration::from_secs(told.unwrap_or(30))
}

/// How long a trial goes on, in whatever it counts: `usual` in an ordinary run of the tests, `full` when
/// `TRUNKLINE_TRIAL` is set, as `cargo xtask trial` does.
pub fn trial(usual: usize, full: usize) -> usize {
    if std::env::var_os("TRUNKLINE_TRIAL").is_some() { full } else { usual }
}

/// What an attempt of [`eventually`] comes to: a `Result`, or an `Option` when there is nothing to say of a failure.
pub trait Attempt {
    /// What is waited for.
    type Value;
    /// The value, or why there is none yet.
    fn outcome(self) -> Result<Self::Value, String>;
}

impl<T> Attempt for Option<T> {
    type Value = T;

    fn outcome(self) -> Result<T, String> {
        self.ok_or_else(|| "it did not happen".into())
    }
}

impl<T, E: Debug> Attempt for Result<T, E> {
    type Value = T;

    fn outcome(self) -> Result<T, String> {
        self.map_err(|error| format!("{error:?}"))
    }
}

/// Asks again and again until `attempt` gives something; fails with `what` and the last error when patience ends. The
/// patience is real time, even where a test has paused the runtime's.
pub async fn eventually<A, F>(what: &str, mut attempt: impl FnMut() -> F) -> Result<A::Value>
where
    A: Attempt,
    F: Future<Output = A>,
{
    let deadline = Instant::now() + patience();
    loop {
        match attempt().await.outcome() {
            Ok(value) => return Ok(value),
            Err(error) if Instant::now() >= deadline => bail!("{what}: not in {:?}: {error}", patience()),
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await, // tidy: poll
        }
    }
}
