use trunkline_sip::body::contact::Roster;
use trunkline_testkit::{
    eventually,
    peer::{FrontEnd, Pidgin, Told, Transport, front_end::Traffic},
};

const USERS: &[(&str, &str)] = &[("alice", "Alice A"), ("bob", "Bob B")];

fn delta(traffic: &Traffic) -> Option<()> {
    let request = traffic.sent_request().filter(|request| request.method().as_str() == "BENOTIFY")?;
    matches!(Roster::read(request.body()), Ok(Roster::Delta(_))).then_some(())
}

#[tokio::test]
async fn a_contact_is_kept_by_the_server_and_shown_on_every_device() {
    let front = FrontEnd::start("example.test", USERS).await.unwrap();
    let mut desk = Pidgin::sign_in(&front, "alice").await.unwrap();
    let mut laptop = Pidgin::start(&front, "alice", "laptop", Transport::Tcp).await.unwrap();
    laptop.connect(&front).await.unwrap();
    let mut bob = Pidgin::sign_in(&front, "bob").await.unwrap();
    desk.add("bob@example.test", "Crew & Co").await.unwrap();
    let added = |told: &Told| match told {
        Told::Added(buddy) if buddy.who.contains("bob@example.test") => Some(buddy.group.clone()),
        _ => None,
    };
    assert_eq!(laptop.until("sees the contact", added).await.unwrap(), "Crew & Co");
    front.until("a contactDelta", delta).await.unwrap();
    let told = |told: &Told| matches!(told, Told::Watched { from } if from.contains("alice")).then_some(());
    bob.until("is told that Alice watches", told).await.unwrap();

    desk.quit().await.unwrap();
    let mut again = Pidgin::sign_in(&front, "alice").await.unwrap();
    let group = again.until("still has the contact", added).await.unwrap();
    assert_eq!(group, "Crew & Co");
    again.remove("bob@example.test").await.unwrap();
    let gone = |told: &Told| matches!(told, Told::Removed { who } if who.contains("bob")).then_some(());
    laptop.until("sees it go", gone).await.unwrap();
    eventually("the list is empty", async || front.contacts("alice").contacts.is_empty().then_some(()))
        .await
        .unwrap();
}
