use std::{collections::HashMap, fmt::Display, future::Future, time::Duration};

use secrecy::SecretString;
use serde_json::json;
use tokio::sync::mpsc;
use trunkline_client::{
    ActivationRequest, Backoff, Event, Phone as Client, Profile, Received, Server, Trust,
};
use trunkline_model::{Address, Availability};

/// A phone of the cast: the client, and what has come in and was not yet looked at.
pub(super) struct Phone {
    client: Client,
    events: mpsc::Receiver<Received>,
    unseen: Vec<Event>,
    people: HashMap<Address, (Availability, String)>,
}

/// What an activation gave: enough to sign in.
pub(super) struct Token(Profile);

/// What went wrong, in plain words.
type Trouble = String;

/// Turns a key into a token.
pub(super) async fn activate(
    url: &str,
    address: &Address,
    key: &str,
    device: &str,
) -> Result<Token, Trouble> {
    let server = Server::new(url, &Trust::System).map_err(plain)?;
    let device_token = uuid::Uuid::now_v7().to_string();
    let request = ActivationRequest {
        address: address.to_string(),
        access_key: SecretString::from(key),
        device_token: device_token.clone(),
        platform: "demo".to_owned(),
        name: device.to_owned(),
        app_version: env!("CARGO_PKG_VERSION").to_owned(),
        locale: "en_GB".to_owned(),
    };
    let activated = Client::activate(&server, &request).await.map_err(plain)?;
    let backoff = Backoff { first: Duration::from_millis(100), longest: Duration::from_secs(1) };
    Ok(Token(Profile { backoff, ..Profile::new(server, activated.token, device_token) }))
}

impl Phone {
    /// Signs in; from then on the phone stays connected by itself.
    pub(super) async fn sign_in(token: &Token) -> Result<Self, Trouble> {
        let client = Client::connect(token.0.clone());
        let events = client.events().ok_or("somebody else listens")?;
        client.ready(Duration::from_secs(20)).await.map_err(plain)?;
        let mut phone = Self { client, events, unseen: Vec::new(), people: HashMap::new() };
        phone.wait(|event| matches!(event, Event::Connected(_)).then_some(())).await?;
        Ok(phone)
    }

    /// Puts people into a group of the roster, which is made.
    pub(super) async fn gather(&mut self, group: &str, people: &[Address]) -> Result<(), Trouble> {
        let made = self.client.request("AddGroup", json!({ "groupName": group })).await.map_err(plain)?;
        for person in people {
            let params = json!({ "contactId": person, "groupId": made["groupId"] });
            self.client.request("AddContact", params).await.map_err(plain)?;
        }
        let roster = self.client.roster().await.map_err(plain)?;
        for person in people {
            let contact = roster.contacts.iter().find(|contact| contact.address == *person);
            let contact = contact.ok_or_else(|| format!("{person} is not in the roster"))?;
            if !contact.groups.iter().any(|held| held.name == group) {
                return Err(format!("{person} is not in the group"));
            }
            let presence = (contact.availability, contact.personal_message.clone());
            self.people.entry(person.clone()).or_insert(presence);
        }
        Ok(())
    }

    /// Shows this to others.
    pub(super) async fn be(&self, availability: Availability, note: &str) -> Result<(), Trouble> {
        self.client.set_presence(availability, Some(note)).await.map_err(plain)
    }

    /// Waits until the phone shows a person so.
    pub(super) async fn sees(&mut self, who: &Address, how: Availability, note: &str) -> Result<(), Trouble> {
        let wanted = (how, note.to_owned());
        while self.people.get(who) != Some(&wanted) {
            let event = self.take().await?;
            self.unseen.push(event);
        }
        Ok(())
    }

    /// Sends a message; gives its id once the relay has it.
    pub(super) async fn send(&self, to: &Address, text: &str) -> Result<String, Trouble> {
        self.client.send(to, text).await.map(|sent| sent.message_id).map_err(plain)
    }

    /// Begins to send at once, whatever the network does.
    pub(super) fn send_later(
        &self,
        to: &Address,
        text: &str,
    ) -> impl Future<Output = Result<(), Trouble>> + use<> {
        let (client, to, text) = (self.client.clone(), to.clone(), text.to_owned());
        let sending = tokio::spawn(async move { client.send(&to, &text).await });
        async { sending.await.map_err(plain)?.map(drop).map_err(plain) }
    }

    /// Waits for an invitation with this text; gives its id.
    pub(super) async fn invited(&mut self, by: &Address, with: &str) -> Result<String, Trouble> {
        self.wait(|event| match event {
            Event::Invitation { contact, request_id, text, .. } if contact == by && text.expose() == with => {
                Some(request_id.clone())
            }
            _ => None,
        })
        .await
    }

    /// Accepts an invitation.
    pub(super) async fn accept(&self, invitation: &str) -> Result<(), Trouble> {
        self.client.accept(invitation).await.map_err(plain)
    }

