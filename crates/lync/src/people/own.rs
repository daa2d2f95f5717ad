//! The person's own presence: what is published, who may see it, who watches.

use std::time::Duration;

use trunkline_core::port::OwnPresence;
use trunkline_model::{Address, Availability, PresenceChoice};
use trunkline_sip::body::{
    Categories, Content,
    presence::{Availability as Range, StateKind},
    publication::{Conflict, Publish, instance},
    roaming::RoamingData,
};

use super::{
    access::{Access, Plea},
    event::{Action, Answer, Body, ChangeId, Me, OwnState, ServeId},
    out::Out,
    published::{Key, Published},
    shown::{self, MAX_NOTE, cut},
};

/// How often a publication is tried with the versions that the server names.
const TRIES: u8 = 3;
/// The wait after a failure, and the longest: it doubles.
const WAIT: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(600));
/// How long a SERVICE may be without its end before it counts as lost.
const PATIENCE: Duration = Duration::from_secs(60);
/// Where publications go that the server adds up, and where notes go.
const SUMS: [u32; 2] = [2, 3];
const NOTES: [u32; 3] = [200, 300, 400];

/// One's own presence.
pub(super) struct Own {
    device: u32,
    /// What the server has; nothing is sent before it is known.
    published: Published,
    loaded: bool,
    /// What has still to be published or deleted (`None`).
    due: Vec<(Key, Option<Content>)>,
    /// What the person wants; `None` while they have said nothing.
    choice: Option<PresenceChoice>,
    note: Option<String>,
    /// Whether a choice that the server has already goes before what is to be published.
    yields: bool,
    /// How reachable the endpoint is by itself.
    machine: Range,
    /// What the endpoint says of itself, and whether the server has taken it.
    endpoint: Vec<(Key, Content)>,
    here: bool,
    /// How often the server has dropped it.
    dropped: u32,
    /// Whether the server has said anything since the registration.
    greeted: bool,
    /// How many documents came that were not the whole that was asked for.
    vain: u8,
    access: Access,
    out: Option<(ServeId, Duration, Purpose)>,
    tries: u8,
    /// Whether publications of different kinds go one by one.
    apart: bool,
    failures: u32,
    rest_until: Option<Duration>,
    shown: Option<OwnState>,
    /// `None` before the server has said it since the registration.
    others: Option<usize>,
}

enum Purpose {
    Publish(Publish, Vec<(Key, Option<Content>)>),
    Access(Plea),
}

impl Own {
    pub(super) fn new(me: &Me) -> Self {
        Self {
            device: instance::device(me.epid.as_str()).unwrap_or(1),
            published: Published::default(),
            loaded: false,
            due: Vec::new(),
            choice: None,
            note: None,
            yields: false,
            machine: Range::AvailableIdle,
            endpoint: Vec::new(),
            here: false,
            dropped: 0,
            greeted: false,
            vain: 0,
            access: Access::default(),
            out: None,
            tries: 0,
            apart: false,
            failures: 0,
            rest_until: None,
            shown: None,
            others: None,
        }
    }

    /// A new registration: what the endpoint had published is gone.
    pub(super) fn open(&mut self, me: &Me, out: &mut Out) {
        self.lose(out);
        self.failures = 0;
        self.apart = false;
        self.rest_until = None;
        self.dropped = 0;
        self.access.open();
        let machine = Content::State(shown::machine(self.machine));
        let states = SUMS.map(|container| (self.machine_key(container), machine.clone()));
        self.endpoint = vec![(Key::device(self.device), Content::Device(shown::device(me)))];
        self.endpoint.extend(states);
        self.announce();
    }

    /// The way to the server is lost. What was to be published stays so.
    pub(super) fn lose(&mut self, out: &mut Out) {
        self.access.lose(out);
        self.out = None;
        self.loaded = false;
        self.greeted = false;
        self.here = false;
        self.tries = 0;
        self.published = Published::default();
        self.are_others(None, out);
    }

    /// Whether the server has to be asked for the truth; nothing is sent before.
    pub(super) fn is_loaded(&self) -> bool {
        self.loaded
    }

    /// What the core wants published. It says so at every sign-in, too: only what has changed since counts. Whether that was
    /// chosen before or after what another endpoint set is not known of the first word: there, the server's stays.
    pub(super) fn publish_presence(&mut self, own: &OwnPresence) {
        if own.chosen.is_none() {
            self.idle_as(shown::idle(own.presence.availability));
        }
        let choice = own.chosen.map_or(PresenceChoice::Reset, PresenceChoice::Set);
        let is_first = self.choice.is_none();
        if is_first && choice == PresenceChoice::Reset {
            self.choice = Some(choice);
        } else if self.choice != Some(choice) {
            self.choose(choice);
            self.yields |= is_first;
        }
        let note = cut(&own.presence.personal_message, MAX_NOTE);
        if self.note.is_none() && note.is_empty() {
            self.note = Some(note);
        } else if self.note.as_ref() != Some(&note) {
            self.write(&note);
        }
    }

