//! Publications, what others see of them, and who may.

use jiff::Timestamp;
use trunkline_sip::{
    Request,
    body::{
        Categories, Category, Content, ExpireType,
        presence::{Availability, ContactCard, State, StateKind},
        publication::{self, Conflict, Operation, Publication, Publish},
        roaming::{self, Container, Member, RoamingData, SetContainerMembers, SetSubscribers},
        soap,
    },
};

use super::{
    house::House,
    subscription::Package,
    user::{Key, Published, User},
};

impl House {
    /// SERVICE: what a client changes of its own.
    pub(super) fn serve(&mut self, line: u64, request: &Request) {
        let Some(key) = self.sender(request) else { return self.stranger(line, request) };
        let media = request.content_type().ok().flatten();
        match media.map(|media| media.name.to_ascii_lowercase()).unwrap_or_default().as_str() {
            publication::TYPE => self.publish(line, request, &key),
            roaming::CONTAINERS_TYPE => self.set_members(line, request, &key),
            roaming::SUBSCRIBERS_TYPE => self.acknowledge(line, request, &key),
            media if media.eq_ignore_ascii_case(soap::TYPE) => self.change_list(line, request, &key),
            _ => self.refuse(line, request, 501),
        }
    }

    fn publish(&mut self, line: u64, request: &Request, key: &Key) {
        let Ok(document) = Publish::read(request.body()) else {
            return self.diagnose(line, request, 400, 4001, "XML parse failure");
        };
        let Some(user) = self.users.get_mut(&key.0) else { return };
        let conflicts = user.conflicts(&document);
        if !conflicts.is_empty() {
            let conflict = Conflict { code: Conflict::WRONG_DELTA.to_owned(), operations: conflicts };
            let reply = self.reply(request, 409).body(publication::CONFLICT_TYPE, conflict.write());
            return self.send(line, reply.done());
        }
        let mut names: Vec<String> = Vec::new();
        for publication in document.publications {
            if !names.contains(&publication.category) {
                names.push(publication.category.clone());
            }
            user.take(publication, key);
        }
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        let body = user.own(&names).write();
        let reply = self.reply(request, 200).body(roaming::TYPE, body).done();
        self.send(line, reply);
        self.changed(&key.0, &names, Some(key));
    }

    fn set_members(&mut self, line: u64, request: &Request, key: &Key) {
        let Ok(document) = SetContainerMembers::read(request.body()) else {
            return self.diagnose(line, request, 400, 4001, "XML parse failure");
        };
        let Some(user) = self.users.get_mut(&key.0) else { return };
        let version =
            |id| user.containers.iter().find(|known| known.id == id).map_or(0, |known| known.version);
        if document.0.iter().any(|change| change.version != version(change.id)) {
            return self.refuse(line, request, 409);
        }
        for change in document.0 {
            let container = user.container(change.id);
            container.version += 1;
            for (adds, member) in change.members {
                container.members.retain(|known| *known != member);
                if adds {
                    container.members.push(member);
                }
            }
        }
        let reply = self.reply(request, 200).done();
        self.send(line, reply);
        self.tell_members(&key.0);
    }

    /// Says to a user's clients who may see what, and to watchers what they see now.
    pub(super) fn tell_members(&mut self, address: &str) {
        let Some(user) = self.users.get(address) else { return };
        let data = RoamingData { containers: Some(user.containers.clone()), ..RoamingData::default() };
        self.notify_all(address, Package::Oneself, &data.write());
        self.tell_watchers(address);
    }

    fn acknowledge(&mut self, line: u64, request: &Request, key: &Key) {
        let Ok(document) = SetSubscribers::read(request.body()) else {
            return self.diagnose(line, request, 400, 4001, "XML parse failure");
        };
        let Some(user) = self.users.get_mut(&key.0) else { return };
        for subscriber in document.0 {
            let known =
                user.subscribers.iter_mut().filter(|known| known.user.eq_ignore_ascii_case(&subscriber.user));
            known.for_each(|known| known.acknowledged = subscriber.acknowledged);
        }
        self.refuse(line, request, 200);
    }

