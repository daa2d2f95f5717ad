//! Two endpoints change one list and publish, answers come late or never, notifications get lost: in the end everything
//! is as the server has it, and what the person wanted last is published.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use proptest::prelude::*;
use trunkline_core::port::RosterChange;
use trunkline_model::{Availability, GroupId, PresenceChoice};
use trunkline_sip::body::{
    Content, ExpireType,
    contact::Roster,
    presence::State,
    publication::{Publication, Publish, TYPE as PUBLISH, instance},
    roaming::{CONTAINERS_TYPE, SetContainerMembers},
    soap::{ListOperation, ListRequest, TYPE as SOAP},
};

use super::{DEVICE, MACHINE, address, people, server::Server};
use crate::people::{Action, Answer, Body, ChangeId, Event, Package, People, ServeId, Settings, Words};

#[derive(Debug, Clone)]
enum Deed {
    Phone(u8, u8, u8),
    Desktop(u8, u8, u8),
    DesktopChooses(u8),
    PhoneChooses(u8),
    PhoneWrites(u8),
    /// So many notifications and answers from here on are lost.
    Lose(u8),
    Wait(u16),
    Reconnect,
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        6 => (0..7_u8, 0..5_u8, 0..6_u8).prop_map(|(what, who, group)| Deed::Phone(what, who, group)),
        5 => (0..5_u8, 0..5_u8, 0..6_u8).prop_map(|(what, who, group)| Deed::Desktop(what, who, group)),
        2 => (0..7_u8).prop_map(Deed::DesktopChooses),
        2 => (0..8_u8).prop_map(Deed::PhoneChooses),
        2 => (0..3_u8).prop_map(Deed::PhoneWrites),
        1 => (1..3_u8).prop_map(Deed::Lose),
        5 => (0..6_000_u16).prop_map(Deed::Wait),
        1 => Just(Deed::Reconnect),
    ]
}

struct World {
    people: People,
    server: Server,
    now: Duration,
    chance: u64,
    coming: BTreeMap<(Duration, u64), Event>,
    last: u64,
    /// Notifications come in order.
    notified: Duration,
    lose: u8,
    open: BTreeSet<u64>,
    asked: u64,
    served: usize,
    out: BTreeSet<ServeId>,
}

impl World {
    fn new(chance: u64) -> Self {
        let mut world = Self {
            people: people(Settings::default()),
            server: Server::new(),
            now: Duration::ZERO,
            chance: chance | 1,
            coming: BTreeMap::new(),
            last: 0,
            notified: Duration::ZERO,
            lose: 0,
            open: BTreeSet::new(),
            asked: 0,
            served: 0,
            out: BTreeSet::new(),
        };
        world.tell(Event::SignedIn);
        world
    }

    fn delay(&mut self) -> Duration {
        self.chance ^= self.chance << 13;
        self.chance ^= self.chance >> 7;
        self.chance ^= self.chance << 17;
        Duration::from_millis(self.chance % 3_000)
    }

    fn come(&mut self, at: Duration, event: Event) {
        self.last += 1;
        self.coming.insert((at, self.last), event);
    }

    /// True if what is sent now gets lost.
    fn loses(&mut self) -> bool {
        let loses = self.lose > 0;
        self.lose = self.lose.saturating_sub(1);
        loses
    }

    fn notify(&mut self, event: Event) {
        self.notified = self.notified.max(self.now + self.delay());
        if !self.loses() {
            self.come(self.notified, event);
        }
    }

    fn notify_own(&mut self, names: &BTreeSet<String>) {
        let data = self.server.roaming(names, false);
        self.notify(Event::Own(Box::new(data)));
    }

    fn tell(&mut self, event: Event) {
        for action in self.people.handle(self.now, event) {
            match action {
                Action::Subscribe(package) => self.subscribed(package),
                Action::Serve { id, body } => self.serve(id, &body),
                Action::Watch { id, .. } => {
                    let at = self.now + self.delay();
                    self.come(at, Event::Watched(id, Answer::Accepted(Vec::new())));
                }
                Action::Changed(id, _) => assert!(self.open.remove(&id.0), "one answer for each change"),
                _ => {}
            }
        }
    }

    fn subscribed(&mut self, package: Package) {
        let at = self.now + self.delay();
        match package {
            Package::Contacts => self.come(at, Event::Contacts(Roster::List(self.server.list()))),
            Package::Own => {
                let data = self.server.roaming(&BTreeSet::new(), true);
                self.come(at, Event::Own(Box::new(data)));
            }
            Package::Provisioning => {}
        }
    }

