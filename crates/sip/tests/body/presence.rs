use proptest::prelude::*;
use trunkline_sip::body::{
    Categories, Category, Content, ExpireType, MediaType,
    multipart::Multipart,
    presence::{
        Activity, Availability, Capability, Change, ContactCard, Device, Note, NoteKind, Phone, Photo, State,
        StateKind,
    },
    publication::{Conflict, Publication, Publish, instance},
    rlmi::{Document, Instance, InstanceState, List, ListResource, Notification},
    roaming::{Access, Container, Member, Own, RoamingData, SetContainerMembers, Subscriber},
    subscription::BatchSubscribe,
};

use crate::{
    sample::sample,
    strategy::{few, maybe, moment, text, uri, word},
};

#[test]
fn others_presence_is_read_whatever_the_prefixes() {
    let read = Categories::read(&sample("presence").1).expect("read");
    assert_eq!(read.uri, "sip:ben@harbour.example");
    let state = read.state().expect("a state");
    assert_eq!(
        (&state.kind, state.shown(), state.is_mobile()),
        (&StateKind::Aggregate, Availability::Busy, true)
    );
    assert_eq!(state.current_activity().and_then(|activity| activity.token.as_deref()), Some("in-a-meeting"));
    assert_eq!(state.last_active, "2026-03-02T07:10:30Z".parse().ok());
    let Change::Replaced(cards) = read.change("contactCard") else { panic!("no card") };
    let Content::ContactCard(card) = &cards[0].content else { panic!("no card") };
    assert_eq!(card.display_name.as_deref(), Some("Ben & Co"));
    assert_eq!(card.phones[0].uri.as_deref(), Some("tel:+49301234"));
    assert_eq!(card.photos[0].hash.as_deref(), Some("ab12"));
    assert_eq!((read.change("note"), read.change("services")), (Change::Withdrawn, Change::Unchanged));
    let Change::Replaced(unknown) = read.change("dndState") else { panic!("dropped") };
    assert!(matches!(&unknown[0].content, Content::Other(element) if element.local() == "dnd"));
}

#[test]
fn an_activity_holds_only_at_its_availability() {
    let activity = Activity { least: Some(6_500), most: Some(8_999), ..Activity::default() };
    let at = |availability| State {
        availability: Some(availability),
        activity: Some(activity.clone()),
        ..State::default()
    };
    assert!(at(6_500).current_activity().is_some() && at(8_999).current_activity().is_some());
    assert!(at(3_500).current_activity().is_none() && at(9_000).current_activity().is_none());
}

#[test]
fn what_people_wrote_is_not_shown() {
    let read = Categories::read(&sample("presence").1).expect("read");
    let shown = format!("{read:?}");
    assert!(shown.contains("6500") && !shown.contains("Tides") && !shown.contains("Ben &"), "{shown}");
}

#[test]
fn every_published_number_means_what_was_published() {
    use Availability::{
        Available, AvailableIdle, Away, BeRightBack, Busy, BusyIdle, DoNotDisturb, Offline, Unknown,
    };
    for one in [Unknown, Available, AvailableIdle, Busy, BusyIdle, DoNotDisturb, BeRightBack, Away, Offline] {
        assert_eq!(Availability::of(one.number()), one);
    }
    assert_eq!(Availability::of(u32::MAX), Offline);
}

#[test]
fn one_unreadable_category_does_not_hide_the_others() {
    let body = br#"<categories uri="sip:a@b.example"><category name="state" instance="0"><state><availability>lots</availability></state></category><category name="note" instance="0"><note><body>here</body></note></category></categories>"#;
    let read = Categories::read(body).expect("read");
    assert_eq!(read.note().map(|note| note.text.as_str()), Some("here"));
    assert!(read.state().is_none());
}

#[test]
fn the_newest_note_counts() {
    let note = |moment: &str, text: &str| Category {
        name: "note".to_owned(),
        published: moment.parse().ok(),
        content: Content::Note(Note { kind: NoteKind::Personal, text: text.to_owned() }),
        ..Category::default()
    };
    let all = |categories| Categories { uri: String::new(), categories };
    let both = all(vec![note("2026-01-02T00:00:00Z", "new"), note("2026-01-01T00:00:00Z", "old")]);
    assert_eq!(both.note().map(|note| note.text.as_str()), Some("new"));
    let emptied = all(vec![note("2026-01-02T00:00:00Z", ""), note("2026-01-01T00:00:00Z", "old")]);
    assert_eq!(emptied.note(), None);
}

