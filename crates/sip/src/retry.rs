//! How long to wait before something that failed is tried again.

use std::time::Duration;

/// The first wait, without a word from the server.
const FIRST: u64 = 5;
/// The longest wait that we choose.
const LONGEST: u64 = 15 * 60;
/// The longest wait that a server may ask for.
const PATIENCE: u64 = 24 * 60 * 60;

/// The wait before the next attempt after `failed` ones (counting from 1), given what the server's Retry-After says in
/// seconds. `random` spreads the attempts of many: over the second half of our own wait, over a tenth (at least 5 s)
/// after what the server asks for.
pub fn wait(failed: u32, retry_after: Option<u32>, random: u32) -> Duration {
    let (least, spread) = match retry_after {
        Some(seconds) => {
            let asked = u64::from(seconds).min(PATIENCE) * 1000;
            (asked, (asked / 10).max(5_000))
        }
        None => {
            let doubled = FIRST.saturating_mul(1 << failed.saturating_sub(1).min(10)).min(LONGEST) * 1000;
            (doubled / 2, doubled / 2)
        }
    };
    Duration::from_millis(least + spread * u64::from(random) / u64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_to_a_quarter_of_an_hour_and_never_undercut_the_server() {
        let most = [1, 2, 3, 9, 40, u32::MAX].map(|failed| wait(failed, None, u32::MAX).as_secs());
        assert_eq!(most, [5, 10, 20, 900, 900, 900]);
        assert_eq!(wait(1, None, 0), Duration::from_millis(2_500));
        assert_eq!(wait(9, Some(120), 0).as_secs(), 120);
        assert_eq!(wait(1, Some(120), u32::MAX).as_secs(), 132);
        assert_eq!(wait(0, Some(u32::MAX), 0).as_secs(), PATIENCE);
    }
}
