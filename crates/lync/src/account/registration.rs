//! Signing in, staying so, and what the pool says to that.

use std::{net::IpAddr, time::Duration};

use tracing::{info, warn};
use trunkline_core::port::LineState;
use trunkline_sip::{
    Request, Uri,
    failure::Failure,
    registration::{Ended, Event, Registered, Registration, is_to_stranger},
    transaction::{NotSent, Outcome},
};

use super::{Account, Act, Place, Purpose, draw, register};
use crate::{address::Target, chat};

/// The port of a server that names none.
const PORT: u16 = 5061;
/// The longest that a server is waited for.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

impl Account {
    /// Whether the pool holds it to be signed in.
    pub(crate) fn is_registered(&self, now: Duration) -> bool {
        self.registration.as_ref().is_some_and(|registration| registration.is_registered(now))
    }

    /// Notices a registration that ran out.
    pub(super) fn run_out(&mut self, now: Duration, acts: &mut Vec<Act>) {
        if let Some(registration) = &mut self.registration {
            let event = registration.expire(now);
            self.turned(now, event, acts);
        }
    }

    /// Stands in line when the next REGISTER is due, and can be sent.
    pub(super) fn line_up(&mut self, now: Duration, acts: &mut Vec<Act>) {
        if let Some(registration) = self.registration.as_ref().filter(|_| self.linked && !self.in_line)
            && self.sign_in_at(registration).is_some_and(|at| at <= now)
        {
            acts.push(Act::Turn { urgent: registration.is_registered(now) });
            self.in_line = true;
        }
    }

    /// When it is to be seen to next, unless it stands in line: not before the time that the server named, even over another
    /// connection.
    pub(super) fn sign_in_at(&self, registration: &Registration) -> Option<Duration> {
        let at = registration.next_deadline()?;
        let rest = self.rest.as_deref().filter(|_| registration.runs_out_at().is_none());
        let rest = rest.filter(|(server, _)| *server == self.target);
        Some(rest.map_or(at, |(_, until)| at.max(*until)))
    }

    /// The server that let it wait may have been started anew.
    pub(crate) fn forget_rest(&mut self) {
        self.rest = None;
    }

    /// It is its turn to REGISTER; false when it has nothing to say.
    pub(crate) fn turn(&mut self, now: Duration, acts: &mut Vec<Act>) -> bool {
        self.in_line = false;
        let request = self.registration.as_mut().and_then(|registration| registration.due(now));
        let is_used = request.is_some();
        acts.extend(request.map(register));
        is_used
    }

    pub(super) fn register_ended(&mut self, now: Duration, outcome: &Outcome, acts: &mut Vec<Act>) {
        self.note_rest(now, outcome);
        let Some(registration) = &mut self.registration else { return };
        let event = registration.ended(now, outcome, draw());
        self.turned(now, event, acts);
    }

    /// How long a server lets it wait. The pool has other addresses, which are asked at once.
    fn note_rest(&mut self, now: Duration, outcome: &Outcome) {
        match outcome {
            Outcome::Accepted(_) => self.rest = None,
            Outcome::Refused(refusal) if refusal.status >= 400 && self.target != self.place.pool => {
                let after = refusal.response.retry_after().ok().flatten();
                let after = after.map(|after| Duration::from_secs(after.seconds.into()).min(LONGEST));
                self.rest = after.map(|after| Box::new((self.target.clone(), now + after)));
            }
            _ => {}
        }
    }

    pub(super) fn deregistered(&mut self, now: Duration, request: &Request, acts: &mut Vec<Act>) {
        let Some(registration) = &mut self.registration else { return };
        let event = registration.notified(now, request, draw());
        self.turned(now, event, acts);
    }

    /// How a request ended, as far as that can be believed: what a pool refuses because it has forgotten the account may be
    /// sent again when that is signed in anew.
    pub(super) fn believed(
        &mut self,
        now: Duration,
        purpose: Purpose,
        outcome: Outcome,
        acts: &mut Vec<Act>,
    ) -> Outcome {
        let Outcome::Refused(refusal) = &outcome else { return outcome };
        if purpose == Purpose::Register || !is_to_stranger(refusal) {
            return outcome;
        }
        if let Some(registration) = &mut self.registration {
            let event = registration.denied(now, refusal);
            self.turned(now, event, acts);
        }
        if self.talks.is_online() { outcome } else { Outcome::NotSent(NotSent::ConnectionLost) }
    }

