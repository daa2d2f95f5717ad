use std::path::PathBuf;

use clap::{Args, Subcommand};
use trunkline_model::Address;

use super::{Consent, Json, Span};
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

    /// Add and change many accounts, as a CSV file says
    #[command(
        after_help = "Columns by the names in the first line, in any order: address, and any of name, email, \
                      title, phone, mobile, department, company, office. An empty cell clears, a missing column \
                      leaves as it is.\n\nExamples:\n  trunkline account import staff.csv --dry-run\n  \
                      trunkline account import staff.csv --activate --keys-to keys.csv"
    )]
    Import(Import),
}

/// `trunkline account import`.
#[derive(Debug, Args)]
pub(crate) struct Import {
    /// The file: UTF-8, comma or semicolon between the cells, a line of column names first
    pub(crate) file: PathBuf,

    /// Issue one access key for each account that is added, and print them as CSV
    #[arg(long)]
    pub(crate) activate: bool,

    /// How long the keys stay good, e.g. 24h, 7d
    #[arg(long, value_name = "SPAN", default_value = "7d", requires = "activate")]
    pub(crate) expires: Span,

    /// Write the keys into a new file that only you can read, instead of standard output
    #[arg(long, value_name = "FILE", requires = "activate")]
    pub(crate) keys_to: Option<PathBuf>,

    /// Only say what would be added and changed
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Import the good lines even if others are bad
    #[arg(long)]
    pub(crate) skip_bad: bool,

    #[command(flatten)]
    pub(crate) output: Json,
}
