use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::task::JoinHandle;

const EVERY: Duration = Duration::from_secs(5);

/// Says on standard error every five seconds how far the work is, until it is dropped.
pub(super) struct Progress {
    rows: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl Progress {
    pub(super) fn of(what: &'static str) -> Self {
        let rows = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&rows);
        let task = tokio::spawn(async move {
            let mut ticks = tokio::time::interval(EVERY);
            ticks.tick().await;
            loop {
                ticks.tick().await;
                match counted.load(Ordering::Relaxed) {
                    0 => eprintln!("{what}: still looking at what is there"),
                    rows => eprintln!("{what}: {rows} rows so far"),
                }
            }
        });
        Self { rows, task }
    }

    pub(super) fn rows(&self) -> &AtomicU64 {
        &self.rows
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.task.abort();
    }
}
