//! The heart of Trunkline: sessions, router, hub, the local backend, and every port.

mod activation;
mod block;
mod card;
mod connection;
mod error;
mod finding;
mod housekeeping;
mod hub;
mod line;
mod local;
mod metric;
mod name;
pub mod port;
mod portion;
mod presence;
mod rate;
mod reader;
mod relay;
mod request;
mod router;
mod session;
mod settings;
mod stranger;
mod token;
mod visit;

pub use activation::ActivationError;
pub use connection::{Connection, Opening, Outgoing};
pub use hub::CommitFeed;
pub use line::{BackendHealth, stored_password};
pub use metric::{Counts, Labels};
pub use relay::{Parts, Readiness, Relay, StartError, Status};
pub use settings::Settings;
pub use stranger::Refusal;
pub use visit::{Poll, Polling, Posted, Visit, VisitError};
