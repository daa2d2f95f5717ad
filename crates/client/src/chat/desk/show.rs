use trunkline_model::{Address, MessageText, Timestamp};

use super::{Desk, remember};
use crate::{
    Event, Received, Roster, RosterContact, StopReason,
    chat::{ChatError, screen::clean},
};

impl Desk {
    pub(super) fn show(&mut self, received: Received) -> Result<(), ChatError> {
        match received.event {
            Event::Message { contact, name, message_id, text, at, .. } => {
                self.show_message(contact, &name, message_id, &text, at)
            }
            Event::Invitation { contact, name, request_id, message_id, text, at } => {
                self.invitations.insert(contact.clone(), request_id);
                let words = format!("{} would like to talk: answer, /accept or /decline", clean(&name));
                self.notice(&words)?;
                if text.expose().is_empty() {
                    Ok(())
                } else {
                    self.show_message(contact, &name, message_id, &text, at)
                }
            }
            Event::MessageSent { contact, text, at, .. } => {
                let name = format!("you (elsewhere) to {}", self.name(&contact));
                Ok(self.terminal.say(self.terminal.style().said(at, &name, text.expose()))?)
            }
            Event::Delivered { contact, message_id, .. } => {
                let line = format!("✓✓ to {}: {}", self.name(&contact), self.text_of(&message_id));
                self.mark(&line)
            }
            Event::Failed { contact, message_id, reason, unknown, .. } => {
                let (name, text) = (self.name(&contact), self.text_of(&message_id));
                let outcome = if unknown { "may not have arrived" } else { "did not arrive" };
                self.amiss(&format!("{outcome} at {name}: {text} ({})", clean(&reason)))
            }
            Event::Typing { contact, composing: true, .. } => {
                let words = format!("{} is typing …", self.name(&contact));
                self.notice(&words)
            }
            Event::ContactUpdate { contacts } => {
                contacts.into_iter().try_for_each(|contact| self.update(contact))
            }
            other => self.show_state(other),
        }
    }

    fn show_state(&mut self, event: Event) -> Result<(), ChatError> {
        match event {
            Event::InvitationUpdate { contact, status, .. } => {
                self.invitations.remove(&contact);
                let status = match status.as_str() {
                    "AnsweredElsewhere" => "answered on another client".to_owned(),
                    _ => status.to_lowercase(),
                };
                let words = format!("invitation {}: {status}", self.name(&contact));
                self.notice(&words)
            }
            Event::ChatEnded { contact, .. } => {
                let words = format!("{} ended the conversation", self.name(&contact));
                self.notice(&words)
            }
            Event::LineState { state, reason } => {
                let because =
                    if reason.is_empty() { String::new() } else { format!(" ({})", clean(&reason)) };
                self.notice(&format!("the IM system's line: {}{because}", clean(&state)))
            }
            Event::Connected(session) => {
                let before = std::mem::replace(&mut self.connected_before, true);
                match (before, session.resumed) {
                    (false, _) => Ok(()),
                    (true, true) => self.notice("connected again"),
                    (true, false) => self.notice("connected again, in a new session"),
                }
            }
            Event::Disconnected { reason } => {
                self.amiss(&format!("disconnected: {}; reconnecting …", clean(&reason)))
            }
            Event::Form { web_socket: false, reason } => {
                self.notice(&format!("no WebSocket here ({}): going on by HTTP polls", clean(&reason)))
            }
            Event::Form { web_socket: true, .. } => self.notice("on a WebSocket again"),
            Event::Terminated { reason: StopReason::SignedOut | StopReason::Closed } => Ok(()),
            Event::Terminated { reason } => Err(ChatError::Stopped(reason)),
            _ => Ok(()),
        }
    }

    fn show_message(
        &mut self,
        contact: Address,
        name: &str,
        message_id: String,
        text: &MessageText,
        at: Timestamp,
    ) -> Result<(), ChatError> {
        // The first message comes with the invitation, and again once that is accepted.
        let key = (contact.clone(), message_id);
        if self.shown.contains(&key) {
            return Ok(());
        }
        remember(&mut self.shown, key);
        self.terminal.say(self.terminal.style().said(at, name, text.expose()))?;
        if self.current.is_none() {
            self.notice(&format!("what you type goes to {}", self.name(&contact)))?;
            self.current = Some(contact);
        }
        Ok(())
    }

    fn update(&mut self, contact: RosterContact) -> Result<(), ChatError> {
        let before = self.contacts.insert(contact.address.clone(), contact.clone());
        let told = |one: &RosterContact| (one.availability, one.personal_message.clone());
        match before {
            Some(before) if told(&before) != told(&contact) => {
                Ok(self.terminal.say(self.terminal.style().contact(&contact))?)
            }
            _ => Ok(()),
        }
    }

    pub(super) fn show_roster(&mut self, roster: Roster) -> Result<(), ChatError> {
        if roster.contacts.is_empty() {
            self.notice("the roster is empty; /search finds people")?;
        }
        for contact in roster.contacts {
            self.terminal.say(self.terminal.style().contact(&contact))?;
            self.contacts.insert(contact.address.clone(), contact);
        }
        Ok(())
    }

    pub(super) fn show_found(&mut self, found: &Roster) -> Result<(), ChatError> {
        if found.contacts.is_empty() {
            return self.notice("nobody found");
        }
        for contact in &found.contacts {
            self.terminal.say(self.terminal.style().contact(contact))?;
        }
        Ok(())
    }

    pub(super) fn name(&self, contact: &Address) -> String {
        self.contacts
            .get(contact)
            .map_or_else(|| contact.bare().to_owned(), |known| clean(&known.display_name))
    }

    fn text_of(&self, message_id: &str) -> String {
        let sent = self.sent.iter().find(|(id, _)| id == message_id);
        sent.map_or_else(|| "an earlier message".to_owned(), |(_, text)| text.clone())
    }
}
