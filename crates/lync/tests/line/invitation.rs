//! Who takes a conversation that somebody begins.

use trunkline_core::port::{CallAnswer, Outcome};
use trunkline_lync::{Accept, Decline};
use trunkline_model::{Address, CallEnd};
use trunkline_sip::{Message, Method, Request, Uri, body::offer::Offer, header::name};

use crate::stage::{Desk, Heard, Stage, until};

async fn stage(accept: Accept, decline: Decline) -> Stage {
    Stage::with(|settings| (settings.accept, settings.decline) = (accept, decline)).await
}

/// What INVITEs were answered with by endpoints, without the provisional answers.
fn finals(stage: &Stage) -> Vec<u16> {
    let traffic = stage.front.traffic();
    let all = traffic.iter().filter_map(|traffic| traffic.response());
    let invites = all.filter(|response| response.cseq().is_ok_and(|cseq| cseq.method == Method::INVITE));
    invites.map(trunkline_sip::Response::status).filter(|status| *status >= 200).collect()
}

#[tokio::test]
async fn an_invitation_waits_for_the_person_and_a_decline_is_one_of_two_words() {
    for (decline, status) in [(Decline::Here, 480), (Decline::Everywhere, 603)] {
        let stage = stage(Accept::User, decline).await;
        let (alice, mut bob) = (stage.connected("alice").await, stage.connected("bob").await);
        let to_bob = bob.address.clone();
        let hears = async {
            assert_eq!(bob.heard().await, Heard::Message(alice.address.clone(), "now?".into()));
            assert_eq!(finals(&stage), Vec::<u16>::new());
            bob.line.answer(&alice.address, CallAnswer::Decline).await.unwrap();
        };
        let (outcome, ()) = tokio::join!(alice.send(1, &to_bob, "now?"), hears);
        assert!(matches!(outcome, Outcome::Refused { .. }), "{outcome:?}");
        assert_eq!(finals(&stage), [status]);
        let hears = async {
            assert_eq!(bob.heard().await, Heard::Message(alice.address.clone(), "please".into()));
            bob.line.answer(&alice.address, CallAnswer::Accept).await.unwrap();
            bob.line.answer(&alice.address, CallAnswer::Accept).await.unwrap();
        };
        let (outcome, ()) = tokio::join!(alice.send(2, &to_bob, "please"), hears);
        assert_eq!(outcome, Outcome::Confirmed);
        bob.line.answer(&alice.address, CallAnswer::Decline).await.unwrap();
        until("the conversation is left", || {
            let is_bye = |request: &Request| *request.method() == Method::BYE;
            stage
                .front
                .find(|traffic| traffic.request().filter(|request| is_bye(request)).map(drop))
                .is_some()
        })
        .await;
        assert!(bob.heard_nothing_more());
        assert_eq!(stage.front.complaints().await, Vec::<String>::new());
    }
}

#[tokio::test]
async fn who_cannot_be_told_of_an_invitation_does_not_ring() {
    let stage = stage(Accept::User, Decline::Here).await;
    let (alice, bob) = (stage.connected("alice").await, stage.connected("bob").await);
    *bob.ear.broken.lock().unwrap() = true;
    let outcome = alice.send(1, &bob.address, "lost?").await;
    assert!(matches!(outcome, Outcome::Refused { permanent: false, .. }), "{outcome:?}");
    assert_eq!(finals(&stage), [480]);
}

#[tokio::test]
async fn of_two_endpoints_the_one_that_waits_hears_that_the_other_took_it() {
    let stage = stage(Accept::User, Decline::Here).await;
    let other = stage.beside(|settings| settings.accept = Accept::Always).await;
    let alice = stage.connected("alice").await;
    let mut bob = stage.connected("bob").await;
    let mut desk = Desk::connected(&other, "bob").await;
    assert_eq!(alice.send(1, &bob.address, "which?").await, Outcome::Confirmed);
    assert_eq!(desk.heard().await, Heard::Message(alice.address.clone(), "which?".into()));
    assert_eq!(bob.heard().await, Heard::Message(alice.address.clone(), "which?".into()));
    assert_eq!(bob.heard().await, Heard::CallEnded(alice.address.clone(), true, CallEnd::AnsweredElsewhere));
    bob.line.answer(&alice.address, CallAnswer::Decline).await.unwrap();
    assert_eq!(alice.send(2, &bob.address, "the desk").await, Outcome::Confirmed);
    assert_eq!(desk.heard().await, Heard::Message(alice.address.clone(), "the desk".into()));
    assert!(bob.heard_nothing_more());
}

