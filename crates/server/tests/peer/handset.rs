//! A phone that remembers what it was told.

use serde_json::{Value, json};
use tokio::{
    sync::mpsc::Receiver,
    time::{Instant, timeout_at},
};
use trunkline_client::{Event, Phone, Profile, Received};
use trunkline_model::Address;
use trunkline_testkit::patience;

/// A phone with everything that it has heard.
pub(crate) struct Handset {
    pub(crate) phone: Phone,
    events: Receiver<Received>,
    heard: Vec<Event>,
}

/// A message as the mailbox holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) method: String,
    pub(crate) text: String,
}

impl Handset {
    /// Begins to connect.
    pub(crate) fn new(profile: Profile) -> Self {
        let phone = Phone::connect(profile);
        let events = phone.events().unwrap();
        Self { phone, events, heard: Vec::new() }
    }

    /// Waits until the session stands and the line is up.
    pub(crate) async fn signed_in(&mut self) {
        let session = self.phone.ready(patience()).await.unwrap();
        if session.line_state != "connected" {
            self.line("connected").await;
        }
    }

    /// Waits for something to be heard; what was heard before counts too, and nothing is used up.
    pub(crate) async fn until<T>(&mut self, what: &str, pick: impl Fn(&Event) -> Option<T>) -> T {
        let mut seen = 0;
        let deadline = Instant::now() + patience();
        loop {
            if let Some(found) = self.heard[seen..].iter().find_map(&pick) {
                return found;
            }
            seen = self.heard.len();
            match timeout_at(deadline, self.events.recv()).await {
                Ok(Some(received)) => self.heard.push(received.event),
                end => panic!("{what}: was not heard ({end:?}); heard: {:#?}", self.heard),
            }
        }
    }

    /// Whether something was heard so far.
    pub(crate) fn heard(&self, pick: impl Fn(&Event) -> bool) -> bool {
        self.heard.iter().any(pick)
    }

    /// Everything of a kind that was heard so far.
    pub(crate) fn all<T>(&mut self, pick: impl Fn(&Event) -> Option<T>) -> Vec<T> {
        while let Ok(received) = self.events.try_recv() {
            self.heard.push(received.event);
        }
        self.heard.iter().filter_map(pick).collect()
    }

    /// From here on, only what is heard later counts.
    pub(crate) fn forget(&mut self) {
        while let Ok(received) = self.events.try_recv() {
            self.heard.push(received.event);
        }
        self.heard.clear();
    }

    /// Waits for a message with this text, as an invitation or within a conversation; gives its id.
    pub(crate) async fn message(&mut self, text: &str) -> String {
        self.until(text, |event| match event {
            Event::Message { message_id, text: heard, .. }
            | Event::Invitation { message_id, text: heard, .. }
                if heard.expose() == text =>
            {
                Some(message_id.clone())
            }
            _ => None,
        })
        .await
    }

    /// Waits until the line is told to be in this state; gives the reason.
    pub(crate) async fn line(&mut self, wanted: &str) -> String {
        self.until(&format!("the line is {wanted}"), |event| match event {
            Event::LineState { state, reason } if state == wanted => Some(reason.clone()),
            _ => None,
        })
        .await
    }

    /// Waits until a contact is told as wanted.
    pub(crate) async fn contact(
        &mut self,
        who: &Address,
        what: &str,
        fits: impl Fn(&trunkline_client::RosterContact) -> bool,
    ) {
        self.until(&format!("{who} {what}"), |event| match event {
            Event::ContactUpdate { contacts } => {
                contacts.iter().any(|contact| contact.address == *who && fits(contact)).then_some(())
            }
            _ => None,
        })
        .await;
    }

    /// Every entry of the account's mailbox that carries a text, in its order.
    pub(crate) async fn mailbox(&self) -> Vec<Entry> {
        let (mut since, mut all) = (0, Vec::new());
        loop {
            let page =
                self.phone.request("mailbox.Sync", json!({"since": since, "limit": 200})).await.unwrap();
            all.extend(page["entries"].as_array().unwrap().iter().filter_map(Entry::read));
            since = page["next"].as_i64().unwrap();
            if page["more"] != Value::Bool(true) {
                return all;
            }
        }
    }
}

impl Entry {
    fn read(data: &Value) -> Option<Self> {
        let text = data["message"].as_str()?.to_owned();
        Some(Self { method: data["method"].as_str()?.to_owned(), text })
    }
}
