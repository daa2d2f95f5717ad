use std::sync::{Mutex, PoisonError};

use tokio::sync::oneshot;

/// Keeps requests that change the same thing (roster, presence) in the order in which they came.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    last: Mutex<Option<oneshot::Receiver<()>>>,
}

/// A place in the line of [`Turns`]; the next one's turn comes when it is dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    before: Option<oneshot::Receiver<()>>,
    _done: oneshot::Sender<()>,
}

impl Turns {
    /// Takes the next place, in the order of calls.
    pub(crate) fn take(&self) -> Turn {
        let (done, next) = oneshot::channel();
        let before = self.last.lock().unwrap_or_else(PoisonError::into_inner).replace(next);
        Turn { before, _done: done }
    }
}

impl Turn {
    /// Waits until everybody before has finished or given up.
    pub(crate) async fn wait(&mut self) {
        if let Some(before) = self.before.take() {
            // An error means that the one before was dropped: its turn is over as well.
            let _ = before.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Turns;

    #[tokio::test]
    async fn turns_come_in_order_and_a_dropped_one_does_not_block() {
        let turns = Turns::default();
        let (first, mut second, mut third) = (turns.take(), turns.take(), turns.take());
        let waiting = tokio::spawn(async move {
            second.wait().await;
            "second"
        });
        drop(first);
        assert_eq!(waiting.await.unwrap(), "second");
        third.wait().await;
    }
}
