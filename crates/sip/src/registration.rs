//! Registrations (RFC 3261 section 10, MS-SIPREGE) of one endpoint, over a connection that the server trusts.

mod outcome;

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use crate::body::deregistration::{self, Deregistration};
use crate::failure::{Failure, Retry, judge, of_id};
use crate::header::{Headers, name};
use crate::identity::Epid;
use crate::message::{Request, Response};
use crate::method::Method;
use crate::retry;
use crate::transaction::{Outcome, Refusal};
use crate::uri::Uri;

pub use outcome::{Ended, Event, Registered};

/// The diagnostics of a server that does not let us speak for a user.
const NOT_YOURS: u32 = 4004;
/// How often in a row a server may send us on, or ask for a longer lifetime.
const MOST_TURNS: u32 = 5;
/// A server that holds us not to be registered, so soon after it said so before, does not mean that.
const MEANT: Duration = Duration::from_secs(5 * 60);
/// A registration that held for so long shows that what failed before is over.
const LASTING: Duration = Duration::from_secs(60);
/// The longest lifetime that is asked for after a 423.
const LONGEST: u32 = 7 * 24 * 60 * 60;
/// What our REGISTER says that we can.
const SUPPORTED: &str =
    "gruu-10, adhoclist, msrtc-event-categories, com.microsoft.msrtc.presence, ms-forking";
const METHODS: &str =
    "INVITE, MESSAGE, INFO, SUBSCRIBE, OPTIONS, BYE, CANCEL, NOTIFY, ACK, REFER, BENOTIFY, UPDATE";

/// Who registers, and where he is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The user's address.
    pub user: Uri,
    /// Which of his endpoints.
    pub epid: Epid,
    /// Where servers reach us: our host and port, and what tells this endpoint from others there.
    pub contact: Uri,
    /// Seconds to ask for.
    pub expires: u32,
    /// User-Agent.
    pub agent: String,
}

/// One endpoint's registration. After its end, or a redirection, begin another one with new ids.
#[derive(Clone, Debug)]
pub struct Registration {
    endpoint: Arc<Endpoint>,
    instance: Uuid,
    domain: Uri,
    call_id: String,
    tag: String,
    number: u32,
    expires: u32,
    failed: u32,
    turns: u32,
    open: u32,
    /// When the server had forgotten us last.
    forgotten: Option<Duration>,
    /// When the server sent us away last.
    moved: Option<Duration>,
    /// Since when the registration has held without a failure.
    since: Option<Duration>,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The next REGISTER is due at this time; `until` is when the last one runs out.
    Waiting { at: Duration, until: Option<Duration> },
    /// A REGISTER waits for its answer.
    Asking { until: Option<Duration> },
    /// The last REGISTER, `Expires: 0`, waits for its answer.
    Leaving,
    /// There is nothing to do any more.
    Stopped,
}

impl Registration {
    /// Due at once. `call_id` and `tag` are random.
    ///
    /// # Errors
    /// A user whose address names no domain.
    pub fn new(endpoint: impl Into<Arc<Endpoint>>, call_id: &str, tag: &str) -> Result<Self, crate::Error> {
        let endpoint = endpoint.into();
        let (instance, expires) = (endpoint.epid.instance(), endpoint.expires);
        let domain = Uri::parse(&format!("sip:{}", endpoint.user.host()))?;
        let (call_id, tag) = (call_id.to_owned(), tag.to_owned());
        let state = State::Waiting { at: Duration::ZERO, until: None };
        let (number, failed, turns, open) = (0, 0, 0, 0);
        let (forgotten, moved, since) = (None, None, None);
        Ok(Self {
            endpoint,
            instance,
            domain,
            call_id,
            tag,
            number,
            expires,
            failed,
            turns,
            open,
            forgotten,
            moved,
            since,
            state,
        })
    }

    /// From's value with tag and epid, as SUBSCRIBEs and INVITEs of this endpoint have it with tags of their own.
    pub fn from(&self) -> String {
        format!("<{}>;tag={};epid={}", self.endpoint.user, self.tag, self.endpoint.epid)
    }

    /// When a REGISTER is due, nothing while one is open, or [`Registration::runs_out_at`], whichever is sooner.
    pub fn next_deadline(&self) -> Option<Duration> {
        let due = if let State::Waiting { at, .. } = self.state { Some(at) } else { None };
        due.into_iter().chain(self.runs_out_at()).min()
    }

    /// When [`Registration::expire`] has something to say; nothing once it said so.
    pub fn runs_out_at(&self) -> Option<Duration> {
        let (State::Waiting { until, .. } | State::Asking { until }) = self.state else { return None };
        until
    }

    /// Ends a registration that ran out before it was refreshed. The next REGISTER is due when it was before.
    pub fn expire(&mut self, now: Duration) -> Event {
        match &mut self.state {
            State::Waiting { until, .. } | State::Asking { until } if until.is_some_and(|at| at <= now) => {
                *until = None;
                Event::Ended(Ended::RanOut)
            }
            _ => Event::Nothing,
        }
    }

