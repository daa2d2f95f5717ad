use std::{collections::VecDeque, future::Future, pin::Pin, sync::Arc, time::Duration};

use trunkline_core::port::{Incoming, Inlet, InletError};
use trunkline_model::{Address, MessageKey};

use crate::ledger::Ticket;

/// Most events on their way into the core; the stream is not read while there are more.
const CAPACITY: usize = 64;
const FIRST_RETRY: Duration = Duration::from_millis(250);
const LAST_RETRY: Duration = Duration::from_secs(30);

/// Something that the core must have committed before the server may forget it.
#[derive(Debug)]
pub(crate) enum Event {
    Received(Box<Incoming>),
    Delivered { peer: Address, key: MessageKey },
    Failed { key: MessageKey, permanent: bool, reason: String },
}

/// Events on their way into the core, one at a time and in order. It outlives a lost connection.
pub(crate) struct Inbox {
    inlet: Arc<dyn Inlet>,
    waiting: VecDeque<(Ticket, Event)>,
    under_way: Option<UnderWay>,
}

type UnderWay = (Ticket, Pin<Box<dyn Future<Output = Result<(), Gone>> + Send>>);

/// The core has no such account any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Gone;

impl Inbox {
    pub(crate) fn new(inlet: Arc<dyn Inlet>) -> Self {
        Self { inlet, waiting: VecDeque::new(), under_way: None }
    }

    pub(crate) fn push(&mut self, ticket: Ticket, event: Event) {
        self.waiting.push_back((ticket, event));
    }

    /// Drops what the core was not told yet, because the server is about to repeat it.
    pub(crate) fn forget_waiting(&mut self) {
        self.waiting.clear();
    }

    pub(crate) fn has_room(&self) -> bool {
        self.waiting.len() < CAPACITY
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.under_way.is_none()
    }

    /// Gives the ticket of the next event that the core has committed; waits for ever when there is none. Safe to
    /// cancel.
    pub(crate) async fn next(&mut self) -> Result<Ticket, Gone> {
        if self.under_way.is_none() {
            let Some((ticket, event)) = self.waiting.pop_front() else { return std::future::pending().await };
            self.under_way = Some((ticket, Box::pin(tell(self.inlet.clone(), event))));
        }
        let Some((ticket, telling)) = &mut self.under_way else { return std::future::pending().await };
        let ticket = *ticket;
        let told = telling.as_mut().await;
        self.under_way = None;
        told.map(|()| ticket)
    }
}

/// Tells the core until it takes it: a store that fails is tried again, at growing intervals.
async fn tell(inlet: Arc<dyn Inlet>, event: Event) -> Result<(), Gone> {
    let mut wait = FIRST_RETRY;
    loop {
        let told = match &event {
            Event::Received(incoming) => inlet.receive(Incoming::clone(incoming)).await,
            Event::Delivered { peer, key } => inlet.delivered(peer, *key).await,
            Event::Failed { key, permanent, reason } => inlet.failed(*key, *permanent, reason).await,
        };
        match told {
            Ok(()) | Err(InletError::Unwanted) => return Ok(()),
            Err(InletError::Gone) => return Err(Gone),
            Err(InletError::Store(_)) => tokio::time::sleep(wait).await,
        }
        wait = (wait * 2).min(LAST_RETRY);
    }
}
