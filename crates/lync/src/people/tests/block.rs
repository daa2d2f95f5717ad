//! Blocking, here and at another endpoint.

use trunkline_core::port::LineError;
use trunkline_model::Address;

use super::{
    Desk, address,
    own::{OPEN, data, ready},
};
use crate::people::{Action, Answer, ChangeId, Event, Package};

fn block(desk: &mut Desk, id: u64, blocked: bool) {
    desk.tell(Event::Block(ChangeId(id), address("bob"), blocked));
}

#[test]
fn whom_another_client_blocks_is_told_and_told_once() {
    let mut desk = ready("");
    let list = |members: &str| {
        format!(
            r#"<roamingData><containers><container id="32000" version="5">{members}</container></containers></roamingData>"#
        )
    };
    let bob = r#"<member type="user" value="Bob@example.com"/><member type="domain" value="evil.example"/>"#;
    desk.own(&list(bob));
    assert_eq!(desk.blocked(), [vec![address("bob")]]);
    desk.own(&list(bob));
    desk.own("<roamingData/>");
    assert!(desk.blocked().is_empty());
    desk.own(&list(""));
    assert_eq!(desk.blocked(), [Vec::<Address>::new()]);
}

#[test]
fn blocking_moves_somebody_out_of_every_circle_and_a_conflict_is_tried_with_the_truth() {
    let mut desk = ready("");
    desk.own(r#"<roamingData><containers><container id="300" version="5"><member type="user" value="Bob@example.com"/></container></containers></roamingData>"#);
    block(&mut desk, 1, true);
    let served = desk.served();
    let [(id, body)] = served.as_slice() else { panic!("{served:?}") };
    assert!(body.text.contains(r#"<container id="300" version="5"><member action="remove" type="user" value="Bob@example.com"/></container><container id="32000" version="0"><member action="add" type="user" value="bob@example.com"/></container>"#), "{}", body.text);
    assert!(desk.people.blocks(&address("bob")), "from the moment that the person says so");
    desk.refuse(*id, 409, "");
    assert_eq!((desk.subscribed(), desk.served().len()), (vec![Package::Own], 0));
    desk.own(r#"<roamingData><containers><container id="32000" version="4"/></containers></roamingData>"#);
    let (id, body) = desk.served().pop().unwrap();
    assert!(body.text.contains(r#"id="32000" version="4""#) && body.text.contains(r#"id="300" version="5""#));
    desk.tell(Event::Served(id, Answer::Accepted(Vec::new())));
    assert_eq!(desk.changed(), [(1, Ok(None))]);
    assert!(
        desk.people.blocks(&address("bob")) && desk.served().is_empty(),
        "colleagues still see the person"
    );
    block(&mut desk, 2, false);
    let (id, body) = desk.served().pop().unwrap();
    assert!(
        body.text.contains(r#"<container id="32000" version="5"><member action="remove""#),
        "{}",
        body.text
    );
    desk.refuse(id, 403, "");
    assert!(matches!(desk.changed().as_slice(), [(2, Err(LineError::Refused(_)))]));
    assert!(!desk.people.blocks(&address("bob")), "the server may, the person does not");
    assert!(desk.served().is_empty(), "not before the next sign-in");
    block(&mut desk, 3, true);
    assert_eq!((desk.changed(), desk.served().len()), (vec![(3, Ok(None))], 0), "it is so already");
}

#[test]
fn what_the_server_does_not_do_for_the_person_is_no_word_of_another_client() {
    let mut desk = ready("");
    let list = |members: &str| {
        format!(
            r#"<roamingData><containers><container id="32000" version="5">{members}</container></containers></roamingData>"#
        )
    };
    let bob = r#"<member type="user" value="bob@example.com"/>"#;
    desk.own(&list(bob));
    assert_eq!(desk.blocked(), [vec![address("bob")]]);
    block(&mut desk, 1, false);
    let (id, _) = desk.served().pop().unwrap();
    block(&mut desk, 2, true);
    desk.tell(Event::Served(id, Answer::Accepted(Vec::new())));
    let (id, _) = desk.served().pop().unwrap();
    desk.refuse(id, 403, "");
    desk.own(&list(""));
    assert_eq!(desk.blocked(), Vec::<Vec<Address>>::new(), "the person wants Bob blocked all along");
}

#[test]
fn half_a_list_says_nothing_of_the_blocked() {
    let mut desk = ready("");
    let bob = r#"<roamingData><containers><container id="32000" version="5"><member type="user" value="bob@example.com"/></container></containers></roamingData>"#;
    desk.own(bob);
    assert_eq!(desk.blocked(), [vec![address("bob")]]);
    desk.tell(Event::SignedOut);
    desk.tell(Event::SignedIn);
    desk.own(r#"<roamingData><categories uri="sip:alice@example.com"/></roamingData>"#);
    desk.own(&format!("<roamingData>{OPEN}</roamingData>"));
    assert_eq!(desk.blocked(), Vec::<Vec<Address>>::new());
}

#[test]
fn what_was_to_be_blocked_without_a_way_is_done_later_and_once() {
    let mut desk = ready("");
    desk.tell(Event::SignedOut);
    block(&mut desk, 1, true);
    assert!(matches!(desk.changed().as_slice(), [(1, Err(LineError::NotConnected(_)))]));
    desk.tell(Event::SignedIn);
    desk.own(&data(""));
    desk.log.retain(|action| !matches!(action, Action::Subscribe(_)));
    let (id, _) = desk.published();
    desk.tell(Event::Served(id, Answer::Accepted(Vec::new())));
    let (id, _) = desk.served().pop().unwrap();
    desk.tell(Event::Served(id, Answer::Accepted(Vec::new())));
    assert!(desk.served().is_empty() && desk.changed().is_empty());
}
