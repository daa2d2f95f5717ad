//! What tests of Trunkline need from the outside world; never in a release build.

pub mod peer;
