//! What happened, durably: accounts, devices, sessions, mailboxes, conversations, messages and the outbox.
//!
//! One [`Store`] owns one database. Reads go to a pool of readers; every change goes through one writer task
//! that puts what is queued into one transaction (group commit) and answers only after the commit. This is
//! the only crate that knows SQL.

mod about;
mod access_key;
mod account;
mod activation;
mod archive;
mod block;
mod cache;
mod clock;
mod command;
mod contact;
mod count;
mod crypto;
mod damage;
mod device;
mod disk;
mod draft;
mod engine;
mod error;
mod fault;
mod glance;
mod group;
mod hold;
mod import;
mod job;
mod key;
mod mailbox;
mod master_key;
mod measure;
mod message;
mod metrics;
mod migration;
mod open;
mod open_key;
mod outbox;
mod pending;
mod presence;
mod probe;
mod purge;
mod search;
mod secret;
mod session;
mod soundness;
mod sql;
mod store;
mod writer;

pub use access_key::AccessKey;
pub use account::Account;
pub use activation::{Activated, Activation};
pub use archive::{ArchiveError, Foot, Head, Manifest, Restore, Restored, TableSum, backup, restore, verify};
pub use contact::ContactRow;
pub use count::Counts;
pub use device::{DeviceRow, TokenOwner};
pub use error::StoreError;
pub use glance::{Glance, glance};
pub use hold::{PostgresUrl, PostgresUrlError};
pub use import::{ImportAccount, Imported};
pub use key::{KeyId, Rotated};
pub use mailbox::{CommitListener, Committed, MailboxBounds, Unacknowledged};
pub use master_key::{MasterKey, MasterKeyError};
pub use measure::{Measure, OutboxCount};
pub use message::{
    Acknowledged, MessageOutcome, NewIncoming, NewMessage, ReadMark, Receipt, Received, Route, Sent, Started,
};
pub use metrics::StoreMetrics;
pub use migration::{MigrationPlan, PlannedStep, TouchedTable, migration_plan};
pub use open::{Database, OpenStore};
pub use open_key::OpenKey;
pub use outbox::OutboxRow;
pub use pending::Pending;
pub use presence::PresenceRow;
pub use purge::Purge;
pub use search::SearchField;
pub use session::{PeopleList, SessionPeople, SessionRow, SessionState};
pub use soundness::{Soundness, soundness};
pub use store::Store;
