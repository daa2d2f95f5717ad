//! Dialogs (RFC 3261 section 12): what two endpoints remember of each other, so that requests find the other one.
//!
//! [`Invite`] and [`Invited`] make a dialog of an INVITE, with all that can go wrong between the first request and the
//! ACK; [`Dialogs`] finds the one that a request belongs to; [`Dialog`] builds requests and judges those of the peer.

mod advice;
mod glare;
mod invite;
mod invited;
mod route;
mod table;

use crate::address::Address;
use crate::error::Error;
use crate::header::{Header, Headers, name};
use crate::message::{Request, RequestBuilder, Response};
use crate::method::Method;
use crate::uri::Uri;

pub use advice::{Advice, advice};
pub use glare::{Keep, Ours, Verdict, on_invite, on_second_dialog, retry_after_491};
pub use invite::{FORKS, Invite, Step};
pub use invited::{Invited, InvitedError};
pub use table::{Dialogs, Place};

use route::RouteSet;

/// The largest CSeq (RFC 3261 section 8.1.1.5).
const MAX_NUMBER: u32 = (1 << 31) - 1;

/// Whose dialogs: an account, or a connection where clients connect; ids of different owners may be alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Owner(pub u64);

/// What tells a dialog from all others.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DialogId {
    /// Whose it is.
    pub owner: Owner,
    /// Call-ID.
    pub call_id: String,
    /// Our tag.
    pub local_tag: String,
    /// The peer's tag; empty when it gave none (RFC 2543).
    pub remote_tag: String,
}

/// Why there is no dialog, or no request in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DialogError {
    /// As many as there may be are open.
    #[error("{0} dialogs are open, which is the limit: end some first")]
    Full(usize),
    /// There is one with the same ids.
    #[error("a dialog with this Call-ID and these tags is open already")]
    Repeated,
    /// The message lacks what a dialog is made of.
    #[error("no dialog can be made of the message: {0}")]
    Unfit(#[from] Error),
    /// An answer without a To tag before the final one.
    #[error("a provisional answer without a To tag makes no dialog")]
    NoTag,
    /// Contact is missing in a request that makes a dialog.
    #[error("the request has no Contact, so that nothing can be sent back: answer it with 400")]
    NoContact,
    /// More hops than anybody has.
    #[error("the message names {0} hops in Record-Route, at most 32 are taken")]
    TooManyRoutes(usize),
    /// BYE was sent or received.
    #[error("the dialog is over: begin another one")]
    Over,
    /// All numbers are used.
    #[error("the dialog has used up its numbers: begin another one")]
    Exhausted,
}

/// What a request of the peer's in a dialog is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// New: act on it.
    New,
    /// It has the number of the one before: answer it as that one, and do not act on it again.
    Again,
    /// BYE: answer it with 200; the dialog is over.
    Bye,
}

/// Why a request of the peer's is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// Its number is lower than one that came before.
    Old,
    /// The dialog is over.
    Over,
    /// It has no number that can be read.
    Unfit,
}

impl Rejection {
    /// The status to answer with; an ACK is never answered.
    pub fn status(self) -> u16 {
        match self {
            Self::Old => 500,
            Self::Over => 481,
            Self::Unfit => 400,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Early,
    Confirmed,
    /// Our BYE is out.
    Ending,
    Over,
}

/// One dialog. From and To stay as they were, epid and all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dialog {
    id: DialogId,
    local: String,
    remote: String,
    local_number: u32,
    remote_number: Option<u32>,
    routes: RouteSet,
    target: Uri,
    contact: Option<Header>,
    state: State,
    is_caller: bool,
}

impl Dialog {
    /// The dialog of a request of ours (INVITE, SUBSCRIBE) and an answer to it; an early one for a 1xx.
    pub fn uac(owner: Owner, request: &Request, response: &Response) -> Result<Self, DialogError> {
        let (from, to) = (request.from()?, response.to()?);
        if response.is_provisional() && to.tag().is_none() {
            return Err(DialogError::NoTag);
        }
        Ok(Self {
            id: id(owner, request, &from, &to)?,
            local: from.as_str().to_owned(),
            remote: to.as_str().to_owned(),
            local_number: request.cseq()?.number,
            remote_number: None,
            routes: RouteSet::reversed(response)?,
            target: target(response)?.unwrap_or_else(|| request.uri().clone()),
            contact: contact(request),
            state: if response.is_provisional() { State::Early } else { State::Confirmed },
            is_caller: true,
        })
    }

