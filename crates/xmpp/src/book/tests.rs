use tokio_xmpp::{
    minidom::Element,
    parsers::{presence::Presence as Stanza, roster::Item},
};
use trunkline_core::port::{Search, SearchField};
use trunkline_model::{Address, Availability, GroupId};

use super::{Bond, Book};

fn item(jid: &str, attributes: &str, groups: &[&str]) -> Item {
    let groups: String = groups.iter().map(|group| format!("<group>{group}</group>")).collect();
    let xml = format!("<item xmlns='jabber:iq:roster' jid='{jid}' {attributes}>{groups}</item>");
    Item::try_from(xml.parse::<Element>().unwrap()).unwrap()
}

fn presence(from: &str, show: &str) -> Stanza {
    let xml = format!("<presence xmlns='jabber:client' from='{from}'><show>{show}</show></presence>");
    Stanza::try_from(xml.parse::<Element>().unwrap()).unwrap()
}

fn address(text: &str) -> Address {
    text.parse().unwrap()
}

fn book() -> Book {
    let mut book = Book::default();
    book.load(vec![
        item("bob@corp.test", "name='Bob Brown' subscription='both'", &["Work", "Chess"]),
        item("carol@corp.test", "ask='subscribe'", &["Work"]),
        item("gateway.corp.test", "", &["Transports"]),
    ]);
    book
}

#[test]
fn groups_are_numbered_by_name_and_keep_their_numbers() {
    let mut book = book();
    let listed = |book: &Book| {
        book.roster().groups.into_iter().map(|group| (group.id.0, group.name)).collect::<Vec<_>>()
    };
    assert_eq!(listed(&book), [(1, "Chess".to_owned()), (2, "Work".to_owned())]);
    let change = book.push(&item("dan@corp.test", "", &["Ants"])).unwrap();
    assert!(change.groups);
    assert_eq!(change.contact.groups[0].id, GroupId(3), "a later group does not move the others");
    let change = book.push(&item("dan@corp.test", "name='Dan'", &["Ants"])).unwrap();
    assert!(!change.groups);
    book.load(vec![item("bob@corp.test", "", &["Work"])]);
    assert_eq!(book.roster().contacts[0].groups[0].id, GroupId(2), "numbers outlive a reconnect");
}

#[test]
fn a_group_goes_with_its_last_contact_unless_it_was_made_here() {
    let mut book = book();
    book.groups_mut().add("Later");
    let change = book.push(&item("bob@corp.test", "subscription='remove'", &[])).unwrap();
    assert!(!change.contact.in_roster && change.groups);
    assert_eq!(book.members("Chess"), []);
    let names: Vec<String> = book.roster().groups.into_iter().map(|group| group.name).collect();
    assert_eq!(names, ["Work", "Later"]);
}

#[test]
fn presence_is_kept_for_contacts_and_watched_people_only() {
    let mut book = book();
    assert!(book.hear(&presence("mallory@corp.test/x", "chat")).is_none());
    let bob = book.hear(&presence("bob@corp.test/desk", "dnd")).unwrap();
    assert_eq!(bob.presence.availability, Availability::DoNotDisturb);
    assert!(book.hear(&presence("bob@corp.test/desk", "dnd")).is_none(), "nothing new was told");
    assert!(book.watch(&address("mallory@corp.test"), true));
    let mallory = book.hear(&presence("mallory@corp.test/x", "chat")).unwrap();
    assert!(!mallory.in_roster);
    assert_eq!(mallory.presence.availability, Availability::Available);
    book.watch(&address("mallory@corp.test"), false);
    assert!(book.contact(&address("mallory@corp.test")).is_none());
}

#[test]
fn presence_survives_a_push_and_not_a_new_stream() {
    let mut book = book();
    book.hear(&presence("bob@corp.test/desk", "chat"));
    let change = book.push(&item("bob@corp.test", "name='Robert' subscription='both'", &[])).unwrap();
    assert_eq!(change.contact.presence.availability, Availability::Available);
    assert_eq!(change.contact.shown_name(), "Robert");
    book.load(vec![item("bob@corp.test", "subscription='both'", &[])]);
    assert_eq!(book.roster().contacts[0].presence.availability, Availability::Offline);
}

#[test]
fn bonds_are_read_from_subscriptions() {
    let book = book();
    assert_eq!(book.entry(&address("bob@corp.test")).unwrap().bond, Bond::Sees);
    assert_eq!(book.entry(&address("carol@corp.test")).unwrap().bond, Bond::Asked);
    assert_eq!(book.entry(&address("mallory@corp.test")), None);
}

#[test]
fn search_finds_the_start_of_words_and_says_what_it_left_out() {
    let book = book();
    let find = |term: &str, field, limit| {
        let found = book.search(&Search { term: term.into(), field, limit });
        (found.contacts.iter().map(|c| c.address.local().to_owned()).collect::<Vec<_>>(), found.more)
    };
    assert_eq!(find("BRO", SearchField::Name, 9), (vec!["bob".into()], false));
    assert_eq!(find("rown", SearchField::Any, 9), (vec![], false));
    assert_eq!(find("car", SearchField::Name, 9), (vec!["carol".into()], false));
    assert_eq!(find("corp", SearchField::Email, 1), (vec!["bob".into()], true));
    assert_eq!(find("12", SearchField::Phone, 9), (vec![], false));
}
