use proptest::prelude::*;
use trunkline_sip::body::{
    BodyCode,
    contact::{Contact, ContactDelta, ContactList, Group, ListChange, Roster},
    deregistration::Deregistration,
    provisioning::{PersistentChat, ProvisionGroup, ProvisionGroupList, ProvisionRequest},
    soap::{ListOperation, ListReply, ListRequest},
};

use crate::{
    sample::sample,
    strategy::{few, maybe, text, uri},
};

#[test]
fn a_list_is_read_with_full_addresses_and_written_without_schemes() {
    let list = ContactList::read(&sample("contacts").1).expect("read");
    assert_eq!((list.delta, list.is_elsewhere(), list.groups[1].name.as_str()), (7, false, "Tugs & Pilots"));
    assert_eq!(
        (list.contacts[0].uri.as_str(), &list.contacts[0].groups[..]),
        ("sip:ben@harbour.example", &[1, 2][..])
    );
    assert!(list.write().contains(r#"<contact uri="ben@harbour.example""#));
    let moved = ContactList::read(br#"<contactList deltaNum="1" ucsmode="Migrated"/>"#).expect("read");
    assert!(moved.is_elsewhere());
}

#[test]
fn changes_come_in_the_order_in_which_they_can_be_applied() {
    let Roster::Delta(delta) = Roster::read(&sample("contact-delta").1).expect("read") else {
        panic!("no delta")
    };
    assert_eq!((delta.delta, delta.previous), (8, Some(7)));
    assert!(matches!(
        &delta.changes[..],
        [
            ListChange::GroupAdded(_),
            ListChange::GroupModified(_),
            ListChange::ContactAdded(_),
            ListChange::ContactModified(_),
            ListChange::ContactDeleted(gone),
            ListChange::GroupDeleted(2)
        ] if gone == "sip:dora@harbour.example"
    ));
}

#[test]
fn a_list_takes_over_changes_and_notices_when_one_is_missing() {
    let mut list = ContactList::read(&sample("contacts").1).expect("read");
    let delta = ContactDelta::read(&sample("contact-delta").1).expect("read");
    let late = ContactDelta { delta: 10, previous: Some(9), changes: Vec::new() };
    assert!(!list.apply(late));
    assert_eq!(list.delta, 7);
    assert!(list.apply(delta.clone()) && list.apply(delta), "heard twice");
    let groups: Vec<_> = list.groups.iter().map(|group| (group.id, group.name.as_str())).collect();
    assert_eq!((list.delta, groups), (8, vec![(1, "Pier"), (3, "Night tide")]));
    let ben = &list.contacts[0];
    assert_eq!((ben.name.as_str(), &ben.groups[..], ben.subscribed), ("Benny", &[1, 3][..], Some(true)));
    assert_eq!(list.contacts[1].uri, "sip:cleo@harbour.example");
}

#[test]
fn soap_requests_and_faults_are_read() {
    let request = ListRequest::read(&sample("soap").1).expect("read");
    let ListOperation::SetContact { uri, name, groups, subscribed: true, external: None } = request.operation
    else {
        panic!("{:?}", request.operation)
    };
    assert_eq!(
        (request.delta, uri.as_str(), name.as_str(), groups),
        (8, "sip:cleo@harbour.example", "Cleo", vec![1, 3])
    );
    let fault = ListReply::read(&sample("soap-fault").1).expect("read");
    let expected =
        ListReply::Fault { code: "Client".into(), text: "refused".into(), detail: Some("old list".into()) };
    assert_eq!(fault, expected);
    let without = br#"<e:Envelope xmlns:e="e"><e:Body><deleteGroup><groupID>3</groupID></deleteGroup></e:Body></e:Envelope>"#;
    assert_eq!(ListRequest::read(without).map_err(|error| error.code), Err(BodyCode::Missing));
    let added = ListReply::GroupAdded { id: 3 };
    assert_eq!(ListReply::read(added.write().as_bytes()), Ok(added));
}

#[test]
fn provisioning_says_where_conferences_and_rooms_are() {
    let list = ProvisionGroupList::read(&sample("provisioning").1).expect("read");
    assert_eq!(list.focus_factory(), Some("sip:ana@harbour.example;gruu;opaque=app:conf:focusfactory"));
    let pool = Some("sip:GC-1-PersistentChatService-2@harbour.example".to_owned());
    assert_eq!(list.persistent_chat(), Some(PersistentChat { enabled: true, pool }));
    assert_eq!(ProvisionGroupList::default().persistent_chat(), None);
    let none = ProvisionGroup::rooms(&PersistentChat { enabled: false, pool: None });
    let written = ProvisionGroupList(vec![ProvisionGroup::server("sip:f@x.example"), none]);
    let read = ProvisionGroupList::read(written.write().as_bytes()).expect("read");
    assert_eq!(read.persistent_chat().map(|chat| chat.enabled), Some(false));
    assert_eq!(
        ProvisionRequest::read(ProvisionRequest::usual().write().as_bytes()),
        Ok(ProvisionRequest::usual())
    );
}

#[test]
fn a_deregistration_says_why() {
    assert_eq!(Deregistration::read(&sample("registration").1), Ok(Deregistration::Rejected));
    for event in
        [Deregistration::Unregistered, Deregistration::Deactivated, Deregistration::Other("odd".into())]
    {
        assert_eq!(Deregistration::read(event.write().as_bytes()), Ok(event));
    }
    assert!(
        Deregistration::read(b"registered;event=rejected").is_err()
            && Deregistration::read(b"deregistered").is_err()
    );
}

fn contact() -> impl Strategy<Value = Contact> {
    (uri(), text(), few(any::<u32>()), maybe(any::<bool>()), maybe(uri())).prop_map(
        |(uri, name, groups, subscribed, external)| Contact {
            uri,
            name,
            groups,
            subscribed,
            external,
            extension: None,
        },
    )
}

fn group() -> impl Strategy<Value = Group> {
    (any::<u32>(), text(), maybe(uri())).prop_map(|(id, name, external)| Group { id, name, external })
}

fn operation() -> impl Strategy<Value = ListOperation> {
    prop_oneof![
        (uri(), text(), few(any::<u32>()), any::<bool>(), maybe(uri())).prop_map(
            |(uri, name, groups, subscribed, external)| ListOperation::SetContact {
                uri,
                name,
                groups,
                subscribed,
                external
            }
        ),
        uri().prop_map(|uri| ListOperation::DeleteContact { uri }),
        (text(), maybe(uri())).prop_map(|(name, external)| ListOperation::AddGroup { name, external }),
        (any::<u32>(), text(), maybe(uri())).prop_map(|(id, name, external)| ListOperation::ModifyGroup {
            id,
            name,
            external
        }),
        any::<u32>().prop_map(|id| ListOperation::DeleteGroup { id }),
    ]
}

proptest! {
    #[test]
    fn lists_read_as_they_were_written(delta in any::<u64>(), groups in few(group()), contacts in few(contact())) {
        let list = ContactList { delta, store: None, groups, contacts };
        prop_assert_eq!(Roster::read(list.write().as_bytes()), Ok(Roster::List(list)));
    }

    #[test]
    fn changes_read_as_they_were_written(
        delta in any::<u64>(), previous in maybe(any::<u64>()), group in group(), contact in contact(), gone in uri(),
    ) {
        let changes = vec![
            ListChange::GroupAdded(group.clone()),
            ListChange::GroupModified(group),
            ListChange::ContactAdded(contact.clone()),
            ListChange::ContactModified(contact),
            ListChange::ContactDeleted(gone),
            ListChange::GroupDeleted(4),
        ];
        let delta = ContactDelta { delta, previous, changes };
        prop_assert_eq!(Roster::read(delta.write().as_bytes()), Ok(Roster::Delta(delta)));
    }

    #[test]
    fn requests_read_as_they_were_written(delta in any::<u64>(), operation in operation()) {
        let request = ListRequest { delta, operation };
        prop_assert_eq!(ListRequest::read(request.write().as_bytes()), Ok(request));
    }
}