    /// What can be made of an answer that makes no dialog: enough for an ACK and a BYE.
    fn makeshift(owner: Owner, request: &Request, response: &Response) -> Result<Self, DialogError> {
        let mut bare = response.clone();
        bare.headers_mut().remove(name::RECORD_ROUTE);
        let contacts = response.all(name::CONTACT).map(|header| Address::parse(&header.text()));
        let contact = contacts.flatten().next().map(|contact| contact.uri);
        bare.headers_mut().remove(name::CONTACT);
        let mut dialog = Self::uac(owner, request, &bare)?;
        dialog.routes = RouteSet::readable(response);
        dialog.target = contact.unwrap_or(dialog.target);
        Ok(dialog)
    }

    /// The dialog of a peer's request and our answer to it, which has the To tag and our Contact.
    pub fn uas(owner: Owner, request: &Request, response: &Response) -> Result<Self, DialogError> {
        let (from, to) = (request.from()?, response.to()?);
        let state = if response.is_provisional() { State::Early } else { State::Confirmed };
        Ok(Self { contact: contact(response), state, ..Self::of_request(owner, request, &to, &from)? })
    }

    /// The dialog of a SUBSCRIBE of ours whose NOTIFY came before its answer (RFC 6665 section 4.4.1).
    pub fn of_notify(owner: Owner, subscribe: &Request, notify: &Request) -> Result<Self, DialogError> {
        let (from, to) = (notify.from()?, subscribe.from()?);
        let mut dialog = Self::of_request(owner, notify, &to, &from)?;
        dialog.local_number = subscribe.cseq()?.number;
        dialog.contact = contact(subscribe);
        dialog.is_caller = true;
        Ok(dialog)
    }

    fn of_request(
        owner: Owner,
        request: &Request,
        local: &Address,
        remote: &Address,
    ) -> Result<Self, DialogError> {
        Ok(Self {
            id: id(owner, request, local, remote)?,
            local: local.as_str().to_owned(),
            remote: remote.as_str().to_owned(),
            local_number: 0,
            remote_number: Some(request.cseq()?.number),
            routes: RouteSet::in_order(request)?,
            target: target(request)?.ok_or(DialogError::NoContact)?,
            contact: None,
            state: State::Confirmed,
            is_caller: false,
        })
    }

    /// What tells it from others.
    pub fn id(&self) -> &DialogId {
        &self.id
    }

    /// Where requests go: the peer's Contact, mostly a GRUU.
    pub fn target(&self) -> &Uri {
        &self.target
    }

    /// Our From or To as it stands in every message.
    pub fn local(&self) -> &str {
        &self.local
    }

    /// The peer's.
    pub fn remote(&self) -> &str {
        &self.remote
    }

    /// Whether we began it.
    pub fn is_caller(&self) -> bool {
        self.is_caller
    }

    /// Whether no final answer has made it last yet.
    pub fn is_early(&self) -> bool {
        self.state == State::Early
    }

    /// Whether BYE was sent or received.
    pub fn is_over(&self) -> bool {
        matches!(self.state, State::Ending | State::Over)
    }

    /// The number of our last request in it.
    pub fn local_number(&self) -> u32 {
        self.local_number
    }

    /// Begins the next request; [`crate::transaction::Hop::stamp`] it when it is done.
    pub fn request(&mut self, method: Method) -> Result<RequestBuilder, DialogError> {
        if self.is_over() {
            return Err(DialogError::Over);
        }
        if self.local_number >= MAX_NUMBER {
            return Err(DialogError::Exhausted);
        }
        self.local_number += 1;
        Ok(self.build(method, self.local_number))
    }

    /// The ACK to a 2xx of the INVITE with that number.
    pub fn ack(&self, invite: u32) -> Request {
        self.build(Method::ACK, invite).done()
    }

