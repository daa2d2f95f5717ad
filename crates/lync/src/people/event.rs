//! What goes into a [`super::People`] and comes out of it.

use std::{fmt, time::Duration};

use trunkline_core::port::{LineError, OwnPresence, RosterChange};
use trunkline_model::{Address, Availability, Contact, Presence, PresenceChoice};
use trunkline_sip::{
    Epid,
    body::{
        contact, provisioning::ProvisionGroupList, publication, rlmi::Notification, roaming::RoamingData,
        soap, subscription::BatchSubscribe,
    },
};

/// Whose roster and presence.
#[derive(Debug, Clone)]
pub struct Me {
    /// The account.
    pub address: Address,
    /// Which endpoint of the account this is.
    pub epid: Epid,
    /// How the endpoint is called among the person's devices.
    pub machine: String,
}

/// Limits and paces.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Between two SUBSCRIBEs for the presence of others.
    pub pace: Duration,
    /// Most people in one of them.
    pub batch: usize,
    /// Most contacts of a roster.
    pub contacts: usize,
    /// Most groups of a roster.
    pub groups: usize,
    /// Most people outside the roster who are watched.
    pub watched: usize,
    /// Most changes of the roster that wait.
    pub changes: usize,
    /// How long a change of the roster may take in all.
    pub limit: Duration,
    /// How long an accepted change may take to show in the list.
    pub settle: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            pace: Duration::from_millis(250),
            batch: 100,
            contacts: 1_000,
            groups: 64,
            watched: 512,
            changes: 64,
            limit: Duration::from_secs(20),
            settle: Duration::from_secs(5),
        }
    }
}

/// One of the person's own subscriptions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Package {
    /// `vnd-microsoft-roaming-contacts`, without a body.
    Contacts,
    /// `vnd-microsoft-provisioning-v2`, asked once.
    Provisioning,
    /// `vnd-microsoft-roaming-self`, for everything.
    Own,
}

/// Where the presence of some people is subscribed: one dialog each.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// To oneself, as a list of resources (`Require: adhoclist, categoryList`).
    Home,
    /// To that address of a pool, as a list.
    Pool(String),
    /// To the person, without a list (no `Require: adhoclist`).
    Person(Address),
}

/// Which SERVICE of ours; unique in a [`super::People`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ServeId(pub(super) u64);

/// Which SUBSCRIBE for presence; unique in a [`super::People`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct WatchId(pub(super) u64);

/// Which change of the roster, by the caller's count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ChangeId(pub u64);

/// What became of a request of ours. Bodies are personal: not shown.
#[derive(Clone, PartialEq, Eq)]
pub enum Answer {
    /// A 2xx.
    Accepted(Vec<u8>),
    /// Another final answer.
    Refused {
        /// Its status.
        status: u16,
        /// Its body.
        body: Vec<u8>,
    },
    /// None came, or the request could not be sent.
    Lost,
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accepted(body) => write!(f, "Accepted({} bytes)", body.len()),
            Self::Refused { status, body } => write!(f, "Refused({status}, {} bytes)", body.len()),
            Self::Lost => f.write_str("Lost"),
        }
    }
}

/// What the person's phones wrote for others to see: not shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Words(pub String);

impl fmt::Debug for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Words({} bytes)", self.0.len())
    }
}

/// What happens.
#[derive(Debug, Clone)]
pub enum Event {
    /// The endpoint was registered: nothing is subscribed, and what it had published is gone.
    SignedIn,
    /// The registration or the way to it is lost; requests that were out get no [`Event::Served`] any more.
    SignedOut,
    /// What a notification of the list says.
    Contacts(contact::Roster),
    /// A notification about oneself.
    Own(Box<RoamingData>),
    /// What the server tells clients to use.
    Provisioned(ProvisionGroupList),
    /// A subscription of the person's own was refused.
    Refused {
        /// Which.
        package: Package,
        /// With which status.
        status: u16,
    },
    /// A notification of presence.
    Presence {
        /// The dialog in which it came.
        place: Place,
        /// What it says.
        notification: Notification,
    },
    /// A SUBSCRIBE for presence ended; what the answer brings follows as [`Event::Presence`].
    Watched(WatchId, Answer),
    /// The presence subscribed there is to be subscribed again, in the same dialog or in another: it runs out, a
    /// notification was lost, or the server ended it.
    Again(Place),
    /// A SERVICE ended.
    Served(ServeId, Answer),
    /// The person changes the roster.
    Change(ChangeId, RosterChange),
    /// The person blocks somebody, or no longer. Done when the server says so; [`Action::Changed`] tells.
    Block(ChangeId, Address, bool),
    /// The person wants to see somebody who is not in the roster, or not any more.
    Watch(Address, bool),
    /// The person says how reachable they are, or leaves it to the server again.
    Choose(PresenceChoice),
    /// The person writes a note, or has none.
    Note(Words),
    /// What the core wants published: [`Event::Choose`] and [`Event::Note`] in one. It says so at every sign-in, too: what
    /// has not changed since the last time is left as it is.
    Publish(Box<OwnPresence>),
    /// It is time: see [`super::People::next_deadline`].
    Timer,
}

/// A document to send.
#[derive(Clone, PartialEq, Eq)]
pub struct Body {
    /// Its media type.
    pub media: &'static str,
    /// The document.
    pub text: String,
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Body({}, {} bytes)", self.media, self.text.len())
    }
}

impl Body {
    pub(super) fn list(request: &soap::ListRequest) -> Self {
        Self { media: soap::TYPE, text: request.write() }
    }

    pub(super) fn publish(publish: &publication::Publish) -> Self {
        Self { media: publication::TYPE, text: publish.write() }
    }
}

/// What to do.
#[derive(Debug, Clone)]
pub enum Action {
    /// Subscribe to the person's own, or ask again in the dialog there is: the answer is to bring everything.
    Subscribe(Package),
    /// Send a SERVICE to oneself.
    Serve {
        /// What its end is told by.
        id: ServeId,
        /// Its body.
        body: Body,
    },
    /// Send a SUBSCRIBE for presence, in the dialog of the place if there is one.
    Watch {
        /// What its end is told by.
        id: WatchId,
        /// Where.
        place: Place,
        /// Its body.
        batch: BatchSubscribe,
    },
    /// End the subscription there.
    Unwatch(Place),
    /// A change of the roster is done or is not.
    Changed(ChangeId, Result<Option<trunkline_model::GroupId>, LineError>),
    /// The contact is now so.
    ContactChanged(Box<Contact>),
    /// The whole roster may have changed, groups too.
    RosterChanged,
    /// What others see of the person has changed.
    OwnChanged(Box<OwnState>),
    /// Whom the server blocks for the person has changed, or is known for the first time: all of them.
    Blocked(Vec<Address>),
    /// So many other endpoints of the person's are signed in; `None` if that is not known any more.
    OthersChanged(Option<usize>),
    /// The server's settings arrived.
    Provisioned(Box<Provisions>),
}

/// What the server shows of the person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnState {
    /// What it makes of all endpoints.
    pub presence: Presence,
    /// What the person chose on any endpoint; `None` while it is left to the server.
    pub chosen: Option<Availability>,
}

/// What the server tells clients to use.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Provisions {
    /// Where conferences are made.
    pub focus_factory: Option<String>,
    /// The look-up address of the rooms, if the person may use them.
    pub rooms: Option<String>,
}
