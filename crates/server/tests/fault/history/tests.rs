use serde_json::json;

use super::{Account, Device, Sent, faults};
use crate::{diary::Entry, handset::text_of};

const ALICE: &str = "sip:alice@house.test";
const BOB: &str = "sip:bob@house.test";

fn entry(seq: i64, kind: &str, peer: &str, id: &str) -> Entry {
    Entry::read(&json!({"method": kind, "mailboxSeq": seq, "contactId": peer, "messageId": id,
        "message": text_of(id), "timestamp": time(id)}))
    .unwrap()
}

fn time(id: &str) -> i64 {
    id.trim_start_matches(|c: char| !c.is_ascii_digit()).parse().unwrap_or(0)
}

fn sent(id: &str, to: &str) -> Sent {
    Sent { id: id.to_owned(), to: to.to_owned(), complete: Some(time(id)), refused: false }
}

/// Alice's first phone invites Bob with a1 and sends a2; Bob's first phone accepts and answers with b3.
fn good() -> Vec<Account> {
    let alice = [
        entry(1, "MessageSent", BOB, "a1"),
        entry(2, "MessageSent", BOB, "a2"),
        entry(3, "InvitationUpdate", BOB, ""),
        entry(4, "MessageAck", BOB, "a1"),
        entry(5, "MessageReceived", BOB, "b3"),
    ];
    let bob = [
        entry(1, "InvitationReceived", ALICE, "a1"),
        entry(2, "MessageReceived", ALICE, "a2"),
        entry(3, "InvitationUpdate", ALICE, ""),
        entry(4, "MessageReceived", ALICE, "a1"),
        entry(5, "MessageSent", ALICE, "b3"),
    ];
    let device = |name: &str, sent: Vec<Sent>, told: &[Entry]| Device {
        name: name.to_owned(),
        sent,
        told: told.to_vec(),
    };
    let without = |told: &[Entry], places: &[i64]| -> Vec<Entry> {
        told.iter().filter(|entry| !places.contains(&entry.seq)).cloned().collect()
    };
    vec![
        Account {
            address: ALICE.to_owned(),
            devices: vec![
                device("alice-1", vec![sent("a1", BOB), sent("a2", BOB)], &without(&alice, &[1, 2])),
                device("alice-2", Vec::new(), &alice),
            ],
        },
        Account {
            address: BOB.to_owned(),
            devices: vec![
                device("bob-1", vec![sent("b3", ALICE)], &without(&bob, &[3, 5])),
                device("bob-2", Vec::new(), &bob),
            ],
        },
    ]
}

/// The faults of the good history after a change of one phone's part of it.
fn after(account: usize, device: usize, change: impl FnOnce(&mut Device)) -> String {
    let mut history = good();
    change(&mut history[account].devices[device]);
    faults(&history).join("; ")
}

#[test]
fn a_good_history_has_no_faults() {
    assert_eq!(faults(&good()), [""; 0]);
}

#[test]
fn a_lost_message_is_found_at_every_phone_that_lacks_it() {
    let lost = after(1, 0, |device| device.told.retain(|entry| entry.id != "a2"));
    assert!(lost.contains("bob-1 lacks a2 (in)"), "{lost}");
    let lost = after(0, 1, |device| device.told.retain(|entry| entry.id != "a2"));
    assert!(lost.contains("alice-2 lacks a2 (out)"), "{lost}");
    let mut gone = good();
    gone[1].devices.iter_mut().for_each(|device| device.told.retain(|entry| entry.id != "a2"));
    let gone = faults(&gone).join("; ");
    assert!(gone.contains("bob-2 lacks a2") && gone.contains("no phone was told of place 2"), "{gone}");
    let unheard = after(0, 0, |device| device.sent[1].complete = None);
    assert_eq!(unheard, "", "a message without COMPLETE may have arrived");
}

#[test]
fn a_doubled_message_or_receipt_is_found() {
    for (account, again, role) in [
        (1, entry(6, "MessageReceived", ALICE, "a2"), "in"),
        (0, entry(6, "MessageAck", BOB, "a1"), "receipt"),
    ] {
        let twice = after(account, 1, |device| device.told.push(again.clone()));
        assert!(twice.contains(&format!("{} ({role}) twice", again.id)), "{twice}");
    }
    let again = after(1, 1, |device| device.told.push(entry(6, "MessageReceived", ALICE, "a1")));
    assert!(
        again.contains("a1 (in) twice"),
        "an accepted invitation's message comes once more, not twice: {again}"
    );
}

#[test]
fn another_order_is_found() {
    let swapped = after(1, 1, |device| {
        device.told[0] = entry(1, "MessageReceived", ALICE, "a2");
        device.told[1] = entry(2, "InvitationReceived", ALICE, "a1");
    });
    assert!(
        swapped.contains("bob-2 was told a1 after a2") && swapped.contains("place 1 differs"),
        "{swapped}"
    );
    let falling = after(1, 1, |device| device.told.swap(0, 1));
    assert!(falling.contains("the places do not rise"), "{falling}");
}

#[test]
fn what_was_not_sent_so_is_found() {
    for (other, words) in [
        (entry(6, "MessageReceived", ALICE, "x9"), "was never sent"),
        (entry(6, "MessageReceived", "sip:carol@house.test", "b3"), "between others"),
        (entry(6, "MessageAck", ALICE, "a2"), "a receipt for a message that was not sent"),
    ] {
        let found = after(1, 1, |device| device.told.push(other));
        assert!(found.contains(words), "{words}: {found}");
    }
    let own = after(0, 0, |device| device.told.insert(0, entry(1, "MessageSent", BOB, "a1")));
    assert!(own.contains("is its own message"), "{own}");
    let time = after(0, 0, |device| device.sent[0].complete = Some(77));
    assert!(time.contains("another time than its COMPLETE"), "{time}");
    let text = after(1, 1, |device| device.told[1].data["message"] = json!("else"));
    assert!(text.contains("another text"), "{text}");
}

#[test]
fn a_gap_that_is_no_own_act_is_found() {
    let receipt = after(0, 1, |device| device.told.retain(|entry| entry.kind != "MessageAck"));
    assert!(receipt.contains("alice-2 lack place 4, MessageAck a1"), "{receipt}");
    let others = after(0, 0, |device| device.sent.clear());
    assert!(others.contains("alice-1 lack place 1, MessageSent a1"), "{others}");
}
