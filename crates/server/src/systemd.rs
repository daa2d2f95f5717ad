//! What systemd is told (`sd_notify(3)`); without `NOTIFY_SOCKET` nothing happens.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use sd_notify::NotifyState;
use tracing::{debug, warn};

/// What stopping takes beyond the drain: good-byes, requests under way, lines, the database.
const AFTER_DRAIN: Duration = Duration::from_secs(60);

/// Whether systemd was told that the program stops. Held while it is told how the program is, because a reload may end
/// in that moment, and a unit that stops must not be called ready.
static STOPPING: Mutex<bool> = Mutex::new(false);

/// The program serves; says nothing once it stops.
pub(crate) fn ready(status: &str) {
    tell_unless_stopping(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// A reload has begun; [`ready`] ends it, whatever came of it. Says nothing once the program stops.
pub(crate) fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell_unless_stopping(&[NotifyState::Reloading, now]),
        Err(error) => debug!(%error, "there is no monotonic clock"),
    }
}

/// The program stops, and needs this long and a little more for its sockets.
pub(crate) fn stopping(drain: Duration) {
    let time = u32::try_from((drain + AFTER_DRAIN).as_micros()).unwrap_or(u32::MAX);
    let status = format!("stopping: closing sockets over {} s", drain.as_secs());
    let mut stops = stops();
    *stops = true;
    tell(&[NotifyState::Stopping, NotifyState::Status(&status), NotifyState::ExtendTimeoutUsec(time)]);
}

fn tell_unless_stopping(states: &[NotifyState<'_>]) {
    let stops = stops();
    if !*stops {
        tell(states);
    }
}

fn stops() -> MutexGuard<'static, bool> {
    STOPPING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Feeds systemd's watchdog from now on, if the unit has one: a process whose tasks do not run is started anew.
pub(crate) fn feed_watchdog() {
    let Some(limit) = sd_notify::watchdog_enabled() else { return };
    tokio::spawn(async move {
        let mut beat = tokio::time::interval(limit / 3);
        loop {
            beat.tick().await;
            tell(&[NotifyState::Watchdog]);
        }
    });
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        warn!(%error, "systemd cannot be told how this program is");
    }
}
