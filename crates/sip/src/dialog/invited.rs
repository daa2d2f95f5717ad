use std::time::Duration;

use crate::header::name;
use crate::message::{Request, Response, ResponseBuilder};
use crate::transaction::HOP;

use super::{Dialog, DialogError, Owner};

/// A peer's INVITE, from its arrival to its ACK.
#[derive(Clone, Debug)]
pub struct Invited {
    owner: Owner,
    request: Request,
    tag: String,
    contact: String,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Pending,
    Accepted { until: Duration },
    Confirmed,
    Over,
}

/// Why an INVITE takes no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvitedError {
    /// It was cancelled, refused or accepted.
    #[error("the INVITE has its final answer, or was cancelled: drop this answer")]
    Over,
    /// No dialog can be made of it.
    #[error(transparent)]
    Dialog(#[from] DialogError),
}

impl Invited {
    /// For an INVITE without a To tag. `tag` is random, `contact` our Contact's value, mostly `<our GRUU>`.
    pub fn new(owner: Owner, request: &Request, tag: &str, contact: &str) -> Self {
        let (tag, contact) = (tag.to_owned(), contact.to_owned());
        Self { owner, request: request.clone(), tag, contact, state: State::Pending }
    }

    /// The INVITE.
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// Whether it waits for its final answer.
    pub fn is_pending(&self) -> bool {
        self.state == State::Pending
    }

    /// Begins a provisional answer or a 2xx, with To tag, Record-Routes and Contact.
    pub fn answer(&self, status: u16) -> Result<ResponseBuilder, InvitedError> {
        let pending = self.is_pending().then(|| Response::build(&self.request, status).to_tag(&self.tag));
        let pending = pending.ok_or(InvitedError::Over)?;
        Ok(pending.record_routes().header(name::CONTACT, &self.contact))
    }

    /// Takes the 2xx that was begun by [`Invited::answer`] and makes the dialog; within 32 s its ACK has to come.
    pub fn accept(&mut self, now: Duration, response: &Response) -> Result<Dialog, InvitedError> {
        if !self.is_pending() {
            return Err(InvitedError::Over);
        }
        let dialog = Dialog::uas(self.owner, &self.request, response)?;
        self.state = State::Accepted { until: now.saturating_add(HOP) };
        Ok(dialog)
    }

    /// Begins a refusal, after which it is over.
    pub fn refuse(&mut self, status: u16) -> Result<ResponseBuilder, InvitedError> {
        if !self.is_pending() {
            return Err(InvitedError::Over);
        }
        self.state = State::Over;
        Ok(Response::build(&self.request, status).to_tag(&self.tag))
    }

    /// The 487 that follows a CANCEL, or a BYE that came before our final answer; nothing if that was given already:
    /// then a CANCEL changes nothing, and the peer ends an accepted dialog with BYE.
    pub fn cancel(&mut self) -> Option<Response> {
        self.refuse(487).ok().map(ResponseBuilder::done)
    }

    /// Takes the ACK of the dialog; says whether it was the one to this INVITE.
    pub fn acknowledge(&mut self, ack: &Request) -> bool {
        let numbers = (ack.cseq().map(|cseq| cseq.number), self.request.cseq().map(|cseq| cseq.number));
        let fits = matches!(numbers, (Ok(one), Ok(other)) if one == other);
        if fits && matches!(self.state, State::Accepted { .. }) {
            self.state = State::Confirmed;
        }
        fits
    }

    /// When the ACK to the 2xx is due.
    pub fn deadline(&self) -> Option<Duration> {
        if let State::Accepted { until } = self.state { Some(until) } else { None }
    }

    /// Whether no ACK came in time: end the dialog with BYE.
    pub fn expire(&mut self, now: Duration) -> bool {
        let expired = self.deadline().is_some_and(|until| until <= now);
        if expired {
            self.state = State::Over;
        }
        expired
    }
}
