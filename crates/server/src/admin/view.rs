use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use trunkline_http::Certificate;
use trunkline_model::{Address, DeviceId, Profile, Timestamp};

/// An account as the command line shows it, and as `--json` prints it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AccountView {
    pub(crate) address: Address,
    #[serde(flatten)]
    pub(crate) profile: Profile,
    pub(crate) enabled: bool,
    /// RFC 3339, whole seconds, UTC.
    pub(crate) created_at: String,
    /// The kind of the backend that serves its domain; `local` when no backend declares it.
    pub(crate) backend: String,
    /// Present where one account is shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) devices: Option<Vec<DeviceView>>,
}

/// A device as the command line shows it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DeviceView {
    pub(crate) id: DeviceId,
    pub(crate) address: Address,
    pub(crate) name: String,
    pub(crate) platform: String,
    pub(crate) app_version: String,
    /// RFC 3339.
    pub(crate) created_at: String,
    /// RFC 3339.
    pub(crate) last_seen: String,
    pub(crate) revoked: bool,
    /// Mailbox entries that it has not acknowledged.
    pub(crate) behind: i64,
}

/// A fresh access key. It has no `Debug`.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct KeyView {
    pub(crate) address: Address,
    pub(crate) access_key: String,
    /// RFC 3339.
    pub(crate) expires_at: String,
}

/// An access key that is still good: all of it but the key itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OpenKeyView {
    /// 12 hex digits, by which it can be revoked.
    pub(crate) id: String,
    pub(crate) address: Address,
    /// RFC 3339.
    pub(crate) issued_at: String,
    /// RFC 3339.
    pub(crate) expires_at: String,
}

/// What an import did with an account. It has no `Debug`, since it may hold an access key.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ImportedView {
    pub(crate) address: Address,
    pub(crate) outcome: Outcome,
    /// For a new account, when keys were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<KeyView>,
}

/// What an import does with an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Outcome {
    Added,
    Updated,
    Unchanged,
}

/// The master key that everything is under.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct KeyInForceView {
    /// 12 hex digits.
    pub(crate) id: String,
    pub(crate) file: String,
}

/// What a change of the master key did.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RotatedView {
    /// The id of the key that went.
    pub(crate) from: String,
    /// The id of the key that came.
    pub(crate) to: String,
    /// Where it lies.
    pub(crate) file: String,
    /// Passwords that are now under the new key.
    pub(crate) secrets: u64,
    /// Passwords that no key opened, and that were dropped.
    pub(crate) unreadable: u64,
    /// Whose open access keys are void.
    pub(crate) void: Vec<Address>,
    /// Where the old key lies, if it was to be kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) kept: Option<String>,
    /// The files beside it that have other keys, which earlier changes and restores have left.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) others: Vec<String>,
}

/// How the relay is, running or not.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StatusView {
    /// A server answers on the admin socket.
    pub(crate) running: bool,
    /// The version of the program that answers.
    pub(crate) version: String,
    /// The folder that holds everything.
    pub(crate) data_dir: String,
    /// Name and version of the SQL engine; absent when there is no database yet.
    #[serde(default)]
    pub(crate) engine: Option<String>,
    /// Bytes of the database and its log; absent when there is none yet.
    pub(crate) database_bytes: Option<u64>,
    /// Rows by kind; absent when there is no database yet, or when it cannot be read.
    pub(crate) counts: Option<BTreeMap<String, u64>>,
    /// Why the database cannot be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) database_problem: Option<String>,
    /// What to do about that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) database_advice: Option<String>,
    /// Present when running.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) server: Option<RunningView>,
}

/// What only a running server knows.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RunningView {
    pub(crate) pid: u32,
    pub(crate) uptime_secs: u64,
    /// Absent when the server is of an earlier version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) readiness: Option<ReadinessView>,
    pub(crate) listeners: ListenersView,
    /// Live sessions, with and without a socket.
    pub(crate) sessions: usize,
    /// Open sockets.
    pub(crate) sockets: usize,
    /// The lines of each backend.
    pub(crate) backends: Vec<BackendView>,
}