    /// Drops what ends with an endpoint, and names the categories.
    pub(super) fn withdraw(&mut self, key: &Key) -> Vec<String> {
        let Some(user) = self.users.get_mut(&key.0) else { return Vec::new() };
        let last = user.endpoints.is_empty();
        let ends = |published: &Published| match published.publication.lasts {
            ExpireType::Endpoint => published.endpoint == key.1,
            ExpireType::User => last,
            ExpireType::Static | ExpireType::Time => false,
        };
        let mut names = vec!["state".to_owned()];
        let gone = user.publications.iter().filter(|published| ends(published));
        names.extend(gone.map(|published| published.publication.category.clone()));
        user.publications.retain(|published| !ends(published));
        names.sort();
        names.dedup();
        names
    }

    /// Tells the user's other clients of these categories, all of them of the state, and those who watch.
    pub(super) fn changed(&mut self, address: &str, names: &[&str], by: Option<&Key>) {
        let Some(user) = self.users.get(address) else { return };
        let (all, state) = (user.own(names).write(), user.own(&["state"]).write());
        self.notify_but(address, Package::Oneself, &all, by);
        if let Some(by) = by.filter(|_| names.contains(&"state")) {
            self.notify_only(by, Package::Oneself, &state);
        }
        self.tell_watchers(address);
    }
}

impl User {
    /// The operations of a document that are not for the version that is here.
    fn conflicts(&self, document: &Publish) -> Vec<Operation> {
        let numbered = document.publications.iter().enumerate();
        let wrong = numbered.filter_map(|(at, publication)| {
            let current = self.find(publication).map_or(0, |known| known.publication.version);
            (publication.version != current).then_some(Operation {
                index: at + 1,
                version: Some(publication.version),
                current: Some(current),
            })
        });
        wrong.collect()
    }

    fn find(&self, publication: &Publication) -> Option<&Published> {
        self.publications.iter().find(|known| same_place(&known.publication, publication))
    }

    fn take(&mut self, publication: Publication, key: &Key) {
        self.publications.retain(|known| !same_place(&known.publication, &publication));
        if publication.expires != Some(0) {
            let publication = Publication { version: publication.version + 1, ..publication };
            self.publications.push(Published { publication, endpoint: key.1, at: Timestamp::now() });
        }
    }

    pub(super) fn container(&mut self, id: u32) -> &mut Container {
        let at = self.containers.iter().position(|known| known.id == id).unwrap_or_else(|| {
            self.containers.push(Container { id, version: 0, members: Vec::new() });
            self.containers.len() - 1
        });
        &mut self.containers[at]
    }

    /// The user's own publications of these categories, complete.
    pub(super) fn own(&self, names: &[&str]) -> RoamingData {
        let mut categories: Vec<Category> = Vec::new();
        for name in names {
            let of = |published: &&Published| published.publication.category == *name;
            let known = self.publications.iter().filter(of).map(category);
            let before = categories.len();
            categories.extend(known);
            if *name == "state" {
                categories.push(Category { container: Some(2), version: Some(1), ..self.aggregate(2) });
            }
            if categories.len() == before {
                categories.push(Category { name: (*name).to_owned(), ..Category::default() });
            }
        }
        let categories = Categories { uri: self.uri.to_string(), categories };
        RoamingData { categories: Some(categories), ..RoamingData::default() }
    }

    /// All of the user's own, with containers and watchers.
    pub(super) fn all(&self) -> RoamingData {
        let mut names: Vec<_> =
            self.publications.iter().map(|known| known.publication.category.as_str()).collect();
        names.push("state");
        names.sort_unstable();
        names.dedup();
        RoamingData {
            containers: Some(self.containers.clone()),
            subscribers: Some(self.subscribers.clone()),
            ..self.own(&names)
        }
    }

