//! A fault on purpose, for tests of what a fault may bring down. It is in no release build.

use std::sync::OnceLock;

/// Panics at `place` (`frame`, `request`, `commit`, `entry`, `line`, `stanza`) when `text` holds `poison:` and the place's name, and the
/// process was started with `TRUNKLINE_TEST_POISON` in its environment.
///
/// # Panics
/// That is all it does.
pub fn taste(place: &str, text: &str) {
    static WANTED: OnceLock<bool> = OnceLock::new();
    let wanted = *WANTED.get_or_init(|| std::env::var_os("TRUNKLINE_TEST_POISON").is_some());
    assert!(!(wanted && text.contains(&format!("poison:{place}"))), "poison in a {place}: {text}");
}
