mod outcome;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use crate::dialog::{Dialog, DialogError, Owner, Received};
use crate::error::Error;
use crate::failure::{Retry, judge};
use crate::header::{Headers, name};
use crate::message::{Request, RequestBuilder, Response};
use crate::method::Method;
use crate::retry;
use crate::transaction::{HOP, Outcome, Refusal};
use crate::typed::{State, SubscriptionState};
use crate::uri::Uri;

pub use outcome::{Due, Event, News, Notified, SubscribeError, Termination};

use super::{AUTOEXTEND, BENOTIFY, PIGGYBACK};

/// How long before its end a subscription is renewed.
const EARLY: Duration = Duration::from_secs(120);
/// A shorter lifetime is taken for this one, in seconds: nobody is asked more often.
const SHORTEST: u32 = 10;
/// A subscription that a server ends before that long is begun anew with a pause.
const YOUNG: Duration = Duration::from_secs(60);
/// The lifetime of a subscription of which the server says nothing.
const DEFAULT: u32 = 3_600;

/// What is subscribed to, and as whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Request-URI and To; of one's own lists one's own address.
    pub uri: Uri,
    /// From's value with tag and epid.
    pub from: String,
    /// Call-ID, new for each subscription.
    pub call_id: String,
    /// Contact's value: our GRUU in angle brackets.
    pub contact: Arc<str>,
    /// The event package.
    pub event: Cow<'static, str>,
    /// Accept's value.
    pub accept: Cow<'static, str>,
    /// Whether to ask once only (`Expires: 0`).
    pub once: bool,
}

/// One subscription of ours.
#[derive(Clone, Debug)]
pub struct Subscription {
    owner: Owner,
    target: Target,
    number: u32,
    first: Option<Box<Request>>,
    dialog: Option<Dialog>,
    heard: Option<u32>,
    expires_at: Option<Duration>,
    renew_at: Option<Duration>,
    began_at: Option<Duration>,
    failed: u32,
    lost: bool,
    over: bool,
}

impl Subscription {
    /// Not asked for yet.
    pub fn new(owner: Owner, target: Target) -> Self {
        let (first, dialog, heard) = (None, None, None);
        let (expires_at, renew_at, began_at) = (None, None, None);
        let (number, failed, lost, over) = (0, 0, false, false);
        Self {
            owner,
            target,
            number,
            first,
            dialog,
            heard,
            expires_at,
            renew_at,
            began_at,
            failed,
            lost,
            over,
        }
    }

    /// What is subscribed to.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Its dialog, once there is one.
    pub fn dialog(&self) -> Option<&Dialog> {
        self.dialog.as_ref()
    }

    /// Whether it is over.
    pub fn is_over(&self) -> bool {
        self.over
    }

    /// Begins a SUBSCRIBE: the first one, a renewal, or one that adds to what is subscribed. Give it a body if the
    /// package wants one.
    pub fn subscribe(&mut self) -> Result<RequestBuilder, SubscribeError> {
        let once = self.target.once;
        let begun = self.begin()?;
        Ok(if once { begun.header(name::EXPIRES, "0") } else { begun })
    }

    /// The SUBSCRIBE that ends it.
    pub fn unsubscribe(&mut self) -> Result<Request, SubscribeError> {
        Ok(self.begin()?.header(name::EXPIRES, "0").done())
    }

    /// Keeps a SUBSCRIBE that is about to be sent, so that a NOTIFY that overtakes the answer is known.
    pub fn sent(&mut self, request: &Request) {
        if self.dialog.is_none() {
            self.first = Some(Box::new(request.clone()));
        }
        self.renew_at = None;
        self.lost = false;
    }

    /// Adds how long it is to last, after a 423.
    pub fn lengthen(begun: RequestBuilder, seconds: u32) -> RequestBuilder {
        begun.header(name::EXPIRES, seconds.to_string())
    }

    /// Takes the end of a SUBSCRIBE.
    pub fn ended(&mut self, now: Duration, request: &Request, outcome: &Outcome, random: u32) -> Event {
        self.first = None;
        match outcome {
            Outcome::Accepted(response) => self.accepted(now, request, response, random),
            Outcome::Refused(refusal) => self.refused(now, refusal, random),
            Outcome::NotSent(_) | Outcome::Unknown(_) => self.wait(now, None, random),
        }
    }

