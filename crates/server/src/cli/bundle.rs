use std::path::PathBuf;

use clap::Args;

use super::Json;

/// `trunkline support-bundle`.
#[derive(Debug, Args)]
pub(crate) struct SupportBundle {
    /// The archive to write [default: trunkline-support-DATE.tar.gz in the working directory]
    pub(crate) file: Option<PathBuf>,

    /// The server's log [default: what systemd's journal holds of the unit trunkline]
    #[arg(long, value_name = "FILE")]
    pub(crate) log: Option<PathBuf>,

    /// Only tell what would be in it
    #[arg(long)]
    pub(crate) dry_run: bool,

    #[command(flatten)]
    pub(crate) output: Json,
}