#[test]
fn a_conflict_corrects_the_publications_it_names_and_no_others() {
    let mut publish = Publish::read(&sample("publish").1).expect("read");
    let conflict = Conflict::read(&sample("conflict").1).expect("read");
    assert_eq!(conflict.code, Conflict::WRONG_DELTA);
    assert!(publish.correct(&conflict));
    let versions: Vec<_> = publish.publications.iter().map(|publication| publication.version).collect();
    assert_eq!(versions, [0, 9, 2]);
    assert!(!publish.correct(&conflict), "nothing new");
    let beyond = br#"<Fault><details><operation index="0" curVersion="5"/><operation index="99" curVersion="5"/></details></Fault>"#;
    assert!(!publish.correct(&Conflict::read(beyond).expect("read")));
}

#[test]
fn numbers_of_instances_come_from_the_endpoint() {
    let device = instance::device("26a7a9f5a6").expect("hex");
    assert_eq!((device, instance::machine_state(device)), (648_522_229, 845_839_007));
    assert_eq!(
        (instance::device("26a7"), instance::device("zzzzzzzzzz"), instance::device("ééééé")),
        (None, None, None)
    );
}

#[test]
fn roaming_data_is_read() {
    let read = RoamingData::read(&sample("roaming").1).expect("read");
    let categories = read.categories.expect("categories");
    assert_eq!(categories.change("note"), Change::Withdrawn);
    assert_eq!(categories.categories[0].version, Some(12));
    let containers = read.containers.expect("containers");
    let rex = Member::User("sip:rex@reef.example".to_owned());
    assert_eq!((containers[1].id, &containers[1].members[0]), (Container::BLOCKED, &rex));
    let watcher = &read.subscribers.expect("subscribers")[0];
    assert_eq!((watcher.user.as_str(), watcher.acknowledged), ("sip:ben@harbour.example", false));
    let changes = SetContainerMembers::read(&sample("containers").1).expect("read");
    assert_eq!(changes.0[1].members, [(true, Member::User("sip:ben@harbour.example".to_owned()))]);
}

#[test]
fn ones_own_documents_replace_what_they_name_and_nothing_else() {
    let mut own = Own::default();
    assert!(own.is_secluded());
    own.learn(RoamingData::read(&sample("roaming").1).expect("read"));
    assert_eq!((own.version("state", 0x1000_0000, 2), own.version("state", 0x1000_0000, 3)), (12, 0));
    assert_eq!(
        (own.is_secluded(), own.container_version(32_000), own.unacknowledged().count()),
        (false, 4, 1)
    );
    let devices = br#"<roamingData><categories><category name="device" instance="1" container="2" version="1"><device/></category><category name="device" instance="2" container="2" version="1"><device/></category></categories></roamingData>"#;
    own.learn(RoamingData::read(devices).expect("read"));
    assert_eq!((own.endpoints(), own.version("state", 0x1000_0000, 2)), (2, 12));
    let gone = br#"<roamingData><categories><category name="state"/></categories></roamingData>"#;
    own.learn(RoamingData::read(gone).expect("read"));
    assert_eq!((own.endpoints(), own.version("state", 0x1000_0000, 2)), (2, 0));
}

#[test]
fn a_name_decides_on_the_container_before_a_domain_and_that_before_a_kind() {
    let mut own = Own::default();
    own.learn(RoamingData::read(&sample("roaming").1).expect("read"));
    let at = |uri, access| own.container_of(uri, access);
    assert_eq!(at("sip:REX@reef.example", Access::Federated), Some(Container::BLOCKED));
    assert_eq!(at("sip:uma@reef.example;x=y", Access::Federated), Some(Container::BLOCKED));
    assert_eq!(at("sip:ben@harbour.example", Access::SameEnterprise), Some(200));
    assert_eq!(at("sip:ben@harbour.example", Access::PublicCloud), None);
}

