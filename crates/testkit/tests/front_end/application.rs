//! A trusted application, as small as can be: what it sends is made here, header by header.

mod stage;

use trunkline_sip::{
    Method,
    body::{
        contact::{self, ContactDelta, Group, ListChange, Roster},
        soap::{self, ListOperation, ListReply, ListRequest},
    },
};
use trunkline_testkit::{
    eventually,
    peer::{FrontEnd, Pidgin, Told, front_end::Package},
};

use self::stage::Application;

const USERS: &[(&str, &str)] = &[("alice", "Alice A"), ("bob", "Bob B")];
const HOST: &str = "relay1.example.test";

#[tokio::test]
async fn a_trusted_application_speaks_for_users_and_is_dialled_back() {
    let front = FrontEnd::start("example.test", USERS).await.unwrap();
    front.trust(HOST);
    front.dial_back(true);
    front.negotiate(true);
    front.pooled(true);
    let mut relay = Application::start(&front, HOST).await.unwrap();
    let alice = relay.register(&front, "alice", "26a7a9f5a6").await.unwrap();
    let mut bob = Pidgin::sign_in(&front, "bob").await.unwrap();
    bob.send(&front.address("alice"), "are you there?").await.unwrap();

    let (line, asked) = relay.request(&Method::NEGOTIATE).await.unwrap();
    assert_ne!(line, stage::OWN, "the Front End dials");
    relay.answer(line, &asked, 488, None).unwrap();
    let (line, invite) = relay.request(&Method::INVITE).await.unwrap();
    assert_ne!(line, stage::OWN);
    assert_eq!(invite.uri().param("ms-opaque"), Some("26a7a9f5a6"), "the Contact that was registered");
    assert_eq!(invite.record_routes().unwrap().len(), 2);
    assert_eq!(invite.asserted_identities().unwrap()[0].display.as_deref(), Some("Bob B"));
    let accepted = relay.answer(line, &invite, 200, Some(&alice)).unwrap();
    relay.request(&Method::ACK).await.unwrap();
    let (line, message) = relay.request(&Method::MESSAGE).await.unwrap();
    assert_eq!(&message.body()[..], b"are you there?");
    relay.answer(line, &message, 200, None).unwrap();

    relay.speak(&alice, &invite, &accepted, "yes, I am").unwrap();
    bob.message("yes, I am").await.unwrap();
    assert_eq!(front.complaints().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_route_that_was_changed_is_refused_and_complained_of() {
    let front = FrontEnd::start("example.test", USERS).await.unwrap();
    front.trust(HOST);
    let mut relay = Application::start(&front, HOST).await.unwrap();
    let alice = relay.register(&front, "alice", "26a7a9f5a6").await.unwrap();
    let mut bob = Pidgin::sign_in(&front, "bob").await.unwrap();
    bob.send(&front.address("alice"), "hello").await.unwrap();
    let (line, mut invite) = relay.request(&Method::INVITE).await.unwrap();
    let accepted = relay.answer(line, &invite, 200, Some(&alice)).unwrap();
    relay.request(&Method::ACK).await.unwrap();
    let route = invite.text("Record-Route").unwrap().into_owned();
    let (inside, _) = route.split_once(">;").unwrap();
    invite.set("Record-Route", format!("{inside}>"));
    relay.speak(&alice, &invite, &accepted, "lost").unwrap();
    assert_eq!(relay.response(&Method::MESSAGE).await.unwrap().status(), 481);
    // Bob's message waits for an answer.
    front.pardon();
    assert_eq!(front.complaints().await, ["MESSAGE: Route is not the Record-Route of the dialog"]);
}

#[tokio::test]
async fn an_application_that_is_not_on_the_list_is_challenged() {
    let front = FrontEnd::start("example.test", USERS).await.unwrap();
    front.trust("another.example.test");
    let mut relay = Application::start(&front, HOST).await.unwrap();
    let error = relay.register(&front, "alice", "26a7a9f5a6").await.unwrap_err();
    assert!(error.to_string().contains("401"), "{error}");
    assert_eq!(front.endpoints("alice"), 0);
}

#[tokio::test]
async fn an_application_that_shows_no_certificate_is_challenged_and_complained_of() {
    let front = FrontEnd::start("example.test", USERS).await.unwrap();
    front.trust(HOST);
    let mut relay = Application::anonymous(&front, HOST).await.unwrap();
    let error = relay.register(&front, "alice", "26a7a9f5a6").await.unwrap_err();
    assert!(error.to_string().contains("401"), "{error}");
    let complaint = "REGISTER: an application's Contact, and no certificate was shown";
    assert_eq!(front.complaints().await, [complaint]);
    // pidgin-sipe is a client, and needs none.
    Pidgin::sign_in(&front, "bob").await.unwrap();
    assert_eq!(front.complaints().await, [complaint]);
}

#[tokio::test]
async fn what_an_application_writes_badly_is_complained_of_and_kept() {
    let front = FrontEnd::start("example.test", USERS).await.unwrap();
    front.trust(HOST);
    let relay = Application::start(&front, HOST).await.unwrap();
    let unreadable = "SIP/2.0 200 OK\r\nVia: SIP/2.0/TLS fe1;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n\
                      To: <sip:a@b>;tag=2\r\nCall-ID: 1\r\nCSeq: one OPTIONS\r\nContent-Length: 0\r\n\r\n";
    relay.say(unreadable).unwrap();
    let no_message = "OPTIONS <sip:b SIP/2.0\r\nContent-Length: 0\r\n\r\n";
    relay.say(no_message).unwrap();
    eventually("all is read", async || (!front.odd().is_empty()).then_some(())).await.unwrap();
    let complaints = front.complaints().await;
    assert_eq!(complaints.len(), 2, "{complaints:?}");
    assert!(complaints[0].starts_with("200: ") && complaints[0].contains("CSeq"), "{complaints:?}");
    assert!(complaints[1].starts_with("no message: "), "{complaints:?}");
    assert_eq!(front.odd()[0].bytes, no_message.as_bytes());
    assert!(front.transcript().contains(no_message));
}

#[tokio::test]
async fn a_call_goes_to_every_endpoint_and_is_cancelled_where_nobody_answered() {
    let front = FrontEnd::start("example.test", USERS).await.unwrap();
    front.trust(HOST);
    let mut relay = Application::start(&front, HOST).await.unwrap();
    let first = relay.register(&front, "alice", "aaaaaaaaaa").await.unwrap();
    relay.register(&front, "alice", "bbbbbbbbbb").await.unwrap();
    let mut bob = Pidgin::sign_in(&front, "bob").await.unwrap();
    bob.send(&front.address("alice"), "either of you").await.unwrap();
    let (line, one) = relay.request(&Method::INVITE).await.unwrap();
    let (_, other) = relay.request(&Method::INVITE).await.unwrap();
    assert_eq!(one.uri().param("ms-opaque"), Some("aaaaaaaaaa"));
    assert_eq!(other.uri().param("ms-opaque"), Some("bbbbbbbbbb"));
    relay.answer(line, &one, 200, Some(&first)).unwrap();
    let (line, cancel) = relay.request(&Method::CANCEL).await.unwrap();
    assert_eq!(cancel.via().unwrap(), other.via().unwrap(), "of the other endpoint");
    relay.answer(line, &cancel, 200, None).unwrap();
    let refused = relay.answer(line, &other, 487, None).unwrap();
    let (_, ack) = relay.request_in(&Method::ACK, &refused).await.unwrap();
    assert_eq!(ack.uri(), other.uri(), "of the refusal, from the Front End itself");
    let (_, message) = relay.request(&Method::MESSAGE).await.unwrap();
    assert_eq!(message.uri().param("ms-opaque"), Some("aaaaaaaaaa"));
    relay.answer(line, &message, 200, None).unwrap();
    let ended = bob.told().iter().filter(|told| matches!(told, Told::Notice { .. })).count();
    assert_eq!(ended, 0);
    assert_eq!(front.complaints().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_caller_who_gives_up_is_answered_at_once_and_the_callee_told() {
    let front = FrontEnd::start("example.test", USERS).await.unwrap();
    front.trust(HOST);
    let mut relay = Application::start(&front, HOST).await.unwrap();
    let alice = relay.register(&front, "alice", "aaaaaaaaaa").await.unwrap();
    let bob = relay.register(&front, "bob", "bbbbbbbbbb").await.unwrap();
    let invite = relay.invite(&alice, "sip:bob@example.test").unwrap();
    let (line, received) = relay.request(&Method::INVITE).await.unwrap();
    relay.cancel(&invite).unwrap();
    let (_, cancel) = relay.request(&Method::CANCEL).await.unwrap();
    relay.answer(line, &cancel, 200, None).unwrap();
    assert_eq!(relay.response(&Method::CANCEL).await.unwrap().status(), 200);
    let statuses = relay.statuses(&Method::INVITE, 487).await.unwrap();
    assert_eq!(statuses, [100, 101, 487]);
    // A callee that answers all the same, as SIPE does: the caller is told, and has to end that dialog.
    relay.answer(line, &received, 200, Some(&bob)).unwrap();
    relay.statuses(&Method::INVITE, 200).await.unwrap();
    // This one does not.
    front.pardon();
    assert_eq!(front.complaints().await, Vec::<String>::new());
}

#[tokio::test]
async fn the_list_changes_by_its_version_alone_and_tells_what_was_missed() {
    let front = FrontEnd::start("example.test", USERS).await.unwrap();
    front.trust(HOST);
    let mut relay = Application::start(&front, HOST).await.unwrap();
    let alice = relay.register(&front, "alice", "aaaaaaaaaa").await.unwrap();
    let event = Package::Contacts.word();
    let subscribed = relay.ask(&alice, &Method::SUBSCRIBE, &[("Event", event)], None).await.unwrap();
    let Roster::List(list) = Roster::read(subscribed.body()).unwrap() else { panic!("no list") };
    assert_eq!(subscribed.piggyback_cseq().unwrap(), Some(1));

    let add = |delta, name: &str| {
        let operation = ListOperation::AddGroup { name: name.to_owned(), external: None };
        ListRequest { delta, operation }.write()
    };
    let order = add(list.delta + 7, "Night shift");
    let refused = relay.ask(&alice, &Method::SERVICE, &[], Some((soap::TYPE, &order))).await.unwrap();
    assert!(matches!(ListReply::read(refused.body()).unwrap(), ListReply::Fault { .. }));
    let order = add(list.delta, "Night shift");
    let done = relay.ask(&alice, &Method::SERVICE, &[], Some((soap::TYPE, &order))).await.unwrap();
    assert_eq!(ListReply::read(done.body()).unwrap(), ListReply::GroupAdded { id: 2 });
    let (_, told) = relay.request(&Method::BENOTIFY).await.unwrap();
    assert_eq!(told.cseq().unwrap().number, 2);
    assert!(told.content_type().unwrap().unwrap().is(contact::TYPE));
    let group = Group { id: 2, name: "Night shift".to_owned(), external: None };
    let delta = ContactDelta::read(told.body()).unwrap();
    assert_eq!(delta.changes, [ListChange::GroupAdded(group)]);
    assert_eq!((delta.previous, delta.delta), (Some(list.delta), list.delta + 1));

    front.lose_notification("alice", Package::Contacts);
    let order = add(list.delta + 1, "Day shift");
    relay.ask(&alice, &Method::SERVICE, &[], Some((soap::TYPE, &order))).await.unwrap();
    let (_, told) = relay.request(&Method::BENOTIFY).await.unwrap();
    assert_eq!(told.cseq().unwrap().number, 4, "one was lost");
}
