use clap::Subcommand;
use trunkline_model::{Address, DeviceId};

use super::{Consent, Json};

/// `trunkline device …`.
#[derive(Debug, Subcommand)]
pub(crate) enum DeviceCommand {
    /// List the devices of one account, or of all
    #[command(
        after_help = "BEHIND (`behind` with --json) is how many mailbox entries the device has not acknowledged: messages,\n\
                            receipts and changes that wait until it comes back. A number that only grows is a phone\n\
                            that has not been seen for long (LAST SEEN) or does not keep up.\n\n\
                            Example:\n  trunkline device list sip:alice@example.test"
    )]
    List {
        /// The account's address [default: every account]
        address: Option<Address>,
        #[command(flatten)]
        output: Json,
    },

    /// Sign a device out for good: its session ends within a second, its token is void
    #[command(after_help = "Example:\n  trunkline device revoke 019a2f0c-8d3e-7c51-9a1b-2f6f5f0d9c11")]
    Revoke {
        /// The device's id, as `device list` shows it
        device: DeviceId,
        #[command(flatten)]
        consent: Consent,
        #[command(flatten)]
        output: Json,
    },
}
