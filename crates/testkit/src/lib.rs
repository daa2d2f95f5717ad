//! What tests and the load generator stand on: the relay's own program in a temp folder, programs that others wrote, and
//! patience.

mod answer;
mod patience;
pub mod peer;
pub mod relay;
mod shim;
mod wire;

pub use answer::Answer;
pub use patience::{Attempt, eventually, patience, trial};
pub use relay::Relay;
pub use shim::Shim;
pub use wire::{Fault, Way, Wire};
