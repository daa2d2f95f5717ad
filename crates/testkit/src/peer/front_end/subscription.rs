//! SUBSCRIBE, and the notifications that follow.

use std::collections::BTreeMap;

use trunkline_sip::{
    Header, Method, Request,
    body::{
        Categories, Category, contact,
        provisioning::{self, ProvisionGroupList},
        rlmi::{Document, Instance, InstanceState, List, ListResource, Notification},
        roaming::{self, Subscriber},
        subscription::{self, BatchAction, BatchSubscribe, Resource},
    },
    header::name,
    message::ResponseBuilder,
};
use uuid::Uuid;

use super::{house::House, user::Key};

/// What can be subscribed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Package {
    /// `vnd-microsoft-roaming-contacts`
    Contacts,
    /// `vnd-microsoft-roaming-self`
    Oneself,
    /// `vnd-microsoft-provisioning-v2`
    Provisioning,
    /// `presence`
    Presence,
}

impl Package {
    /// The word in the header Event.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Contacts => "vnd-microsoft-roaming-contacts",
            Self::Oneself => "vnd-microsoft-roaming-self",
            Self::Provisioning => "vnd-microsoft-provisioning-v2",
            Self::Presence => "presence",
        }
    }

    const fn lasts(self) -> u32 {
        if matches!(self, Self::Presence) { 28_800 } else { 43_200 }
    }
}

/// A subscription's dialog.
pub(super) struct Subscription {
    pub(super) id: u64,
    pub(super) subscriber: Key,
    pub(super) package: Package,
    call_id: String,
    own_tag: String,
    /// To and From of notifications.
    subscribed: (Header, Header),
    /// CSeq of the last notification.
    pub(super) cseq: u32,
    unanswered: bool,
    /// Whose presence is watched, for which categories, and what was told last.
    pub(super) watched: BTreeMap<String, (Vec<String>, Option<Categories>)>,
}

/// A body and its type.
type Body = (String, Vec<u8>);

impl House {
    pub(super) fn subscribe(&mut self, line: u64, request: &Request) {
        let event = request.event().ok().flatten().map(|event| event.package).unwrap_or_default();
        let all = [Package::Contacts, Package::Oneself, Package::Provisioning, Package::Presence];
        let Some(package) = all.into_iter().find(|package| package.word() == event) else {
            return self.refuse(line, request, 489);
        };
        let Some(key) = self.sender(request) else { return self.stranger(line, request) };
        let Some(id) = self.dialog(request, &key, package) else {
            return self.diagnose(line, request, 481, 1004, "Route set is no longer valid");
        };
        let expires = request.expires().ok().flatten().unwrap_or(u32::MAX).min(package.lasts());
        let Some((media, body)) = self.first_notification(id, request) else {
            return self.diagnose(line, request, 400, 4001, "XML parse failure");
        };
        let Some(subscription) = self.subscriptions.get_mut(id) else { return };
        let piggyback = self.settings.piggyback && request.supports("ms-piggyback-first-notify");
        subscription.cseq += 1;
        let (cseq, tag) = (subscription.cseq, subscription.own_tag.clone());
        let reply = self.accept(line, request, package, expires, &tag);
        let response = if piggyback {
            reply.header(name::MS_PIGGYBACK_CSEQ, cseq.to_string()).body(&media, body.clone()).done()
        } else {
            reply.done()
        };
        self.send(line, response);
        if !piggyback {
            self.notify_as(id, cseq, &media, body);
        }
        if expires == 0 {
            self.subscriptions.remove(id);
        }
    }

    fn accept(
        &mut self,
        line: u64,
        request: &Request,
        package: Package,
        expires: u32,
        tag: &str,
    ) -> ResponseBuilder {
        let state = if expires == 0 { "terminated".to_owned() } else { format!("active;expires={expires}") };
        let contact = format!("<sip:{}>", self.own_address(self.transport(line)));
        let reply = trunkline_sip::Response::build(request, 200)
            .to_tag(tag)
            .header(name::CONTACT, contact)
            .header(name::EVENT, package.word())
            .header(name::EXPIRES, expires.to_string())
            .header(name::SUBSCRIPTION_STATE, state)
            .header(name::SUPPORTED, "ms-benotify, ms-piggyback-first-notify");
        if package == Package::Presence { reply.header(name::REQUIRE, "eventlist") } else { reply }
    }

