use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// Keeps strangers from filling the log: one line in ten seconds, which tells how many were kept back before it.
#[derive(Debug, Default)]
pub(crate) struct Quiet(Mutex<(Option<Instant>, u64)>);

impl Quiet {
    const BETWEEN: Duration = Duration::from_secs(10);

    /// How many were kept back since the last line; None when this one is kept back, too.
    pub(crate) fn line(&self, now: Instant) -> Option<u64> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (last, kept) = &mut *state;
        if last.is_some_and(|last| now < last + Self::BETWEEN) {
            *kept += 1;
            return None;
        }
        *last = Some(now);
        Some(std::mem::take(kept))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_one_line_in_ten_seconds() {
        let (quiet, start) = (Quiet::default(), Instant::now());
        let lines = (0..100_u64).filter_map(|n| quiet.line(start + Duration::from_millis(n * 200)));
        assert_eq!(lines.collect::<Vec<_>>(), [0, 49]);
    }
}
