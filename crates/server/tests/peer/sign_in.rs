//! The password's way: asked for, refused, taken, kept.

use serde_json::json;

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
    let (_, code, _) = socket.ask("GetContactList", json!({})).await.refused();
    assert_eq!(code, 1017, "there is no session");
    assert_eq!(socket.wanted().await, "Password");
    let session = socket.begin(Some(&password("alice"))).await.result.unwrap();
    assert_eq!(session["lineState"], "connected", "{session}");
    assert_eq!(house.attempts(), 2);
    assert_eq!(socket.wanted().await, "None");
    house.check_log();
}

#[tokio::test]
async fn peer_refuses_the_password_and_whoever_waited_for_the_session_is_told() {
    let house = House::open().await;
    let pass = house.pass(&sip("alice"), "alice-1").await;
    let mut socket = Socket::open(&pass).await;
    for round in 0..5 {
        let begin = socket.post("BeginSession", json!({"imPassword": format!("wrong {round}")})).await;
        let mut waiting = Vec::new();
        for _ in 0..40 {
            let depends = json!({"dependencies": begin});
            waiting.push((socket.post("GetContactList", depends).await, 1021));
        }
        waiting.push((socket.post("GetContactList", json!({})).await, 1018));
        assert_eq!(socket.end(&begin).await.refused().1, 1018);
        for (id, code) in waiting {
            let (phase, told, words) = socket.end(&id).await.refused();
            assert_eq!((phase, told), (2, code), "{id}: {words}");
        }
    }
    house.check_log();
}
