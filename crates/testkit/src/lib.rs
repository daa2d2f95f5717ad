//! What tests and the load generator stand on: the relay's own program in a temp folder, programs that others wrote, and
//! patience.

mod patience;
pub mod peer;
pub mod relay;

pub use patience::{eventually, patience};
pub use relay::Relay;
