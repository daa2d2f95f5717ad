use clap::Subcommand;

use super::{Consent, Json};

/// `trunkline key …`.
#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Show the id and the file of the master key that everything is under
    #[command(after_help = "Example:\n  trunkline key show")]
    Show(Json),

    /// Put everything under a new master key, also while the server runs
    #[command(
        after_help = "IM passwords are sealed anew, open access keys become void, phones stay activated.\n\n\
                      Example:\n  trunkline key rotate --keep-old --yes"
    )]
    Rotate {
        /// Keep the old key beside the new one, as FILE.old-ID: backups made until now need it
        #[arg(long)]
        keep_old: bool,
        #[command(flatten)]
        consent: Consent,
        #[command(flatten)]
        output: Json,
    },
}
