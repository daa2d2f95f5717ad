use clap::Subcommand;
use trunkline_model::Address;

use super::{Json, Span};

/// `trunkline activation …`.
#[derive(Debug, Subcommand)]
pub(crate) enum ActivationCommand {
    /// Print a key with which one phone may activate once
    #[command(after_help = "Example:\n  trunkline activation issue sip:alice@example.test --expires 2h")]
    Issue {
        /// The account's address
        address: Address,
        /// How long the key stays good, e.g. 30m, 24h, 7d
        #[arg(long, value_name = "SPAN", default_value = "24h")]
        expires: Span,
        #[command(flatten)]
        output: Json,
    },
}
