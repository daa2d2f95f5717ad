//! The account's subscriptions: the person's own list, settings and presence, and the presence of others.

mod document;

use std::{collections::VecDeque, time::Duration};

use tracing::debug;
use trunkline_sip::{
    Method, Request, Uri,
    body::subscription as batch,
    header::Headers,
    subscription::{self, Due, News, Subscription, Target, Termination},
    transaction::{Outcome, Patience, ServerId},
};

pub(super) use self::document::heard;
use self::document::{dressed, event, question, question_of, read};
use super::{Account, Act, Purpose, answer, draw};
use crate::{
    chat::OWNER,
    flat::Flat,
    people::{Event, Package, Place, WatchId},
    random,
};

/// What the presence of others may come as.
const PRESENCE: &str = "application/msrtc-event-categories+xml, application/xpidf+xml, text/xml+msrtc.pidf, \
                        application/pidf+xml, application/rlmi+xml, multipart/related";

/// Which subscription; unique in an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SubscriptionId(u64);

/// What a subscription is about.
#[derive(Debug, Clone, PartialEq, Eq)]
enum About {
    Own(Package),
    Others(Place),
}

/// A document that a SUBSCRIBE carries, and who wants to hear of its end.
struct Question {
    watch: Option<WatchId>,
    body: Option<(&'static str, String)>,
}

struct Entry {
    about: About,
    subscription: Subscription,
    /// The SUBSCRIBE that has no answer yet.
    out: Option<Box<(Request, Option<WatchId>)>>,
    /// What is to be asked after that.
    waiting: VecDeque<Question>,
    /// Whether it was said already that it is time to ask again.
    is_told: bool,
    /// Seconds that the server wants at least.
    least: Option<u32>,
}

/// All of an account's.
#[derive(Default)]
pub(super) struct Subscriptions {
    entries: Flat<SubscriptionId, Entry>,
    /// What is to be begun anew, and when.
    later: Vec<(Duration, About)>,
    last: u64,
    /// What the server has, of the person's own.
    allowed: Vec<Package>,
}

impl Entry {
    fn deadline(&self) -> Option<Duration> {
        if self.out.is_some() || self.is_told { None } else { self.subscription.next_deadline() }
    }
}

impl Subscriptions {
    /// Forgets all: there is no registration any more. `events` is what the next one allows.
    pub(super) fn reset(&mut self, is_allowed: impl Fn(&str) -> bool) {
        self.entries.clear();
        self.later.clear();
        let packages = [Package::Contacts, Package::Provisioning, Package::Own];
        self.allowed = packages.into_iter().filter(|package| is_allowed(event(*package).0)).collect();
    }

    pub(super) fn deadline(&self) -> Option<Duration> {
        let entries = self.entries.values().filter_map(Entry::deadline);
        entries.chain(self.later.iter().map(|(at, _)| *at)).min()
    }

    fn find(&self, about: &About) -> Option<SubscriptionId> {
        self.entries.iter().find(|(_, entry)| entry.about == *about).map(|(id, _)| *id)
    }
}

impl Account {
    /// Subscribes to something of the person's own, or asks again.
    pub(super) fn subscribe(&mut self, now: Duration, package: Package, acts: &mut Vec<Act>) {
        if !self.subscriptions.allowed.contains(&package) {
            return self.person(now, Event::Refused { package, status: 489 }, acts);
        }
        self.ask(&About::Own(package), question(package), acts);
    }

    /// Subscribes to the presence of others.
    pub(super) fn watch(
        &mut self,
        place: Place,
        id: WatchId,
        batch: &batch::BatchSubscribe,
        acts: &mut Vec<Act>,
    ) {
        let question = Question { watch: Some(id), body: Some((batch::TYPE, batch.write())) };
        self.ask(&About::Others(place), question, acts);
    }

    /// Ends the subscription to the presence of others there.
    pub(super) fn unwatch(&mut self, place: Place, acts: &mut Vec<Act>) {
        let Some(id) = self.subscriptions.find(&About::Others(place)) else { return };
        let Some(mut entry) = self.subscriptions.entries.remove(&id) else { return };
        // Without a dialog there is nothing to end.
        if entry.subscription.dialog().is_some()
            && let Ok(request) = entry.subscription.unsubscribe()
        {
            acts.push(subscribe(id, request));
        }
    }

