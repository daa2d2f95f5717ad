use serde::{Deserialize, Serialize};

use crate::{Address, GroupId, Presence};

/// What a directory knows of a person; empty strings stand for "not known".
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Profile {
    /// The name to show; when empty, show the address's local part.
    pub display_name: String,
    /// E-mail address.
    pub email: String,
    /// Job title.
    pub title: String,
    /// Desk phone.
    pub work_phone: String,
    /// Mobile phone.
    pub mobile_phone: String,
    /// Department.
    pub department: String,
    /// Company.
    pub company: String,
    /// Office or room.
    pub office: String,
}

/// A group of a person's roster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Number within the account.
    pub id: GroupId,
    /// What the person called it.
    pub name: String,
}

/// A person as another person sees them: profile, presence, and the place in the roster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    /// Who.
    pub address: Address,
    /// What the directory or the roster says.
    pub profile: Profile,
    /// What is known of their reachability.
    pub presence: Presence,
    /// The roster groups that hold the contact.
    pub groups: Vec<Group>,
    /// Hash of the photo; empty when there is none.
    pub photo_hash: String,
    /// In the roster of the account that looks, not merely found or watched.
    pub in_roster: bool,
}

impl Contact {
    /// A person of whom nothing but the address is known.
    pub fn unknown(address: Address) -> Self {
        Self {
            address,
            profile: Profile::default(),
            presence: Presence::offline(),
            groups: Vec::new(),
            photo_hash: String::new(),
            in_roster: false,
        }
    }

    /// The name to show: the profile's, else the address's local part.
    pub fn shown_name(&self) -> &str {
        if self.profile.display_name.is_empty() { self.address.local() } else { &self.profile.display_name }
    }
}