    /// Waits for the news that the invitation of or to a person is accepted.
    pub(super) async fn accepted(&mut self, with: &Address) -> Result<(), Trouble> {
        self.wait(|event| {
            let accepted = matches!(event, Event::InvitationUpdate { contact, status, .. }
                if contact == with && status.eq_ignore_ascii_case("accepted"));
            accepted.then_some(())
        })
        .await
    }

    /// Waits for the mark that a message is with the other person.
    pub(super) async fn delivered(&mut self, to: &Address, id: &str) -> Result<(), Trouble> {
        self.wait(|event| {
            let mark = matches!(event, Event::Delivered { contact, message_id, .. } if contact == to && message_id == id);
            mark.then_some(())
        })
        .await
    }

    /// Tells a person that one types.
    pub(super) async fn types(&self, to: &Address) -> Result<(), Trouble> {
        self.client.typing(to, true).await.map_err(plain)
    }

    /// Waits until somebody types.
    pub(super) async fn sees_typing(&mut self, who: &Address) -> Result<(), Trouble> {
        self.wait(|event| {
            matches!(event, Event::Typing { contact, composing: true, .. } if contact == who).then_some(())
        })
        .await
    }

    /// Waits for these messages from a person: all, in this order, and no other between them.
    pub(super) async fn hears(&mut self, from: &Address, texts: &[&str]) -> Result<(), Trouble> {
        for wanted in texts {
            let heard = self
                .wait(|event| match event {
                    Event::Message { contact, text, .. } if contact == from => Some(text.expose().to_owned()),
                    _ => None,
                })
                .await?;
            if heard != *wanted {
                return Err(format!("expected “{wanted}” from {from}, and “{heard}” came"));
            }
        }
        Ok(())
    }

    /// Waits for the copy of what another device of the same person sent.
    pub(super) async fn sent_elsewhere(&mut self, to: &Address, wanted: &str) -> Result<(), Trouble> {
        self.wait(|event| match event {
            Event::MessageSent { contact, text, .. } if contact == to && text.expose() == wanted => Some(()),
            _ => None,
        })
        .await
    }

    /// Waits until the phone notices that the relay is out of reach.
    pub(super) async fn loses_the_relay(&mut self) -> Result<(), Trouble> {
        self.wait(|event| matches!(event, Event::Disconnected { .. }).then_some(())).await
    }

    /// Waits until the phone is back, in the session that it had.
    pub(super) async fn finds_the_relay(&mut self) -> Result<(), Trouble> {
        let session = self.wait(|event| match event {
            Event::Connected(session) if session.resumed => Some(Ok(())),
            Event::Connected(_) => Some(Err("its session is a new one".to_owned())),
            _ => None,
        });
        session.await?
    }

    /// A message that nobody has waited for, if there is one: a second copy of something, or out of order.
    pub(super) fn left_over(&mut self) -> Option<String> {
        while let Ok(received) = self.events.try_recv() {
            self.unseen.push(received.event);
        }
        self.unseen.iter().find_map(|event| match event {
            Event::Message { contact, text, .. } => Some(format!("“{}” from {contact}", text.expose())),
            _ => None,
        })
    }

    /// The next thing that anybody says, an invitation being accepted at once; `None` when the phone is signed out.
    pub(super) async fn next_words(&mut self) -> Option<(Address, String)> {
        loop {
            match self.events.recv().await?.event {
                Event::Message { contact, text, .. } => return Some((contact, text.expose().to_owned())),
                Event::Invitation { request_id, .. } => {
                    // It may have been answered on another device; then there is nothing to accept.
                    let _ = self.client.accept(&request_id).await;
                }
                _ => {}
            }
        }
    }

    /// Keeps the phone signed in, and listens to nobody.
    pub(super) async fn listen(mut self) {
        while self.events.recv().await.is_some() {}
    }

    /// Waits for the first event that fits, among those that came and were not yet looked at, then among new ones.
    async fn wait<T>(&mut self, fits: impl Fn(&Event) -> Option<T>) -> Result<T, Trouble> {
        let mut at = 0;
        loop {
            if at == self.unseen.len() {
                let event = self.take().await?;
                self.unseen.push(event);
            }
            if let Some(found) = fits(&self.unseen[at]) {
                self.unseen.remove(at);
                return Ok(found);
            }
            at += 1;
        }
    }

    /// The next event; presence is taken down on the way.
    async fn take(&mut self) -> Result<Event, Trouble> {
        let event = self.events.recv().await.ok_or("the phone is signed out")?.event;
        if let Event::ContactUpdate { contacts } = &event {
            for contact in contacts {
                let presence = (contact.availability, contact.personal_message.clone());
                self.people.insert(contact.address.clone(), presence);
            }
        }
        if let Event::Terminated { reason } = &event {
            return Err(format!("the phone is signed out: {reason}"));
        }
        Ok(event)
    }
}

fn plain(error: impl Display) -> Trouble {
    error.to_string()
}