    /// Whether the server holds us to be registered.
    pub fn is_registered(&self, now: Duration) -> bool {
        self.runs_out_at().is_some_and(|until| now < until)
    }

    /// Whether it is over: refused, ended by the server, or left.
    pub fn is_stopped(&self) -> bool {
        self.state == State::Stopped
    }

    /// The REGISTER that is due, if one is.
    pub fn due(&mut self, now: Duration) -> Option<Request> {
        let State::Waiting { until, .. } = self.state.is_due(now)? else { return None };
        self.state = State::Asking { until };
        let expires = self.expires;
        Some(self.request(expires))
    }

    /// The REGISTER that ends it; nothing if it has ended.
    pub fn leave(&mut self) -> Option<Request> {
        if matches!(self.state, State::Stopped | State::Leaving) {
            return None;
        }
        self.state = State::Leaving;
        Some(self.request(0))
    }

    /// Takes the end of a REGISTER.
    pub fn ended(&mut self, now: Duration, outcome: &Outcome, random: u32) -> Event {
        self.open = self.open.saturating_sub(1);
        let until = match self.state {
            State::Asking { until } => until,
            State::Leaving if self.open == 0 => {
                self.state = State::Stopped;
                return Event::Left;
            }
            State::Waiting { .. } | State::Leaving | State::Stopped => return Event::Nothing,
        };
        match outcome {
            Outcome::Accepted(response) => self.accepted(now, response, random),
            Outcome::Refused(refusal) => self.refused(now, until, refusal, random),
            Outcome::NotSent(_) | Outcome::Unknown(_) => self.wait(now, until, None, None, random),
        }
    }

    /// Takes a NOTIFY or BENOTIFY of `registration-notify`: the server ends the registration. Answer a NOTIFY with 200.
    /// One of another registration changes nothing.
    pub fn notified(&mut self, now: Duration, request: &Request, random: u32) -> Event {
        let is_event = request
            .event()
            .ok()
            .flatten()
            .is_some_and(|event| event.package.eq_ignore_ascii_case("registration-notify"));
        let is_ours = request.call_id().is_ok_and(|id| id == self.call_id);
        if !is_event || !is_ours || matches!(self.state, State::Stopped | State::Leaving) {
            return Event::Nothing;
        }
        let Ok(body) = Deregistration::read(request.body()) else { return Event::Nothing };
        let failure = request.diagnostics().iter().find_map(|why| of_id(why.id));
        match body {
            Deregistration::Rejected => {
                self.state = State::Stopped;
                Event::Ended(Ended::Rejected(failure))
            }
            _ if matches!(self.state, State::Asking { .. }) => {
                self.state = State::Asking { until: None };
                Event::Ended(Ended::Moved)
            }
            Deregistration::Deactivated if self.moves(now) => {
                self.state = State::Waiting { at: now, until: None };
                Event::Ended(Ended::Moved)
            }
            Deregistration::Deactivated | Deregistration::Unregistered | Deregistration::Other(_) => {
                let wait = self.fail(now, None, random);
                self.state = State::Waiting { at: now.saturating_add(wait), until: None };
                Event::Ended(Ended::Replaced(wait))
            }
        }
    }

    /// Whether a server that sends us away means that: one that takes us in and sends us away again, over and over, as one
    /// that is being emptied may, is not obeyed at once.
    fn moves(&mut self, now: Duration) -> bool {
        self.settle(now);
        let last = self.moved.replace(now);
        last.is_none_or(|last| now.saturating_sub(last) >= MEANT)
    }

    /// Counts a failure; the wait until the next REGISTER.
    fn fail(&mut self, now: Duration, after: Option<u32>, random: u32) -> Duration {
        self.settle(now);
        self.failed = self.failed.saturating_add(1);
        retry::wait(self.failed, after, random)
    }

    /// Forgets earlier failures if the registration held for long enough.
    fn settle(&mut self, now: Duration) {
        if self.since.take().is_some_and(|since| now.saturating_sub(since) >= LASTING) {
            self.failed = 0;
        }
    }

    /// Takes the refusal of another request. One that is given to endpoints that are not registered shows that the server
    /// has forgotten us, as does one that restarts behind a proxy: the next REGISTER is due at once.
    pub fn denied(&mut self, now: Duration, refusal: &Refusal) -> Event {
        let is_news = self.forgotten.is_none_or(|last| now.saturating_sub(last) >= MEANT);
        if !is_to_stranger(refusal)
            || !is_news
            || !matches!(self.state, State::Waiting { until: Some(_), .. })
        {
            return Event::Nothing;
        }
        self.forgotten = Some(now);
        self.settle(now);
        self.state = State::Waiting { at: now, until: None };
        Event::Ended(Ended::Forgotten)
    }