    fn ask(&mut self, about: &About, question: Question, acts: &mut Vec<Act>) {
        let id = match self.subscriptions.find(about) {
            Some(id) => id,
            None => {
                let Some(target) = self.subject(about) else {
                    return debug!("what cannot stand in SIP is not subscribed to");
                };
                self.subscriptions.last += 1;
                let id = SubscriptionId(self.subscriptions.last);
                let entry = Entry {
                    about: about.clone(),
                    subscription: Subscription::new(OWNER, target),
                    out: None,
                    waiting: VecDeque::new(),
                    is_told: false,
                    least: None,
                };
                self.subscriptions.entries.insert(id, entry);
                id
            }
        };
        if let Some(entry) = self.subscriptions.entries.get_mut(&id) {
            entry.waiting.push_back(question);
        }
        self.pump(id, acts);
    }

    fn subject(&self, about: &About) -> Option<Target> {
        let user = &self.endpoint.user;
        let (uri, event, accept, once) = match about {
            About::Own(package) => {
                let (event, accept) = event(*package);
                (user.clone(), event, accept, *package == Package::Provisioning)
            }
            About::Others(Place::Home) => (user.clone(), "presence", PRESENCE, false),
            About::Others(Place::Person(address)) => {
                (Uri::parse(&address.uri()).ok()?, "presence", PRESENCE, false)
            }
            About::Others(Place::Pool(pool)) => {
                let uri = Uri::parse(pool).or_else(|_| Uri::parse(&format!("sip:{pool}"))).ok()?;
                (uri, "presence", PRESENCE, false)
            }
        };
        Some(Target {
            uri,
            from: format!("<{user}>;tag={:016x};epid={}", random() >> 64, self.endpoint.epid),
            call_id: format!("{:032x}", random()),
            contact: self.contact(),
            event: event.into(),
            accept: accept.into(),
            once,
        })
    }

    /// Sends what is to be asked next, once the last is answered.
    fn pump(&mut self, id: SubscriptionId, acts: &mut Vec<Act>) {
        let Some(entry) = self.subscriptions.entries.get_mut(&id).filter(|entry| entry.out.is_none()) else {
            return;
        };
        let Some(question) = entry.waiting.pop_front() else { return };
        let Ok(build) = entry.subscription.subscribe() else {
            // It is over: the server forgot it while this waited.
            self.subscriptions.entries.remove(&id);
            return;
        };
        let mut build = dressed(build, &entry.about);
        if let Some(seconds) = entry.least {
            build = Subscription::lengthen(build, seconds);
        }
        if let Some((media, body)) = question.body {
            build = build.body(media, body);
        }
        let request = build.done();
        entry.subscription.sent(&request);
        entry.is_told = false;
        entry.out = Some(Box::new((request.clone(), question.watch)));
        acts.push(subscribe(id, request));
    }

    /// A SUBSCRIBE ended.
    pub(super) fn subscribed(
        &mut self,
        now: Duration,
        id: SubscriptionId,
        outcome: Outcome,
        acts: &mut Vec<Act>,
    ) {
        let Some(entry) = self.subscriptions.entries.get_mut(&id) else { return };
        let Some((request, watch)) = entry.out.take().map(|out| *out) else { return };
        let event = entry.subscription.ended(now, &request, &outcome, draw());
        let about = entry.about.clone();
        let has_dialog = entry.subscription.dialog().is_some();
        let is_over = entry.subscription.is_over();
        if let subscription::Event::TooBrief(least) = event
            && entry.least.replace(least).is_none()
        {
            let body = question_of(&about, &request);
            entry.waiting.push_front(Question { watch, body });
            return self.pump(id, acts);
        }
        let is_own = matches!(about, About::Own(_));
        if is_over || (!has_dialog && !is_own) {
            self.subscriptions.entries.remove(&id);
        }
        if let Some(watch) = watch {
            self.person(now, Event::Watched(watch, heard(&outcome)), acts);
        }
        self.subscription_event(now, &about, event, outcome, acts);
        self.pump(id, acts);
    }

    fn subscription_event(
        &mut self,
        now: Duration,
        about: &About,
        event: subscription::Event,
        outcome: Outcome,
        acts: &mut Vec<Act>,
    ) {
        match (event, outcome) {
            (
                subscription::Event::Active { notified: true }
                | subscription::Event::Ended { notified: true },
                Outcome::Accepted(response),
            ) => self.bring(now, about, &response, response.body(), acts),
            (subscription::Event::Restart, _) => self.restart(now, about, acts),
            (subscription::Event::Refused(failure), Outcome::Refused(refusal)) => {
                debug!(status = refusal.status, meaning = failure.meaning, "a subscription is refused");
                if let About::Own(package) = *about {
                    self.person(now, Event::Refused { package, status: refusal.status }, acts);
                }
            }
            _ => {}
        }
    }

