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

#[tokio::test]
async fn peer_hears_so_many_wrong_passwords_an_hour_and_the_right_one_always() {
    let prosody = crate::house::prosody().await;
    let backend = crate::house::backend(&prosody, prosody.port());
    let plan = crate::house::plan().backend(&backend).set("IM_PASSWORD_FAILURES_PER_HOUR", "3");
    let house = House::of(prosody, plan).await;
    let mut alice = Socket::open(&house.pass(&sip("alice"), "alice-1").await).await;
    alice.begin(Some(&password("alice"))).await.result.unwrap();
    let mut thief = Socket::open(&house.pass(&sip("alice"), "alice-2").await).await;
    for round in 0..3 {
        let (_, _, words) = thief.begin(Some(&format!("open sesame {round}"))).await.refused();
        assert!(words.starts_with("im-password-refused:"), "{words}");
    }
    let heard = house.attempts();
    for guess in ["open sesame 0", "open sesame more"] {
        let (phase, code, words) = thief.begin(Some(guess)).await.refused();
        assert_eq!((phase, code), (2, 1018));
        assert!(words.starts_with("im-password-attempts:"), "{words}");
    }
    assert_eq!(house.attempts(), heard, "the IM system was not asked");
    for right in [None, Some(password("alice"))] {
        let session = alice.begin(right.as_deref()).await.result.unwrap();
        assert_eq!(session["lineState"], "connected", "{session}");
    }
    let log = house.relay.log();
    let lines =
        |reason: &str| log.lines().filter(|line| line.contains(&format!("reason=\"{reason}\""))).count();
    assert_eq!((lines("im-password"), lines("im-password-flood")), (1, 1), "{log}");
    house.check_log();
}
