//! Session timers (RFC 4028): a session that nobody refreshes is over.

use std::time::Duration;

use crate::error::Error;
use crate::header::{Headers, name};
use crate::message::Request;
use crate::method::Method;

/// The shortest interval that RFC 4028 allows.
pub const MIN_SE: u32 = 90;
/// The longest one that is kept to; a peer that wants more gets this.
const MAX_SE: u32 = 24 * 60 * 60;

/// The timer of one session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionTimer {
    interval: Duration,
    since: Duration,
    refreshes: bool,
    updates: bool,
    asked: bool,
}

/// What the timer wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// Nothing yet.
    Nothing,
    /// A refresh, once: UPDATE if the peer allows it, else a re-INVITE with the same SDP.
    Refresh {
        /// Whether by UPDATE.
        update: bool,
    },
    /// A BYE: nobody refreshed the session.
    Over,
}

/// What a peer's INVITE or UPDATE says of session timers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer {
    /// Nothing: no timer.
    None,
    /// A timer; the 2xx says `Session-Expires` with [`SessionTimer::value`], and `Require: timer` if the peer refreshes.
    Timer(SessionTimer),
    /// Too short an interval: answer with 422 and this Min-SE.
    TooBrief(u32),
}

impl SessionTimer {
    /// What the Session-Expires in the 2xx to our INVITE or UPDATE says; nothing if there is none.
    pub fn accepted(now: Duration, response: &Headers) -> Result<Option<Self>, Error> {
        let Some(expires) = response.session_expires()? else { return Ok(None) };
        let refreshes = expires.is_refresher_uac().unwrap_or(true);
        Ok(Some(Self::new(now, expires.seconds, refreshes, response)))
    }

    /// What a peer's INVITE or UPDATE asks for. Where it leaves open who refreshes, the peer does if it can.
    pub fn offered(now: Duration, request: &Request, min_se: u32) -> Result<Offer, Error> {
        let Some(expires) = request.session_expires()? else { return Ok(Offer::None) };
        let least = min_se.max(MIN_SE);
        let can = request.supports("timer");
        if expires.seconds < least && can {
            return Ok(Offer::TooBrief(least));
        }
        let theirs = can && expires.is_refresher_uac().unwrap_or(true);
        Ok(Offer::Timer(Self::new(now, expires.seconds.max(least), !theirs, request)))
    }

    fn new(now: Duration, seconds: u32, refreshes: bool, peer: &Headers) -> Self {
        let interval = Duration::from_secs(u64::from(seconds.clamp(MIN_SE, MAX_SE)));
        let updates = peer.allows(Method::UPDATE.as_str());
        Self { interval, since: now, refreshes, updates, asked: false }
    }

    /// The Session-Expires of our answer to the peer's request, or of our refresh if `is_uac`.
    pub fn value(&self, is_uac: bool) -> String {
        let refresher = if self.refreshes == is_uac { "uac" } else { "uas" };
        format!("{};refresher={refresher}", self.interval.as_secs())
    }

    /// Whether we refresh; otherwise the peer does.
    pub fn refreshes(&self) -> bool {
        self.refreshes
    }

    /// Seconds that the session lasts without a refresh.
    pub fn interval(&self) -> Duration {
        self.interval
    }

    /// When [`SessionTimer::due`] has something to say next.
    pub fn next_deadline(&self) -> Duration {
        if self.refreshes && !self.asked { self.refresh_at() } else { self.over_at() }
    }

    /// What to do now.
    pub fn due(&mut self, now: Duration) -> Due {
        if now >= self.over_at() {
            return Due::Over;
        }
        if self.refreshes && !self.asked && now >= self.refresh_at() {
            self.asked = true;
            return Due::Refresh { update: self.updates };
        }
        Due::Nothing
    }

    /// Takes the 2xx to our refresh, which may change interval and roles. Without Session-Expires there is no timer any
    /// more.
    pub fn refreshed(self, now: Duration, response: &Headers) -> Result<Option<Self>, Error> {
        let next = Self::accepted(now, response)?;
        Ok(next.map(|next| Self { updates: next.updates || self.updates, ..next }))
    }

    /// The next interval to ask for after a 422, in seconds; nothing if that would change nothing.
    pub fn longer(asked: u32, response: &Headers) -> Result<Option<u32>, Error> {
        Ok(response.min_se()?.filter(|min_se| *min_se > asked && *min_se <= MAX_SE))
    }

    /// Half-way, as RFC 4028 section 10 advises.
    fn refresh_at(&self) -> Duration {
        self.since.saturating_add(self.interval / 2)
    }

    /// A little before the end: a third of the interval, at most 32 s.
    fn over_at(&self) -> Duration {
        let early = (self.interval / 3).min(Duration::from_secs(32));
        self.since.saturating_add(self.interval.saturating_sub(early))
    }
}

/// Puts what RFC 4028 has an INVITE or UPDATE say into one of ours.
pub fn offer(request: &mut Request, seconds: u32) {
    let headers = request.headers_mut();
    if !headers.supports("timer") {
        headers.push(name::SUPPORTED, "timer");
    }
    headers.set(name::SESSION_EXPIRES, seconds.max(MIN_SE).to_string());
    headers.set(name::MIN_SE, MIN_SE.to_string());
}
