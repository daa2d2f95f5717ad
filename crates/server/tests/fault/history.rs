//! Judges a whole history: what phones sent, and what every phone was told. Pure.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::{
    diary::Entry,
    handset::{Handset, text_of},
};

/// One account with all of its phones.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    pub(crate) address: String,
    pub(crate) devices: Vec<Device>,
}

/// One phone.
#[derive(Debug, Clone)]
pub(crate) struct Device {
    pub(crate) name: String,
    /// In the order in which it first sent them.
    pub(crate) sent: Vec<Sent>,
    /// In the order of the mailbox.
    pub(crate) told: Vec<Entry>,
}

/// A message that a phone sent, under an id that no other phone used.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) id: String,
    pub(crate) to: String,
    /// The timestamp in its COMPLETE, once it has one.
    pub(crate) complete: Option<i64>,
    /// The relay could not store it at first, or may not have been able to, so that others overtook it.
    pub(crate) refused: bool,
}

/// Who wrote a message.
struct Written<'a> {
    from: &'a str,
    sent: &'a Sent,
}

/// The acts of a phone that only the account's other phones are told of.
const OWN_ACTS: [&str; 4] = ["MessageSent", "InvitationUpdate", "ChatEnded", "conversation.Read"];

impl Device {
    pub(crate) fn of(handset: &Handset, sent: Vec<Sent>) -> Self {
        Self { name: handset.name.clone(), sent, told: handset.diary.entries().cloned().collect() }
    }
}

/// Everything that is wrong with a history in which every phone has been told all there is.
pub(crate) fn faults(accounts: &[Account]) -> Vec<String> {
    let mut faults = Vec::new();
    let mut written = HashMap::new();
    for account in accounts {
        for sent in account.devices.iter().flat_map(|device| &device.sent) {
            written.insert(sent.id.as_str(), Written { from: &account.address, sent });
        }
    }
    for account in accounts {
        faults.extend(places(account));
        for device in &account.devices {
            let told = Told { account, device, written: &written };
            faults.extend(told.all_there(accounts));
            faults.extend(told.nothing_else());
            faults.extend(told.none_twice());
            faults.extend(told.in_order(accounts));
        }
    }
    faults
}

/// The places of a mailbox are dense, phones agree on them, and each lacks only what it did itself.
fn places(account: &Account) -> Vec<String> {
    let mut faults = Vec::new();
    let mut mailbox: BTreeMap<i64, &Entry> = BTreeMap::new();
    for device in &account.devices {
        if !device.told.is_sorted_by(|one, next| one.seq < next.seq) {
            faults.push(format!("{}: the places do not rise", device.name));
        }
        for entry in &device.told {
            let known = mailbox.entry(entry.seq).or_insert(entry);
            if *known != entry {
                faults.push(format!("{}: place {} differs between phones", account.address, entry.seq));
            }
        }
    }
    let head = mailbox.keys().next_back().copied().unwrap_or(0);
    for seq in 1..=head {
        let Some(entry) = mailbox.get(&seq) else {
            if account.devices.len() > 1 {
                faults.push(format!("{}: no phone was told of place {seq}", account.address));
            }
            continue;
        };
        let lacking = account
            .devices
            .iter()
            .filter(|device| device.told.binary_search_by_key(&seq, |told| told.seq).is_err());
        let lacking: Vec<_> = lacking.collect();
        let own =
            |device: &Device| entry.kind != "MessageSent" || device.sent.iter().any(|s| s.id == entry.id);
        match lacking.as_slice() {
            [] => {}
            [device] if OWN_ACTS.contains(&entry.kind.as_str()) && own(device) => {}
            devices => {
                let names: Vec<_> = devices.iter().map(|device| device.name.as_str()).collect();
                faults.push(format!("{} lack place {seq}, {} {}", names.join(" and "), entry.kind, entry.id));
            }
        }
    }
    faults
}

struct Told<'a> {
    account: &'a Account,
    device: &'a Device,
    written: &'a HashMap<&'a str, Written<'a>>,
}

