use trunkline_sip::Method;
use trunkline_testkit::{
    eventually,
    peer::{
        FrontEnd, Pidgin, Told, Transport,
        front_end::{Act, Traffic},
    },
};

const USERS: &[(&str, &str)] = &[("alice", "Alice A"), ("bob", "Bob B")];

#[tokio::test]
async fn a_restarted_front_end_knows_nobody_and_keeps_what_is_kept() {
    let mut front = FrontEnd::start("example.test", USERS).await.unwrap();
    let (mut alice, ports) =
        (Pidgin::sign_in(&front, "alice").await.unwrap(), (front.tcp_port(), front.tls_port()));
    alice.add("bob@example.test", "Crew").await.unwrap();
    eventually("the list has Bob", async || (!front.contacts("alice").contacts.is_empty()).then_some(()))
        .await
        .unwrap();
    let mark = alice.mark();
    front.restart().await.unwrap();
    alice.until_after(mark, "loses its server", |told| (*told == Told::Offline).then_some(())).await.unwrap();
    assert_eq!(front.endpoints("alice"), 0);
    assert_eq!((front.tcp_port(), front.tls_port()), ports);
    alice.connect(&front).await.unwrap();
    assert_eq!(alice.buddies().await.unwrap()[0].who, "bob@example.test");
}

#[tokio::test]
async fn a_front_end_that_hangs_answers_when_it_wakes() {
    let front = FrontEnd::start("example.test", USERS).await.unwrap();
    let mut alice = Pidgin::start(&front, "alice", "desk", Transport::Tcp).await.unwrap();
    front.hang(true);
    alice.begin_to_connect().await.unwrap();
    assert!(front.traffic().is_empty());
    front.hang(false);
    alice.until("signs in", |told| (*told == Told::Online).then_some(())).await.unwrap();
}

#[tokio::test]
async fn messages_are_dropped_doubled_and_swapped_on_demand() {
    let front = FrontEnd::start("example.test", USERS).await.unwrap();
    let mut alice = Pidgin::sign_in(&front, "alice").await.unwrap();
    let mut bob = Pidgin::sign_in(&front, "bob").await.unwrap();
    let to_bob = bob.address().to_owned();
    alice.send(&to_bob, "opening").await.unwrap();
    bob.message("opening").await.unwrap();
    let says = |text: &'static str| {
        move |message: &trunkline_sip::Message| message.body().as_ref() == text.as_bytes()
    };
    front.on_sending(Act::Drop, says("lost"));
    front.on_sending(Act::Twice, says("twice"));
    front.on_sending(Act::Swap, says("late"));
    for text in ["lost", "twice", "late", "early", "last"] {
        alice.send(&to_bob, text).await.unwrap();
    }
    bob.message("last").await.unwrap();
    let texts: Vec<_> = bob.told().iter().filter_map(text).collect();
    assert_eq!(texts, ["opening", "twice", "twice", "early", "late", "last"]);
    assert_eq!(front.pending(), 0);
}

#[tokio::test]
async fn a_cut_connection_signs_its_client_out() {
    let front = FrontEnd::start("example.test", USERS).await.unwrap();
    let mut alice = Pidgin::sign_in(&front, "alice").await.unwrap();
    front.on_received(Act::Cut, |message| message.cseq().is_ok_and(|cseq| cseq.method == Method::SERVICE));
    alice.show("busy", "").await.unwrap();
    alice.until("is cut off", |told| (*told == Told::Offline).then_some(())).await.unwrap();
    eventually("it is signed out", async || (front.endpoints("alice") == 0).then_some(())).await.unwrap();
}

#[tokio::test]
async fn two_devices_both_answer_late_and_the_conversation_stays_with_one() {
    let front = FrontEnd::start("example.test", USERS).await.unwrap();
    let mut alice = Pidgin::sign_in(&front, "alice").await.unwrap();
    let mut desk = Pidgin::sign_in(&front, "bob").await.unwrap();
    let mut laptop = Pidgin::start(&front, "bob", "laptop", Transport::Tcp).await.unwrap();
    laptop.connect(&front).await.unwrap();
    alice.send("bob@example.test", "either of you").await.unwrap();
    let accepted = |traffic: &Traffic| {
        let response = traffic.response().filter(|response| response.is_success())?;
        let to = response.to().ok().filter(|to| to.uri.user() == Some("bob"))?;
        let tag = to.tag().map(str::to_owned);
        tag.filter(|_| response.cseq().is_ok_and(|cseq| cseq.method == Method::INVITE))
    };
    // Each waits ten seconds, in which its user may take the call up elsewhere.
    let first = front.until("the first answer", accepted).await.unwrap();
    front.until("the second answer", |traffic| accepted(traffic).filter(|tag| *tag != first)).await.unwrap();
    let cancelled = |traffic: &Traffic| {
        traffic.sent_request().filter(|request| *request.method() == Method::CANCEL).map(drop)
    };
    front.until("a CANCEL to the loser", cancelled).await.unwrap();
    let heard = tokio::select! {
        heard = desk.message("either of you") => heard,
        heard = laptop.message("either of you") => heard,
    };
    heard.unwrap();
}

fn text(told: &Told) -> Option<&str> {
    if let Told::Message { text, .. } = told { Some(text) } else { None }
}