#[test]
fn a_batch_and_its_list_are_read() {
    let batch = BatchSubscribe::read(&sample("batch").1).expect("read");
    let fresh: Vec<_> = batch.actions[0].resources.iter().map(|resource| resource.fresh).collect();
    assert_eq!((fresh, batch.actions[0].categories.len()), (vec![false, true], 2));
    let (media, body) = sample("list");
    let read = Notification::read(&media, &body).expect("read");
    let states: Vec<_> =
        read.list.iter().flat_map(|list| &list.resources).map(|one| &one.instances[0].state).collect();
    assert!(
        matches!(states[1], InstanceState::Resubscribe { pool: Some(pool) } if pool.contains("HomeServer"))
    );
    assert_eq!(states[2], &InstanceState::Terminated { reason: Some("noresource".to_owned()) });
    let Document::Categories(ben) = &read.documents[0] else { panic!("no categories") };
    assert_eq!(ben.state().map(State::shown), Some(Availability::BeRightBack));
}

#[test]
fn one_damaged_part_of_a_list_does_not_hide_the_others() {
    let (media, body) = sample("list");
    let text = String::from_utf8(body)
        .expect("text")
        .replace("resp77--", "resp77\r\nContent-Type: application/pidf+xml\r\n\r\n<presence\r\n--resp77--");
    let read = Notification::read(&media, text.as_bytes()).expect("read");
    assert!(matches!(&read.documents[..], [Document::Categories(_), Document::Unreadable(_)]));
}

#[test]
fn every_part_of_a_list_ends_with_an_empty_line() {
    let categories = Categories { uri: "sip:a@b.example".to_owned(), categories: Vec::new() };
    let listing =
        Notification::listing("sip:me@b.example", 1, vec![Document::Categories(categories)], Vec::new());
    let (media, body) = listing.write();
    let parts = Multipart::read(&media, &body).expect("parts");
    let list = listing.list.expect("a list");
    let cid = list.resources[0].instances[0].cid.as_deref().expect("a part");
    assert!(parts.by_id(cid).is_some() && parts.by_id(media.param("start").expect("a start")).is_some());
    let text = String::from_utf8(body).expect("text");
    let boundary = format!("--{}", media.param("boundary").expect("a boundary"));
    for part in text.split(&boundary).skip(1).filter(|part| !part.starts_with("--")) {
        assert!(part.ends_with(">\r\n\r\n"), "{part:?}");
    }
    let start = "multipart/related;type=\"application/rlmi+xml\";start=resourceList;boundary=resp";
    assert!(media.to_string().starts_with(start), "{media}");
}

fn state() -> impl Strategy<Value = State> {
    let kinds = vec![
        StateKind::Machine,
        StateKind::User,
        StateKind::Aggregate,
        StateKind::Other("x".into()),
        StateKind::Unsaid,
    ];
    let custom = few((maybe(any::<u32>()), text()));
    let activity = (maybe(word()), custom, maybe(any::<u32>()), maybe(any::<u32>()))
        .prop_map(|(token, custom, least, most)| Activity { token, custom, least, most });
    let texts = (maybe(word()), maybe(text()), maybe(text()));
    (
        prop::sample::select(kinds),
        maybe(any::<bool>()),
        maybe(moment()),
        maybe(any::<u32>()),
        maybe(activity),
        texts,
    )
        .prop_map(
            |(
                kind,
                manual,
                last_active,
                availability,
                activity,
                (device, meeting_subject, meeting_location),
            )| State {
                kind,
                manual,
                last_active,
                availability,
                activity,
                device,
                meeting_subject,
                meeting_location,
            },
        )
}

fn card() -> impl Strategy<Value = ContactCard> {
    let phone =
        (word(), maybe(uri()), maybe(text())).prop_map(|(kind, uri, display)| Phone { kind, uri, display });
    let photo =
        (maybe(word()), maybe(uri()), maybe(word())).prop_map(|(kind, uri, hash)| Photo { kind, uri, hash });
    let texts = (maybe(text()), maybe(text()), maybe(text()), maybe(text()), maybe(text()));
    (texts, few(text()), few(phone), few(photo), maybe(any::<bool>())).prop_map(
        |((display_name, company, department, title, office), emails, phones, photos, automaton)| {
            ContactCard {
                display_name,
                emails,
                company,
                department,
                title,
                office,
                phones,
                photos,
                automaton,
            }
        },
    )
}

