//! Publishing, after the transcripts of real clients.

use std::time::Duration;

use trunkline_core::port::OwnPresence;
use trunkline_model::{Availability, Presence, PresenceChoice};
use trunkline_sip::body::{
    Content,
    publication::{Conflict, Operation, Publish, instance},
};

use super::{DEVICE, Desk, MACHINE};
use crate::people::{Action, Answer, Event, Package, Words};

pub(super) const OPEN: &str =
    r#"<containers><container id="200" version="1"><member type="sameEnterprise"/></container></containers>"#;

pub(super) fn data(categories: &str) -> String {
    format!(
        r#"<roamingData><categories uri="sip:alice@example.com">{categories}</categories>{OPEN}<subscribers/></roamingData>"#
    )
}

fn device(number: u32) -> String {
    format!(
        r#"<category name="device" instance="{number}" container="2" version="1" expireType="endpoint"><device endpointId="x"/></category>"#
    )
}

fn machine() -> String {
    [2, 3]
        .map(|container| {
            format!(r#"<category name="state" instance="{MACHINE}" container="{container}" version="1" expireType="endpoint"><state xsi:type="machineState" xmlns:xsi="x"><availability>5000</availability></state></category>"#)
        })
        .concat()
}

fn user_state(number: u32) -> String {
    [2, 3]
        .map(|container| {
            format!(r#"<category name="state" instance="536870912" container="{container}" version="4" expireType="static"><state manual="true" xsi:type="userState" xmlns:xsi="x"><availability>{number}</availability></state></category>"#)
        })
        .concat()
}

/// Signed in, told of oneself, with the first publication accepted.
pub(super) fn ready(categories: &str) -> Desk {
    let mut desk = Desk::listed();
    desk.own(&data(categories));
    let (id, _) = desk.published();
    desk.tell(Event::Served(id, Answer::Accepted(Vec::new())));
    desk.log.clear();
    desk
}

fn keys(publish: &Publish) -> Vec<(&str, u32, u32, u64)> {
    let all = publish.publications.iter();
    all.map(|one| (one.category.as_str(), one.instance, one.container, one.version)).collect()
}

fn conflict(operations: &[(usize, u64)]) -> String {
    let all = operations.iter().map(|(index, current)| Operation {
        index: *index,
        version: Some(0),
        current: Some(*current),
    });
    Conflict { code: Conflict::WRONG_DELTA.to_owned(), operations: all.collect() }.write()
}

#[test]
fn the_first_publication_is_a_phone_that_claims_no_activity() {
    let mut desk = Desk::listed();
    assert!(desk.served().is_empty(), "nothing before the server has told what it has");
    desk.own(&data(""));
    let (_, publish) = desk.published();
    assert_eq!(publish.uri, "sip:alice@example.com");
    assert_eq!(
        keys(&publish),
        [("device", DEVICE, 2, 0), ("state", MACHINE, 2, 0), ("state", MACHINE, 3, 0)]
    );
    for publication in &publish.publications[1..] {
        let Content::State(state) = &publication.content else { panic!() };
        assert!(state.is_mobile());
        assert_eq!((state.availability, state.manual), (Some(5_000), Some(false)));
    }
}

#[test]
fn without_colleagues_in_any_container_nobody_would_see_the_person() {
    for containers in [
        "",
        "<containers/>",
        r#"<containers><container id="32000" version="4"><member type="user" value="mallory@example.com"/></container></containers>"#,
    ] {
        let mut desk = Desk::listed();
        desk.own(&format!(
            "<roamingData><categories uri='sip:alice@example.com'/>{containers}</roamingData>"
        ));
        let served = desk.served();
        let [(id, body)] = served.as_slice() else { panic!("{served:?}") };
        assert_eq!(body.media, "application/msrtc-setcontainermembers+xml");
        assert!(
            body.text.contains(
                r#"<container id="200" version="0"><member action="add" type="sameEnterprise"/></container>"#
            ),
            "{}",
            body.text
        );
        assert!(body.text.contains(
            r#"<container id="100" version="0"><member action="add" type="federated"/></container>"#
        ));
        desk.tell(Event::Served(*id, Answer::Accepted(Vec::new())));
        assert_eq!(desk.published().1.publications.len(), 3, "and the publication follows");
    }
    let mut desk = Desk::listed();
    desk.own(&data(""));
    assert_eq!(desk.published().1.publications.len(), 3, "who is in a container is left there");
}

#[test]
fn watchers_are_acknowledged_once() {
    let mut desk = ready("");
    let watchers = r#"<roamingData><subscribers><subscriber user="bob@example.com" acknowledged="false" type="sameEnterprise"/><subscriber user="carol@example.com" acknowledged="true"/></subscribers></roamingData>"#;
    desk.own(watchers);
    let served = desk.served();
    let [(id, body)] = served.as_slice() else { panic!("{served:?}") };
    assert_eq!(body.media, "application/msrtc-presence-setsubscriber+xml");
    assert!(
        body.text.contains(r#"user="bob@example.com" acknowledged="true""#) && !body.text.contains("carol")
    );
    desk.tell(Event::Served(*id, Answer::Accepted(Vec::new())));
    desk.own(watchers);
    assert!(desk.served().is_empty());
}

#[test]
fn a_choice_goes_into_both_sums_and_resetting_takes_it_back() {
    let mut desk = ready("");
    desk.tell(Event::Choose(PresenceChoice::Set(Availability::OffWork)));
    let (id, publish) = desk.published();
    assert_eq!(
        keys(&publish),
        [("state", instance::USER_STATE, 2, 0), ("state", instance::USER_STATE, 3, 0)]
    );
    let Content::State(state) = &publish.publications[0].content else { panic!() };
    assert_eq!((state.availability, state.manual), (Some(15_500), Some(true)));
    assert_eq!(state.activity.as_ref().and_then(|one| one.token.as_deref()), Some("off-work"));
    desk.tell(Event::Served(id, Answer::Accepted(Vec::new())));
    desk.tell(Event::Choose(PresenceChoice::Reset));
    let (id, publish) = desk.published();
    assert!(publish.publications.iter().all(|one| one.expires == Some(0) && one.content == Content::Absent));
    assert_eq!(keys(&publish)[0].3, 1, "of the version that the server has");
    desk.tell(Event::Served(id, Answer::Accepted(Vec::new())));
    desk.tell(Event::Choose(PresenceChoice::Reset));
    assert_eq!(desk.subscribed(), [Package::Own], "another endpoint's choice may have been missed");
    desk.own(&data(&machine()));
    assert!(desk.served().is_empty(), "nothing is there to take back");
    desk.tell(Event::Choose(PresenceChoice::Reset));
    desk.own(&data(&format!("{}{}", machine(), user_state(9_500))));
    assert_eq!(keys(&desk.published().1)[0].3, 4);
}

#[test]
fn a_note_goes_to_all_who_may_read_it_and_an_empty_one_takes_it_back() {
    let mut desk = ready("");
    desk.tell(Event::Note(Words("back at 3".into())));
    let (id, publish) = desk.published();
    assert_eq!(keys(&publish), [("note", 0, 200, 0), ("note", 0, 300, 0), ("note", 0, 400, 0)]);
    desk.tell(Event::Served(id, Answer::Accepted(Vec::new())));
    desk.tell(Event::Note(Words(String::new())));
    let (_, publish) = desk.published();
    assert!(publish.publications.iter().all(|one| one.expires == Some(0) && one.version == 1));
    assert!(!format!("{:?}", desk.log).contains("back at 3"));
}

#[test]
fn a_conflict_is_cured_with_the_versions_that_the_server_names_at_most_three_times() {
    let mut desk = ready("");
    desk.tell(Event::Choose(PresenceChoice::Set(Availability::Busy)));
    for round in 1..=3 {
        let (id, _) = desk.published();
        desk.refuse(id, 409, &conflict(&[(1, round * 7), (2, round * 7 + 1)]));
    }
    let (id, publish) = desk.published();
    assert_eq!(
        keys(&publish),
        [("state", instance::USER_STATE, 2, 21), ("state", instance::USER_STATE, 3, 22)]
    );
    assert_eq!(desk.subscribed(), []);
    desk.refuse(id, 409, &conflict(&[(1, 99)]));
    assert_eq!(desk.subscribed(), [Package::Own], "then the truth is asked for");
    desk.wait(Duration::from_secs(6));
    assert!(desk.served().is_empty(), "and waited for");
    desk.own(&data(&format!("{}{}", user_state(18_500), machine())));
    assert_eq!(keys(&desk.published().1)[0], ("state", instance::USER_STATE, 2, 4));
}

#[test]
fn what_the_server_reports_replaces_all_of_that_name() {
    let mut desk = ready(&format!("{}{}", device(7), device(8)));
    assert_eq!(desk.people.others(), Some(2));
    desk.own(&data(&format!("{}{}{}", device(DEVICE), device(8), device(8))));
    assert_eq!(desk.people.others(), Some(1), "distinct instances but one's own");
    assert!(desk.log.iter().any(|action| matches!(action, Action::OthersChanged(Some(1)))));
    desk.own(&data(&user_state(9_500)));
    assert_eq!(desk.people.others(), Some(1), "a category that is not named has not changed");
    assert_eq!(desk.people.own().unwrap().chosen, Some(Availability::DoNotDisturb));
}

#[test]
fn an_endpoint_that_the_server_dropped_is_published_again_but_not_in_haste() {
    let mut desk = ready("");
    let state = r#"<category name="state" instance="0" container="2"><state xsi:type="aggregateState" xmlns:xsi="x"><availability>18500</availability></state></category>"#;
    desk.own(&data(&format!("{}{state}", device(8))));
    assert!(desk.served().is_empty());
    desk.wait(Duration::from_secs(5));
    assert_eq!(keys(&desk.published().1).len(), 3);
}

#[test]
fn one_publication_that_the_server_does_not_take_leaves_the_others() {
    let mut desk = Desk::listed();
    desk.tell(Event::Note(Words("not allowed here".into())));
    desk.own(&data(""));
    let mut accepted = Vec::new();
    for _ in 0..6 {
        for (id, body) in desk.served() {
            let publish = Publish::read(body.text.as_bytes()).unwrap();
            if publish.publications.iter().any(|one| one.category == "note") {
                desk.refuse(id, 403, "");
            } else {
                accepted.extend(publish.publications.iter().map(|one| one.category.clone()));
                desk.tell(Event::Served(id, Answer::Accepted(Vec::new())));
            }
        }
        desk.wait(Duration::from_secs(60));
    }
    assert_eq!(accepted, ["device", "state", "state"]);
}

fn own(chosen: Option<Availability>, told: Availability) -> Event {
    let presence = Presence { availability: chosen.unwrap_or(told), devices: 1, ..Presence::offline() };
    Event::Publish(Box::new(OwnPresence { presence, chosen }))
}

#[test]
fn a_phone_that_comes_or_goes_chooses_nothing_for_the_desktop() {
    let mut desk = ready("");
    for told in [Availability::Available, Availability::Offline, Availability::Available] {
        desk.tell(own(None, told));
        assert!(desk.served().is_empty(), "{told:?}");
    }
    desk.tell(own(None, Availability::Away));
    let (id, publish) = desk.published();
    assert_eq!(
        keys(&publish),
        [("state", MACHINE, 2, 1), ("state", MACHINE, 3, 1)],
        "the phone alone is away"
    );
    desk.tell(Event::Served(id, Answer::Accepted(Vec::new())));
    desk.tell(own(Some(Availability::Available), Availability::Away));
    let (_, publish) = desk.published();
    let chosen = publish.publications.iter().filter(|one| one.instance == instance::USER_STATE);
    assert!(
        chosen.clone().count() == 2
            && chosen.clone().all(|one| one.content.state().unwrap().availability == Some(3_500))
    );
}

#[test]
fn what_the_core_wants_at_first_leaves_the_choice_of_another_endpoint() {
    let mut desk = Desk::listed();
    desk.tell(own(Some(Availability::Away), Availability::Available));
    desk.own(&data(&user_state(9_500)));
    let (id, publish) = desk.published();
    assert!(publish.publications.iter().all(|one| one.instance != instance::USER_STATE), "it may be older");
    desk.tell(Event::Served(id, Answer::Accepted(Vec::new())));
    desk.tell(own(Some(Availability::Away), Availability::Available));
    assert!(desk.served().is_empty(), "nor when it is said once more");
    desk.tell(own(Some(Availability::Busy), Availability::Available));
    let (id, publish) = desk.published();
    assert_eq!(keys(&publish)[0].3, 4);
    desk.tell(Event::Served(id, Answer::Accepted(Vec::new())));
    desk.tell(own(None, Availability::Available));
    assert!(desk.published().1.publications.iter().all(|one| one.expires == Some(0)));
}

#[test]
fn what_was_not_published_yet_outlives_the_way_to_the_server() {
    let mut desk = ready("");
    desk.tell(Event::Choose(PresenceChoice::Set(Availability::Away)));
    desk.served();
    desk.tell(Event::SignedOut);
    desk.tell(Event::SignedIn);
    desk.own(&data(""));
    let (_, publish) = desk.published();
    assert_eq!(publish.publications.len(), 5, "the choice and the endpoint anew");
}

#[test]
fn what_the_server_shows_of_the_person_is_told() {
    let mut desk = ready("");
    let state = r#"<category name="state" instance="1" container="2"><state xsi:type="aggregateState" xmlns:xsi="x"><availability>12500</availability></state></category>"#;
    let note = |text: &str, at: u8| {
        format!(
            r#"<category name="note" instance="{at}" container="200" publishTime="2024-05-01T08:00:0{at}.123" version="1"><note><body type="personal" uri="">{text}</body></note></category>"#
        )
    };
    desk.own(&data(&format!("{state}{}{}", note("new", 2), note("old", 1))));
    let own = desk.people.own().unwrap();
    assert_eq!(own.presence.availability, Availability::BeRightBack);
    assert_eq!(own.presence.personal_message, "new");
    assert_eq!(own.chosen, None);
    assert!(desk.log.iter().any(|action| matches!(action, Action::OwnChanged(_))));
    desk.own(r#"<roamingData><categories uri="sip:alice@example.com"><category name="note" container="200"/></categories></roamingData>"#);
    assert_eq!(desk.people.own().unwrap().presence.personal_message, "");
}

#[test]
fn whether_there_are_others_is_known_with_the_first_document_of_each_sign_in() {
    let mut desk = Desk::listed();
    assert_eq!(desk.people.others(), None);
    let told = |desk: &mut Desk| -> Vec<Option<usize>> {
        let all = std::mem::take(&mut desk.log).into_iter();
        all.filter_map(|action| if let Action::OthersChanged(others) = action { Some(others) } else { None })
            .collect()
    };
    desk.own(&data(""));
    assert_eq!(told(&mut desk), [Some(0)]);
    desk.tell(Event::SignedOut);
    desk.tell(Event::SignedIn);
    assert_eq!(told(&mut desk), [None]);
    desk.tell(Event::Refused { package: Package::Own, status: 403 });
    assert_eq!(desk.people.others(), None, "nobody says so");
    desk.own(&data(&device(8)));
    assert_eq!(told(&mut desk), [Some(1)]);
}