    /// The circle that a watcher is in; nothing if he is in none.
    fn circle(&self, watcher: &str) -> Option<u32> {
        let holds = |id: u32, of: &dyn Fn(&Member) -> bool| {
            self.containers.iter().any(|container| container.id == id && container.members.iter().any(of))
        };
        let user = |member: &Member| matches!(member, Member::User(uri) if uri.eq_ignore_ascii_case(&format!("sip:{watcher}")));
        let colleague = |member: &Member| matches!(member, Member::SameEnterprise | Member::Everyone);
        let order = [Container::BLOCKED, 400, 300, 200, 100];
        let by_name = order.into_iter().find(|id| holds(*id, &user));
        by_name.or_else(|| order.into_iter().find(|id| holds(*id, &colleague)))
    }

    /// What the server makes of the states in a container.
    fn aggregate(&self, container: u32) -> Category {
        let states = || {
            let here = self.publications.iter().filter(|known| known.publication.container == container);
            here.filter_map(|known| Some((known.at, known.publication.content.state()?)))
        };
        let of = |kind: StateKind| states().filter(move |(_, state)| state.kind == kind);
        let machine = of(StateKind::Machine).min_by_key(|(_, state)| state.availability);
        let chosen = of(StateKind::User).next().or(machine);
        let offline = Availability::Offline.number();
        let signed_in = !self.endpoints.is_empty();
        let state = match chosen.filter(|_| signed_in && machine.is_some()) {
            Some((_, state)) => State {
                kind: StateKind::Aggregate,
                device: machine.and_then(|(_, machine)| machine.device.clone()),
                ..state.clone()
            },
            None => State { kind: StateKind::Aggregate, availability: Some(offline), ..State::default() },
        };
        Category {
            name: "state".to_owned(),
            instance: Some(publication::instance::BOUND_AGGREGATE_STATE),
            published: states().map(|(at, _)| at).max(),
            content: Content::State(state),
            ..Category::default()
        }
    }

    /// The number that colleagues see.
    pub(super) fn availability(&self) -> Option<u32> {
        self.aggregate(2).content.state()?.availability
    }

    /// What a watcher sees of the categories that he asked for.
    pub(super) fn seen_by(&self, watcher: &str, names: &[String]) -> Categories {
        let asked = |name: &str| names.is_empty() || names.iter().any(|asked| asked == name);
        let mut categories: Vec<_> = asked("contactCard").then(|| self.card()).into_iter().collect();
        match self.circle(watcher) {
            None => {}
            Some(Container::BLOCKED) => categories.push(offline()),
            Some(circle) => {
                categories.push(self.aggregate(if circle == 300 { 3 } else { 2 }));
                let others = self.publications.iter().filter(|known| {
                    let Publication { container, category, .. } = &known.publication;
                    *container == circle && category != "state" && asked(category)
                });
                categories.extend(others.map(category).map(shown));
            }
        }
        Categories { uri: self.uri.to_string(), categories }
    }

    fn card(&self) -> Category {
        let card = ContactCard {
            display_name: Some(self.display.clone()),
            emails: vec![self.address.clone()],
            ..self.card.clone()
        };
        let content = Content::ContactCard(Box::new(card));
        Category { name: "contactCard".to_owned(), instance: Some(0), content, ..Category::default() }
    }
}

/// What those see who are blocked.
fn offline() -> Category {
    let state = State {
        kind: StateKind::Aggregate,
        availability: Some(Availability::Offline.number()),
        ..State::default()
    };
    Category {
        name: "state".to_owned(),
        instance: Some(publication::instance::BOUND_AGGREGATE_STATE),
        content: Content::State(state),
        ..Category::default()
    }
}

fn same_place(one: &Publication, other: &Publication) -> bool {
    one.category == other.category && one.instance == other.instance && one.container == other.container
}

fn category(published: &Published) -> Category {
    let Published { publication, endpoint, at } = published;
    Category {
        name: publication.category.clone(),
        instance: Some(publication.instance),
        container: Some(publication.container),
        version: Some(publication.version),
        published: Some(*at),
        expires: Some(publication.lasts),
        endpoint: Some(endpoint.to_string().to_ascii_uppercase()),
        content: publication.content.clone(),
    }
}

/// What others see of a publication: no container, no version.
fn shown(category: Category) -> Category {
    Category { container: None, version: None, expires: None, endpoint: None, ..category }
}
