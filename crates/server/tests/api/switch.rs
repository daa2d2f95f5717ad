//! Both forms at once: two devices of one account, and one that changes between them.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::timeout;
use trunkline_wire::phone::request;

use crate::{
    channel::{Form, Polls},
    device::Device,
    house::{House, Pass, sip},
    poll::sign_in,
};

#[tokio::test]
async fn two_devices_one_by_socket_and_one_by_polls_are_told_the_same() {
    let house = House::open().await;
    let mut bo = house.device("bo").await;
    let (mut phone, pass) = (house.device("ana").await, house.pass("ana", "ana-2").await);
    let mut pad = Device::by(Form::Polls, &pass).await;
    for n in 0..5 {
        bo.say(&sip("ana"), &format!("b-{n}"), &format!("text {n}")).await;
    }
    pad.say(&sip("bo"), "a-1", "from the pad").await;
    assert_eq!(bo.message("from the pad").await.data()["messageId"], "a-1");
    for n in 0..5 {
        let text = format!("text {n}");
        let (one, other) = (phone.message(&text).await, pad.message(&text).await);
        assert_eq!(one.data(), other.data());
    }
    phone.message("from the pad").await;
}

/// Chance that can be had again: xorshift64.
struct Chance(u64);

impl Chance {
    fn below(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % most
    }
}

#[tokio::test]
async fn a_phone_that_changes_between_the_forms_at_random_is_told_what_one_with_a_socket_is() {
    for seed in [0x9e37_79b9_7f4a_7c15, 0xd1b5_4a32_d192_ed03, 0x2545_f491_4f6c_dd1d] {
        let mut chance = Chance(seed);
        let mut house = House::open().await;
        let mut bo = house.device("bo").await;
        let mut witness = house.device("ana").await;
        let pass = house.pass("ana", "ana-2").await;
        sign_in(&house, &pass).await;
        let mut changer =
            Changer { polls: Polls::new(pass.server.authority(), &pass.handshake()), pass, told: Vec::new() };
        for n in 0..60 {
            match chance.below(10) {
                0..5 => drop(bo.say(&sip("ana"), &format!("b-{n}"), &format!("text {n}")).await),
                5 | 6 => changer.poll(true).await,
                7 => changer.poll(false).await,
                8 => changer.socket(chance.below(4)).await,
                _ if chance.below(3) == 0 => {
                    house.relay.kill().await.unwrap();
                    house.relay.start().await.unwrap();
                    let last = bo.last;
                    bo = bo.resumed(last).await;
                    let last = witness.last;
                    witness = witness.resumed(last).await;
                }
                _ => drop(changer.polls.send(&request(&format!("p-{n}"), "Ping", json!({}))).await),
            }
        }
        bo.say(&sip("ana"), "end", "the end").await;
        let mut expected = Vec::new();
        loop {
            let seq = witness.find("an entry", |frame| frame.data()["mailboxSeq"].is_i64()).await;
            expected.push(seq.data()["mailboxSeq"].as_i64().unwrap());
            if seq.data()["message"] == "the end" {
                break;
            }
        }
        while changer.told.last() != expected.iter().max() {
            changer.poll(true).await;
        }
        expected.sort_unstable();
        expected.dedup();
        assert_eq!(changer.told, expected, "seed {seed:x}");
    }
}

/// A device that polls, now and then over a socket.
struct Changer {
    pass: Pass,
    polls: Polls,
    /// The places in the mailbox that it was told, each once, in the order in which they came.
    told: Vec<i64>,
}

impl Changer {
    /// Polls while something waits; when not `received`, the answer is lost on the way.
    async fn poll(&mut self, received: bool) {
        let before = self.polls.last;
        let limit = Duration::from_millis(300);
        if timeout(limit, self.polls.poll()).await.is_err() {
            return;
        }
        let frames = self.polls.take_all();
        if received {
            frames.iter().for_each(|frame| self.note(frame));
        } else {
            self.polls.last = before;
        }
    }

    /// Opens a socket, reads so many frames, and loses it.
    async fn socket(&mut self, frames: u64) {
        let mut device = Device::opened(&self.pass, self.polls.last).await;
        for _ in 0..frames {
            let Ok(text) = device.socket.next_text(Duration::from_millis(300)).await else { break };
            if let Some(sequence) = serde_json::from_str::<Value>(&text).unwrap()["sequence"].as_i64() {
                self.polls.last = sequence;
            }
            self.note(&text);
        }
        device.socket.cut();
    }

    fn note(&mut self, frame: &str) {
        let frame: Value = serde_json::from_str(frame).unwrap();
        let Some(seq) = frame["result"]["data"]["mailboxSeq"].as_i64() else { return };
        if self.told.last().is_none_or(|last| *last < seq) {
            self.told.push(seq);
        }
        assert!(self.told.contains(&seq), "{seq} came after {:?}", self.told);
    }
}
