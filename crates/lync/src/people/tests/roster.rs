//! The list of contacts, after the transcripts of real clients.

use std::time::Duration;

use trunkline_core::port::{LineError, RosterChange};
use trunkline_model::GroupId;
use trunkline_sip::body::soap::{ListOperation, ListReply};

use super::{Desk, LIST, address, done};
use crate::people::{Action, Answer, Event, Package};

fn delta(number: u64, changes: &str) -> String {
    format!(r#"<contactDelta deltaNum="{number}" prevDeltaNum="{}">{changes}</contactDelta>"#, number - 1)
}

#[test]
fn signing_in_asks_for_list_settings_and_oneself() {
    let mut desk = Desk::new();
    desk.tell(Event::SignedIn);
    assert_eq!(desk.subscribed(), [Package::Contacts, Package::Provisioning, Package::Own]);
    desk.wait(Duration::from_secs(59));
    assert_eq!(desk.subscribed(), []);
    desk.wait(Duration::from_secs(2));
    assert_eq!(desk.subscribed().len(), 3, "what does not come is asked for again");
    desk.contacts(LIST);
    assert!(matches!(desk.log.first(), Some(Action::RosterChanged)));
}

#[test]
fn the_list_is_shown_without_the_groups_that_are_not_for_people() {
    let desk = Desk::listed();
    let roster = desk.people.roster();
    let groups: Vec<_> = roster.groups.iter().map(|group| (group.id.0, group.name.as_str())).collect();
    assert_eq!(groups, [(2, "Project & Co"), (5, "Pinned Contacts")]);
    assert_eq!(desk.groups("bob"), ["Project & Co"]);
    assert!(desk.groups("dave").is_empty());
    assert_eq!(desk.contact("dave").shown_name(), "Davy");
    assert!(desk.contact("bob").in_roster);
}

#[test]
fn deltas_are_applied_in_order_and_tell_what_changed() {
    let mut desk = Desk::listed();
    desk.contacts(&delta(
        8,
        r#"<deletedGroup id="2"/><addedGroup id="3" name="Night shift" externalURI=""/><addedContact uri="sip:carol@example.com" name="" groups="3" subscribed="true" externalURI=""/><modifiedContact uri="sip:bob@example.com" name="Bobby" groups="1 3"/><deletedContact uri="sip:dave@example.com"/>"#,
    ));
    assert_eq!(
        (desk.groups("bob"), desk.groups("carol")),
        (vec!["Night shift".into()], vec!["Night shift".into()])
    );
    let told: Vec<_> = desk
        .log
        .iter()
        .filter_map(|action| match action {
            Action::ContactChanged(contact) => Some((contact.address.local().to_owned(), contact.in_roster)),
            _ => None,
        })
        .collect();
    assert_eq!(told, [("bob".into(), true), ("carol".into(), true), ("dave".into(), false)]);
    assert!(desk.log.iter().any(|action| matches!(action, Action::RosterChanged)));
    assert!(desk.people.contact(&address("dave")).is_none());
}

#[test]
fn a_gap_asks_for_the_whole_list_and_no_change_is_sent_before_it_came() {
    let mut desk = Desk::listed();
    desk.contacts(&delta(9, r#"<deletedContact uri="sip:dave@example.com"/>"#));
    assert_eq!(desk.subscribed(), [Package::Contacts]);
    desk.change(1, RosterChange::RemoveContact(address("bob")));
    assert!(desk.served().is_empty());
    desk.contacts(&LIST.replace("deltaNum=\"7\"", "deltaNum=\"9\""));
    assert_eq!(desk.request().1.delta, 9);
    desk.contacts(&delta(8, r#"<deletedContact uri="sip:dave@example.com"/>"#));
    assert!(desk.people.contact(&address("dave")).is_some(), "an old delta is not applied");
}

#[test]
fn adding_is_answered_when_the_delta_arrived_and_the_next_change_waits_for_it() {
    let mut desk = Desk::listed();
    desk.change(1, RosterChange::AddContact(address("carol"), Some(GroupId(2))));
    desk.change(2, RosterChange::AddGroup(" Night shift ".into()));
    let (id, request) = desk.request();
    let ListOperation::SetContact { uri, groups, subscribed, .. } = &request.operation else { panic!() };
    assert_eq!(
        (request.delta, uri.as_str(), groups.as_slice(), *subscribed),
        (7, "sip:carol@example.com", &[2][..], true)
    );
    desk.accept(id, &done());
    assert!(desk.changed().is_empty());
    assert!(desk.served().is_empty());
    desk.contacts(&delta(
        8,
        r#"<addedContact uri="sip:carol@example.com" name="" groups="2" subscribed="true"/>"#,
    ));
    assert_eq!(desk.changed(), [(1, Ok(None))]);
    let (id, request) = desk.request();
    assert_eq!(request.delta, 8);
    // The delta overtakes the answer.
    desk.contacts(&delta(9, r#"<addedGroup id="7" name="Night shift"/>"#));
    assert!(desk.changed().is_empty());
    desk.accept(id, &ListReply::GroupAdded { id: 7 });
    assert_eq!(desk.changed(), [(2, Ok(Some(GroupId(7))))]);
}

#[test]
fn an_accepted_change_without_its_delta_is_answered_and_the_list_asked_for() {
    let mut desk = Desk::listed();
    desk.change(1, RosterChange::AddGroup("Night shift".into()));
    let (id, _) = desk.request();
    desk.accept(id, &ListReply::GroupAdded { id: 7 });
    desk.wait(Duration::from_secs(6));
    assert_eq!(desk.changed(), [(1, Ok(Some(GroupId(7))))]);
    assert_eq!(desk.subscribed(), [Package::Contacts]);
}

#[test]
fn a_stale_version_costs_one_look_at_the_list_and_one_retry() {
    let mut desk = Desk::listed();
    desk.change(1, RosterChange::RemoveContact(address("bob")));
    let (id, _) = desk.request();
    desk.refuse(id, 500, "");
    assert_eq!(desk.subscribed(), [Package::Contacts]);
    desk.contacts(&LIST.replace("deltaNum=\"7\"", "deltaNum=\"12\""));
    let (id, request) = desk.request();
    assert_eq!(request.delta, 12);
    desk.refuse(id, 500, "");
    let changed = desk.changed();
    assert!(matches!(changed.as_slice(), [(1, Err(LineError::Refused(_)))]), "{changed:?}");
}

#[test]
fn a_list_without_the_group_of_all_others_gets_it_first() {
    let mut desk = Desk::new();
    desk.tell(Event::SignedIn);
    desk.contacts(r#"<contactList deltaNum="1"/>"#);
    desk.change(1, RosterChange::AddContact(address("bob"), None));
    let (id, request) = desk.request();
    assert!(matches!(&request.operation, ListOperation::AddGroup { name, .. } if name == "~"));
    desk.accept(id, &ListReply::GroupAdded { id: 1 });
    desk.contacts(&delta(2, r#"<addedGroup id="1" name="~"/>"#));
    let (id, request) = desk.request();
    assert!(matches!(&request.operation, ListOperation::SetContact { groups, .. } if groups == &[1]));
    desk.contacts(&delta(3, r#"<addedContact uri="sip:bob@example.com" groups="1"/>"#));
    desk.accept(id, &done());
    assert_eq!(desk.changed(), [(1, Ok(None))]);
    assert!(desk.people.roster().groups.is_empty());
}

#[test]
fn out_of_the_last_group_is_into_that_of_all_others_and_into_one_is_out_of_that() {
    let mut desk = Desk::listed();
    desk.contacts(&delta(8, r#"<modifiedContact uri="sip:bob@example.com" groups="2"/>"#));
    desk.change(1, RosterChange::RemoveFromGroup(address("bob"), GroupId(2)));
    let (id, request) = desk.request();
    assert!(matches!(&request.operation, ListOperation::SetContact { groups, .. } if groups == &[1]));
    desk.accept(id, &done());
    desk.contacts(&delta(9, r#"<modifiedContact uri="sip:bob@example.com" groups="1"/>"#));
    desk.change(2, RosterChange::AddToGroup(address("dave"), GroupId(5)));
    let (_, request) = desk.request();
    let ListOperation::SetContact { groups, name, .. } = &request.operation else { panic!() };
    assert_eq!((groups.as_slice(), name.as_str()), (&[5][..], "Davy"), "a name given before stays");
}

#[test]
fn what_cannot_be_is_said_without_asking_the_server() {
    use LineError::{AlreadyInGroup, Conflict, GroupNotEmpty, NotFound, Refused};
    use RosterChange::{
        AddContact, AddGroup, AddToGroup, RemoveContact, RemoveFromGroup, RemoveGroup, RenameGroup,
    };
    let mut desk = Desk::listed();
    let (bob, dave, carol) = (address("bob"), address("dave"), address("carol"));
    type Check = fn(&LineError) -> bool;
    let cases: [(RosterChange, Check); 14] = [
        (AddContact(bob.clone(), Some(GroupId(2))), |e| *e == AlreadyInGroup),
        (AddContact(carol.clone(), Some(GroupId(9))), |e| matches!(e, NotFound(_))),
        (AddContact("süß@example.com".parse().unwrap(), None), |e| matches!(e, NotFound(_))),
        (AddToGroup(bob.clone(), GroupId(2)), |e| *e == AlreadyInGroup),
        (AddToGroup(carol.clone(), GroupId(2)), |e| matches!(e, NotFound(_))),
        (AddToGroup(dave.clone(), GroupId(1)), |e| matches!(e, NotFound(_))),
        (AddToGroup(dave.clone(), GroupId(6)), |e| matches!(e, NotFound(_))),
        (RemoveContact(carol), |e| matches!(e, NotFound(_))),
        (RemoveFromGroup(dave, GroupId(2)), |e| matches!(e, NotFound(_))),
        (RemoveGroup(GroupId(2)), |e| *e == GroupNotEmpty),
        (RemoveGroup(GroupId(5)), |e| matches!(e, Refused(_))),
        (RenameGroup(GroupId(2), "  ".into()), |e| matches!(e, Refused(_))),
        (RenameGroup(GroupId(2), "pinned contacts".into()), |e| matches!(e, Conflict(_))),
        (AddGroup("~".into()), |e| matches!(e, Refused(_))),
    ];
    for (number, (change, check)) in cases.into_iter().enumerate() {
        let what = format!("{change:?}");
        desk.change(number as u64, change);
        let changed = desk.changed();
        let [(_, Err(error))] = changed.as_slice() else { panic!("{what}: {changed:?}") };
        assert!(check(error), "{what}: {error:?}");
    }
    assert!(desk.served().is_empty());
}

#[test]
fn a_list_that_moved_to_exchange_can_only_be_read() {
    for by_status in [true, false] {
        let mut desk = Desk::new();
        desk.tell(Event::SignedIn);
        if by_status {
            desk.tell(Event::Refused { package: Package::Contacts, status: 488 });
        } else {
            desk.contacts(r#"<contactList deltaNum="3" ucsmode="Migrated"/>"#);
        }
        assert!(desk.people.is_read_only());
        desk.change(1, RosterChange::AddGroup("Night shift".into()));
        let changed = desk.changed();
        let [(1, Err(error))] = changed.as_slice() else { panic!("{changed:?}") };
        assert!(error.to_string().contains("Exchange"), "{error}");
        assert!(desk.served().is_empty());
    }
}

#[test]
fn a_server_that_says_nothing_does_not_hold_a_change_forever() {
    let mut desk = Desk::listed();
    desk.change(1, RosterChange::RemoveContact(address("bob")));
    desk.change(2, RosterChange::RemoveContact(address("dave")));
    let (id, _) = desk.request();
    desk.wait(Duration::from_secs(21));
    let changed = desk.changed();
    assert!(matches!(changed.as_slice(), [(1, Err(LineError::NotConnected(_))), (2, Err(_))]), "{changed:?}");
    desk.change(3, RosterChange::RemoveContact(address("dave")));
    assert!(desk.served().is_empty(), "one at a time, even if the first was given up");
    desk.tell(Event::Served(id, Answer::Accepted(Vec::new())));
    assert_eq!(desk.request().1.delta, 7);
}

#[test]
fn losing_the_way_ends_changes_at_once() {
    let mut desk = Desk::listed();
    desk.change(1, RosterChange::RemoveContact(address("bob")));
    desk.change(2, RosterChange::AddGroup("Night shift".into()));
    desk.tell(Event::SignedOut);
    desk.change(3, RosterChange::AddGroup("Night shift".into()));
    let changed = desk.changed();
    assert_eq!(changed.len(), 3);
    assert!(changed.iter().all(|(_, result)| matches!(result, Err(LineError::NotConnected(_)))));
    assert_eq!(desk.people.roster().contacts.len(), 2, "what was known is shown on");
}
