//! Presence of others, after the transcripts of real clients.

use std::time::Duration;

use trunkline_core::port::RosterChange;
use trunkline_model::{Availability, Timestamp};

use super::{Desk, address, done};
use crate::people::{Action, Answer, Event, Place, Settings};

const CATEGORIES: &str = "application/msrtc-event-categories+xml";
const RLMI: &str = "application/rlmi+xml";
const SECOND: Duration = Duration::from_secs(1);

fn uris(desk: &mut Desk) -> Vec<(Place, bool, Vec<String>)> {
    let all = desk.watched().into_iter();
    all.map(|(_, place, batch)| {
        let action = batch.actions.into_iter().next().unwrap();
        let names =
            action.resources.into_iter().map(|one| one.uri.replace("sip:", "").replace("@example.com", ""));
        (place, action.subscribe, names.collect())
    })
    .collect()
}

fn list_of(count: usize) -> String {
    let contacts: String =
        (0..count).map(|number| format!(r#"<contact uri="u{number:03}@example.com" groups="1"/>"#)).collect();
    format!(r#"<contactList deltaNum="1"><group id="1" name="~"/>{contacts}</contactList>"#)
}

fn accept_all(desk: &mut Desk) -> usize {
    let all = desk.watched();
    for (id, _, _) in &all {
        desk.tell(Event::Watched(*id, Answer::Accepted(Vec::new())));
    }
    all.len()
}

fn listed(states: &str) -> String {
    format!(
        r#"<list xmlns="urn:ietf:params:xml:ns:rlmi" uri="sip:alice@example.com" version="0" fullState="false">{states}</list>"#
    )
}

fn instance(name: &str, state: &str) -> String {
    format!(r#"<resource uri="sip:{name}@example.com"><instance id="0" {state}/></resource>"#)
}

#[test]
fn batches_are_bounded_and_follow_one_another_at_a_pace() {
    let mut desk = Desk::new();
    desk.tell(Event::SignedIn);
    desk.contacts(&list_of(250));
    let mut sizes = Vec::new();
    for _ in 0..5 {
        for (id, place, batch) in desk.watched() {
            assert_eq!(place, Place::Home);
            assert_eq!(batch.uri, "sip:alice@example.com");
            sizes.push(batch.actions[0].resources.len());
            desk.tell(Event::Watched(id, Answer::Accepted(Vec::new())));
            assert!(desk.watched().is_empty(), "not at once");
        }
        desk.wait(Duration::from_millis(250));
    }
    assert_eq!(sizes, [100, 100, 50]);
}

#[test]
fn whoever_cannot_be_written_or_is_not_wanted_is_left_out_of_the_batch() {
    let mut desk = Desk::new();
    desk.tell(Event::SignedIn);
    desk.contacts(r#"<contactList deltaNum="1"><group id="1" name="~"/><contact uri="bob@example.com" groups="1"/><contact uri="süß@example.com" groups="1"/><contact uri="tel:+123" groups="1"/><contact uri="erin@example.com" groups="1" subscribed="false"/><contact uri="alice@example.com" groups="1"/></contactList>"#);
    assert_eq!(uris(&mut desk), [(Place::Home, true, vec!["bob".into()])]);
    assert_eq!(desk.people.roster().contacts.len(), 4);
}

#[test]
fn a_batch_that_is_refused_is_halved_until_the_bad_one_is_alone() {
    let mut desk = Desk::new();
    desk.tell(Event::SignedIn);
    desk.contacts(&list_of(8));
    let mut watched = 0;
    for _ in 0..40 {
        for (id, _, batch) in desk.watched() {
            let bad = batch.actions[0].resources.iter().any(|one| one.uri.contains("u005"));
            watched += if bad { 0 } else { batch.actions[0].resources.len() };
            let answer = if bad {
                Answer::Refused { status: 400, body: Vec::new() }
            } else {
                Answer::Accepted(Vec::new())
            };
            desk.tell(Event::Watched(id, answer));
        }
        desk.wait(SECOND);
    }
    assert_eq!(watched, 7);
    assert!(desk.watched().is_empty());
}

#[test]
fn whoever_lives_elsewhere_is_asked_for_there() {
    let mut desk = Desk::listed();
    desk.contacts(r#"<contactDelta deltaNum="8" prevDeltaNum="7"><addedContact uri="sip:carol@example.com" groups="1"/><addedContact uri="sip:erin@example.com" groups="1"/></contactDelta>"#);
    desk.tell(Event::Again(Place::Home));
    desk.wait(SECOND);
    accept_all(&mut desk);
    desk.wait(SECOND);
    accept_all(&mut desk);
    let pool = "sip:pool2.example.com@example.com;gruu;opaque=srvr:HomeServer:AbC";
    let there = format!(r#"state="resubscribe" poolFqdn="{pool}""#);
    desk.presence(
        Place::Home,
        RLMI,
        &listed(
            &[
                instance("bob", r#"state="active" cid="x""#),
                instance("carol", &there),
                instance("dave", &there),
                instance("erin", r#"state="resubscribe""#),
                instance("nobody", r#"state="terminated" reason="noresource""#),
            ]
            .concat(),
        ),
    );
    desk.wait(SECOND);
    assert_eq!(
        uris(&mut desk),
        [
            (Place::Pool(pool.into()), true, vec!["carol".into(), "dave".into()]),
            (Place::Person(address("erin")), true, vec!["erin".into()]),
        ]
    );
}

#[test]
fn nobody_is_sent_round_in_circles() {
    let mut desk = Desk::listed();
    desk.tell(Event::Again(Place::Home));
    let mut asked = 0;
    for round in 0..60 {
        for (id, place, _) in desk.watched() {
            asked += 1;
            desk.tell(Event::Watched(id, Answer::Accepted(Vec::new())));
            let next =
                instance("bob", &format!(r#"state="resubscribe" poolFqdn="sip:pool{round}@example.com""#));
            desk.presence(place, RLMI, &listed(&next));
        }
        desk.wait(SECOND);
    }
    assert!((4..12).contains(&asked), "{asked} in a minute");
}

#[test]
fn who_is_added_here_is_told_so_and_who_is_removed_is_unsubscribed() {
    let mut desk = Desk::listed();
    desk.change(1, RosterChange::AddContact(address("carol"), None));
    let (id, _) = desk.request();
    desk.accept(id, &done());
    desk.contacts(r#"<contactDelta deltaNum="8" prevDeltaNum="7"><addedContact uri="sip:carol@example.com" groups="1"/></contactDelta>"#);
    desk.tell(Event::Again(Place::Home));
    desk.wait(SECOND);
    let (id, _, batch) = desk.watched().remove(0);
    let fresh: Vec<_> = batch.actions[0].resources.iter().map(|one| (one.uri.as_str(), one.fresh)).collect();
    assert!(fresh.contains(&("sip:carol@example.com", true)), "{fresh:?}");
    assert!(fresh.iter().filter(|(_, fresh)| *fresh).count() == 1, "{fresh:?}");
    desk.tell(Event::Watched(id, Answer::Accepted(Vec::new())));
    desk.contacts(r#"<contactDelta deltaNum="9" prevDeltaNum="8"><deletedContact uri="sip:carol@example.com"/></contactDelta>"#);
    desk.wait(SECOND);
    assert_eq!(uris(&mut desk), [(Place::Home, false, vec!["carol".into()])]);
    assert!(desk.people.contact(&address("carol")).is_none());
}

#[test]
fn one_outside_the_roster_is_watched_and_no_longer() {
    let mut desk = Desk::listed();
    desk.tell(Event::Watch(address("mallory"), true));
    desk.wait(SECOND);
    let (id, _, batch) = desk.watched().remove(0);
    assert_eq!(batch.actions[0].resources[0].uri, "sip:mallory@example.com");
    desk.tell(Event::Watched(id, Answer::Accepted(Vec::new())));
    assert!(!desk.contact("mallory").in_roster);
    desk.tell(Event::Watch(address("mallory"), false));
    desk.wait(SECOND);
    assert_eq!(uris(&mut desk), [(Place::Home, false, vec!["mallory".into()])]);
    assert!(desk.people.contact(&address("mallory")).is_none());
}

#[test]
fn a_failure_is_tried_again_later_and_later() {
    let mut desk = Desk::with(Settings { pace: Duration::ZERO, ..Settings::default() });
    desk.tell(Event::SignedIn);
    desk.contacts(&list_of(1));
    let mut waits = Vec::new();
    for _ in 0..3 {
        let (id, _, _) = desk.watched().remove(0);
        desk.tell(Event::Watched(id, Answer::Refused { status: 503, body: Vec::new() }));
        let before = desk.now;
        while desk.log.iter().all(|action| !matches!(action, Action::Watch { .. })) {
            desk.wait(SECOND);
        }
        waits.push((desk.now - before).as_secs());
    }
    assert_eq!(waits, [30, 60, 120]);
}

#[test]
fn a_document_tells_state_note_and_card_and_what_it_omits_stays() {
    let mut desk = Desk::listed();
    desk.presence(Place::Home, CATEGORIES, r#"<categories xmlns="http://schemas.microsoft.com/2006/09/sip/categories" uri="sip:bob@example.com"><category name="contactCard" instance="0" publishTime="2024-05-01T08:00:00.000"><contactCard><identity><name><displayName>Bob B</displayName></name><email>bob@example.com</email></identity></contactCard></category><category name="contactCard" instance="3"><contactCard><title>Nurse</title><company>Clinic</company><phone type="work"><uri>tel:+4912</uri></phone><phone type="mobile"><uri>tel:+4917</uri><displayString>+49 17</displayString></phone><photo type="default"><uri>http://x/</uri><hash>11</hash></photo><photo type="enterprise"><uri>https://pool/p</uri><hash>0aFF</hash></photo></contactCard></category><category name="note" instance="0" publishTime="2024-05-01T08:00:00"><note><body type="personal">old</body></note></category><category name="note" instance="1" publishTime="2024-05-01T09:00:00"><note><body type="OOF">on leave</body></note></category><category name="state" instance="1" publishTime="2024-05-01T08:01:00.000"><state xmlns:xsi="x" xsi:type="aggregateState" lastActive="2024-05-01T08:00:30"><availability>6500</availability><activity token="in-a-meeting" minAvailability="6500" maxAvailability="8999"/><device>Mobile</device></state></category></categories>"#);
    let bob = desk.contact("bob");
    assert_eq!(
        (bob.presence.availability, bob.presence.personal_message.as_str()),
        (Availability::Busy, "on leave")
    );
    assert_eq!(
        (bob.shown_name(), bob.profile.title.as_str(), bob.profile.company.as_str()),
        ("Bob B", "Nurse", "Clinic")
    );
    assert_eq!((bob.profile.work_phone.as_str(), bob.profile.mobile_phone.as_str()), ("+4912", "+49 17"));
    assert_eq!(bob.photo_hash, "0aFF");
    let detail = desk.people.detail(&address("bob")).unwrap();
    assert!(detail.mobile && detail.out_of_office);
    assert_eq!(detail.activity.as_deref(), Some("in-a-meeting"));
    assert_eq!(detail.last_active, Some(Timestamp::from_millis(1_714_550_430_000)));
    desk.log.clear();
    desk.presence(Place::Home, CATEGORIES, r#"<categories uri="sip:bob@example.com"><category name="note"/><category name="contactCard" instance="3"/></categories>"#);
    let bob = desk.contact("bob");
    assert_eq!((bob.presence.availability, bob.presence.personal_message.as_str()), (Availability::Busy, ""));
    assert_eq!((bob.shown_name(), bob.photo_hash.as_str()), ("Bob B", ""));
    assert!(matches!(desk.log.as_slice(), [Action::ContactChanged(_)]));
    desk.presence(
        Place::Home,
        CATEGORIES,
        r#"<categories uri="sip:bob@example.com"><category name="note"/></categories>"#,
    );
    assert_eq!(desk.log.len(), 1, "nothing new, nothing told");
}

#[test]
fn an_open_door_is_available_and_strangers_are_not_heard() {
    let mut desk = Desk::listed();
    let pidf = |name: &str| {
        format!(
            r#"<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:{name}@example.com"><tuple id="0"><status><basic>open</basic></status></tuple><note>hi</note></presence>"#
        )
    };
    desk.presence(Place::Home, "application/pidf+xml", &pidf("bob"));
    desk.presence(Place::Home, "application/pidf+xml", &pidf("mallory"));
    assert_eq!(desk.contact("bob").presence.availability, Availability::Available);
    assert_eq!(desk.contact("bob").presence.personal_message, "hi");
    assert!(desk.people.contact(&address("mallory")).is_none());
}

#[test]
fn presence_is_forgotten_at_a_new_registration_and_cards_are_not() {
    let mut desk = Desk::listed();
    desk.presence(Place::Home, CATEGORIES, r#"<categories uri="sip:bob@example.com"><category name="contactCard" instance="0"><contactCard><identity><name><displayName>Bob B</displayName></name></identity></contactCard></category><category name="state" instance="1"><state><availability>3500</availability></state></category></categories>"#);
    desk.tell(Event::SignedOut);
    assert_eq!(desk.contact("bob").presence.availability, Availability::Available);
    desk.tell(Event::SignedIn);
    assert_eq!(desk.contact("bob").presence.availability, Availability::Offline);
    assert_eq!(desk.contact("bob").shown_name(), "Bob B");
}

#[test]
fn who_watches_too_many_is_told_so() {
    let mut desk = Desk::with(Settings { watched: 1, ..Settings::default() });
    let (carol, erin) = (address("carol"), address("erin"));
    assert!(desk.people.has_room_for(&carol).is_ok());
    desk.tell(Event::Watch(carol.clone(), true));
    assert!(desk.people.has_room_for(&carol).is_ok(), "she is watched already");
    let error = desk.people.has_room_for(&erin).unwrap_err();
    assert!(error.to_string().starts_with("too-many: 1 people"), "{error}");
    desk.tell(Event::Watch(carol, false));
    assert!(desk.people.has_room_for(&erin).is_ok());
}