    fn serve(&mut self, id: ServeId, body: &Body) {
        self.served += 1;
        if body.media == SOAP {
            assert!(self.out.is_empty(), "one change of the list at a time");
            self.out.insert(id);
        }
        let answer = self.answer(body);
        let late = self.delay();
        if self.loses() {
            self.come(self.now + Duration::from_secs(32), Event::Served(id, Answer::Lost));
        } else {
            self.come(self.now + late, Event::Served(id, answer));
        }
    }

    fn answer(&mut self, body: &Body) -> Answer {
        let text = body.text.as_bytes();
        match body.media {
            SOAP => match self.server.change(&ListRequest::read(text).unwrap()) {
                Ok((reply, delta)) => {
                    self.notify(Event::Contacts(Roster::Delta(delta)));
                    Answer::Accepted(reply.write().into_bytes())
                }
                Err(status) => Answer::Refused { status, body: Vec::new() },
            },
            PUBLISH => match self.server.publish(&Publish::read(text).unwrap()) {
                Ok(names) => {
                    self.notify_own(&names);
                    Answer::Accepted(self.server.roaming(&names, false).write().into_bytes())
                }
                Err(conflict) => Answer::Refused { status: 409, body: conflict.write().into_bytes() },
            },
            CONTAINERS_TYPE => {
                if self.server.set_members(SetContainerMembers::read(text).unwrap()) {
                    Answer::Accepted(Vec::new())
                } else {
                    Answer::Refused { status: 409, body: Vec::new() }
                }
            }
            other => panic!("{other}"),
        }
    }

    fn run(&mut self, span: Duration) {
        let end = self.now + span;
        for _ in 0..100_000 {
            let coming = self.coming.keys().next().copied();
            let due = self.people.next_deadline();
            let next = [coming.map(|(at, _)| at), due].into_iter().flatten().min();
            let Some(at) = next.filter(|at| *at <= end) else {
                self.now = end;
                return;
            };
            self.now = self.now.max(at);
            match coming.filter(|(coming, _)| *coming <= at) {
                Some(key) => {
                    let event = self.coming.remove(&key).unwrap();
                    if let Event::Served(id, _) = &event {
                        self.out.remove(id);
                    }
                    self.tell(event);
                }
                None => self.tell(Event::Timer),
            }
        }
        panic!("time does not go by");
    }

    fn act(&mut self, deed: &Deed) {
        match deed {
            Deed::Phone(what, who, group) => self.phone(*what, *who, *group),
            Deed::Desktop(what, who, group) => self.desktop(*what, *who, *group),
            Deed::DesktopChooses(what) => self.desktop_chooses(*what),
            Deed::PhoneChooses(7) => self.tell(Event::Choose(PresenceChoice::Reset)),
            Deed::PhoneChooses(what) => {
                let choice = PresenceChoice::Set(Availability::ALL[usize::from(*what)]);
                self.tell(Event::Choose(choice));
            }
            Deed::PhoneWrites(0) => self.tell(Event::Note(Words(String::new()))),
            Deed::PhoneWrites(what) => self.tell(Event::Note(Words(format!("note {what}")))),
            Deed::Lose(count) => self.lose = *count,
            Deed::Wait(millis) => self.run(Duration::from_millis(u64::from(*millis))),
            Deed::Reconnect => {
                self.tell(Event::SignedOut);
                self.coming.clear();
                self.out.clear();
                self.server.drop_endpoint();
                self.tell(Event::SignedIn);
            }
        }
    }

    fn phone(&mut self, what: u8, who: u8, group: u8) {
        let (who, id) = (address(&format!("u{who}")), GroupId(i64::from(group)));
        self.asked += 1;
        self.open.insert(self.asked);
        let change = match what {
            0 => RosterChange::AddContact(who, None),
            1 => RosterChange::AddContact(who, Some(id)),
            2 => RosterChange::RemoveContact(who),
            3 => RosterChange::AddGroup(format!("group {group}")),
            4 => RosterChange::RenameGroup(id, format!("other {group}")),
            5 => RosterChange::RemoveGroup(id),
            _ => RosterChange::RemoveFromGroup(who, id),
        };
        self.tell(Event::Change(ChangeId(self.asked), change));
    }