/// An INVITE to Bob without a word, or its CANCEL.
fn call(stage: &Stage, method: Method, branch: &str) -> Message {
    let uri = "sip:bob@contoso.test";
    let contact = stage.front.find(|traffic| {
        let request = traffic.request().filter(|request| *request.method() == Method::REGISTER)?;
        let is_his = request.to().ok()?.uri.as_str() == uri;
        is_his.then(|| request.contacts().unwrap().remove(0).uri.as_str().to_owned())
    });
    let offer = Offer::of_messages("192.0.2.1", 5060, None).write();
    let build = Request::build(method.clone(), Uri::parse(&contact.unwrap()).unwrap())
        .header(name::VIA, format!("SIP/2.0/TLS 127.0.0.1:5061;branch=z9hG4bK{branch}"))
        .header(name::MAX_FORWARDS, "70")
        .header(name::FROM, "\"Mallory M\"<sip:mallory@contoso.test>;tag=1")
        .header(name::TO, format!("<{uri}>"))
        .header(name::CALL_ID, format!("call{branch}"))
        .header(name::CONTACT, "<sip:mallory@192.0.2.1:5061;transport=tls>")
        .header(name::CSEQ, format!("1 {method}"));
    let build = if method == Method::INVITE { build.body("application/sdp", offer) } else { build };
    Message::from(build.done())
}

#[tokio::test]
async fn a_call_without_words_waits_for_its_answer_too() {
    let stage = stage(Accept::User, Decline::Here).await;
    let mut bob = stage.connected("bob").await;
    let mallory: Address = "mallory@contoso.test".parse().unwrap();
    stage.front.send("bob", call(&stage, Method::INVITE, "a"));
    assert_eq!(bob.heard().await, Heard::Called(mallory.clone()));
    stage.front.send("bob", call(&stage, Method::CANCEL, "a"));
    assert_eq!(bob.heard().await, Heard::CallEnded(mallory.clone(), false, CallEnd::Missed));
    stage.front.send("bob", call(&stage, Method::INVITE, "b"));
    assert_eq!(bob.heard().await, Heard::Called(mallory.clone()));
    bob.line.answer(&mallory, CallAnswer::Accept).await.unwrap();
    until("the second is accepted", || finals(&stage) == [487, 200]).await;
}

#[tokio::test]
async fn what_nobody_tells_again_is_told_to_the_core_until_it_has_it() {
    let stage = stage(Accept::User, Decline::Here).await;
    let mut bob = stage.connected("bob").await;
    let mallory: Address = "mallory@contoso.test".parse().unwrap();
    stage.front.send("bob", call(&stage, Method::INVITE, "a"));
    assert_eq!(bob.heard().await, Heard::Called(mallory.clone()));
    *bob.ear.broken.lock().unwrap() = true;
    stage.front.send("bob", call(&stage, Method::CANCEL, "a"));
    until("it is given up", || finals(&stage) == [487]).await;
    stage.front.send("bob", call(&stage, Method::INVITE, "b"));
    until("who waits for an answer does not wait for the store", || finals(&stage) == [487, 480]).await;
    assert!(bob.heard_nothing_more());
    *bob.ear.broken.lock().unwrap() = false;
    assert_eq!(bob.heard().await, Heard::CallEnded(mallory.clone(), false, CallEnd::Missed));
    stage.front.send("bob", call(&stage, Method::INVITE, "c"));
    assert_eq!(bob.heard().await, Heard::Called(mallory));
}

#[tokio::test]
async fn a_message_that_is_asked_for_twice_while_it_is_on_its_way_goes_once() {
    let stage = stage(Accept::User, Decline::Here).await;
    let (alice, mut bob) = (stage.connected("alice").await, stage.connected("bob").await);
    let to_bob = bob.address.clone();
    let hears = async {
        assert_eq!(bob.heard().await, Heard::Message(alice.address.clone(), "once".into()));
        bob.line.answer(&alice.address, CallAnswer::Accept).await.unwrap();
    };
    let (first, again, ()) =
        tokio::join!(alice.send(1, &to_bob, "once"), alice.send_in(2, 1, &to_bob, "once"), hears);
    assert_eq!((first, again), (Outcome::Unknown, Outcome::Confirmed));
    assert_eq!(alice.send(3, &to_bob, "next").await, Outcome::Confirmed);
    assert_eq!(bob.heard().await, Heard::Message(alice.address.clone(), "next".into()));
}