    /// Takes a NOTIFY or BENOTIFY with the Call-ID of this subscription.
    pub fn notified(&mut self, now: Duration, request: &Request, random: u32) -> Notified {
        let answered = *request.method() != Method::BENOTIFY;
        let (status, news) = self.judge(now, request, random).unwrap_or_else(|status| (status, News::Ignore));
        Notified { reply: answered.then_some(status), news }
    }

    /// When [`Subscription::due`] has something to say next.
    pub fn next_deadline(&self) -> Option<Duration> {
        let lost = self.lost.then_some(Duration::ZERO);
        [lost, self.renew_at, self.expires_at].into_iter().flatten().min().filter(|_| !self.over)
    }

    /// What to do now. A renewal is asked for until [`Subscription::sent`].
    pub fn due(&mut self, now: Duration) -> Due {
        if self.over {
            Due::Nothing
        } else if self.expires_at.is_some_and(|at| at <= now) {
            self.over = true;
            Due::Restart
        } else if self.lost || self.renew_at.is_some_and(|at| at <= now) {
            Due::Renew
        } else {
            Due::Nothing
        }
    }

    fn begin(&mut self) -> Result<RequestBuilder, SubscribeError> {
        if self.over {
            return Err(SubscribeError::Over);
        }
        let begun = match &mut self.dialog {
            Some(dialog) => dialog.request(Method::SUBSCRIBE)?,
            None if self.first.is_some() => return Err(SubscribeError::Pending),
            None => self.outside(),
        };
        Ok(begun
            .header(name::EVENT, &*self.target.event)
            .header("Accept", &*self.target.accept)
            .header(name::SUPPORTED, AUTOEXTEND)
            .header(name::SUPPORTED, BENOTIFY)
            .header(name::PROXY_REQUIRE, BENOTIFY)
            .header(name::SUPPORTED, PIGGYBACK))
    }

    fn outside(&mut self) -> RequestBuilder {
        self.number += 1;
        let target = &self.target;
        Request::build(Method::SUBSCRIBE, target.uri.clone())
            .header(name::MAX_FORWARDS, "70")
            .header(name::FROM, &target.from)
            .header(name::TO, format!("<{}>", target.uri))
            .header(name::CALL_ID, &target.call_id)
            .cseq(self.number)
            .header(name::CONTACT, &*target.contact)
    }

    fn accepted(&mut self, now: Duration, request: &Request, response: &Response, random: u32) -> Event {
        if self.dialog.is_none() {
            self.dialog = Dialog::uac(self.owner, request, response).ok();
        } else if let Some(dialog) = &mut self.dialog {
            // A Contact or Record-Route that cannot be read leaves the dialog as it was.
            let _ = dialog.answered(request, response);
        }
        let piggyback = response.piggyback_cseq().ok().flatten();
        // One that a notification has overtaken is old.
        let notified = piggyback > self.heard;
        self.heard = self.heard.max(piggyback);
        let state = response.subscription_state().ok().flatten();
        let is_last = state.as_ref().is_some_and(|state| state.state == State::Terminated)
            || request.expires().ok().flatten() == Some(0);
        if is_last && self.target.once && self.heard.is_none() {
            self.expires_at = Some(now.saturating_add(HOP));
            return Event::Active { notified };
        }
        if is_last {
            self.over = true;
            return Event::Ended { notified };
        }
        let expires = response.expires().ok().flatten();
        let granted = lifetime(state.as_ref()).or(expires).unwrap_or(DEFAULT);
        if granted == 0 {
            return self.wait_outside(now, random);
        }
        self.failed = 0;
        self.began_at.get_or_insert(now);
        self.extend(now, granted);
        Event::Active { notified }
    }

    /// Tries again later in a dialog of its own: the server has made none, or ended it at once.
    fn wait_outside(&mut self, now: Duration, random: u32) -> Event {
        let number = self.dialog.take().map_or(0, |dialog| dialog.local_number());
        self.number = self.number.max(number);
        (self.heard, self.expires_at, self.began_at) = (None, None, None);
        self.wait(now, None, random)
    }

    /// Whether it has lasted for a while, so that another one may be begun at once.
    fn is_old(&self, now: Duration) -> bool {
        self.began_at.is_some_and(|began| now >= began.saturating_add(YOUNG))
    }

