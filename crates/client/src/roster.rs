use serde_json::Value;
use trunkline_model::{Address, Availability};

/// A person's contacts as the relay tells them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Roster {
    /// By address.
    pub contacts: Vec<RosterContact>,
    /// Empty groups too, where the IM system can hold them.
    pub groups: Vec<RosterGroup>,
}

/// One contact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RosterContact {
    /// Who.
    pub address: Address,
    /// The name to show.
    pub display_name: String,
    /// How reachable, from the numeric scale, else from the name.
    pub availability: Availability,
    /// Their note.
    pub personal_message: String,
    /// Changes with the photo; empty without one, `PENDING` while the relay has not looked.
    pub photo_hash: String,
    /// Blocked by the account, or muted in this session.
    pub blocked: bool,
    /// The groups that hold the contact.
    pub groups: Vec<RosterGroup>,
}

/// A roster group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RosterGroup {
    /// Its id, a short numeric text.
    pub id: String,
    /// What the person called it.
    pub name: String,
}

impl Roster {
    /// From the data of GetContactList.
    pub(crate) fn read(data: &Value) -> Self {
        Self { contacts: contacts(data), groups: groups(data) }
    }
}

/// The contacts in the member `contacts`, a map by SIP URI; what has no usable address is left out.
pub(crate) fn contacts(data: &Value) -> Vec<RosterContact> {
    let map = data.get("contacts").and_then(Value::as_object);
    map.into_iter().flatten().filter_map(|(uri, record)| contact(uri, record)).collect()
}

fn contact(uri: &str, record: &Value) -> Option<RosterContact> {
    let address: Address = uri.parse().ok()?;
    let text = |name: &str| record.get(name).and_then(Value::as_str).unwrap_or_default();
    let number = text("availability").parse().ok().map(Availability::from_number);
    let display_name = match text("displayName") {
        "" => address.local().to_owned(),
        name => name.to_owned(),
    };
    Some(RosterContact {
        display_name,
        availability: number
            .or_else(|| Availability::from_name(text("presence")))
            .unwrap_or(Availability::Offline),
        personal_message: text("personalMessage").to_owned(),
        photo_hash: text("photoHash").to_owned(),
        blocked: text("blocked") == "true",
        groups: groups(record),
        address,
    })
}

fn groups(record: &Value) -> Vec<RosterGroup> {
    let list = record.get("groups").and_then(Value::as_array);
    let text = |group: &Value, name: &str| group.get(name).and_then(Value::as_str).map(str::to_owned);
    let group = |group: &Value| Some(RosterGroup { id: text(group, "id")?, name: text(group, "name")? });
    list.into_iter().flatten().filter_map(group).collect()
}
