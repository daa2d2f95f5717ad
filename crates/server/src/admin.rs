//! What an administrator asks for: one set of commands, carried out by the running server or on the database itself.

mod channel;
mod command;
mod execute;
mod profile;
mod socket;
mod view;

pub(crate) use channel::{Channel, server_answers};
pub(crate) use command::{Command, Refusal, RefusalKind, Reply};
pub(crate) use execute::{Executor, Running};
pub(crate) use profile::ProfileChange;
pub(crate) use socket::AdminSocket;
pub(crate) use view::{
    AccountView, BackendView, DeviceView, KeyView, ListenersView, ReloadView, RunningView, StatusView,
};
