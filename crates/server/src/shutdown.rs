//! Being told to stop.

use std::{process, time::Duration};

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    time::Instant,
};
use tracing::{error, info};
use trunkline_http::Stop;

use crate::exit::Failure;

/// Signals that come so close together are one wish: a terminal and a supervisor may both pass it on.
const ONE_WISH: Duration = Duration::from_secs(1);

/// The first SIGTERM or SIGINT begins the drain, the second ends it early, the third ends the process at once.
pub(crate) fn on_signal() -> Result<Stop, Failure> {
    let signals =
        Signals { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? };
    let stop = Stop::default();
    tokio::spawn(watch(signals, stop.clone()));
    Ok(stop)
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

async fn watch(mut signals: Signals, stop: Stop) {
    let name = signals.next().await;
    info!(signal = name, "told to stop");
    stop.drain.cancel();
    signals.next_wish().await;
    info!("told to stop a second time: not waiting any longer");
    stop.hurry.cancel();
    signals.next_wish().await;
    error!("told to stop a third time: ending at once; what was committed is kept");
    process::exit(1);
}

impl Signals {
    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }

    /// Waits for a signal that does not belong to the one before.
    async fn next_wish(&mut self) {
        let before = Instant::now();
        loop {
            self.next().await;
            if before.elapsed() >= ONE_WISH {
                return;
            }
        }
    }
}