    /// How the phones are, as far as that makes the endpoint another one to see.
    fn idle_as(&mut self, range: Range) {
        if std::mem::replace(&mut self.machine, range) == range || self.endpoint.is_empty() {
            return;
        }
        let machine = Content::State(shown::machine(range));
        for container in SUMS {
            let key = self.machine_key(container);
            self.endpoint.retain(|(known, _)| *known != key);
            self.endpoint.push((key.clone(), machine.clone()));
            self.want(key, Some(machine.clone()));
        }
    }

    /// The person chooses, or leaves it to the server again.
    pub(super) fn choose(&mut self, choice: PresenceChoice) {
        let content = match choice {
            PresenceChoice::Set(availability) => Some(Content::State(shown::chosen(availability))),
            PresenceChoice::Reset => None,
        };
        self.choice = Some(choice);
        self.yields = false;
        for container in SUMS {
            self.want(Key::state(instance::USER_STATE, container), content.clone());
        }
        self.rest_until = None;
    }

    /// The person writes a note; an empty one takes it back.
    pub(super) fn write(&mut self, note: &str) {
        let text = cut(note, MAX_NOTE);
        let content = (!text.is_empty()).then(|| {
            Content::Note(trunkline_sip::body::presence::Note { text: text.clone(), ..Default::default() })
        });
        self.note = Some(text);
        for container in NOTES {
            self.want(Key::note(container), content.clone());
        }
        self.rest_until = None;
    }

    /// The person blocks somebody, or no longer.
    pub(super) fn block(&mut self, id: ChangeId, who: Address, blocked: bool, most: usize, out: &mut Out) {
        self.access.want(id, who, blocked, most, out);
    }

    /// Whether the person blocks somebody, here or at another endpoint.
    pub(super) fn blocks(&self, who: &Address) -> bool {
        self.access.blocks(who)
    }

    /// Takes a notification about oneself.
    pub(super) fn hear(&mut self, data: RoamingData, out: &mut Out) {
        self.take_all(data, out);
        let gone = |(key, _): &(Key, Content)| !self.published.holds(key);
        if self.here && self.out.is_none() && self.endpoint.iter().any(gone) {
            self.rest_until = Some(out.now + wait(self.dropped));
            self.dropped = self.dropped.saturating_add(1);
            self.announce();
        }
    }

    fn take_all(&mut self, mut data: RoamingData, out: &mut Out) {
        let first = !std::mem::replace(&mut self.greeted, true);
        // Half of the truth does not do where all was asked for, unless it is all that ever comes.
        let whole = data.containers.is_some() || data.subscribers.is_some();
        self.vain = if self.loaded || first || whole { 0 } else { self.vain.saturating_add(1) };
        self.loaded = self.loaded || first || whole || self.vain > TRIES;
        self.access.hear(&mut data, first, out);
        if let Some(categories) = &data.categories {
            self.take(categories, out);
        }
        if self.loaded || self.others.is_some() {
            let others = self.published.devices().filter(|device| *device != self.device).count();
            self.are_others(Some(others), out);
        }
        if self.loaded && std::mem::take(&mut self.yields) {
            let published = &self.published;
            self.due.retain(|(key, _)| !key.is_choice() || !published.holds(key));
        }
    }

    /// Takes the end of a SERVICE; false if it is none of these.
    pub(super) fn served(&mut self, id: ServeId, answer: &Answer, out: &mut Out) -> bool {
        if self.out.as_ref().is_none_or(|(serve, _, _)| *serve != id) {
            return false;
        }
        let Some((_, _, purpose)) = self.out.take() else { return false };
        match purpose {
            Purpose::Publish(publish, parts) => self.publish_ended(publish, parts, answer, out),
            Purpose::Access(plea) => self.loaded &= self.access.answered(plea, answer, out),
        }
        true
    }

    /// Sends what is next: one SERVICE at a time.
    pub(super) fn pump(&mut self, me: &Me, out: &mut Out) {
        if self.out.as_ref().is_some_and(|(_, until, _)| *until <= out.now)
            && let Some((id, _, _)) = &self.out
        {
            let id = *id;
            self.served(id, &Answer::Lost, out);
        }
        if self.out.is_some() || !self.loaded || self.rest_until.is_some_and(|until| until > out.now) {
            return;
        }
        self.rest_until = None;
        if let Some((body, plea)) = self.access.unlock() {
            return self.send(body, Purpose::Access(plea), out);
        }
        let published = &self.published;
        self.due.retain(|(key, content)| content.is_some() || published.shows(key));
        if let Some((first, _)) = self.due.first() {
            let together = |(key, _): &&(Key, Option<Content>)| !self.apart || key.belongs_to(first);
            let parts: Vec<_> = self.due.iter().filter(together).cloned().collect();
            let all = parts.iter().map(|(key, content)| self.published.publication(key, content.clone()));
            let publish = Publish { uri: me.address.uri(), publications: all.collect() };
            let body = Body::publish(&publish);
            return self.send(body, Purpose::Publish(publish, parts), out);
        }
        let next = self.access.block(out).or_else(|| self.access.acknowledge());
        if let Some((body, plea)) = next {
            self.send(body, Purpose::Access(plea), out);
        }
    }