/// Whether the server takes phones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReadinessView {
    /// `ready`, `not-ready` or `stopping`, as on `/health/ready`.
    pub(crate) status: String,
    /// Why it is not ready.
    pub(crate) problems: Vec<String>,
}

/// How a backend's lines stand.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BackendView {
    pub(crate) kind: String,
    /// Absent for the local backend, which serves every domain that no other declares.
    pub(crate) domain: Option<String>,
    pub(crate) lines: usize,
    pub(crate) connected: usize,
    pub(crate) connecting: usize,
    pub(crate) refused: usize,
}

/// Where the server listens; `None` = off.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ListenersView {
    /// Phones, TLS.
    pub(crate) https: Option<String>,
    /// Phones, plain, behind a TLS proxy.
    pub(crate) http: Option<String>,
    /// Health and metrics.
    pub(crate) admin: Option<String>,
    /// SHA-256 of a self-made certificate, colon hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) fingerprint: Option<String>,
    /// The one that phones meet; absent without a TLS port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) certificate: Option<CertificateView>,
}

/// A certificate, self-made or given.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CertificateView {
    /// Trunkline has made it for itself.
    pub(crate) self_made: bool,
    /// SHA-256, colon hex.
    pub(crate) fingerprint: String,
    /// RFC 3339.
    pub(crate) not_before: String,
    /// RFC 3339.
    pub(crate) not_after: String,
    /// What is wrong with its dates today.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) warning: Option<String>,
}

impl CertificateView {
    /// As it is today.
    pub(crate) fn of(certificate: &Certificate) -> Self {
        let moment = |secs| jiff::Timestamp::from_second(secs).map(|at| at.to_string()).unwrap_or_default();
        Self {
            self_made: certificate.self_made,
            fingerprint: certificate.fingerprint.clone(),
            not_before: moment(certificate.not_before),
            not_after: moment(certificate.not_after),
            warning: certificate.worry(jiff::Timestamp::now().as_second()),
        }
    }
}

impl ListenersView {
    /// The same with the certificate that is in force by now.
    pub(crate) fn with(self, certificate: Option<CertificateView>) -> Self {
        let own = certificate.as_ref().filter(|certificate| certificate.self_made);
        Self { fingerprint: own.map(|own| own.fingerprint.clone()), certificate, ..self }
    }
}

/// What a reload did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReloadView {
    /// What was read; absent for the built-in defaults.
    pub(crate) file: Option<String>,
    /// Keys whose new values are in force.
    pub(crate) applied: Vec<String>,
    /// Keys that differ from what the server runs with and need a restart.
    pub(crate) restart: Vec<String>,
    /// Another certificate is in force.
    pub(crate) certificate: bool,
    /// What is unwise in the file, in plain words.
    pub(crate) warnings: Vec<String>,
}

/// How the configuration differs from what the server runs with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ComparedView {
    /// What the server would read; absent for the built-in defaults.
    pub(crate) file: Option<String>,
    /// Keys that a reload would take over.
    pub(crate) reload: Vec<String>,
    /// Keys that need a restart.
    pub(crate) restart: Vec<DifferenceView>,
    /// Why the server could not use what there is.
    pub(crate) problems: Vec<String>,
}

/// A key with two values; both are absent where they are not for everybody's eyes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DifferenceView {
    pub(crate) key: String,
    /// What the configuration says.
    pub(crate) file: Option<String>,
    /// What the server runs with.
    pub(crate) server: Option<String>,
}

/// A moment as RFC 3339 in UTC with whole seconds.
pub(crate) fn rfc3339(moment: Timestamp) -> String {
    jiff::Timestamp::from_second(moment.as_secs()).map(|moment| moment.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use trunkline_model::Timestamp;

    #[test]
    fn moments_are_rfc_3339() {
        assert_eq!(super::rfc3339(Timestamp(1_764_064_800_123_456)), "2025-11-25T10:00:00Z");
    }
}
