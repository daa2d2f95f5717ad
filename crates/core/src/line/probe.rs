use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use secrecy::SecretString;
use tokio::sync::watch;
use trunkline_model::{Address, Contact, MessageKey};

use super::Slot;
use crate::port::{Incoming, Inlet, InletError, LineError, LineState, OpenLine};

/// Tries a password on a line of its own, which is closed again: the line that works is not touched.
pub(super) async fn probe(
    slot: &Slot,
    password: SecretString,
    wait: Duration,
) -> Result<LineState, LineError> {
    let inlet =
        Arc::new(Probe { state: watch::Sender::new(LineState::Connecting { reason: String::new() }) });
    let request = OpenLine {
        person: slot.person.clone(),
        password: Some(password),
        inlet: Arc::clone(&inlet) as Arc<dyn Inlet>,
    };
    let line = slot.backend.open(request).await?;
    let mut state = inlet.state.subscribe();
    let settled = state.wait_for(|state| !matches!(state, LineState::Connecting { .. }));
    // No answer in time is told as "connecting": nothing is known of the password then.
    let _ = tokio::time::timeout(wait, settled).await;
    line.close().await;
    Ok(inlet.state.borrow().clone())
}

/// Listens to nothing but the state, so that the IM system keeps every message for the real line.
struct Probe {
    state: watch::Sender<LineState>,
}

#[async_trait]
impl Inlet for Probe {
    async fn receive(&self, _message: Incoming) -> Result<(), InletError> {
        Err(InletError::Gone)
    }

    async fn delivered(&self, _peer: &Address, _key: MessageKey) -> Result<(), InletError> {
        Ok(())
    }

    async fn failed(&self, _key: MessageKey, _permanent: bool, _reason: &str) -> Result<(), InletError> {
        Ok(())
    }

    fn typing(&self, _peer: &Address, _composing: bool) {}

    fn contact_changed(&self, _contact: Contact) {}

    fn roster_changed(&self) {}

    fn state_changed(&self, state: LineState) {
        self.state.send_replace(state);
    }
}
