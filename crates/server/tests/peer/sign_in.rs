//! The password's way: asked for, refused, taken, kept.

use crate::{
    house::{House, password, sip},
    socket::Socket,
};

#[tokio::test]
async fn peer_takes_the_password_once_and_a_wrong_one_never_twice() {
    let house = House::open().await;
    let pass = house.pass(&sip("alice"), "alice-1").await;
    let mut socket = Socket::open(&pass).await;
    assert_eq!(socket.wanted().await, "Password");
    let (phase, code, words) = socket.begin(None).await.refused();
    assert_eq!((phase, code), (2, 1018));
    assert!(words.starts_with("im-password-needed:"), "{words}");
    assert_eq!(house.attempts(), 0);
    let (phase, code, words) = socket.begin(Some("open sesame wrong")).await.refused();
    assert_eq!((phase, code), (2, 1018));
    assert!(words.starts_with("im-password-refused:"), "{words}");
    assert_eq!(house.attempts(), 1);
    let (_, code, _) = socket.ask("GetContactList", serde_json::json!({})).await.refused();
    assert_eq!(code, 1017, "there is no session");
    assert_eq!(socket.wanted().await, "Password");
    let session = socket.begin(Some(&password("alice"))).await.result.unwrap();
    assert_eq!(session["lineState"], "connected", "{session}");
    assert_eq!(house.attempts(), 2);
    assert_eq!(socket.wanted().await, "None");
    house.check_log();
}
