use clap::Args;
use trunkline_model::Address;

use super::Json;

/// `trunkline doctor`.
#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// Also sign in to this account's IM system, with the password that its phone gave
    #[arg(long = "as", value_name = "ADDRESS")]
    pub(crate) account: Option<Address>,

    #[command(flatten)]
    pub(crate) output: Json,
}
