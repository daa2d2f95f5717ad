use trunkline_sip::body::deregistration::Deregistration;
use trunkline_testkit::{
    eventually,
    peer::{FrontEnd, Pidgin, Told, Transport},
};

#[tokio::test]
async fn a_client_signs_in_without_tls_publishes_and_signs_out() {
    let front = FrontEnd::start("example.test", &[("alice", "Alice A")]).await.unwrap();
    let mut alice = Pidgin::sign_in(&front, "alice").await.unwrap();
    eventually("Alice is available", async || front.availability("alice").filter(|number| *number == 3_500))
        .await
        .unwrap();
    assert_eq!(front.endpoints("alice"), 1);
    assert!(!front.containers("alice").is_empty(), "the client lets its colleagues see it");
    alice.sign_out().await.unwrap();
    eventually("Alice is offline", async || front.availability("alice").filter(|number| *number == 18_500))
        .await
        .unwrap();
    assert_eq!(front.endpoints("alice"), 0);
}

#[tokio::test]
async fn a_client_signs_in_with_tls() {
    let front = FrontEnd::start("example.test", &[("alice", "Alice A")]).await.unwrap();
    let mut alice = Pidgin::start(&front, "alice", "desk", Transport::Tls).await.unwrap();
    alice.connect(&front).await.unwrap();
    assert_eq!(front.endpoints("alice"), 1);
}

#[tokio::test]
async fn a_user_who_is_disabled_is_signed_out_and_told_why() {
    let front = FrontEnd::start("example.test", &[("alice", "Alice A")]).await.unwrap();
    let mut alice = Pidgin::sign_in(&front, "alice").await.unwrap();
    front.deregister("alice", &Deregistration::Rejected, "4141;reason=\"User disabled\"");
    let why = alice.until("is told why", |told| match told {
        Told::Error { text } => Some(text.clone()),
        _ => None,
    });
    assert!(why.await.unwrap().contains("User disabled"));
    alice.until("is signed out", |told| (*told == Told::Offline).then_some(())).await.unwrap();
}