    fn request(&mut self, expires: u32) -> Request {
        self.number = self.number.saturating_add(1);
        self.open += 1;
        let contact = format!(
            "<{}>;methods=\"{METHODS}\";+sip.instance=\"<urn:uuid:{}>\"",
            self.endpoint.contact, self.instance
        );
        Request::build(Method::REGISTER, self.domain.clone())
            .header(name::MAX_FORWARDS, "70")
            .header(name::FROM, self.from())
            .header(name::TO, format!("<{}>", self.endpoint.user))
            .header(name::CALL_ID, &self.call_id)
            .cseq(self.number)
            .header(name::CONTACT, contact)
            .header(name::USER_AGENT, &self.endpoint.agent)
            .header(name::SUPPORTED, SUPPORTED)
            .header(name::EVENT, "registration")
            .header(name::MS_KEEP_ALIVE, "UAC;hop-hop=yes")
            .header(name::EXPIRES, expires.to_string())
            .done()
    }

    fn accepted(&mut self, now: Duration, response: &Response, random: u32) -> Event {
        let registered = Registered::read(response, self.instance, self.expires);
        let Some(registered) = registered else { return self.wait(now, None, None, None, random) };
        self.turns = 0;
        self.since.get_or_insert(now);
        let (at, lifetime) = (refresh(registered.expires), seconds(registered.expires));
        self.state = State::Waiting { at: now.saturating_add(at), until: Some(now.saturating_add(lifetime)) };
        Event::Registered(Box::new(registered))
    }

    fn refused(&mut self, now: Duration, until: Option<Duration>, refusal: &Refusal, random: u32) -> Event {
        let headers: &Headers = &refusal.response;
        let failure = judge(&Method::REGISTER, refusal.status, headers);
        let after = headers.retry_after().ok().flatten().map(|after| after.seconds);
        match refusal.status {
            301 | 302 => self.redirected(now, refusal, random),
            423 => self.lengthened(now, headers, failure, random),
            // A server that trusts us never asks who we are, and asking again changes nothing.
            401 | 407 => self.stop(refusal, failure),
            _ if matches!(failure.retry, Retry::Permanent | Retry::Nothing) => self.stop(refusal, failure),
            _ => self.wait(now, until, Some(failure), after, random),
        }
    }

    fn redirected(&mut self, now: Duration, refusal: &Refusal, random: u32) -> Event {
        self.turns += 1;
        let target = refusal.response.contacts().ok().and_then(|contacts| contacts.into_iter().next());
        match target.filter(|target| self.turns <= MOST_TURNS && !target.uri.host().is_empty()) {
            Some(target) => {
                self.state = State::Waiting { at: now, until: None };
                let (uri, seconds) = (target.uri, refusal.response.expires().ok().flatten());
                Event::Redirected { uri, permanent: refusal.status == 301, seconds }
            }
            None => {
                self.turns = 0;
                self.wait(now, None, Some(judge(&Method::REGISTER, 482, &Headers::new())), None, random)
            }
        }
    }

    fn lengthened(
        &mut self,
        now: Duration,
        headers: &Headers,
        failure: &'static Failure,
        random: u32,
    ) -> Event {
        self.turns += 1;
        match headers.min_expires().ok().flatten().filter(|min| *min > self.expires && *min <= LONGEST) {
            Some(min) if self.turns <= MOST_TURNS => {
                self.expires = min;
                self.state = State::Waiting { at: now, until: None };
                Event::Again
            }
            _ => self.wait(now, None, Some(failure), None, random),
        }
    }

    fn stop(&mut self, refusal: &Refusal, failure: &'static Failure) -> Event {
        self.state = State::Stopped;
        Event::Refused { status: refusal.status, failure, words: outcome::words(&refusal.response) }
    }

    fn wait(
        &mut self,
        now: Duration,
        until: Option<Duration>,
        failure: Option<&'static Failure>,
        after: Option<u32>,
        random: u32,
    ) -> Event {
        let wait = self.fail(now, after, random);
        self.state = State::Waiting { at: now.saturating_add(wait), until };
        Event::Wait { wait, failure }
    }
}

/// Whether so is refused who is not registered, or not any more.
pub fn is_to_stranger(refusal: &Refusal) -> bool {
    match refusal.status {
        // A server that trusts us asks nobody who he is.
        401 | 407 => true,
        403 => refusal.diagnostics.iter().any(|why| why.id == NOT_YOURS),
        _ => false,
    }
}

impl State {
    fn is_due(self, now: Duration) -> Option<Self> {
        matches!(self, Self::Waiting { at, .. } if at <= now).then_some(self)
    }
}

/// When a registration is refreshed: after nine tenths of it, but no earlier than after a minute and no later than 30 s
/// before its end; one of a minute or less half-way.
fn refresh(expires: u32) -> Duration {
    if expires <= 60 {
        return seconds(expires) / 2;
    }
    let tenths = (u64::from(expires) * 9 / 10).max(60);
    Duration::from_secs(tenths.min(u64::from(expires) - 30))
}

fn seconds(seconds: u32) -> Duration {
    Duration::from_secs(u64::from(seconds))
}

/// Whether a request is the server's word about a registration.
pub fn is_notification(request: &Request) -> bool {
    matches!(request.method().as_str(), "NOTIFY" | "BENOTIFY")
        && request.content_type().ok().flatten().is_some_and(|media| media.is(deregistration::TYPE))
}
