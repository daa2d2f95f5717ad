//! What an administrator asks for: one set of commands, carried out by the running server or on the database itself.

mod channel;
mod command;
mod execute;
mod profile;
mod socket;
mod view;

pub(crate) use channel::{Channel, ask_in, server_answers, silent, tell_server};
pub(crate) use command::{Command, ImportRow, Refusal, RefusalKind, Reply};
pub(crate) use execute::{Executor, IMPORT_BYTES, IMPORT_ROWS, Running, counts_by_name, of_files};
pub(crate) use profile::ProfileChange;
pub(crate) use socket::AdminSocket;
pub(crate) use view::{
    AccountView, BackendView, CertificateView, ComparedView, DeviceView, DifferenceView, ImportedView,
    KeyInForceView, KeyView, ListenersView, OpenKeyView, Outcome, ReadinessView, ReloadView, RotatedView,
    RunningView, StatusView, rfc3339,
};

/// The number of the user as whom this process runs.
pub(crate) fn own_uid() -> u32 {
    rustix::process::getuid().as_raw()
}