    /// The request's subscription, made if the request makes it; `None` if it names one that is not there.
    fn dialog(&mut self, request: &Request, key: &Key, package: Package) -> Option<u64> {
        let call_id = request.call_id().ok()?;
        if let Some(tag) = request.to().ok()?.tag() {
            let mut those = self.subscriptions.of(&key.0);
            let is_meant = |known: &&Subscription| {
                known.call_id == call_id && known.own_tag == tag && known.subscriber == *key
            };
            return those.find(is_meant).map(|known| known.id);
        }
        let own_tag = self.fresh_tag();
        let from = request.get(name::FROM)?.detached();
        let to = request.get(name::TO)?.appended(&format!(";tag={own_tag}"));
        if package != Package::Presence {
            self.subscriptions.remove_of(key, |known| known.package == package);
        }
        let id = self.fresh();
        self.subscriptions.add(Subscription {
            id,
            subscriber: key.clone(),
            package,
            call_id,
            own_tag,
            subscribed: (from, to),
            cseq: 0,
            unanswered: request.supports("ms-benotify"),
            watched: BTreeMap::new(),
        });
        Some(id)
    }

    fn first_notification(&mut self, id: u64, request: &Request) -> Option<Body> {
        let subscription = self.subscriptions.get(id)?;
        let user = self.users.get(&subscription.subscriber.0)?;
        let (media, body) = match subscription.package {
            Package::Contacts => (contact::TYPE, user.contacts.write()),
            Package::Oneself => (roaming::TYPE, user.all().write()),
            Package::Provisioning => (provisioning::TYPE, ProvisionGroupList::default().write()),
            Package::Presence => return self.watch(id, request),
        };
        Some((media.to_owned(), body.into_bytes()))
    }

    /// Adds and removes the users that a presence subscription names, and tells of those that it added; of all that it
    /// has when it names none.
    fn watch(&mut self, id: u64, request: &Request) -> Option<Body> {
        let subscription = self.subscriptions.get(id)?;
        let watcher = subscription.subscriber.clone();
        // Who asks there already was sent there.
        let sent = request.uri().address() != Some(watcher.0.clone());
        let mut list = List { uri: format!("sip:{}", watcher.0), version: 0, ..List::default() };
        let mut documents = Vec::new();
        for action in subscription.actions(request)? {
            for resource in action.resources {
                let address = resource.uri.strip_prefix("sip:").unwrap_or(&resource.uri).to_ascii_lowercase();
                if !action.subscribe {
                    self.subscriptions.unwatch(id, &address);
                    continue;
                }
                let (instance, document) = match self.moved(&address).filter(|_| !sent) {
                    Some(moved) => (moved, None),
                    None => self.watch_one(id, &watcher, &address, &action.categories, resource.fresh),
                };
                list.resources.push(ListResource { uri: resource.uri, instances: vec![instance] });
                documents.extend(document.map(Document::Categories));
            }
        }
        let (media, body) = Notification { list: Some(list), documents }.write();
        Some((media.to_string(), body))
    }

    fn moved(&self, address: &str) -> Option<Instance> {
        let pool = self.users.get(address)?.elsewhere.as_ref()?;
        let pool = (!pool.is_empty()).then(|| pool.clone());
        Some(Instance { id: "0".to_owned(), state: InstanceState::Resubscribe { pool }, cid: None })
    }

    fn watch_one(
        &mut self,
        id: u64,
        watcher: &Key,
        address: &str,
        names: &[String],
        fresh: bool,
    ) -> (Instance, Option<Categories>) {
        let instance = |state| Instance { id: "0".to_owned(), state, cid: None };
        let Some(user) = self.users.get(address) else {
            return (instance(InstanceState::Terminated { reason: Some("noresource".to_owned()) }), None);
        };
        let seen = user.seen_by(&watcher.0, names);
        self.subscriptions.watch(id, address, names, seen.clone());
        if fresh {
            self.tell_of_watcher(address, &watcher.0);
        }
        (Instance::active(address), Some(seen))
    }

    /// Tells a user that somebody put him on a list.
    fn tell_of_watcher(&mut self, address: &str, watcher: &str) {
        let display = self.users.get(watcher).map(|user| user.display.clone());
        let Some(user) = self.users.get_mut(address) else { return };
        let uri = format!("sip:{watcher}");
        if user.subscribers.iter().any(|known| known.user == uri) {
            return;
        }
        user.subscribers.push(Subscriber {
            user: uri,
            display_name: display,
            acknowledged: false,
            kind: Some("sameEnterprise".to_owned()),
        });
        let data = roaming::RoamingData {
            subscribers: Some(user.subscribers.clone()),
            ..roaming::RoamingData::default()
        };
        self.notify_all(address, Package::Oneself, &data.write());
    }

    /// Tells those who watch a user what has changed for them.
    pub(super) fn tell_watchers(&mut self, address: &str) {
        let Some(user) = self.users.get(address) else { return };
        let mut news = Vec::new();
        for id in self.subscriptions.watching(address) {
            let Some(subscription) = self.subscriptions.get_mut(id) else { continue };
            let Some((names, told)) = subscription.watched.get_mut(address) else { continue };
            let seen = user.seen_by(&subscription.subscriber.0, names);
            let difference = difference(told.as_ref(), &seen);
            *told = Some(seen);
            if !difference.categories.is_empty() {
                news.push((id, difference.write()));
            }
        }
        for (id, body) in news {
            self.notify(id, trunkline_sip::body::presence::TYPE, body.into_bytes());
        }
    }

