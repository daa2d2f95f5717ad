//! Whom a phone knows on a pool, and what they see of each other.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::json;
use trunkline_client::Event;
use trunkline_model::Availability;
use trunkline_sip::body::{
    presence::{ContactCard, Phone, Photo},
    roaming::Container,
};
use trunkline_testkit::{
    eventually,
    peer::{Pidgin, Slapd, Somebody, Told},
};

use super::pool::{DOMAIN, Pool, address, front_end, sip};
use crate::{directory::element, house::plan};

/// What the client shows of somebody, once it is so.
async fn shows(client: &mut Pidgin, who: &str, status: &str, note: &str) {
    let fits = |told: &Told| match told {
        Told::Presence(buddy) => {
            (buddy.who == who && buddy.status == status && buddy.note == note).then_some(())
        }
        _ => None,
    };
    client.until(&format!("sees {who} {status} with {note:?}"), fits).await.unwrap();
}

#[tokio::test]
async fn peer_list_is_one_for_the_phone_and_the_desktop() {
    let pool = Pool::open().await;
    let mut phone = pool.alice().await;
    let mut desktop = Pidgin::sign_in(&pool.front, "alice").await.unwrap();
    let bob = format!("bob@{DOMAIN}");
    let group = phone.phone.request("AddGroup", json!({"groupName": "Night shift"})).await.unwrap();
    let added = json!({"contactId": sip("bob"), "groupId": group["groupId"]});
    phone.phone.request("AddContact", added).await.unwrap();
    let told = |told: &Told| match told {
        Told::Added(buddy) => (buddy.who == bob && buddy.group == "Night shift").then_some(()),
        _ => None,
    };
    desktop.until("shows whom the phone added, in the group", told).await.unwrap();
    desktop.add(&format!("carol@{DOMAIN}"), "Crew").await.unwrap();
    phone
        .contact(&address("carol"), "was added at the desktop", |contact| {
            contact.groups.iter().any(|group| group.name == "Crew")
        })
        .await;
    let roster = phone.phone.roster().await.unwrap();
    let names: Vec<_> = roster.groups.iter().map(|group| group.name.as_str()).collect();
    assert!(names.contains(&"Night shift") && names.contains(&"Crew"), "{names:?}");
    phone.phone.request("RemoveContact", json!({"contactId": sip("bob")})).await.unwrap();
    let gone = |told: &Told| matches!(told, Told::Removed { who } if *who == bob).then_some(());
    desktop.until("shows that the phone removed him", gone).await.unwrap();
    desktop.remove(&format!("carol@{DOMAIN}")).await.unwrap();
    eventually("the phone's list is empty", async || {
        phone.phone.roster().await.unwrap().contacts.is_empty().then_some(())
    })
    .await
    .unwrap();
    pool.check().await;
    pool.check_wire().await;
}

