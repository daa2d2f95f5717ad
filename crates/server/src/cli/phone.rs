use std::path::PathBuf;

use clap::Args;
use trunkline_model::Address;

/// `trunkline demo`.
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// End after the story: 0 when all went well, 1 with the step that failed
    #[arg(long)]
    pub(crate) once: bool,
}

/// `trunkline chat`.
#[derive(Debug, Args)]
pub(crate) struct Chat {
    /// The relay, e.g. https://relay.example.test:8082 or http://127.0.0.1:8080
    #[arg(long, value_name = "URL")]
    pub(crate) server: String,

    /// Whose phone this is
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) user: Address,

    /// A file that holds the access key [default: it is asked for]
    #[arg(long, value_name = "FILE")]
    pub(crate) access_key_file: Option<PathBuf>,

    /// A PEM file with further authorities whose certificates are trusted
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,

    /// SHA-256 of the relay's own certificate, as `trunkline status` shows it: trust that one alone
    #[arg(long, value_name = "HEX")]
    pub(crate) fingerprint: Option<String>,

    /// Where the phone keeps its token [default: $XDG_STATE_HOME/trunkline, else ~/.local/state/trunkline]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) state_dir: Option<PathBuf>,
}
