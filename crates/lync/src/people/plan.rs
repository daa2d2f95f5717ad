use std::collections::BTreeSet;

use trunkline_core::port::{LineError, RosterChange};
use trunkline_model::{Address, GroupId};
use trunkline_sip::{
    Uri,
    body::{contact::OTHER_CONTACTS, soap::ListOperation},
};

use super::{
    event::Settings,
    list::{Entry, List},
    shown::{MAX_LINE, cut},
};

/// The name of the group of favourites, which every client knows.
const PINNED: &str = "Pinned Contacts";

/// What to send for a change.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) operation: ListOperation,
    /// Whether the change is done with it.
    pub(super) last: bool,
    /// Whether somebody comes on the list who was not there.
    pub(super) fresh: bool,
}

/// The next step of a change to the list as it is; `None` when there is nothing to do.
pub(super) fn plan(
    change: &RosterChange,
    list: &List,
    settings: &Settings,
) -> Result<Option<Step>, LineError> {
    if list.is_elsewhere() {
        return Err(LineError::NotSupported("changing a contact list that is kept in Exchange"));
    }
    match change {
        RosterChange::AddContact(address, group) => add(address, *group, list, settings).map(Some),
        RosterChange::RemoveContact(address) => {
            entry(address, list)?;
            Ok(Some(only(ListOperation::DeleteContact { uri: address.uri() })))
        }
        RosterChange::AddGroup(name) => add_group(name, list, settings).map(Some),
        RosterChange::RenameGroup(id, name) => rename(*id, name, list),
        RosterChange::RemoveGroup(id) => {
            let id = own_group(*id, list)?;
            if list.has_members(id) {
                return Err(LineError::GroupNotEmpty);
            }
            Ok(Some(only(ListOperation::DeleteGroup { id })))
        }
        RosterChange::AddToGroup(address, id) => {
            let (id, entry) = (group(*id, list)?, entry(address, list)?);
            if entry.groups.contains(&id) {
                return Err(LineError::AlreadyInGroup);
            }
            let groups = entry.groups.iter().copied().chain([id]).collect();
            place(address, entry, &groups, list).map(Some)
        }
        RosterChange::RemoveFromGroup(address, id) => {
            let (id, entry) = (group(*id, list)?, entry(address, list)?);
            if !entry.groups.contains(&id) {
                return Err(LineError::NotFound(format!("{address} is not in that group")));
            }
            let groups = entry.groups.iter().copied().filter(|one| *one != id).collect();
            place(address, entry, &groups, list).map(Some)
        }
    }
}

fn add(
    address: &Address,
    wanted: Option<GroupId>,
    list: &List,
    settings: &Settings,
) -> Result<Step, LineError> {
    if !can_be_sent(address) {
        return Err(LineError::NotFound(format!("{address} cannot be an address of this IM system")));
    }
    let wanted = wanted.map(|id| group(id, list)).transpose()?;
    let nobody = Entry::default();
    let known = list.entry(address);
    if known.is_none() && list.contacts() >= settings.contacts {
        return Err(LineError::Refused("the contact list is full".into()));
    }
    let entry = known.unwrap_or(&nobody);
    if wanted.is_some_and(|id| entry.groups.contains(&id)) {
        return Err(LineError::AlreadyInGroup);
    }
    let groups = entry.groups.iter().copied().chain(wanted).collect();
    let step = place(address, entry, &groups, list)?;
    Ok(Step { fresh: known.is_none() && step.last, ..step })
}

/// A contact is in a group always, if only in that of those who are in no other; a list without it gets one first.
fn place(address: &Address, entry: &Entry, groups: &BTreeSet<u32>, list: &List) -> Result<Step, LineError> {
    let others = list.others();
    let mut groups: Vec<u32> = groups.iter().copied().collect();
    if groups.len() > 1 {
        groups.retain(|id| Some(*id) != others);
    }
    if groups.is_empty() {
        let Some(others) = others else {
            let operation = ListOperation::AddGroup { name: OTHER_CONTACTS.to_owned(), external: None };
            return Ok(Step { operation, last: false, fresh: false });
        };
        groups.push(others);
    }
    Ok(only(ListOperation::SetContact {
        uri: address.uri(),
        name: entry.name.clone(),
        groups,
        subscribed: entry.subscribed,
        external: entry.external.clone(),
    }))
}

fn add_group(name: &str, list: &List, settings: &Settings) -> Result<Step, LineError> {
    let name = usable(name)?;
    if list.named(&name).is_some() {
        return Err(LineError::Conflict("there is a group of that name".into()));
    }
    if list.groups() >= settings.groups {
        return Err(LineError::Refused("there are too many groups".into()));
    }
    Ok(only(ListOperation::AddGroup { name, external: None }))
}

fn rename(id: GroupId, name: &str, list: &List) -> Result<Option<Step>, LineError> {
    let (number, name) = (own_group(id, list)?, usable(name)?);
    if list.group(id).is_some_and(|group| group.name == name) {
        return Ok(None);
    }
    if list.named(&name).is_some_and(|other| other != number) {
        return Err(LineError::Conflict("there is a group of that name".into()));
    }
    Ok(Some(only(ListOperation::ModifyGroup { id: number, name, external: None })))
}

fn only(operation: ListOperation) -> Step {
    Step { operation, last: true, fresh: false }
}

fn usable(name: &str) -> Result<String, LineError> {
    let name = cut(name, MAX_LINE);
    match name.as_str() {
        "" => Err(LineError::Refused("a group needs a name".into())),
        OTHER_CONTACTS => Err(LineError::Refused("that name is the IM system's own".into())),
        _ => Ok(name),
    }
}

fn group(id: GroupId, list: &List) -> Result<u32, LineError> {
    list.group(id).map(|group| group.id).ok_or_else(|| LineError::NotFound("there is no such group".into()))
}

/// A group that the person may rename and remove.
fn own_group(id: GroupId, list: &List) -> Result<u32, LineError> {
    let number = group(id, list)?;
    if list.group(id).is_some_and(|group| group.name == PINNED) {
        return Err(LineError::Refused("the favourites can be neither renamed nor removed".into()));
    }
    Ok(number)
}

fn entry<'a>(address: &Address, list: &'a List) -> Result<&'a Entry, LineError> {
    list.entry(address).ok_or_else(|| LineError::NotFound(format!("{address} is not in the roster")))
}

/// Whether an address can stand in a request: one that cannot makes the server refuse all that is sent with it.
pub(super) fn can_be_sent(address: &Address) -> bool {
    let uri = address.uri();
    uri.is_ascii() && Uri::parse(&uri).is_ok_and(|uri| uri.user().is_some())
}
