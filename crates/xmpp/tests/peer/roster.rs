use anyhow::Result;
use trunkline_core::port::{LineError, OwnPresence, RosterChange as Change, Search, SearchField};
use trunkline_model::{Availability, Presence};
use trunkline_testkit::peer::{Colleague, Heard, Prosody};

use crate::house::{DOMAIN, USERS, address, alice};

const ALICE: &str = "alice@corp.test";

fn shown(availability: Availability, note: &str) -> OwnPresence {
    let presence = Presence { availability, personal_message: note.into(), devices: 1 };
    OwnPresence { presence, chosen: None }
}

#[tokio::test]
async fn peer_presence_goes_both_ways() -> Result<()> {
    let prosody = Prosody::start(DOMAIN, USERS).await?;
    let mut bob = Colleague::sign_in(&prosody, "bob", "bob's secret").await?;
    let (line, inlet) = alice(&prosody).await?;

    line.change_roster(Change::AddContact(address("bob"), None)).await?;
    let bob_is = |availability| move |c: &trunkline_model::Contact| c.presence.availability == availability;
    inlet.contact("Bob is seen", bob_is(Availability::Available)).await?;
    bob.show("dnd", "on the phone").await?;
    let busy = inlet.contact("Bob is busy", bob_is(Availability::DoNotDisturb)).await?;
    assert_eq!((busy.presence.personal_message.as_str(), busy.in_roster), ("on the phone", true));

    bob.subscribe(ALICE).await?;
    line.publish(&shown(Availability::Busy, "in a meeting")).await?;
    let meeting = Heard::Presence { from: ALICE.into(), show: "dnd".into(), status: "in a meeting".into() };
    bob.until("sees Alice in a meeting", |heard| (*heard == meeting).then_some(())).await?;
    line.publish(&shown(Availability::Available, "")).await?;
    bob.until("sees Alice available", |heard| match heard {
        Heard::Presence { from, show, .. } if from == ALICE && show == "available" => Some(()),
        _ => None,
    })
    .await?;

    bob.quit().await?;
    let gone = inlet.contact("Bob is gone", bob_is(Availability::Offline)).await?;
    assert_eq!(gone.presence, Presence::offline());
    Ok(())
}

#[tokio::test]
async fn peer_roster_and_groups_are_the_servers() -> Result<()> {
    let users = [USERS, &[("carol", "carol's secret")]].concat();
    let prosody = Prosody::start(DOMAIN, &users).await?;
    let (line, _) = alice(&prosody).await?;
    let work = line.change_roster(Change::AddGroup("Work".into())).await?.unwrap();
    assert_eq!(line.change_roster(Change::AddContact(address("bob"), Some(work))).await?, None);
    line.change_roster(Change::AddContact(address("carol"), None)).await?;
    line.change_roster(Change::AddToGroup(address("carol"), work)).await?;
    let again = line.change_roster(Change::AddToGroup(address("carol"), work)).await;
    assert_eq!(again, Err(LineError::AlreadyInGroup));

    let chess = line.change_roster(Change::AddGroup("Chess".into())).await?.unwrap();
    line.change_roster(Change::RenameGroup(work, "Office".into())).await?;
    assert_eq!(line.change_roster(Change::RemoveGroup(work)).await, Err(LineError::GroupNotEmpty));
    let roster = line.roster().await?;
    let names: Vec<_> = roster.groups.iter().map(|group| (group.id, group.name.as_str())).collect();
    assert_eq!(names, [(work, "Office"), (chess, "Chess")]);
    assert!(roster.contacts.iter().all(|contact| contact.groups.len() == 1 && contact.groups[0].id == work));

    line.change_roster(Change::RemoveFromGroup(address("bob"), work)).await?;
    line.change_roster(Change::RemoveContact(address("carol"))).await?;
    line.change_roster(Change::RemoveGroup(work)).await?;
    let removed = line.change_roster(Change::RemoveContact(address("carol"))).await;
    assert!(matches!(removed, Err(LineError::NotFound(_))), "{removed:?}");
    line.close().await;

    let (line, _) = alice(&prosody).await?;
    let roster = line.roster().await?;
    assert_eq!(roster.contacts.iter().map(|c| c.address.clone()).collect::<Vec<_>>(), [address("bob")]);
    assert_eq!(roster.groups, [], "an empty group has no place on an XMPP server");
    let search = Search { term: "bo".into(), field: SearchField::Any, limit: 10 };
    assert_eq!(line.search(&search).await?.contacts.len(), 1);
    Ok(())
}

#[tokio::test]
async fn peer_strangers_request_is_left_open() -> Result<()> {
    let prosody = Prosody::start(DOMAIN, USERS).await?;
    let mut bob = Colleague::sign_in(&prosody, "bob", "bob's secret").await?;
    let (line, inlet) = alice(&prosody).await?;
    bob.subscribe(ALICE).await?;
    bob.send(ALICE, "b-1", "did you see my request?").await?;
    inlet.text("did you see my request?").await?;
    line.publish(&shown(Availability::Available, "secret")).await?;
    line.send(crate::house::message("bob", "no")).await;
    bob.message("no").await?;
    let seen = bob.heard().iter().any(
        |heard| matches!(heard, Heard::Presence { from, show, .. } if from == ALICE && show != "unavailable"),
    );
    assert!(!seen, "a stranger saw Alice's presence");
    Ok(())
}

#[tokio::test]
async fn peer_answers_whether_somebody_is_known() -> Result<()> {
    let prosody = Prosody::start(DOMAIN, USERS).await?;
    let (line, _) = alice(&prosody).await?;
    let bob = line.contact(&address("bob")).await?.unwrap();
    assert!(!bob.in_roster);
    line.watch(&address("bob"), true).await?;
    assert!(line.contact(&address("bob")).await?.is_some());
    Ok(())
}