impl Told<'_> {
    /// Every message with a COMPLETE is at the recipient's phones and at the sender's other phones, as it was sent.
    fn all_there(&self, accounts: &[Account]) -> Vec<String> {
        let mut faults = Vec::new();
        let arrived: HashSet<(&str, &str)> = self.device.told.iter().map(role).collect();
        for account in accounts {
            for device in account.devices.iter().filter(|device| device.name != self.device.name) {
                for sent in device.sent.iter().filter(|sent| sent.complete.is_some()) {
                    let wanted = if account.address == self.account.address {
                        "out"
                    } else if sent.to == self.account.address {
                        "in"
                    } else {
                        continue;
                    };
                    if !arrived.contains(&(wanted, sent.id.as_str())) {
                        faults.push(format!("{} lacks {} ({wanted})", self.device.name, sent.id));
                    }
                }
            }
        }
        faults
    }

    /// Nothing is told that nobody sent, or otherwise than it was sent.
    fn nothing_else(&self) -> Vec<String> {
        let own: HashSet<&str> = self.device.sent.iter().map(|sent| sent.id.as_str()).collect();
        let wrong = |entry: &&Entry| match role(entry) {
            ("out", id) if own.contains(id) => Some("is its own message"),
            ("out", _) => self.differs(entry, &self.account.address, &entry.peer),
            ("in", _) => self.differs(entry, &entry.peer, &self.account.address),
            ("receipt", id) => match self.written.get(id) {
                Some(written) if written.from == self.account.address && written.sent.to == entry.peer => {
                    None
                }
                _ => Some("is a receipt for a message that was not sent"),
            },
            _ => None,
        };
        let told = self.device.told.iter();
        told.filter_map(|entry| {
            wrong(&entry).map(|what| format!("{}: place {} {what}", self.device.name, entry.seq))
        })
        .collect()
    }

    fn differs(&self, entry: &Entry, from: &str, to: &str) -> Option<&'static str> {
        let Some(written) = self.written.get(entry.id.as_str()) else { return Some("was never sent") };
        if written.from != from || written.sent.to != to {
            return Some("is between others than it was sent between");
        }
        if entry.text("message") != text_of(&entry.id) {
            return Some("has another text");
        }
        let at = entry.number("timestamp");
        written
            .sent
            .complete
            .is_some_and(|complete| complete != at)
            .then_some("has another time than its COMPLETE")
    }

    /// No message is told twice, but for an invitation's, which comes as a message once somebody accepts; no receipt
    /// is told twice.
    fn none_twice(&self) -> Vec<String> {
        let mut seen = HashMap::new();
        let mut faults = Vec::new();
        for entry in self.device.told.iter().filter(|entry| !entry.id.is_empty()) {
            let (role, id) = role(entry);
            let before = seen.insert((role, id), entry.kind.as_str());
            let accepted = before == Some("InvitationReceived") && entry.kind == "MessageReceived";
            if before.is_some() && !accepted {
                faults.push(format!("{} was told {id} ({role}) twice", self.device.name));
            }
        }
        faults
    }

    /// The messages of every sending phone come in its order.
    fn in_order(&self, accounts: &[Account]) -> Vec<String> {
        let mut first = BTreeMap::new();
        for entry in &self.device.told {
            if let ("in" | "out", id) = role(entry) {
                first.entry(id).or_insert(entry.seq);
            }
        }
        let mut faults = BTreeSet::new();
        for sender in accounts.iter().flat_map(|account| &account.devices) {
            let kept = sender.sent.iter().filter(|sent| !sent.refused);
            let known = kept.filter_map(|sent| Some((&sent.id, *first.get(sent.id.as_str())?)));
            let known: Vec<_> = known.collect();
            for pair in known.windows(2).filter(|pair| pair[0].1 > pair[1].1) {
                faults.insert(format!("{} was told {} after {}", self.device.name, pair[0].0, pair[1].0));
            }
        }
        faults.into_iter().collect()
    }
}

/// What an entry is to its phone, and of which message.
fn role(entry: &Entry) -> (&str, &str) {
    let role = match entry.kind.as_str() {
        "MessageReceived" | "InvitationReceived" if !entry.id.is_empty() => "in",
        "MessageSent" => "out",
        "MessageAck" => "receipt",
        _ => "",
    };
    (role, &entry.id)
}
