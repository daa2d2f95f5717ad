//! What the core asks of its adapters. Adapters implement these traits and never see a device, a session or one another.

mod authenticator;
mod backend;
mod directory;
mod examination;
mod photo;

pub use authenticator::{AuthenticationError, Authenticator, Credential, Identity};
pub use backend::{
    Backend, CallAnswer, Incoming, Inlet, InletError, Line, LineError, LineState, OpenLine, Outcome,
    OutgoingMessage, OwnPresence, Person, Roster, RosterChange, Search, SearchField, SearchResult,
};
pub use directory::{Directory, DirectoryError, Listed};
pub use examination::{Finding, Step, Trouble};
pub use photo::{Album, Photo};