    fn desktop(&mut self, what: u8, who: u8, group: u8) {
        let uri = format!("sip:u{who}@example.com");
        let operation = match what {
            0 => ListOperation::AddGroup { name: format!("desk {group}"), external: None },
            1 => ListOperation::DeleteContact { uri },
            2 => ListOperation::DeleteGroup { id: u32::from(group) },
            _ => ListOperation::SetContact {
                uri,
                name: format!("name {what}"),
                groups: vec![u32::from(group)],
                subscribed: true,
                external: None,
            },
        };
        let request = ListRequest { delta: self.server.delta, operation };
        if let Ok((_, delta)) = self.server.change(&request) {
            self.notify(Event::Contacts(Roster::Delta(delta)));
        }
    }

    fn desktop_chooses(&mut self, what: u8) {
        let choice = crate::people::shown::chosen(Availability::ALL[usize::from(what)]);
        let publications = [2, 3].map(|container| Publication {
            category: "state".to_owned(),
            instance: instance::USER_STATE,
            container,
            version: self.held(instance::USER_STATE, container).map_or(0, |(version, _)| version),
            lasts: ExpireType::Static,
            expires: None,
            content: Content::State(choice.clone()),
        });
        let publish =
            Publish { uri: "sip:alice@example.com".to_owned(), publications: publications.to_vec() };
        let names = self.server.publish(&publish).unwrap();
        self.notify_own(&names);
    }

    fn held(&self, instance: u32, container: u32) -> Option<(u64, State)> {
        let (version, _, content) = self.server.held.get(&("state".to_owned(), instance, container))?;
        Some((*version, content.state()?.clone()))
    }

    /// Everything arrives again, and the subscriptions are renewed at last.
    fn settle(&mut self) {
        self.lose = 0;
        self.run(Duration::from_secs(600));
        self.subscribed(Package::Contacts);
        self.subscribed(Package::Own);
        self.run(Duration::from_secs(600));
    }

    fn roster_is_the_servers(&self) {
        let shown = |id: &u32| self.server.groups.get(id).filter(|name| *name != "~").cloned();
        let server: Vec<_> = self
            .server
            .contacts
            .iter()
            .map(|(uri, (name, groups))| {
                (uri.clone(), name.clone(), groups.iter().filter_map(shown).collect())
            })
            .collect();
        let roster = self.people.roster();
        let here: Vec<(String, String, Vec<String>)> = roster
            .contacts
            .into_iter()
            .map(|one| {
                let groups = one.groups.into_iter().map(|group| group.name).collect();
                (one.address.uri(), one.profile.display_name, groups)
            })
            .collect();
        assert_eq!(here, server);
        let ids: Vec<i64> = roster.groups.iter().map(|group| group.id.0).collect();
        let all: Vec<i64> =
            self.server.groups.keys().filter(|id| shown(id).is_some()).map(|id| i64::from(*id)).collect();
        assert_eq!(ids, all);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]
    #[test]
    fn everything_becomes_as_the_server_has_it(
        deeds in proptest::collection::vec(deed(), 0..60),
        last in proptest::option::of(0..7_usize),
        chance in any::<u64>(),
    ) {
        let mut world = World::new(chance);
        deeds.iter().for_each(|deed| world.act(deed));
        world.run(Duration::from_secs(10));
        let choice = last.map(|last| Availability::ALL[last]);
        world.tell(Event::Choose(choice.map_or(PresenceChoice::Reset, PresenceChoice::Set)));
        world.tell(Event::Note(Words("the last word".into())));
        world.settle();

        world.roster_is_the_servers();
        prop_assert!(world.open.is_empty(), "every change has its answer");
        prop_assert!(world.server.is_open(), "colleagues see the person");
        for container in [2, 3] {
            let chosen = world.held(instance::USER_STATE, container).map(|(_, state)| state);
            prop_assert_eq!(chosen, choice.map(crate::people::shown::chosen));
            prop_assert!(world.held(MACHINE, container).is_some_and(|(_, state)| state.is_mobile()));
        }
        prop_assert!(world.server.held.contains_key(&("device".to_owned(), DEVICE, 2)));
        for container in [200, 300, 400] {
            let (_, _, content) = &world.server.held[&("note".to_owned(), 0, container)];
            prop_assert!(matches!(content, Content::Note(note) if note.text == "the last word"));
        }
        prop_assert_eq!(world.people.own().unwrap().chosen, choice);
        prop_assert!(world.served < 12 * (deeds.len() + 8), "{} requests", world.served);
        world.run(Duration::from_secs(86_400));
        let before = world.served;
        world.run(Duration::from_secs(86_400));
        prop_assert_eq!(world.served, before, "and then there is peace");
    }
}