fn device() -> impl Strategy<Value = Device> {
    let capability = (word(), any::<[bool; 3]>())
        .prop_map(|(medium, [capture, render, publish])| Capability { medium, capture, render, publish });
    (maybe(word()), maybe(any::<bool>()), maybe(uri()), few(capability), maybe(text()), maybe(text()))
        .prop_map(|(endpoint, preferred, uri, capabilities, timezone, machine)| Device {
            endpoint,
            preferred,
            uri,
            capabilities,
            timezone,
            machine,
        })
}

fn content() -> impl Strategy<Value = Content> {
    let note = (any::<bool>(), text()).prop_map(|(away, text)| Note {
        kind: if away { NoteKind::OutOfOffice } else { NoteKind::Personal },
        text,
    });
    prop_oneof![
        Just(Content::Absent),
        state().prop_map(Content::State),
        note.prop_map(Content::Note),
        card().prop_map(|card| Content::ContactCard(Box::new(card))),
        device().prop_map(Content::Device),
    ]
}

fn lasts() -> impl Strategy<Value = ExpireType> {
    prop::sample::select(vec![ExpireType::Endpoint, ExpireType::User, ExpireType::Static, ExpireType::Time])
}

fn categories() -> impl Strategy<Value = Categories> {
    let numbers = (maybe(any::<u32>()), maybe(any::<u32>()), maybe(any::<u64>()));
    let category = (word(), numbers, maybe(moment()), maybe(lasts()), maybe(word()), content()).prop_map(
        |(name, (instance, container, version), published, expires, endpoint, content)| Category {
            name,
            instance,
            container,
            version,
            published,
            expires,
            endpoint,
            content,
        },
    );
    (uri(), few(category)).prop_map(|(uri, categories)| Categories { uri, categories })
}

fn member() -> impl Strategy<Value = Member> {
    prop_oneof![
        uri().prop_map(Member::User),
        word().prop_map(Member::Domain),
        Just(Member::SameEnterprise),
        Just(Member::Federated),
        Just(Member::PublicCloud),
        Just(Member::Everyone),
        maybe(text()).prop_map(|value| Member::Other("team".to_owned(), value)),
    ]
}

proptest! {
    #[test]
    fn publications_read_as_they_were_written(
        uri in uri(),
        all in few((word(), any::<(u32, u32, u64)>(), lasts(), maybe(any::<u64>()), content())),
    ) {
        let publication = |(category, (instance, container, version), lasts, expires, content)| {
            Publication { category, instance, container, version, lasts, expires, content }
        };
        let publish = Publish { uri, publications: all.into_iter().map(publication).collect() };
        prop_assert_eq!(Publish::read(publish.write().as_bytes()), Ok(publish));
    }

    #[test]
    fn roaming_data_reads_as_it_was_written(
        categories in maybe(categories()),
        containers in maybe(few((any::<(u32, u64)>(), few(member())))),
        subscribers in maybe(few((uri(), maybe(text()), any::<bool>(), maybe(word())))),
    ) {
        let container = |((id, version), members)| Container { id, version, members };
        let subscriber = |(user, display_name, acknowledged, kind)| Subscriber { user, display_name, acknowledged, kind };
        let data = RoamingData {
            categories,
            containers: containers.map(|all: Vec<_>| all.into_iter().map(container).collect()),
            subscribers: subscribers.map(|all: Vec<_>| all.into_iter().map(subscriber).collect()),
        };
        prop_assert_eq!(RoamingData::read(data.write().as_bytes()), Ok(data));
    }

    #[test]
    fn notifications_read_as_they_were_written(
        uri in uri(), version in any::<u64>(), full in any::<bool>(),
        resources in few((uri(), word())), documents in few(categories()),
    ) {
        let resource = |(uri, cid): (String, String)| ListResource { uri, instances: vec![Instance::active(&cid)] };
        let list = List { uri, version, full, resources: resources.into_iter().map(resource).collect() };
        let documents = documents.into_iter().map(Document::Categories).collect();
        let sent = Notification { list: Some(list), documents };
        let (media, body) = sent.write();
        let media = MediaType::read(&media.to_string());
        prop_assert_eq!(Notification::read(&media, &body), Ok(sent));
    }
}
