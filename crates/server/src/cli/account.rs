use clap::Subcommand;
use trunkline_model::Address;

use super::{Consent, Json};
use crate::admin::ProfileChange;

/// `trunkline account …`.
#[derive(Debug, Subcommand)]
pub(crate) enum AccountCommand {
    /// Add an account
    #[command(
        after_help = "Example:\n  trunkline account add sip:alice@example.test --name \"Alice Example\" \
                      --title Engineer"
    )]
    Add {
        /// The account's address, e.g. sip:alice@example.test
        address: Address,
        #[command(flatten)]
        profile: ProfileChange,
        #[command(flatten)]
        output: Json,
    },

    /// List all accounts
    #[command(after_help = "Example:\n  trunkline account list --json")]
    List(Json),

    /// Show one account and its devices
    #[command(after_help = "Example:\n  trunkline account show sip:alice@example.test")]
    Show {
        /// The account's address
        address: Address,
        #[command(flatten)]
        output: Json,
    },

    /// Change what the directory says of an account; what is not named stays, "" clears
    #[command(
        after_help = "Example:\n  trunkline account set sip:alice@example.test --title \"Lead Engineer\""
    )]
    Set {
        /// The account's address
        address: Address,
        #[command(flatten)]
        profile: ProfileChange,
        #[command(flatten)]
        output: Json,
    },

    /// Lock an account out: its sessions end within a second, its messages stay
    #[command(after_help = "Example:\n  trunkline account disable sip:alice@example.test")]
    Disable {
        /// The account's address
        address: Address,
        #[command(flatten)]
        output: Json,
    },

    /// Let a disabled account in again
    #[command(after_help = "Example:\n  trunkline account enable sip:alice@example.test")]
    Enable {
        /// The account's address
        address: Address,
        #[command(flatten)]
        output: Json,
    },

    /// Remove an account, its devices and its mailbox for good
    #[command(after_help = "Example:\n  trunkline account remove sip:alice@example.test --yes")]
    Remove {
        /// The account's address
        address: Address,
        #[command(flatten)]
        consent: Consent,
        #[command(flatten)]
        output: Json,
    },
}