    fn turned(&mut self, now: Duration, event: Event, acts: &mut Vec<Act>) {
        match event {
            Event::Registered(registered) => self.registered(now, &registered, acts),
            Event::Redirected { uri, .. } => {
                self.online(now, false, acts);
                self.redirected(&uri, acts);
            }
            Event::Wait { wait, failure } => self.waits(now, wait, failure, acts),
            Event::Refused { status, failure, words } => {
                let reason = self.refusal(status, failure, words.as_deref());
                warn!(target: "audit", account = %self.shared.person.address, reason, "the pool refused an account");
                self.online(now, false, acts);
                self.tell(LineState::Refused { reason });
            }
            Event::Ended(ended) => {
                self.online(now, false, acts);
                self.signed_out(ended);
            }
            Event::Left => acts.push(Act::Over),
            Event::Again | Event::Nothing => {}
        }
    }

    fn registered(&mut self, now: Duration, registered: &Registered, acts: &mut Vec<Act>) {
        let seconds = registered.expires;
        info!(account = self.shared.person.account.0, seconds, "signed in");
        if let Some(gruu) = registered.gruu.clone() {
            self.chat(now, chat::Event::ContactChanged(gruu), acts);
        }
        if self.online(now, true, acts) {
            self.people_in(now, registered, acts);
        }
        self.tell(LineState::Connected);
    }

    /// The pool names another server. One that is not allowed is not gone to, whoever says so.
    fn redirected(&mut self, uri: &Uri, acts: &mut Vec<Act>) {
        match server(&self.place, uri) {
            Some(target) if target == self.target => {}
            Some(target) => {
                info!(account = self.shared.person.account.0, server = target.name, "redirected");
                (self.target, self.linked) = (target, false);
                acts.push(Act::Link);
            }
            None => {
                let reason = format!(
                    "the pool sends this account to {}, which is not among allowedPeers: add it if the account's home is there",
                    uri.host()
                );
                warn!(account = self.shared.person.account.0, reason, "not signed in");
                self.registration = None;
                self.tell(LineState::Refused { reason });
            }
        }
    }

    fn waits(&mut self, now: Duration, wait: Duration, failure: Option<&Failure>, acts: &mut Vec<Act>) {
        let meaning = failure.map_or("it did not answer", |failure| failure.meaning);
        let seconds = wait.as_secs();
        info!(
            account = self.shared.person.account.0,
            reason = meaning,
            seconds,
            "not signed in; trying again"
        );
        if !self.is_registered(now) {
            self.online(now, false, acts);
            let reason = format!("the pool did not sign the account in: {meaning}");
            self.tell(LineState::Connecting { reason });
        }
    }

    fn refusal(&self, status: u16, failure: &Failure, words: Option<&str>) -> String {
        let words = words.map(|words| format!(" (\"{words}\")")).unwrap_or_default();
        match status {
            401 | 407 => format!(
                "the pool does not trust this connection ({status}): the relay's certificate must bear the name that the \
                 topology has for the trusted application, and the topology must have been published"
            ),
            _ => format!("the pool refused the account ({status}): {}{words}", failure.meaning),
        }
    }

    fn signed_out(&mut self, ended: Ended) {
        let (state, reason) = match ended {
            Ended::Rejected(failure) => {
                let meaning = failure.map_or("the user may not sign in any more", |failure| failure.meaning);
                let reason = format!("the pool signed the account out: {meaning}");
                (LineState::Refused { reason: reason.clone() }, reason)
            }
            Ended::Moved => connecting("the pool signed the account out, because it moves"),
            Ended::Forgotten => {
                connecting("the pool does not know that the account is signed in; signing in anew")
            }
            Ended::RanOut => {
                connecting("the registration ran out, because the pool does not renew it; trying again")
            }
            Ended::Replaced(_) => connecting("the pool signed the account out; signing in anew"),
        };
        info!(account = self.shared.person.account.0, reason, "signed out by the pool");
        self.tell(state);
    }
}

/// The server that a redirection names, if it is one that may be gone to. One that is named by its address is the pool's.
pub(crate) fn server(place: &Place, uri: &Uri) -> Option<Target> {
    let (host, port) = (uri.host().to_ascii_lowercase(), uri.port().unwrap_or(PORT));
    let pool = &place.pool;
    if host == pool.name {
        return Some(Target { port, ..pool.clone() });
    }
    let plain = host.trim_matches(['[', ']']);
    if plain.parse::<IpAddr>().is_ok() {
        return Some(Target { name: pool.name.clone(), host: Some(plain.to_owned()), port });
    }
    place.allows(&host).then_some(Target { name: host, host: None, port })
}

fn connecting(reason: &str) -> (LineState, String) {
    (LineState::Connecting { reason: reason.to_owned() }, reason.to_owned())
}
