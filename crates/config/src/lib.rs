//! The configuration: a file in the form of the vendor's `GoodConnectServer.exe.config`, its keys with
//! their defaults,
//! and messages that show every problem at its place.
//!
//! [`locate`] finds the file and [`load`] reads it. One table in `config.rs` is the source of the parser,
//! of docs/configuration.md ([`reference_markdown`]) and of the example file ([`example_file`]).

mod backend;
mod code;
mod config;
mod diagnostic;
mod directory;
mod document;
mod foreign;
mod key;
mod kind;
mod load;
mod lookup;
mod mask;
mod reference;
mod rule;
mod section;
mod settings;
mod source;
mod suggest;
mod value;

pub use backend::{BackendConfig, LyncAccept, LyncBackend, LyncDecline, XmppBackend, XmppTls};
pub use config::{Config, Differences, KEYS};
pub use diagnostic::{Diagnostic, Diagnostics, Severity, Warning};
pub use directory::{DirectoryConfig, DirectoryField, DirectoryScope, DirectoryServer, DirectoryTls};
pub use key::Key;
pub use load::{FILE_NAME, FILE_VARIABLE, SYSTEM_FILE, data_dir, load, locate, parse};
pub use lookup::{Lookup, System};
pub use reference::{example_file, reference_markdown};
pub use suggest::nearest;
pub use value::{Database, LogFormat};
