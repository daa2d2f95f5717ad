//! The same message over and over, as a phone sends it that hears no answer.

use futures_util::future::join_all;
use serde_json::{Value, json};
use trunkline_wire::ErrorCode;

use crate::{
    handset::{Handset, Trouble, text_of},
    house::{House, address},
};

const TIMES: usize = 5;

/// Answers to one message: how many said `dup`, and the one timestamp that all of them must have.
#[derive(Default)]
struct Answers {
    all: usize,
    dups: usize,
    timestamp: Option<i64>,
}

impl Answers {
    fn take(&mut self, data: &Value) {
        let timestamp = data["timestamp"].as_i64();
        assert!(timestamp.is_some(), "{data}");
        assert_eq!(
            *self.timestamp.get_or_insert(timestamp.unwrap()),
            timestamp.unwrap(),
            "one message, one time"
        );
        self.all += 1;
        self.dups += usize::from(data["dup"] == Value::Bool(true));
    }

    /// All of the others are told that the relay had it.
    fn are_of_one_message(&self, first_was_heard: bool) {
        assert_eq!(
            self.all - self.dups,
            usize::from(first_was_heard),
            "of {} answers {} are dups",
            self.all,
            self.dups
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_sent_five_times_arrives_once() {
    let mut house = House::open(&["alice", "bob"]).await;
    let (mut alice, mut other) = (house.handset("alice", 1).await, house.handset("alice", 2).await);
    let (mut bob, mut sleeper) = (house.handset("bob", 1).await, house.handset("bob", 2).await);
    bob.open(true).await.unwrap();

    alice.open(true).await.unwrap();
    let mut pipelined = Answers::default();
    let mut requests = Vec::new();
    for _ in 0..TIMES {
        requests.push(alice.write_message(&bob.address, "m-1").await.unwrap());
    }
    for request in requests {
        pipelined.take(&alice.answer(&request).await.unwrap());
    }
    pipelined.are_of_one_message(true);

    let mut parallel = over_parallel_sockets(&alice, &bob.address, "m-2").await;
    house.power_cut().await;
    for _ in 0..TIMES {
        alice.open(false).await.unwrap();
        parallel.take(&alice.send(&bob.address, "m-2").await.unwrap());
        pipelined.take(&alice.send(&bob.address, "m-1").await.unwrap());
    }
    pipelined.are_of_one_message(true);
    assert!(parallel.dups >= TIMES, "after the restart the relay knows it: {}", parallel.dups);

    for (handset, kinds) in [
        (&mut bob, ["InvitationReceived", "MessageReceived"]),
        (&mut sleeper, ["InvitationReceived", "MessageReceived"]),
        (&mut other, ["MessageSent", "MessageSent"]),
    ] {
        handset.open(true).await.unwrap();
        let mailbox = handset.sync(0, 100).await.unwrap();
        let told: Vec<_> = mailbox.iter().map(|entry| (entry.kind.as_str(), entry.id.as_str())).collect();
        assert_eq!(told, [(kinds[0], "m-1"), (kinds[1], "m-2")], "{}", handset.name);
        assert_eq!(mailbox[1].data["timestamp"].as_i64(), parallel.timestamp);
    }
    house.check_log();
}

/// Each socket takes the place of another one, so not every one of them hears an answer.
async fn over_parallel_sockets(alice: &Handset, to: &str, id: &str) -> Answers {
    let mut twins: Vec<_> = (1..=TIMES).map(|number| alice.twin(number)).collect();
    let heard = join_all(twins.iter_mut().map(|twin| async {
        twin.open(false).await?;
        twin.send(to, id).await
    }));
    let mut answers = Answers::default();
    for answer in heard.await {
        match answer {
            Ok(data) => answers.take(&data),
            Err(Trouble::Refused(error)) => panic!("{error}"),
            Err(_) => {}
        }
    }
    assert!(answers.all > 0, "the last socket is replaced by none");
    assert!(answers.all - answers.dups <= 1);
    answers
}

#[tokio::test]
async fn an_id_belongs_to_one_text_one_contact_and_one_phone() {
    let house = House::open(&["alice", "bob", "carol"]).await;
    let (mut alice, mut other) = (house.handset("alice", 1).await, house.handset("alice", 2).await);
    let mut bob = house.handset("bob", 1).await;
    for handset in [&mut alice, &mut other, &mut bob] {
        handset.open(true).await.unwrap();
    }
    alice.send(&bob.address, "m-1").await.unwrap();
    for (to, text) in [(bob.address.clone(), "something else".to_owned()), (address("carol"), text_of("m-1"))]
    {
        let params = json!({"contactId": to, "messageId": "m-1", "message": text});
        match alice.request("SendMessage", params).await {
            Err(Trouble::Refused(error)) => assert_eq!(error.code, ErrorCode::InvalidArgument, "{error}"),
            answer => panic!("{answer:?}"),
        }
    }
    let second = other.send(&bob.address, "m-1").await.unwrap();
    assert_eq!(second["dup"], Value::Null);
    bob.hear_up_to(2).await.unwrap();
    let told: Vec<_> = bob.diary.entries().map(|entry| (entry.kind.as_str(), entry.id.as_str())).collect();
    assert_eq!(told, [("InvitationReceived", "m-1"), ("MessageReceived", "m-1")]);
    assert_eq!(bob.diary.get(2).unwrap().data["timestamp"], second["timestamp"]);
    house.check_log();
}
