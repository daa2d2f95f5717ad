//! The person's own presence: what is published, who may see it, who watches.

use std::{collections::BTreeSet, time::Duration};

use trunkline_model::{Availability, Presence, PresenceChoice};
use trunkline_sip::body::{
    Categories, Content,
    presence::{Capability, Device, StateKind},
    publication::{Conflict, Publish, instance},
    roaming::{
        self, Container, ContainerChange, Member, RoamingData, SetContainerMembers, SetSubscribers,
        Subscriber,
    },
};

use super::{
    event::{Action, Answer, Body, Me, OwnState, ServeId, Settings},
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
/// Most watchers that are acknowledged in one request, and remembered.
const WATCHERS: (usize, usize) = (100, 2_000);
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
    /// What the endpoint says of itself, and whether the server has taken it.
    endpoint: Vec<(Key, Content)>,
    here: bool,
    /// How often the server has dropped it.
    dropped: u32,
    /// Whether the server has said anything since the registration.
    greeted: bool,
    containers: Vec<Container>,
    /// Whether the containers have to be filled.
    closed: bool,
    watchers: BTreeSet<String>,
    acknowledged: BTreeSet<String>,
    out: Option<(ServeId, Duration, Purpose)>,
    tries: u8,
    failures: u32,
    rest_until: Option<Duration>,
    shown: Option<OwnState>,
    others: usize,
}

