use std::net::IpAddr;

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

    /// List the keys that are still good: when they were issued and until when, never the keys themselves
    #[command(after_help = "Example:\n  trunkline activation list sip:alice@example.test")]
    List {
        /// The account's address [default: every account]
        address: Option<Address>,
        #[command(flatten)]
        output: Json,
    },

    /// Make keys void that are still good: one, or all of an account
    #[command(after_help = "Example:\n  trunkline activation revoke sip:alice@example.test 5f1c09ab27de")]
    Revoke {
        /// The account's address
        address: Address,
        /// The key's id, as `activation list` shows it [default: every key of the account]
        id: Option<String>,
        #[command(flatten)]
        output: Json,
    },

    /// Let a network address try again that has failed too often
    #[command(after_help = "Example:\n  trunkline activation unblock 192.0.2.7")]
    Unblock {
        /// The address that the log names
        source: IpAddr,
        #[command(flatten)]
        output: Json,
    },
}
