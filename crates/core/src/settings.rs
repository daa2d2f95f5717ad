use std::{
    sync::{PoisonError, RwLock},
    time::Duration,
};

/// What an admin can set about sessions, messages and limits; defaults are those of docs/configuration.md.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// A session without any sign of its phone for this long ends (`SESSION_TIMEOUT_SECS`).
    pub session_timeout: Duration,
    /// How long SendMessage waits for the IM system's word (`SEND_OUTCOME_WAIT_MS`).
    pub send_outcome_wait: Duration,
    /// How long BeginSession waits for the line.
    pub line_wait: Duration,
    /// Requests per second that a session may make for long (`REQUEST_RATE`); beyond it is read more slowly.
    pub request_rate: u32,
    /// Requests that a session may make at once (`REQUEST_BURST`).
    pub request_burst: u32,
    /// Mailbox entries older than this are purged once every device has them; `None`: never (`MESSAGE_RETENTION_DAYS`).
    pub retention: Option<Duration>,
    /// What no device has received is kept this long (`UNDELIVERED_DAYS`).
    pub undelivered: Duration,
    /// Devices unseen for this long expire (`DEVICE_EXPIRY_DAYS`).
    pub device_expiry: Duration,
    /// A line outlives the account's last session by this much (`LINE_KEEP_HOURS`).
    pub line_keep: Duration,
    /// Longest message text, in characters (`MAX_MESSAGE_CHARS`).
    pub max_message_chars: usize,
    /// Failed activations per hour and source before 429 (`ACTIVATION_FAILURES_PER_HOUR`).
    pub activation_failures_per_hour: u32,
    /// Wrong IM passwords per hour and account that are passed on (`IM_PASSWORD_FAILURES_PER_HOUR`).
    pub im_password_failures_per_hour: u32,
}

const DAY: Duration = Duration::from_secs(86_400);

impl Default for Settings {
    fn default() -> Self {
        Self {
            session_timeout: DAY,
            send_outcome_wait: Duration::from_millis(3_000),
            line_wait: Duration::from_secs(5),
            request_rate: 500,
            request_burst: 1_000,
            retention: Some(30 * DAY),
            undelivered: 180 * DAY,
            device_expiry: 90 * DAY,
            line_keep: 30 * DAY,
            max_message_chars: 8_000,
            activation_failures_per_hour: 10,
            im_password_failures_per_hour: 10,
        }
    }
}

/// The settings in force, which a reload replaces; nobody keeps a copy for longer than one thing takes.
#[derive(Debug)]
pub(crate) struct Live(RwLock<Settings>);

impl Live {
    pub(crate) fn new(settings: Settings) -> Self {
        Self(RwLock::new(settings))
    }

    pub(crate) fn get(&self) -> Settings {
        *self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set(&self, settings: Settings) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = settings;
    }
}
