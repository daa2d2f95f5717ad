use trunkline_model::Address;

use super::{
    network::Network,
    phone::{Phone, Token},
};
use crate::admin::ProfileChange;

/// Somebody who plays in the story.
#[derive(Debug)]
pub(super) struct Person {
    pub(super) name: &'static str,
    /// What comes before the `@`.
    pub(super) user: &'static str,
    pub(super) title: &'static str,
    pub(super) phone: &'static str,
}

pub(super) const ALICE: Person =
    Person { name: "Alice Archer", user: "alice", title: "Keeper of the lamp", phone: "+44 20 7946 0101" };
pub(super) const BOB: Person =
    Person { name: "Bob Baker", user: "bob", title: "Engineer", phone: "+44 20 7946 0102" };
pub(super) const CAROL: Person =
    Person { name: "Carol Cole", user: "carol", title: "Harbour master", phone: "+44 20 7946 0103" };
/// Who joins in when the story has been told.
pub(super) const GUEST: Person =
    Person { name: "A curious guest", user: "guest", title: "Visitor", phone: "+44 20 7946 0199" };

/// Everybody's phones, signed in.
pub(super) struct Cast {
    pub(super) alice: Phone,
    pub(super) bob: Phone,
    pub(super) carol: Phone,
    /// Alice's second device, which has not signed in yet.
    pub(super) tablet: Token,
    /// The network between Alice's phone and the relay.
    pub(super) network: Network,
}

impl Person {
    /// The person's address.
    pub(super) fn address(&self) -> Address {
        format!("sip:{}@lighthouse.test", self.user).parse().expect("the cast's addresses are addresses")
    }

    /// The first name.
    pub(super) fn first(&self) -> &'static str {
        self.name.split(' ').next().unwrap_or(self.name)
    }

    /// What the directory is to say of the person.
    pub(super) fn profile(&self) -> ProfileChange {
        ProfileChange::of(self.name, self.title, &format!("{}@lighthouse.test", self.user), self.phone)
    }
}
