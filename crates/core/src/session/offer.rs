use std::{
    sync::{Arc, OnceLock},
    time::Instant,
};

use trunkline_model::{Entry, Epoch};
use trunkline_wire::EventData;

/// A mailbox entry on its way to an account's sockets; the first that writes it encodes it for all.
#[derive(Debug)]
pub(crate) struct Offer {
    pub(crate) entry: Arc<Entry>,
    /// When it was committed; absent for one that was read back from the mailbox.
    pub(crate) committed: Option<Instant>,
    data: OnceLock<EventData>,
}

impl Offer {
    pub(crate) fn new(entry: Arc<Entry>) -> Self {
        Self { entry, committed: None, data: OnceLock::new() }
    }

    /// One that was committed just now.
    pub(crate) fn fresh(entry: Arc<Entry>) -> Self {
        Self { committed: Some(Instant::now()), ..Self::new(entry) }
    }

    /// The event's data, once [`Offer::encode`] was called.
    pub(crate) fn data(&self) -> Option<&EventData> {
        self.data.get()
    }

    /// Encodes the entry with the peer's name, unless another socket did.
    pub(crate) fn encode(&self, epoch: Epoch, peer_name: &str) {
        #[cfg(debug_assertions)]
        trunkline_model::poison::taste(
            "entry",
            self.entry.body.incoming().map_or("", |message| message.text.expose()),
        );
        self.data.get_or_init(|| trunkline_wire::entry_event(&self.entry, epoch, peer_name));
    }
}
