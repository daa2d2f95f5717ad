use anyhow::Result;
use trunkline_sip::Method;
use trunkline_testkit::peer::{
    FrontEnd, Pidgin, Told, Transport,
    front_end::{Act, Traffic},
};

const USERS: &[(&str, &str)] = &[("alice", "Alice A"), ("bob", "Bob B")];

async fn two() -> Result<(FrontEnd, Pidgin, Pidgin)> {
    let front = FrontEnd::start("example.test", USERS).await?;
    let alice = Pidgin::sign_in(&front, "alice").await?;
    let bob = Pidgin::sign_in(&front, "bob").await?;
    Ok((front, alice, bob))
}

fn received(method: &Method) -> impl Fn(&Traffic) -> Option<()> + '_ {
    move |traffic| traffic.request().filter(|request| request.method() == method).map(drop)
}

#[tokio::test]
async fn two_clients_chat_both_ways_in_any_script_and_over_lines() {
    let (front, mut alice, mut bob) = two().await.unwrap();
    let (to_bob, to_alice) = (bob.address().to_owned(), alice.address().to_owned());
    alice.send(&to_bob, "Grüße aus Köln 🚂\nzweite <Zeile> & \"mehr\"").await.unwrap();
    bob.message("Grüße aus Köln 🚂\nzweite <Zeile> & \"mehr\"").await.unwrap();
    bob.send(&to_alice, "Привет\n日本語").await.unwrap();
    alice.message("Привет\n日本語").await.unwrap();
    alice.send(&to_bob, "third").await.unwrap();
    bob.message("third").await.unwrap();
    let invites = front.traffic().iter().filter_map(received(&Method::INVITE)).count();
    // Each client looks for a chat server too.
    assert_eq!(invites, 1 + 2, "the conversation is one dialog");
    alice.close(&to_bob).await.unwrap();
    front.until("a BYE", received(&Method::BYE)).await.unwrap();
}

#[tokio::test]
async fn a_client_over_tls_and_one_without_talk_and_see_each_other_type() {
    let front = FrontEnd::start("example.test", USERS).await.unwrap();
    let mut alice = Pidgin::start(&front, "alice", "desk", Transport::Tls).await.unwrap();
    alice.connect(&front).await.unwrap();
    let mut bob = Pidgin::sign_in(&front, "bob").await.unwrap();
    let (to_bob, to_alice) = (bob.address().to_owned(), alice.address().to_owned());
    alice.send(&to_bob, "hello").await.unwrap();
    bob.message("hello").await.unwrap();
    bob.typing(&to_alice, true).await.unwrap();
    let from = |told: &Told| if let Told::Typing { from } = told { Some(from.clone()) } else { None };
    assert_eq!(alice.until("sees Bob type", from).await.unwrap(), to_bob);
    bob.send(&to_alice, "an answer").await.unwrap();
    alice.message("an answer").await.unwrap();
    alice.typing(&to_bob, true).await.unwrap();
    assert_eq!(bob.until("sees Alice type", from).await.unwrap(), to_alice);
}

#[tokio::test]
async fn a_refused_message_is_shown_as_undelivered() {
    let (front, mut alice, mut bob) = two().await.unwrap();
    let to_bob = bob.address().to_owned();
    for (status, text) in [(486, "busy"), (606, "blocked"), (480, "gone")] {
        let act = Act::answer(status).header("Warning", "309 lcs.microsoft.com \"Not allowed\"");
        front.on_received(act, |message| {
            message.cseq().is_ok_and(|cseq| cseq.method == Method::INVITE)
                && message.to().is_ok_and(|to| to.uri.user() == Some("bob"))
        });
        let mark = alice.mark();
        alice.send(&to_bob, text).await.unwrap();
        let notice = alice.until_after(mark, "is told", |told| match told {
            Told::Notice { with, kind, text } if with.contains("bob") && kind == "error" => {
                Some(text.clone())
            }
            _ => None,
        });
        let notice = notice.await.unwrap();
        assert!(notice.contains(text), "{status}: {notice}");
    }
    alice.send(&to_bob, "at last").await.unwrap();
    bob.message("at last").await.unwrap();
}

#[tokio::test]
async fn a_message_to_somebody_who_is_not_signed_in_is_undelivered() {
    let front = FrontEnd::start("example.test", USERS).await.unwrap();
    let mut alice = Pidgin::sign_in(&front, "alice").await.unwrap();
    alice.send("bob@example.test", "anybody there?").await.unwrap();
    let notice = |told: &Told| matches!(told, Told::Notice { kind, .. } if kind == "error").then_some(());
    alice.until("is told", notice).await.unwrap();
    assert!(
        front
            .find(|traffic| traffic.sent_response().filter(|response| response.status() == 480).map(drop))
            .is_some()
    );
}

#[tokio::test]
async fn of_two_devices_the_first_that_answers_keeps_the_conversation() {
    let (front, mut alice, mut desk) = two().await.unwrap();
    let mut laptop = Pidgin::start(&front, "bob", "laptop", Transport::Tcp).await.unwrap();
    laptop.connect(&front).await.unwrap();
    assert_eq!(front.endpoints("bob"), 2);
    let (to_bob, to_alice) = (desk.address().to_owned(), alice.address().to_owned());
    laptop.send(&to_alice, "from the laptop").await.unwrap();
    alice.message("from the laptop").await.unwrap();
    alice.send(&to_bob, "to the laptop").await.unwrap();
    laptop.message("to the laptop").await.unwrap();
    desk.send(&to_alice, "from the desk").await.unwrap();
    alice.message("from the desk").await.unwrap();
    assert!(!desk.told().iter().any(|told| matches!(told, Told::Message { .. })));
}
