//! Changing the list of contacts by SOAP.

use trunkline_sip::{
    Request,
    body::{
        contact::{Contact, ContactDelta, ContactList, Group, ListChange},
        soap::{self, ListOperation, ListReply, ListRequest},
    },
};

use super::{house::House, subscription::Package, user::Key};

impl House {
    pub(super) fn change_list(&mut self, line: u64, request: &Request, key: &Key) {
        let Ok(order) = ListRequest::read(request.body()) else {
            return self.diagnose(line, request, 400, 4001, "XML parse failure");
        };
        let Some(user) = self.users.get_mut(&key.0) else { return };
        let list = &mut user.contacts;
        let known = order.delta == list.delta;
        let Some(change) = change(list, &order.operation).filter(|_| known) else {
            let code = if known { "Client.BadCall" } else { "Client.BadCall.WrongDelta" };
            let fault = ListReply::Fault { code: code.to_owned(), text: code.to_owned(), detail: None };
            let reply = self.reply(request, 400).body(soap::TYPE, fault.write()).done();
            return self.send(line, reply);
        };
        apply(list, &change);
        list.delta += 1;
        let answer = match &change {
            ListChange::GroupAdded(group) => ListReply::GroupAdded { id: group.id },
            _ => ListReply::Done { operation: order.operation.name().to_owned() },
        };
        let delta = ContactDelta { delta: list.delta, previous: Some(order.delta), changes: vec![change] };
        let reply = self.reply(request, 200).body(soap::TYPE, answer.write()).done();
        self.send(line, reply);
        self.notify_all(&key.0, Package::Contacts, &delta.write());
    }
}

fn change(list: &ContactList, operation: &ListOperation) -> Option<ListChange> {
    Some(match operation.clone() {
        ListOperation::SetContact { uri, name, groups, subscribed, external } => {
            let known = list.contacts.iter().any(|contact| same(&contact.uri, &uri));
            let contact =
                Contact { uri, name, groups, subscribed: Some(subscribed), external, extension: None };
            if known { ListChange::ContactModified(contact) } else { ListChange::ContactAdded(contact) }
        }
        ListOperation::DeleteContact { uri } => {
            list.contacts.iter().find(|contact| same(&contact.uri, &uri))?;
            ListChange::ContactDeleted(uri)
        }
        ListOperation::AddGroup { name, external } => {
            let id = list.groups.iter().map(|group| group.id).max().unwrap_or(0) + 1;
            ListChange::GroupAdded(Group { id, name, external })
        }
        ListOperation::ModifyGroup { id, name, external } => {
            list.groups.iter().find(|group| group.id == id)?;
            ListChange::GroupModified(Group { id, name, external })
        }
        ListOperation::DeleteGroup { id } => {
            list.groups.iter().find(|group| group.id == id)?;
            ListChange::GroupDeleted(id)
        }
        ListOperation::Other(_) => return None,
    })
}

fn apply(list: &mut ContactList, change: &ListChange) {
    match change {
        ListChange::GroupAdded(group) => list.groups.push(group.clone()),
        ListChange::GroupModified(group) => {
            list.groups
                .iter_mut()
                .filter(|known| known.id == group.id)
                .for_each(|known| *known = group.clone());
        }
        ListChange::ContactAdded(contact) => list.contacts.push(contact.clone()),
        ListChange::ContactModified(contact) => {
            let known = list.contacts.iter_mut().filter(|known| same(&known.uri, &contact.uri));
            known.for_each(|known| *known = contact.clone());
        }
        ListChange::ContactDeleted(uri) => list.contacts.retain(|known| !same(&known.uri, uri)),
        ListChange::GroupDeleted(id) => list.groups.retain(|known| known.id != *id),
    }
}

fn same(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}
