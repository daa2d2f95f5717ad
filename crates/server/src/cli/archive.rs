use std::path::PathBuf;

use clap::Args;

use super::Json;

/// `trunkline backup`.
#[derive(Debug, Args)]
pub(crate) struct Backup {
    /// The file to write, or a folder: then the file is named after the moment
    #[arg(value_name = "FILE|FOLDER")]
    pub(crate) target: PathBuf,

    /// Replace the file if it is there
    #[arg(long)]
    pub(crate) force: bool,

    #[command(flatten)]
    pub(crate) output: Json,
}

/// `trunkline restore`.
#[derive(Debug, Args)]
pub(crate) struct Restore {
    /// The backup
    pub(crate) file: PathBuf,

    /// Only check that the file is whole and can be restored here; change nothing
    #[arg(long)]
    pub(crate) verify: bool,

    /// Replace the database even if there is something in it: what came after the backup is gone
    #[arg(long, conflicts_with = "verify")]
    pub(crate) replace: bool,

    /// Open access keys stay good: only when nothing has happened since the backup, as when moving to another database
    #[arg(long, conflicts_with = "verify")]
    pub(crate) keep_access_keys: bool,

    /// The master key of the backup is lost: restore without IM passwords, under the key that is there or a new one
    #[arg(long)]
    pub(crate) without_key: bool,

    #[command(flatten)]
    pub(crate) output: Json,
}

/// `trunkline migrate`.
#[derive(Debug, Args)]
pub(crate) struct Migrate {
    /// Only say which steps are missing, and how much they touch
    #[arg(long)]
    pub(crate) dry_run: bool,

    #[command(flatten)]
    pub(crate) output: Json,
}