    /// A notification, if it is one of these subscriptions'.
    pub(super) fn notified(&mut self, now: Duration, request: &Request, acts: &mut Vec<Act>) -> Option<u16> {
        let call_id = request.call_id().ok()?;
        let entries = &mut self.subscriptions.entries;
        let (id, entry) =
            entries.iter_mut().find(|(_, entry)| entry.subscription.target().call_id == call_id)?;
        let (id, about) = (*id, entry.about.clone());
        let notified = entry.subscription.notified(now, request, draw());
        match notified.news {
            News::Take { .. } => self.bring(now, &about, request, request.body(), acts),
            News::Over(termination) => {
                self.bring(now, &about, request, request.body(), acts);
                self.subscriptions.entries.remove(&id);
                match termination {
                    Termination::Restart => self.restart(now, &about, acts),
                    Termination::Wait(wait) => self.subscriptions.later.push((now + wait, about)),
                    Termination::Stop => {}
                }
            }
            News::Ignore => {}
        }
        Some(notified.reply.unwrap_or(200))
    }

    /// Answers a NOTIFY that belongs to a subscription; false when it belongs to none.
    pub(super) fn takes_notification(
        &mut self,
        now: Duration,
        id: Option<ServerId>,
        request: &Request,
        acts: &mut Vec<Act>,
    ) -> bool {
        if !matches!(request.method().as_str(), "NOTIFY" | "BENOTIFY") {
            return false;
        }
        let Some(status) = self.notified(now, request, acts) else { return false };
        if let Some(id) = id {
            acts.push(Act::Answer { id, response: answer(request, status) });
        }
        true
    }

    /// It may be time for a subscription.
    pub(super) fn subscribe_on(&mut self, now: Duration, acts: &mut Vec<Act>) {
        let subscriptions = &mut self.subscriptions;
        let later = std::mem::take(&mut subscriptions.later);
        let (due, later): (Vec<_>, Vec<_>) = later.into_iter().partition(|(at, _)| *at <= now);
        subscriptions.later = later;
        let ids: Vec<_> = subscriptions
            .entries
            .iter()
            .filter(|(_, entry)| entry.deadline().is_some_and(|at| at <= now))
            .map(|(id, _)| *id)
            .collect();
        for (_, about) in due {
            self.restart(now, &about, acts);
        }
        for id in ids {
            self.renew(now, id, acts);
        }
    }

    fn renew(&mut self, now: Duration, id: SubscriptionId, acts: &mut Vec<Act>) {
        let Some(entry) = self.subscriptions.entries.get_mut(&id) else { return };
        let about = entry.about.clone();
        match (entry.subscription.due(now), &about) {
            (Due::Nothing, _) => {}
            (Due::Renew, About::Own(package)) => self.ask(&about, question(*package), acts),
            (Due::Renew, About::Others(place)) => {
                entry.is_told = true;
                self.person(now, Event::Again(place.clone()), acts);
            }
            (Due::Restart, _) => {
                // What was to come once and did not is asked for again by who wants it.
                let is_once = entry.subscription.target().once;
                self.subscriptions.entries.remove(&id);
                if !is_once {
                    self.restart(now, &about, acts);
                }
            }
        }
    }

    /// Begins anew, in another dialog.
    fn restart(&mut self, now: Duration, about: &About, acts: &mut Vec<Act>) {
        match about {
            About::Own(package) => self.ask(about, question(*package), acts),
            About::Others(place) => self.person(now, Event::Again(place.clone()), acts),
        }
    }

    /// Tells what a notification says.
    fn bring(&mut self, now: Duration, about: &About, headers: &Headers, bytes: &[u8], acts: &mut Vec<Act>) {
        if bytes.is_empty() {
            return;
        }
        match read(about, headers, bytes) {
            Ok(event) => self.person(now, event, acts),
            Err(error) => debug!(%error, "a notification that cannot be read"),
        }
    }
}

fn subscribe(id: SubscriptionId, request: Request) -> Act {
    Act::Send { purpose: Purpose::Subscribe(id), patience: Patience::of(&Method::SUBSCRIBE), request }
}
