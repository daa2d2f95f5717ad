use std::collections::BTreeMap;

use crate::message::{Request, Response};

use super::{Dialog, DialogError, Owner};

/// How many endpoints of a peer an INVITE is followed at.
pub const FORKS: usize = 32;

/// An INVITE of ours and all dialogs that it leads to. The first 2xx wins; every other one is ended at once, whether it
/// is another endpoint's or one that comes after all was given up.
#[derive(Clone, Debug)]
pub struct Invite {
    owner: Owner,
    request: Request,
    early: BTreeMap<String, Dialog>,
    acks: BTreeMap<String, Request>,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Ringing,
    Accepted,
    Over,
}

/// What an answer to an INVITE leads to. Each ACK and BYE wants its Via.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// It rings somewhere, or a server says how far it got.
    Progress {
        /// 100 to 199.
        status: u16,
        /// The To tag of the endpoint, if it is one.
        tag: Option<String>,
    },
    /// The dialog, and the ACK to be written, without a transaction.
    Accepted {
        /// To be kept.
        dialog: Box<Dialog>,
        /// To be written.
        ack: Request,
    },
    /// A 2xx came again: write its ACK again.
    Again {
        /// To be written.
        ack: Request,
    },
    /// A dialog that nobody wants or that cannot be used: write both, the BYE in a transaction.
    Surplus {
        /// To be written.
        ack: Request,
        /// To be written after it.
        bye: Box<Request>,
    },
    /// A final answer that is no 2xx; the transaction has made its ACK.
    Refused,
}

impl Invite {
    /// For an INVITE that is about to be sent.
    pub fn new(owner: Owner, request: &Request) -> Self {
        let (early, acks) = (BTreeMap::new(), BTreeMap::new());
        Self { owner, request: request.clone(), early, acks, state: State::Ringing }
    }

    /// Takes any answer to it: provisional, final or late.
    pub fn take(&mut self, response: &Response) -> Result<Step, DialogError> {
        let tag = response.to()?.tag().map(str::to_owned);
        if response.is_provisional() {
            self.note_early(response, tag.as_deref());
            return Ok(Step::Progress { status: response.status(), tag });
        }
        if !response.is_success() {
            if self.state == State::Ringing {
                self.give_up();
            }
            return Ok(Step::Refused);
        }
        self.accepted(response, tag.unwrap_or_default())
    }

    /// Lets every 2xx from now on be ended at once: after CANCEL, a lost connection, or time that ran out.
    pub fn give_up(&mut self) {
        self.state = State::Over;
        self.early.clear();
    }

    /// Whether nobody has accepted it, and it was not given up.
    pub fn is_ringing(&self) -> bool {
        self.state == State::Ringing
    }

    /// The early dialog with an endpoint where it rings.
    pub fn early(&mut self, tag: &str) -> Option<&mut Dialog> {
        self.early.get_mut(tag)
    }

    fn note_early(&mut self, response: &Response, tag: Option<&str>) {
        let Some(tag) = tag.filter(|_| self.is_ringing() && response.status() > 100) else { return };
        if self.early.len() < FORKS
            && !self.early.contains_key(tag)
            && let Ok(dialog) = Dialog::uac(self.owner, &self.request, response)
        {
            self.early.insert(tag.to_owned(), dialog);
        }
    }

    fn accepted(&mut self, response: &Response, tag: String) -> Result<Step, DialogError> {
        if let Some(ack) = self.acks.get(&tag) {
            return Ok(Step::Again { ack: ack.clone() });
        }
        let Ok(mut dialog) = Dialog::uac(self.owner, &self.request, response) else {
            // Whoever accepted repeats that and keeps a call open until somebody speaks.
            self.give_up();
            return self.end(Dialog::makeshift(self.owner, &self.request, response)?, tag);
        };
        if let Some(early) = self.early.remove(&tag) {
            dialog.continue_from(&early);
        }
        if self.state != State::Ringing {
            return self.end(dialog, tag);
        }
        let ack = self.ack(&dialog, tag)?;
        self.state = State::Accepted;
        self.early.clear();
        Ok(Step::Accepted { dialog: Box::new(dialog), ack })
    }

    fn end(&mut self, mut dialog: Dialog, tag: String) -> Result<Step, DialogError> {
        let ack = self.ack(&dialog, tag)?;
        Ok(Step::Surplus { ack, bye: Box::new(dialog.bye()?) })
    }

    /// The ACK to a 2xx, which is kept.
    fn ack(&mut self, dialog: &Dialog, tag: String) -> Result<Request, DialogError> {
        let ack = dialog.ack(self.request.cseq()?.number);
        if self.acks.len() < FORKS {
            self.acks.insert(tag, ack.clone());
        }
        Ok(ack)
    }
}