    /// The BYE that ends it, once.
    pub fn bye(&mut self) -> Result<Request, DialogError> {
        let bye = self.request(Method::BYE)?.done();
        self.state = State::Ending;
        Ok(bye)
    }

    /// Marks it as over without a word to the peer.
    pub fn forget(&mut self) {
        self.state = State::Over;
    }

    /// Judges a request of the peer's that belongs to it; an ACK or a CANCEL needs no judgement.
    pub fn receive(&mut self, request: &Request) -> Result<Received, Rejection> {
        let number = request.cseq().map_err(|_| Rejection::Unfit)?.number;
        let last = self.remote_number;
        if last.is_some_and(|last| number < last) {
            return Err(Rejection::Old);
        }
        let is_bye = *request.method() == Method::BYE;
        if self.state == State::Over || (self.state == State::Ending && !is_bye) {
            return Err(Rejection::Over);
        }
        self.remote_number = Some(number);
        if is_bye {
            self.state = State::Over;
            return Ok(Received::Bye);
        }
        Ok(if last == Some(number) { Received::Again } else { Received::New })
    }

    /// Follows a peer that answered a request of ours with 2xx: to its new Contact and, if it was an INVITE or UPDATE
    /// and names one, over its new route (`ms-dialog-route-set-update`).
    pub fn answered(&mut self, request: &Request, response: &Response) -> Result<(), DialogError> {
        if !response.is_success() || !is_refresh(request.method()) {
            return Ok(());
        }
        let (routes, target) = (RouteSet::reversed(response)?, target(response)?);
        self.confirm();
        self.follow(request, routes, target);
        Ok(())
    }

    /// Follows a peer whose request we answered with 2xx.
    pub fn refreshed(&mut self, request: &Request) -> Result<(), DialogError> {
        if !is_refresh(request.method()) {
            return Ok(());
        }
        let mut routes = RouteSet::in_order(request)?;
        if !request.supports("ms-dialog-route-set-update") {
            routes = RouteSet::default();
        }
        let target = target(request)?;
        self.follow(request, routes, target);
        Ok(())
    }

    /// Makes an early dialog last.
    pub fn confirm(&mut self) {
        if self.state == State::Early {
            self.state = State::Confirmed;
        }
    }

    fn follow(&mut self, request: &Request, routes: RouteSet, target: Option<Uri>) {
        if matches!(request.method().as_str(), "INVITE" | "UPDATE") && !routes.is_empty() {
            self.routes = routes;
        }
        if let Some(target) = target {
            self.target = target;
        }
    }

    fn build(&self, method: Method, number: u32) -> RequestBuilder {
        let has_contact = !matches!(method.as_str(), "ACK" | "BYE");
        let mut build = self.routes.request(method, &self.target);
        build = build.header(name::FROM, &self.local).header(name::TO, &self.remote);
        build = build.header(name::CALL_ID, &self.id.call_id).cseq(number);
        match self.contact.clone().filter(|_| has_contact) {
            Some(contact) => build.raw(contact),
            None => build,
        }
    }

    /// Goes on counting where an early dialog of the same ids was.
    fn continue_from(&mut self, early: &Self) {
        self.local_number = self.local_number.max(early.local_number);
        self.remote_number = early.remote_number;
    }
}

/// Whether a request of that method says anew where its sender is.
fn is_refresh(method: &Method) -> bool {
    matches!(method.as_str(), "INVITE" | "UPDATE" | "SUBSCRIBE" | "NOTIFY" | "BENOTIFY")
}

fn id(owner: Owner, headers: &Headers, local: &Address, remote: &Address) -> Result<DialogId, DialogError> {
    let tag = |address: &Address| address.tag().unwrap_or_default().to_owned();
    Ok(DialogId { owner, call_id: headers.call_id()?, local_tag: tag(local), remote_tag: tag(remote) })
}

fn target(headers: &Headers) -> Result<Option<Uri>, DialogError> {
    Ok(headers.contacts()?.into_iter().next().map(|contact| contact.uri))
}

fn contact(headers: &Headers) -> Option<Header> {
    headers.get(name::CONTACT).map(Header::detached)
}