#[tokio::test]
async fn peer_presence_and_notes_go_both_ways_and_a_card_is_read() {
    let pool = Pool::open().await;
    let phone = |kind: &str, number: &str| Phone {
        kind: kind.to_owned(),
        uri: Some(format!("tel:{number}")),
        display: Some(number.to_owned()),
    };
    pool.front.set_card(
        "bob",
        ContactCard {
            title: Some("Foreman".to_owned()),
            department: Some("Harbour".to_owned()),
            company: Some("Contoso".to_owned()),
            office: Some("Pier 4".to_owned()),
            phones: vec![phone("work", "+49 40 1"), phone("mobile", "+49 170 2")],
            ..ContactCard::default()
        },
    );
    let mut alice = pool.alice().await;
    let mut bob = Pidgin::sign_in(&pool.front, "bob").await.unwrap();
    alice.phone.request("AddContact", json!({"contactId": sip("bob")})).await.unwrap();
    bob.show("busy", "on the crane").await.unwrap();
    alice
        .contact(&address("bob"), "is busy and says why", |contact| {
            contact.availability == Availability::Busy && contact.personal_message == "on the crane"
        })
        .await;
    let detail = alice.phone.request("GetContactDetail", json!({"contactId": sip("bob")})).await.unwrap();
    let card = &detail["contact"][sip("bob")];
    for (member, value) in [
        ("displayName", "Bob B"),
        ("title", "Foreman"),
        ("department", "Harbour"),
        ("company", "Contoso"),
        ("office", "Pier 4"),
        ("workPhone", "+49 40 1"),
        ("mobilePhone", "+49 170 2"),
        ("email", "bob@contoso.test"),
    ] {
        assert_eq!(card[member], value, "{member} of {card}");
    }
    let who = format!("alice@{DOMAIN}");
    bob.add(&who, "Crew").await.unwrap();
    // A phone that has said nothing of itself.
    shows(&mut bob, &who, "idle", "Inactive - Mobile").await;
    alice.phone.set_presence(Availability::DoNotDisturb, Some("in the tunnel")).await.unwrap();
    shows(&mut bob, &who, "do-not-disturb", "Mobile - in the tunnel").await;
    alice.phone.request("SetPersonalMessage", json!({"personalMessage": ""})).await.unwrap();
    shows(&mut bob, &who, "do-not-disturb", "Mobile").await;
    pool.check().await;
    pool.check_wire().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn peer_photos_and_what_a_card_lacks_come_from_the_directory() {
    let (bob, carol) = (sip("bob"), sip("carol"));
    let jpeg = b"\xff\xd8\xff\xe0 as good as a photo";
    let slapd = Slapd::start(&[
        Somebody {
            uid: "1",
            name: "Robert",
            sip: &bob,
            mobile: "+49 170 2",
            photo: jpeg,
            ..Somebody::default()
        },
        Somebody { uid: "2", sip: &carol, photo: b"<svg onload='alert(1)'/>", ..Somebody::default() },
    ])
    .await
    .unwrap();
    let front = front_end().await;
    let port = front.tls_port();
    let pool = Pool::of(front, port, plan().directory(&element(&slapd)), &["alice"]).await;
    // Where the photo is goes nowhere: nobody asks a web server that somebody else names.
    let photo = Photo {
        kind: Some("enterprise".to_owned()),
        uri: Some("http://127.0.0.1:1/photo".to_owned()),
        hash: Some("c0ffee".to_owned()),
    };
    let title = Some("Foreman".to_owned());
    pool.front.set_card("bob", ContactCard { title, photos: vec![photo], ..ContactCard::default() });
    let mut alice = pool.alice().await;
    for who in ["bob", "carol"] {
        alice.phone.request("AddContact", json!({"contactId": sip(who)})).await.unwrap();
    }
    let hash = alice
        .until("Bob has a photo", |event| match event {
            Event::ContactUpdate { contacts } => contacts
                .iter()
                .find(|contact| contact.address == address("bob") && contact.photo_hash.len() == 32)
                .map(|contact| contact.photo_hash.clone()),
            _ => None,
        })
        .await;
    alice
        .contact(&address("carol"), "has none that can be shown", |contact| contact.photo_hash.is_empty())
        .await;
    let detail = alice.phone.request("GetContactDetail", json!({"contactId": bob})).await.unwrap();
    let card = &detail["contact"][&bob];
    for (member, value) in
        [("displayName", "Bob B"), ("title", "Foreman"), ("mobilePhone", "+49 170 2"), ("photoHash", &hash)]
    {
        assert_eq!(card[member], value, "{member} of {card}");
    }
    let asked = json!({"contactIds": [bob, carol]});
    let photos = alice.phone.request("GetContactPhotos", asked).await.unwrap()["contacts"].clone();
    assert_eq!(photos[0]["photoHash"], hash);
    assert_eq!(photos[0]["photo"], STANDARD.encode(jpeg));
    assert_eq!((&photos[1]["photoHash"], &photos[1]["photo"]), (&json!(""), &json!("")));
    pool.check().await;
}

#[tokio::test]
async fn peer_phone_that_comes_and_goes_takes_nothing_from_the_desktop() {
    let pool = Pool::open().await;
    let mut desktop = Pidgin::sign_in(&pool.front, "alice").await.unwrap();
    desktop.show("away", "").await.unwrap();
    let shown = async |low: u32, high: u32| {
        let number = || pool.front.availability("alice").filter(|number| (low..high).contains(number));
        eventually(&format!("the pool shows {low}"), async || number()).await.unwrap();
    };
    shown(15_000, 18_000).await;
    let phone = pool.alice().await;
    eventually("both are signed in", async || (pool.front.endpoints("alice") == 2).then_some(()))
        .await
        .unwrap();
    phone.phone.sign_out().await.unwrap();
    let phone = pool.alice().await;
    phone.phone.set_presence(Availability::Available, None).await.unwrap();
    shown(3_000, 4_500).await;
    let texts = pool.front.traffic().into_iter().filter_map(|traffic| {
        let request = traffic.request().filter(|request| request.method().as_str() == "SERVICE")?;
        Some(String::from_utf8_lossy(request.body()).into_owned())
    });
    let offline = texts.filter(|text| text.contains("userState") && text.contains("18500"));
    assert_eq!(
        offline.collect::<Vec<_>>(),
        Vec::<String>::new(),
        "a phone that went is no wish to appear offline"
    );
    pool.check().await;
    pool.check_wire().await;
}

#[tokio::test]
async fn peer_whom_a_phone_blocks_sees_somebody_offline() {
    let pool = Pool::open().await;
    let mut alice = pool.alice().await;
    let mut bob = Pidgin::sign_in(&pool.front, "bob").await.unwrap();
    let who = format!("alice@{DOMAIN}");
    bob.add(&who, "Crew").await.unwrap();
    bob.send(&who, "hello, between us").await.unwrap();
    alice.message("hello, between us").await;
    let done = alice.phone.request("contact.Block", json!({"contactId": sip("bob")})).await.unwrap();
    assert_eq!(done["onImSystem"], true, "{done}");
    bob.sees(&who, "offline").await.unwrap();
    let mark = bob.mark();
    bob.send(&who, "why not?").await.unwrap();
    let notice = |told: &Told| match told {
        Told::Notice { with, text, .. } if *with == who => Some(text.clone()),
        _ => None,
    };
    let said = bob.until_after(mark, "is told that it did not arrive", notice).await.unwrap();
    assert!(!said.to_lowercase().contains("block"), "{said}");
    let undone = alice.phone.request("contact.Unblock", json!({"contactId": sip("bob")})).await.unwrap();
    assert_eq!(undone["onImSystem"], true, "{undone}");
    bob.send(&who, "good again").await.unwrap();
    alice.message("good again").await;
    assert!(alice.mailbox().await.iter().all(|entry| entry.text != "why not?"));
    pool.check().await;
    pool.check_wire().await;
}

#[tokio::test]
async fn peer_whom_another_client_blocks_is_blocked_on_the_phone_too_and_no_longer() {
    let pool = Pool::open().await;
    let mut alice = pool.alice().await;
    let mut bob = Pidgin::sign_in(&pool.front, "bob").await.unwrap();
    alice.phone.request("AddContact", json!({"contactId": sip("bob")})).await.unwrap();
    alice.contact(&address("bob"), "is in the roster", |contact| !contact.blocked).await;
    pool.front.set_blocked("alice", "bob", true);
    alice.contact(&address("bob"), "is blocked", |contact| contact.blocked).await;
    alice.forget();
    pool.front.set_blocked("alice", "bob", false);
    alice.contact(&address("bob"), "is blocked no more", |contact| !contact.blocked).await;
    bob.send(&format!("alice@{DOMAIN}"), "good again").await.unwrap();
    alice.message("good again").await;
    pool.check().await;
}

#[tokio::test]
async fn peer_whom_a_phone_blocked_while_the_pool_was_away_is_blocked_there_afterwards() {
    let mut pool = Pool::open().await;
    let mut alice = pool.alice().await;
    pool.front.stop().await;
    alice.line("connecting").await;
    let done = alice.phone.request("contact.Block", json!({"contactId": sip("bob")})).await.unwrap();
    assert_eq!(done["onImSystem"], false, "{done}");
    pool.front.resume().await.unwrap();
    eventually("the pool blocks Bob", async || {
        let all = pool.front.containers("alice");
        let blocked = all.into_iter().find(|one| one.id == Container::BLOCKED)?;
        (!blocked.members.is_empty()).then_some(())
    })
    .await
    .unwrap();
    pool.check().await;
}