    /// Notifies all clients of a user that subscribed to a package.
    pub(super) fn notify_all(&mut self, address: &str, package: Package, body: &str) {
        self.notify_but(address, package, body, None);
    }

    /// Notifies all but one.
    pub(super) fn notify_but(&mut self, address: &str, package: Package, body: &str, but: Option<&Key>) {
        self.notify_those(address, package, body, |key| Some(key) != but);
    }

    /// Notifies one client.
    pub(super) fn notify_only(&mut self, key: &Key, package: Package, body: &str) {
        self.notify_those(&key.0, package, body, |each| each == key);
    }

    fn notify_those(&mut self, address: &str, package: Package, body: &str, fits: impl Fn(&Key) -> bool) {
        let media = if package == Package::Contacts { contact::TYPE } else { roaming::TYPE };
        let those = self.subscriptions.of(address);
        let those = those.filter(|known| known.package == package && fits(&known.subscriber));
        let those: Vec<_> = those.map(|known| known.id).collect();
        for id in those {
            self.notify(id, media, body.as_bytes().to_vec());
        }
    }

    fn notify(&mut self, id: u64, media: &str, body: Vec<u8>) {
        let Some(subscription) = self.subscriptions.get_mut(id) else { return };
        subscription.cseq += 1;
        let cseq = subscription.cseq;
        self.notify_as(id, cseq, media, body);
    }

    fn notify_as(&mut self, id: u64, cseq: u32, media: &str, body: Vec<u8>) {
        let Some(subscription) = self.subscriptions.get(id) else { return };
        let key = subscription.subscriber.clone();
        let Some(line) = self.line_to(&key) else { return };
        let via = self.own_via(line, &format!("n{}", Uuid::new_v4().simple()));
        let Some(target) = self.endpoint(&key).map(|endpoint| endpoint.contact.uri.clone()) else { return };
        let Some(subscription) = self.subscriptions.get(id) else { return };
        let method = if subscription.unanswered { Method::BENOTIFY } else { Method::NOTIFY };
        let (to, from) = &subscription.subscribed;
        let request = Request::build(method, target)
            .header(name::VIA, via)
            .header(name::MAX_FORWARDS, "70")
            .header(name::FROM, from.value())
            .header(name::TO, to.value())
            .header(name::CALL_ID, &subscription.call_id)
            .cseq(cseq)
            .header(name::EVENT, subscription.package.word())
            .header(name::SUBSCRIPTION_STATE, format!("active;expires={}", subscription.package.lasts()))
            .body(media, body)
            .done();
        self.send(line, request);
    }
}

impl Subscription {
    /// What a SUBSCRIBE asks for: a batch, the user whom it is sent to, or once more all that it asked for before.
    fn actions(&self, request: &Request) -> Option<Vec<BatchAction>> {
        let media = request.content_type().ok().flatten();
        if media.is_some_and(|media| media.is(subscription::TYPE)) {
            return Some(BatchSubscribe::read(request.body()).ok()?.actions);
        }
        let action = |uri, categories| BatchAction {
            subscribe: true,
            id: String::new(),
            resources: vec![Resource { uri, fresh: false }],
            categories,
        };
        if request.to().is_ok_and(|to| to.tag().is_none()) {
            return Some(vec![action(request.uri().bare().to_string(), Vec::new())]);
        }
        let known = self.watched.iter();
        Some(known.map(|(address, (names, _))| action(format!("sip:{address}"), names.clone())).collect())
    }
}

/// What is new in a view: changed categories, and empty ones in place of those that are gone.
fn difference(told: Option<&Categories>, seen: &Categories) -> Categories {
    let before = |name: &str| -> Vec<&Category> {
        told.into_iter().flat_map(|told| &told.categories).filter(|known| known.name == name).collect()
    };
    let now = |name: &str| -> Vec<&Category> {
        seen.categories.iter().filter(|known| known.name == name).collect()
    };
    let mut names: Vec<&str> =
        told.into_iter().flat_map(|told| &told.categories).map(|known| known.name.as_str()).collect();
    names.extend(seen.categories.iter().map(|known| known.name.as_str()));
    names.sort_unstable();
    names.dedup();
    let mut categories = Vec::new();
    for name in names.into_iter().filter(|name| before(name) != now(name)) {
        let those = now(name);
        if those.is_empty() {
            categories.push(Category { name: name.to_owned(), ..Category::default() });
        }
        categories.extend(those.into_iter().cloned());
    }
    Categories { uri: seen.uri.clone(), categories }
}
