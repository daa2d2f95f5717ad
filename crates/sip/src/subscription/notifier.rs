use std::time::Duration;

use crate::dialog::{Dialog, DialogError, Owner, Received, Rejection};
use crate::header::name;
use crate::message::{Request, RequestBuilder, Response, ResponseBuilder};
use crate::method::Method;

use super::{BENOTIFY, PIGGYBACK};

/// The other side of a subscription: a server's.
#[derive(Clone, Debug)]
pub struct Notifier {
    dialog: Dialog,
    event: String,
    benotify: bool,
    contact: String,
    expires_at: Duration,
    over: bool,
}

/// Why a notifier does not do what it is asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotifierError {
    /// The SUBSCRIBE is to be answered with this status.
    #[error("the SUBSCRIBE cannot be taken: answer it with {0}")]
    Refuse(u16),
    /// There is nobody to notify any more.
    #[error("the subscription is over: nobody wants to hear of it any more")]
    Over,
    /// The dialog lets no request through.
    #[error(transparent)]
    Dialog(#[from] DialogError),
}

impl Notifier {
    /// Takes a SUBSCRIBE without a To tag, for at most `granted` seconds, and begins its 200. If the client takes a first
    /// notification in there, the 200 is one: give it the body. An `Expires: 0` leaves the notifier over.
    pub fn accept(
        now: Duration,
        owner: Owner,
        request: &Request,
        (tag, contact): (&str, &str),
        granted: u32,
    ) -> Result<(Self, ResponseBuilder), NotifierError> {
        let event = request.event().ok().flatten().ok_or(NotifierError::Refuse(489))?.package;
        let bare = Response::build(request, 200).to_tag(tag).header(name::CONTACT, contact).done();
        let dialog =
            Dialog::uas(owner, request, &bare).map_err(|_: DialogError| NotifierError::Refuse(400))?;
        let benotify = request.supports(BENOTIFY);
        let contact = contact.to_owned();
        let mut notifier = Self { dialog, event, benotify, contact, expires_at: now, over: false };
        let answer = notifier.answer(now, request, Some(tag), granted)?;
        Ok((notifier, answer))
    }

    /// Takes a SUBSCRIBE in the dialog: a renewal, or the end with `Expires: 0`.
    pub fn renew(
        &mut self,
        now: Duration,
        request: &Request,
        granted: u32,
    ) -> Result<ResponseBuilder, NotifierError> {
        if self.is_over(now) {
            return Err(NotifierError::Refuse(481));
        }
        match self.dialog.receive(request) {
            Ok(Received::New) => self.dialog.refreshed(request)?,
            Ok(Received::Again | Received::Bye) => {}
            Err(rejection) => return Err(NotifierError::Refuse(Rejection::status(rejection))),
        }
        self.answer(now, request, None, granted)
    }

    /// Begins a BENOTIFY, or a NOTIFY if the client does not know that.
    pub fn notify(&mut self, now: Duration) -> Result<RequestBuilder, NotifierError> {
        if self.is_over(now) {
            return Err(NotifierError::Over);
        }
        let left = self.expires_at.saturating_sub(now).as_secs();
        self.begin(&format!("active;expires={left}"))
    }

    /// The last notification; `reason` is one of RFC 6665 section 4.1.3.
    pub fn terminate(&mut self, reason: &str) -> Result<RequestBuilder, NotifierError> {
        if self.over {
            return Err(NotifierError::Over);
        }
        self.over = true;
        self.begin(&format!("terminated;reason={reason}"))
    }

    /// Its dialog.
    pub fn dialog(&self) -> &Dialog {
        &self.dialog
    }

    /// Whether notifications go as BENOTIFY.
    pub fn benotifies(&self) -> bool {
        self.benotify
    }

    /// Whether it was ended or ran out.
    pub fn is_over(&self, now: Duration) -> bool {
        self.over || self.expires_at <= now
    }

    fn begin(&mut self, state: &str) -> Result<RequestBuilder, NotifierError> {
        let method = if self.benotify { Method::BENOTIFY } else { Method::NOTIFY };
        let begun = self.dialog.request(method)?;
        Ok(begun.header(name::EVENT, &self.event).header(name::SUBSCRIPTION_STATE, state))
    }

    fn answer(
        &mut self,
        now: Duration,
        request: &Request,
        tag: Option<&str>,
        granted: u32,
    ) -> Result<ResponseBuilder, NotifierError> {
        let seconds = request.expires().ok().flatten().unwrap_or(granted).min(granted);
        self.expires_at = now.saturating_add(Duration::from_secs(u64::from(seconds)));
        self.over = seconds == 0;
        let state = if self.over { "terminated" } else { "active" };
        let mut answer = Response::build(request, 200);
        if let Some(tag) = tag {
            answer = answer.to_tag(tag).record_routes();
        }
        answer = answer
            .header(name::CONTACT, &self.contact)
            .header(name::EVENT, &self.event)
            .header(name::EXPIRES, seconds.to_string())
            .header(name::SUBSCRIPTION_STATE, format!("{state};expires={seconds}"));
        if !request.supports(PIGGYBACK) {
            return Ok(answer);
        }
        // The 200 stands for a notification, whose number it takes.
        let number = self.dialog.request(Method::NOTIFY)?.done().cseq().map_or(1, |cseq| cseq.number);
        Ok(answer
            .header(name::MS_PIGGYBACK_CSEQ, number.to_string())
            .header(name::SUPPORTED, format!("{BENOTIFY}, {PIGGYBACK}")))
    }
}
