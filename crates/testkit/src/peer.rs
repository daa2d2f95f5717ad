//! Real programs that Trunkline talks to, started in temporary folders on free ports and ended by their process id.
//!
//! They come from Debian's packages (`prosody`, `postgresql`) and from PyPI (`slixmpp`, in the Python environment that
//! `TRUNKLINE_PEER_PYTHON` names, else in `target/peers`). A peer that cannot be started makes the test fail and says
//! what is missing.

mod authority;
mod colleague;
mod postgres;
mod prosody;

pub use authority::{Authority, Identity};
pub use colleague::{Colleague, Heard};
pub use postgres::Postgres;
pub use prosody::{Prosody, ProsodyOptions};

use std::{
    future::Future,
    net::TcpListener,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

pub use crate::patience;

/// Tries until there is a value; fails with `what` after [`patience`].
pub async fn eventually<T, F>(what: &str, mut attempt: impl FnMut() -> F) -> Result<T>
where
    F: Future<Output = Option<T>>,
{
    let deadline = Instant::now() + patience();
    loop {
        if let Some(value) = attempt().await {
            return Ok(value);
        }
        if Instant::now() >= deadline {
            bail!("{what}: did not happen within {:?}", patience());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A TCP port of the loopback interface that nobody listened on a moment ago.
fn free_port() -> Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").context("no free port on the loopback interface")?;
    Ok(listener.local_addr()?.port())
}