    fn refused(&mut self, now: Duration, refusal: &Refusal, random: u32) -> Event {
        let headers: &Headers = &refusal.response;
        let min_expires = headers.min_expires().ok().flatten();
        let failure = judge(&Method::SUBSCRIBE, refusal.status, headers);
        match (refusal.status, min_expires) {
            (423, Some(min)) => return Event::TooBrief(min),
            (481, _) if self.dialog.is_none() || !self.is_old(now) => return self.wait_outside(now, random),
            (481, _) => {
                self.over = true;
                return Event::Restart;
            }
            _ => {}
        }
        match failure.retry {
            Retry::Later | Retry::Automatic | Retry::Unknown => {
                let after = headers.retry_after().ok().flatten().map(|after| after.seconds);
                self.wait(now, after, random)
            }
            Retry::Permanent | Retry::Nothing => {
                self.over = self.dialog.is_none();
                Event::Refused(failure)
            }
        }
    }

    /// Tries again later: in the dialog if that still holds, else from the beginning.
    fn wait(&mut self, now: Duration, after: Option<u32>, random: u32) -> Event {
        self.failed = self.failed.saturating_add(1);
        let wait = retry::wait(self.failed, after, random);
        self.renew_at = Some(now.saturating_add(wait));
        Event::Wait(wait)
    }

    fn judge(&mut self, now: Duration, request: &Request, random: u32) -> Result<(u16, News), u16> {
        let number = request.cseq().map_err(|_| 400_u16)?.number;
        let event = request.event().map_err(|_| 400_u16)?;
        if event.is_some_and(|event| !event.package.eq_ignore_ascii_case(&self.target.event)) {
            return Err(489);
        }
        let state = request.subscription_state().map_err(|_| 400_u16)?;
        self.belongs(request)?;
        let before = self.heard;
        if before.is_some_and(|heard| number <= heard) {
            let again = before == Some(number);
            return if again { Ok((200, News::Ignore)) } else { Err(500) };
        }
        self.heard = Some(number);
        if let Some(state) = state.as_ref().filter(|state| state.state == State::Terminated) {
            self.over = true;
            return Ok((200, News::Over(self.terminated(now, state, random))));
        }
        if let Some(seconds) = lifetime(state.as_ref()) {
            self.extend(now, seconds);
        }
        let gap = before.is_some_and(|heard| number > heard + 1);
        self.lost |= gap;
        Ok((200, News::Take { gap }))
    }

    /// Whether a notification is in our dialog; one that overtook the answer to the first SUBSCRIBE makes it.
    fn belongs(&mut self, request: &Request) -> Result<(), u16> {
        if self.over {
            return Err(481);
        }
        if self.dialog.is_none() {
            let first = self.first.as_ref().ok_or(481_u16)?;
            let dialog = Dialog::of_notify(self.owner, first, request).map_err(|_: DialogError| 400_u16)?;
            let tag = first.from().ok().and_then(|from| from.tag().map(str::to_owned));
            if dialog.id().call_id != self.target.call_id || Some(&dialog.id().local_tag) != tag.as_ref() {
                return Err(481);
            }
            self.dialog = Some(dialog);
        }
        let Some(dialog) = &mut self.dialog else { return Err(481) };
        let tags = |headers: &Headers| -> Result<bool, Error> {
            let (from, to) = (headers.from()?, headers.to()?);
            Ok(to.tag() == Some(dialog.id().local_tag.as_str())
                && from.tag().unwrap_or_default() == dialog.id().remote_tag)
        };
        if !tags(request).unwrap_or(false) {
            return Err(481);
        }
        if let Ok(Received::New) = dialog.receive(request) {
            let _ = dialog.refreshed(request);
        }
        Ok(())
    }

    fn terminated(&self, now: Duration, state: &SubscriptionState, random: u32) -> Termination {
        let after = state.retry_after();
        match state.reason().map(str::to_ascii_lowercase).as_deref() {
            Some("deactivated" | "timeout") if self.is_old(now) => Termination::Restart,
            Some("rejected" | "noresource" | "invariant") => Termination::Stop,
            _ if self.target.once => Termination::Stop,
            _ => Termination::Wait(retry::wait(self.failed.saturating_add(1), after, random)),
        }
    }

    fn extend(&mut self, now: Duration, seconds: u32) {
        let lifetime = Duration::from_secs(u64::from(seconds.max(SHORTEST)));
        let early = EARLY.min(lifetime / 2);
        self.expires_at = Some(now.saturating_add(lifetime));
        self.renew_at = Some(now.saturating_add(lifetime - early));
    }
}

/// How long a subscription lasts from now, as its state says.
fn lifetime(state: Option<&SubscriptionState>) -> Option<u32> {
    state?.expires().filter(|seconds| *seconds > 0)
}
