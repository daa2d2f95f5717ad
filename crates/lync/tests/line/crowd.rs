//! Hundreds of accounts on one Front End.

use std::time::Duration;

use trunkline_core::port::{LineState, Outcome};
use trunkline_sip::{Message, Method};
use trunkline_testkit::peer::front_end::{Act, Heading, Traffic};

use crate::stage::{Desk, Heard, Stage, until};

/// More than may wait for an answer at once, several times over.
const CROWD: usize = 400;
/// REGISTERs that may wait for their answers.
const WINDOW: usize = 128;

struct Crowd {
    stage: Stage,
    names: Vec<String>,
}

impl Crowd {
    async fn open() -> Self {
        let names: Vec<_> = (0..CROWD).map(|number| format!("user{number}")).collect();
        let users = names.iter().map(String::as_str).chain(["alice", "bob"]);
        let users: Vec<_> = users.map(|name| (name, name)).collect();
        let stage = Stage::of(&users, |settings| settings.login_rate = 1_000).await;
        Self { stage, names }
    }

    async fn lines(&self) -> Vec<Desk> {
        let mut desks = Vec::new();
        for name in &self.names {
            desks.push(self.stage.line(name).await);
        }
        desks
    }

    fn signed_in(&self) -> usize {
        self.names.iter().filter(|name| self.stage.front.endpoints(name) == 1).count()
    }
}

fn is_register(message: &Message) -> bool {
    matches!(message, Message::Request(request) if *request.method() == Method::REGISTER)
}

/// The most REGISTERs that waited for their answers at a time.
fn most_at_once(traffic: &[Traffic]) -> usize {
    let (mut now, mut most) = (0_usize, 0);
    for passed in traffic {
        if passed.request().is_some_and(|request| *request.method() == Method::REGISTER) {
            now += 1;
        } else if let Some(answer) = passed.sent_response()
            && answer.cseq().is_ok_and(|cseq| cseq.method == Method::REGISTER)
        {
            now = now.saturating_sub(1);
        }
        most = most.max(now);
    }
    most
}

#[tokio::test]
async fn sign_ins_wait_for_a_slow_pool_and_messages_do_not_wait_for_sign_ins() {
    let crowd = Crowd::open().await;
    let alice = crowd.stage.connected("alice").await;
    let mut bob = crowd.stage.connected("bob").await;
    let slow = Act::Delay(Duration::from_millis(300));
    crowd.stage.front.on(Heading::Received, usize::MAX, slow, is_register);
    let mut desks = crowd.lines().await;
    assert_eq!(alice.send(1, &bob.address, "still there?").await, Outcome::Confirmed);
    assert_eq!(bob.heard().await, Heard::Message(alice.address.clone(), "still there?".to_owned()));
    assert!(crowd.signed_in() < CROWD, "the sign-ins were to be under way");
    for desk in &mut desks {
        desk.until("it is signed in", |state| *state == LineState::Connected).await;
    }
    let most = most_at_once(&crowd.stage.front.traffic());
    assert!(most <= WINDOW && most > WINDOW / 2, "{most} waited at once");
    assert_eq!(crowd.stage.front.complaints().await, Vec::<String>::new());
}

#[tokio::test]
async fn nobody_of_a_crowd_is_forgotten_when_the_server_restarts_amid_the_sign_ins() {
    let mut crowd = Crowd::open().await;
    let mut desks = crowd.lines().await;
    until("some are signed in", || crowd.signed_in() >= CROWD / 4).await;
    crowd.stage.front.restart().await.unwrap();
    until("all are signed in", || crowd.signed_in() == CROWD).await;
    for desk in &mut desks {
        desk.until("it is signed in", |state| *state == LineState::Connected).await;
    }
    for desk in &desks {
        desk.line.close().await;
    }
    assert_eq!(crowd.signed_in(), 0, "all signed out");
    assert_eq!(crowd.stage.front.complaints().await, Vec::<String>::new());
}