enum Purpose {
    Publish(Publish, Vec<(Key, Option<Content>)>),
    Containers,
    Watchers(Vec<String>),
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
            endpoint: Vec::new(),
            here: false,
            dropped: 0,
            greeted: false,
            containers: Vec::new(),
            closed: false,
            watchers: BTreeSet::new(),
            acknowledged: BTreeSet::new(),
            out: None,
            tries: 0,
            failures: 0,
            rest_until: None,
            shown: None,
            others: 0,
        }
    }

    /// A new registration: what the endpoint had published is gone.
    pub(super) fn open(&mut self, me: &Me, settings: &Settings) {
        self.lose();
        self.failures = 0;
        self.rest_until = None;
        self.dropped = 0;
        self.acknowledged.clear();
        let machine = Content::State(shown::machine(settings.machine));
        let states = SUMS.map(|container| (self.machine_key(container), machine.clone()));
        self.endpoint = vec![(Key::device(self.device), Content::Device(device(me)))];
        self.endpoint.extend(states);
        self.announce();
    }

    /// The way to the server is lost. What was to be published stays so.
    pub(super) fn lose(&mut self) {
        self.out = None;
        self.loaded = false;
        self.greeted = false;
        self.here = false;
        self.tries = 0;
        self.published = Published::default();
        self.watchers.clear();
    }

    /// Whether the server has to be asked for the truth; nothing is sent before.
    pub(super) fn is_loaded(&self) -> bool {
        self.loaded
    }

    /// What the core wants published. It says so at every sign-in, too: only what has changed since counts, and to want
    /// nothing at first leaves what the person has set on another endpoint.
    pub(super) fn publish_presence(&mut self, presence: &Presence) {
        let choice = match presence.availability {
            Availability::Available => PresenceChoice::Reset,
            other => PresenceChoice::Set(other),
        };
        if self.choice.is_none() && choice == PresenceChoice::Reset {
            self.choice = Some(choice);
        } else if self.choice != Some(choice) {
            self.choose(choice);
        }
        let note = cut(&presence.personal_message, MAX_NOTE);
        if self.note.is_none() && note.is_empty() {
            self.note = Some(note);
        } else if self.note.as_ref() != Some(&note) {
            self.write(&note);
        }
    }

    /// The person chooses, or leaves it to the server again.
    pub(super) fn choose(&mut self, choice: PresenceChoice) {
        let content = match choice {
            PresenceChoice::Set(availability) => Some(Content::State(shown::chosen(availability))),
            PresenceChoice::Reset => None,
        };
        self.choice = Some(choice);
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

    fn take_all(&mut self, data: RoamingData, out: &mut Out) {
        self.loaded = true;
        let first = !std::mem::replace(&mut self.greeted, true);
        if let Some(categories) = &data.categories {
            self.take(categories, out);
        }
        if data.containers.is_some() || first {
            self.containers = data.containers.unwrap_or_default();
            let visible = |member: &Member| matches!(member, Member::SameEnterprise | Member::Federated);
            self.closed = !self.containers.iter().flat_map(|one| &one.members).any(visible);
        }
        for watcher in data.subscribers.unwrap_or_default() {
            let known = self.acknowledged.contains(&watcher.user);
            if !watcher.acknowledged && !known && self.watchers.len() < WATCHERS.1 {
                self.watchers.insert(watcher.user);
            }
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
            Purpose::Containers => match answer {
                Answer::Accepted(_) => self.closed = false,
                Answer::Refused { status: 409, .. } if self.tries < TRIES => {
                    self.tries += 1;
                    self.loaded = false;
                }
                _ => {
                    tracing::warn!(?answer, "colleagues were not let see the person's presence");
                    self.closed = false;
                }
            },
            Purpose::Watchers(all) => {
                if !matches!(answer, Answer::Accepted(_)) {
                    tracing::debug!(?answer, "watchers were not acknowledged");
                }
                if self.acknowledged.len() < WATCHERS.1 {
                    self.acknowledged.extend(all);
                }
            }
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
        if self.closed {
            let body = SetContainerMembers(opened(&self.containers)).write();
            return self.send(roaming::CONTAINERS_TYPE, body, Purpose::Containers, out);
        }
        let published = &self.published;
        self.due.retain(|(key, content)| !published.is_so(key, content.as_ref()));
        if !self.due.is_empty() {
            let parts = self.due.clone();
            let all = parts.iter().map(|(key, content)| self.published.publication(key, content.clone()));
            let publish = Publish { uri: me.address.uri(), publications: all.collect() };
            return self.publish(publish, parts, out);
        }
        let some: Vec<String> = self.watchers.iter().take(WATCHERS.0).cloned().collect();
        if !some.is_empty() {
            self.watchers.retain(|user| !some.contains(user));
            let yes = |user: &String| Subscriber {
                user: user.clone(),
                acknowledged: true,
                ..Subscriber::default()
            };
            let body = SetSubscribers(some.iter().map(yes).collect()).write();
            self.send(roaming::SUBSCRIBERS_TYPE, body, Purpose::Watchers(some), out);
        }
    }

    pub(super) fn next_deadline(&self) -> Option<Duration> {
        let rest = self.rest_until.filter(|_| self.loaded && self.out.is_none());
        rest.into_iter().chain(self.out.as_ref().map(|(_, until, _)| *until)).min()
    }

    /// How many other endpoints of the person's are signed in.
    pub(super) fn others(&self) -> usize {
        self.others
    }

    /// What the server shows of the person, once it is known.
    pub(super) fn shown(&self) -> Option<&OwnState> {
        self.shown.as_ref()
    }

    fn take(&mut self, categories: &Categories, out: &mut Out) {
        self.published.replace(categories);
        let others = self.published.devices().filter(|device| *device != self.device).count();
        if others != self.others {
            self.others = others;
            out.push(Action::OthersChanged(others));
        }
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
                self.rest(out);
            }
            Answer::Lost => {
                self.rest(out);
                self.loaded = false;
            }
        }
    }

    fn publish(&mut self, publish: Publish, parts: Vec<(Key, Option<Content>)>, out: &mut Out) {
        let id = ServeId(out.number());
        out.push(Action::Serve { id, body: Body::publish(&publish) });
        self.out = Some((id, out.now + PATIENCE, Purpose::Publish(publish, parts)));
    }

    fn send(&mut self, media: &'static str, text: String, purpose: Purpose, out: &mut Out) {
        let id = ServeId(out.number());
        out.push(Action::Serve { id, body: Body { media, text } });
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

    /// Puts in place of what was wanted before.
    fn want(&mut self, key: Key, content: Option<Content>) {
        self.due.retain(|(known, _)| *known != key);
        self.due.push((key, content));
    }
}

fn wait(failures: u32) -> Duration {
    WAIT.0.saturating_mul(1 << failures.min(10)).min(WAIT.1)
}

/// Colleagues and partners, in the containers made for them.
fn opened(containers: &[Container]) -> Vec<ContainerChange> {
    let version = |id| containers.iter().find(|one| one.id == id).map_or(0, |one| one.version);
    let change = |id, member| ContainerChange { id, version: version(id), members: vec![(true, member)] };
    vec![change(200, Member::SameEnterprise), change(100, Member::Federated)]
}

fn device(me: &Me) -> Device {
    Device {
        endpoint: Some(me.epid.instance().to_string()),
        preferred: Some(false),
        uri: Some(me.address.uri()),
        capabilities: vec![Capability::text()],
        timezone: Some("00:00:00+00:00".to_owned()),
        machine: Some(me.machine.clone()),
    }
}

/// What a person chose on any endpoint.
pub(super) fn manual(content: &Content) -> Option<Availability> {
    let state = content.state().filter(|state| state.kind == StateKind::User)?;
    (state.manual != Some(false)).then(|| shown::availability(state))
}
