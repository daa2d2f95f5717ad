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
        after_help = "IM passwords are sealed anew, open access keys become void, phones stay activated. The old key is \
                      kept as FILE.old-ID, where `trunkline restore` finds it.\n\n\
                      Example:\n  trunkline key rotate --yes"
    )]
    Rotate {
        /// Remove the old key, which is otherwise kept as FILE.old-ID: backups made until now need it
        #[arg(long)]
        remove_old: bool,
        /// What happens anyway
        #[arg(long, hide = true, conflicts_with = "remove_old")]
        keep_old: bool,
        #[command(flatten)]
        consent: Consent,
        #[command(flatten)]
        output: Json,
    },
}
