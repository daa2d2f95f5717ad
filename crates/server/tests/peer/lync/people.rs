//! Whom a phone knows on a pool, and what they see of each other.

use serde_json::json;
use trunkline_model::Availability;
use trunkline_sip::body::presence::{ContactCard, Phone};
use trunkline_testkit::{
    eventually,
    peer::{Pidgin, Told},
};

use super::pool::{DOMAIN, Pool, address, sip};

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
    pool.check();
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
    pool.check();
    pool.check_wire().await;
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
    pool.check();
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
    pool.check();
    pool.check_wire().await;
}
