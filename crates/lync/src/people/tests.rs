mod block;
mod own;
mod presence;
mod roster;
mod server;
mod storm;

use std::time::Duration;

use trunkline_core::port::{LineError, RosterChange};
use trunkline_model::{Address, Contact, GroupId};
use trunkline_sip::{
    Epid,
    body::{
        MediaType, contact,
        publication::Publish,
        rlmi::Notification,
        roaming::RoamingData,
        soap::{ListReply, ListRequest},
        subscription::BatchSubscribe,
    },
};

use super::{Action, Answer, Body, ChangeId, Event, Me, Package, People, Place, ServeId, Settings, WatchId};

const EPID: &str = "26a7a9f5a6";
const DEVICE: u32 = 0x26a7_a9f5;
const MACHINE: u32 = 0x3000_0000 | (DEVICE >> 4);

const LIST: &str = r#"<contactList deltaNum="7"><group id="1" name="~" externalURI=""/><group id="2" name="Project &amp; Co" externalURI=""/><group id="5" name="Pinned Contacts" externalURI=""/><group id="6" name="All hands" externalURI="all@example.com"/><contact uri="bob@example.com" name="" groups="1 2" subscribed="true" externalURI=""><contactExtension><contactSettings contactId="0a1b"/></contactExtension></contact><contact uri="dave@example.com" name="Davy" groups="1" subscribed="true" externalURI=""/></contactList>"#;

fn address(name: &str) -> Address {
    format!("{name}@example.com").parse().unwrap()
}

fn people(settings: Settings) -> People {
    let epid = Epid::parse(EPID).unwrap();
    People::new(settings, Me { address: address("alice"), epid, machine: "relay1".to_owned() })
}

/// One account and its clock.
struct Desk {
    people: People,
    now: Duration,
    log: Vec<Action>,
}

impl Desk {
    fn new() -> Self {
        Self::with(Settings::default())
    }

    fn with(settings: Settings) -> Self {
        Self { people: people(settings), now: Duration::ZERO, log: Vec::new() }
    }

    /// Signed in with the usual list.
    fn listed() -> Self {
        let mut desk = Self::new();
        desk.tell(Event::SignedIn);
        desk.contacts(LIST);
        for (id, _, _) in desk.watched() {
            desk.tell(Event::Watched(id, Answer::Accepted(Vec::new())));
        }
        desk.log.clear();
        desk
    }

    fn tell(&mut self, event: Event) {
        let actions = self.people.handle(self.now, event);
        self.log.extend(actions);
    }

    /// Lets time go by, with every deadline on the way.
    fn wait(&mut self, span: Duration) {
        let end = self.now + span;
        for _ in 0..10_000 {
            let Some(next) = self.people.next_deadline().filter(|next| *next <= end) else { break };
            self.now = self.now.max(next);
            self.tell(Event::Timer);
        }
        self.now = end;
        self.tell(Event::Timer);
    }

    fn contacts(&mut self, xml: &str) {
        self.tell(Event::Contacts(contact::Roster::read(xml.as_bytes()).unwrap()));
    }

    fn own(&mut self, xml: &str) {
        self.tell(Event::Own(Box::new(RoamingData::read(xml.as_bytes()).unwrap())));
    }

    fn presence(&mut self, place: Place, media: &str, body: &str) {
        let media = MediaType::read(media);
        let notification = Notification::read(&media, body.as_bytes()).unwrap();
        self.tell(Event::Presence { place, notification });
    }

    fn change(&mut self, number: u64, change: RosterChange) {
        self.tell(Event::Change(ChangeId(number), change));
    }

    /// The SERVICEs that were sent since the last look.
    fn served(&mut self) -> Vec<(ServeId, Body)> {
        let mut served = Vec::new();
        self.log.retain(|action| match action {
            Action::Serve { id, body } => {
                served.push((*id, body.clone()));
                false
            }
            _ => true,
        });
        served
    }

    /// The one change of the list that was sent since the last look.
    fn request(&mut self) -> (ServeId, ListRequest) {
        let served = self.served();
        let [(id, body)] = served.as_slice() else { panic!("not one SERVICE: {served:?}") };
        (*id, ListRequest::read(body.text.as_bytes()).unwrap())
    }

    /// The one publication that was sent since the last look.
    fn published(&mut self) -> (ServeId, Publish) {
        let served = self.served();
        let [(id, body)] = served.as_slice() else { panic!("not one SERVICE: {served:?}") };
        (*id, Publish::read(body.text.as_bytes()).unwrap())
    }

    fn accept(&mut self, id: ServeId, reply: &ListReply) {
        self.tell(Event::Served(id, Answer::Accepted(reply.write().into_bytes())));
    }

    fn refuse(&mut self, id: ServeId, status: u16, body: &str) {
        self.tell(Event::Served(id, Answer::Refused { status, body: body.as_bytes().to_vec() }));
    }

    /// What became of changes since the last look.
    fn changed(&mut self) -> Vec<(u64, Result<Option<GroupId>, LineError>)> {
        let mut all = Vec::new();
        self.log.retain(|action| match action {
            Action::Changed(id, result) => {
                all.push((id.0, result.clone()));
                false
            }
            _ => true,
        });
        all
    }

    /// Whom the server was told to block since the last look, each time.
    fn blocked(&mut self) -> Vec<Vec<Address>> {
        let mut all = Vec::new();
        self.log.retain(|action| match action {
            Action::Blocked(list) => {
                all.push(list.clone());
                false
            }
            _ => true,
        });
        all
    }

    fn subscribed(&mut self) -> Vec<Package> {
        let mut all = Vec::new();
        self.log.retain(|action| match action {
            Action::Subscribe(package) => {
                all.push(*package);
                false
            }
            _ => true,
        });
        all
    }

    fn watched(&mut self) -> Vec<(WatchId, Place, BatchSubscribe)> {
        let mut all = Vec::new();
        self.log.retain(|action| match action {
            Action::Watch { id, place, batch } => {
                all.push((*id, place.clone(), batch.clone()));
                false
            }
            _ => true,
        });
        all
    }

    fn contact(&self, name: &str) -> Contact {
        self.people.contact(&address(name)).unwrap()
    }

    fn groups(&self, name: &str) -> Vec<String> {
        self.contact(name).groups.into_iter().map(|group| group.name).collect()
    }
}

fn done() -> ListReply {
    ListReply::Done { operation: "setContact".to_owned() }
}