    pub(super) fn next_deadline(&self) -> Option<Duration> {
        let rest = self.rest_until.filter(|_| self.loaded && self.out.is_none());
        rest.into_iter().chain(self.out.as_ref().map(|(_, until, _)| *until)).min()
    }

    /// How many other endpoints of the person's are signed in; `None` while that is not known.
    pub(super) fn others(&self) -> Option<usize> {
        self.others
    }

    fn are_others(&mut self, others: Option<usize>, out: &mut Out) {
        if std::mem::replace(&mut self.others, others) != others {
            out.push(Action::OthersChanged(others));
        }
    }

    /// What the server shows of the person, once it is known.
    pub(super) fn shown(&self) -> Option<&OwnState> {
        self.shown.as_ref()
    }

    fn take(&mut self, categories: &Categories, out: &mut Out) {
        self.published.replace(categories);
        let shown = self.published.shown();
        if self.shown.as_ref() != Some(&shown) {
            self.shown = Some(shown.clone());
            out.push(Action::OwnChanged(Box::new(shown)));
        }
    }

    fn publish_ended(
        &mut self,
        mut publish: Publish,
        parts: Vec<(Key, Option<Content>)>,
        answer: &Answer,
        out: &mut Out,
    ) {
        match answer {
            Answer::Accepted(body) => {
                self.tries = 0;
                self.failures = 0;
                self.due.retain(|part| !parts.contains(part));
                self.due.shrink_to_fit();
                self.published.accepted(&publish);
                self.here |= parts.iter().any(|(key, _)| *key == Key::device(self.device));
                match RoamingData::read(body) {
                    Ok(data) => self.take_all(data, out),
                    Err(_) if body.is_empty() => {}
                    Err(error) => tracing::debug!(%error, "the answer to a publication cannot be read"),
                }
            }
            Answer::Refused { status: 409, body } => {
                let conflict = Conflict::read(body).unwrap_or_default();
                let wrong = conflict.code.is_empty() || conflict.code == Conflict::WRONG_DELTA;
                self.tries += 1;
                if self.tries > TRIES || !wrong {
                    self.tries = 0;
                    self.rest(out);
                    self.loaded = false;
                } else if publish.correct(&conflict) {
                    self.published.correct(&publish);
                } else {
                    self.loaded = false;
                }
            }
            Answer::Refused { status, .. } => {
                tracing::warn!(status, "the server refused what the person publishes");
                // Which one it does not take is not said: from here on each goes by itself, and this one comes last.
                self.apart = true;
                self.due.sort_by_key(|part| parts.contains(part));
                self.rest(out);
            }
            Answer::Lost => {
                self.rest(out);
                self.loaded = false;
            }
        }
    }

    fn send(&mut self, body: Body, purpose: Purpose, out: &mut Out) {
        let id = ServeId(out.number());
        out.push(Action::Serve { id, body });
        self.out = Some((id, out.now + PATIENCE, purpose));
    }

    fn rest(&mut self, out: &Out) {
        self.rest_until = Some(out.now + wait(self.failures));
        self.failures = self.failures.saturating_add(1);
    }

    fn machine_key(&self, container: u32) -> Key {
        Key::state(instance::machine_state(self.device), container)
    }

    /// Has the endpoint published.
    fn announce(&mut self) {
        for (key, content) in self.endpoint.clone() {
            self.want(key, Some(content));
        }
    }

    /// Puts in place of what was wanted before. Whether there is something to take back may have to be asked first: a
    /// notification may have been lost.
    fn want(&mut self, key: Key, content: Option<Content>) {
        self.loaded &= content.is_some() || self.published.shows(&key);
        self.due.retain(|(known, _)| *known != key);
        self.due.push((key, content));
    }
}

fn wait(failures: u32) -> Duration {
    WAIT.0.saturating_mul(1 << failures.min(10)).min(WAIT.1)
}

/// What a person chose on any endpoint.
pub(super) fn manual(content: &Content) -> Option<Availability> {
    let state = content.state().filter(|state| state.kind == StateKind::User)?;
    (state.manual != Some(false)).then(|| shown::availability(state))
}
