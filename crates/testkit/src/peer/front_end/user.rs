use jiff::Timestamp;
use trunkline_sip::{
    Address, Header, Uri,
    body::{
        contact::{ContactList, Group, OTHER_CONTACTS},
        presence::ContactCard,
        publication::Publication,
        roaming::{Container, Subscriber},
    },
};
use uuid::Uuid;

/// Which endpoint of whom: `user@host`, and the instance.
pub(super) type Key = (String, Uuid);

/// Somebody with an account.
pub(super) struct User {
    /// `user@host` in lower case.
    pub(super) address: String,
    pub(super) uri: Uri,
    pub(super) display: String,
    /// What the directory has of the user beside name and address.
    pub(super) card: ContactCard,
    pub(super) contacts: ContactList,
    pub(super) publications: Vec<Published>,
    pub(super) containers: Vec<Container>,
    pub(super) subscribers: Vec<Subscriber>,
    pub(super) endpoints: Vec<Endpoint>,
    /// The pool that others have to subscribe at, empty for the user himself; `None` here.
    pub(super) elsewhere: Option<String>,
}

/// A publication at the version that it has now.
pub(super) struct Published {
    pub(super) publication: Publication,
    /// Who published it.
    pub(super) endpoint: Uuid,
    pub(super) at: Timestamp,
}

/// A signed-in client.
pub(super) struct Endpoint {
    pub(super) instance: Uuid,
    pub(super) epid: String,
    /// As registered, parameters included.
    pub(super) contact: Address,
    pub(super) gruu: Uri,
    /// The connection of its last REGISTER.
    pub(super) line: u64,
    /// The host that vouches for it: it can be dialled at its Contact.
    pub(super) trusted: Option<String>,
    pub(super) call_id: String,
    /// The From of its REGISTER: what requests of the registrar go to.
    pub(super) from: Header,
    pub(super) expires: u32,
}

impl User {
    pub(super) fn new(uri: Uri, display: &str) -> Self {
        let group = Group { id: 1, name: OTHER_CONTACTS.to_owned(), external: None };
        let contacts = ContactList { delta: 1, store: None, groups: vec![group], contacts: Vec::new() };
        Self {
            address: uri.address().unwrap_or_default(),
            uri,
            display: display.to_owned(),
            card: ContactCard::default(),
            contacts,
            publications: Vec::new(),
            containers: Vec::new(),
            subscribers: Vec::new(),
            endpoints: Vec::new(),
            elsewhere: None,
        }
    }

    pub(super) fn endpoint(&self, instance: Uuid) -> Option<&Endpoint> {
        self.endpoints.iter().find(|endpoint| endpoint.instance == instance)
    }

    /// The endpoint that a From names.
    pub(super) fn by_epid(&self, from: &Address) -> Option<&Endpoint> {
        let epid = from.epid()?;
        self.endpoints.iter().find(|endpoint| endpoint.epid == epid)
    }
}
