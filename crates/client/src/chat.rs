//! The terminal phone: line based, so that it works through a pipe as well.

mod command;
mod desk;
mod screen;
mod sign_in;
mod state;
mod terminal;

use std::path::PathBuf;

use self::{desk::Desk, sign_in::sign_in, state::StateFile};
pub use self::{
    state::StateError,
    terminal::{Ask, Terminal},
};
use crate::{ActivateError, AuthenticationError, Server, ServerError, StopReason, Trust, parse_fingerprint};

/// What the terminal phone is started with.
#[derive(Debug, Clone, Default)]
pub struct ChatOptions {
    /// The relay's URL.
    pub server: String,
    /// The person's address.
    pub user: String,
    /// A file that holds the access key; otherwise it is asked for.
    pub access_key_file: Option<PathBuf>,
    /// A PEM file with further authorities to trust.
    pub ca_file: Option<PathBuf>,
    /// SHA-256 of the only certificate to trust; rules over `ca_file`.
    pub fingerprint: Option<String>,
    /// Where the token is kept; otherwise `$XDG_STATE_HOME/trunkline` or `~/.local/state/trunkline`.
    pub state_dir: Option<PathBuf>,
    /// No colours.
    pub plain: bool,
}

/// Why the terminal phone ended, other than by the person's wish.
#[derive(Debug, thiserror::Error)]
pub enum ChatError {
    /// The user is no address.
    #[error("{0} {1}")]
    User(String, trunkline_model::AddressError),
    /// URL, fingerprint or certificates.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// The access key cannot be read.
    #[error("cannot read the access key from {}: {source}", path.display())]
    AccessKeyFile {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The token cannot be kept.
    #[error(transparent)]
    State(#[from] StateError),
    /// No token.
    #[error(transparent)]
    Activate(#[from] ActivateError),
    /// The relay does not say how to sign in.
    #[error(transparent)]
    Authentication(#[from] AuthenticationError),
    /// The relay does not let the phone in, or no longer.
    #[error("{0}")]
    Stopped(StopReason),
    /// The input ended where something was asked.
    #[error("the input ended before {0} was given")]
    NothingTyped(&'static str),
    /// Reading or writing failed.
    #[error("the terminal failed: {0}")]
    Terminal(#[from] std::io::Error),
}

/// Runs the terminal phone on standard input and output until the person quits or the input ends.
pub async fn run(options: ChatOptions) -> Result<(), ChatError> {
    let terminal = Terminal::standard(options.plain);
    run_on(options, terminal).await
}

/// As [`run`], on this terminal.
pub async fn run_on(options: ChatOptions, mut terminal: Terminal) -> Result<(), ChatError> {
    let user = options.user.parse().map_err(|error| ChatError::User(options.user.clone(), error))?;
    let trust = match (&options.fingerprint, &options.ca_file) {
        (Some(text), _) => Trust::Fingerprint(parse_fingerprint(text)?),
        (None, Some(path)) => Trust::CaFile(path.clone()),
        (None, None) => Trust::System,
    };
    let server = Server::new(&options.server, &trust)?;
    let file = StateFile::at(options.state_dir.as_deref(), &user, &server)?;
    let (phone, me) = sign_in(&options, &user, &server, &file, &mut terminal).await?;
    let desk = Desk::new(phone, me, terminal);
    desk.run().await
}
