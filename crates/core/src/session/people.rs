use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use tokio::time::Instant;
use trunkline_model::{Address, Contact};
use trunkline_store::SessionPeople;

/// At most one ContactUpdate per contact in this time.
const PACE: Duration = Duration::from_secs(5);
/// Changes kept for a phone that sleeps; beyond, it is told the whole roster when it comes back.
const MAX_WAITING: usize = 256;
/// People outside the roster that a session may watch, and people it may mute.
const MAX_LISTED: usize = 1_000;

/// Which contacts a session's phone is to be told of, and how fast.
#[derive(Debug, Default)]
pub(crate) struct People {
    /// Changes that wait, the newest of each contact.
    waiting: HashMap<Address, Contact>,
    /// When each contact was told last; forgotten after [`PACE`].
    told: HashMap<Address, Instant>,
    /// Whose presence updates the phone does not want (BlockContact, for this session only).
    muted: HashSet<Address>,
    /// Watched though not in the roster (RegisterTempRemotePresence).
    watched: HashSet<Address>,
    /// The phone had the whole roster with presence; from then on, changes suffice.
    informed: bool,
    /// The sequence of the last event that told the phone of contacts.
    last_told: i64,
    /// The session is over: nobody is listed any more.
    over: bool,
}

impl People {
    /// As an earlier life of the process left them.
    pub(crate) fn restored(lists: SessionPeople) -> Self {
        let SessionPeople { muted, watched } = lists;
        let (muted, watched) = (muted.into_iter().collect(), watched.into_iter().collect());
        Self { muted, watched, ..Self::default() }
    }

    /// A contact changed.
    pub(crate) fn changed(&mut self, contact: &Contact) {
        if self.over || !self.informed || self.muted.contains(&contact.address) {
            return;
        }
        if contact.in_roster || self.watched.contains(&contact.address) {
            self.waiting.insert(contact.address.clone(), contact.clone());
        }
        if self.waiting.len() > MAX_WAITING {
            self.outdated();
        }
    }

    /// The changes to tell now.
    pub(crate) fn due(&mut self, now: Instant) -> Vec<Contact> {
        self.told.retain(|_, at| now.saturating_duration_since(*at) < PACE);
        let due: Vec<_> = self.waiting.keys().filter(|who| !self.told.contains_key(*who)).cloned().collect();
        let contacts: Vec<_> = due.iter().filter_map(|who| self.waiting.remove(who)).collect();
        self.told.extend(due.into_iter().map(|who| (who, now)));
        contacts
    }

    /// When the next waiting change may be told.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.waiting.keys().filter_map(|who| self.told.get(who)).min().map(|at| *at + PACE)
    }

    /// Whether the whole roster is still to be told; from now on it counts as told.
    pub(crate) fn inform(&mut self) -> bool {
        !std::mem::replace(&mut self.informed, true)
    }

    /// An event with this sequence tells the phone of contacts.
    pub(crate) fn telling(&mut self, sequence: i64) {
        self.last_told = self.last_told.max(sequence);
    }

    /// The phone comes back and has seen everything up to this sequence: what it was told after that may be lost.
    pub(crate) fn reopened(&mut self, seen: Option<i64>) {
        if seen.is_none_or(|seen| seen < self.last_told) {
            self.outdated();
        }
    }

    /// The roster may have changed as a whole: it is to be told again.
    pub(crate) fn outdated(&mut self) {
        self.informed = false;
        self.waiting.clear();
        self.told.clear();
    }

    /// The session is over. Gives the memory that its people take from now on, in bytes.
    pub(crate) fn part(&mut self) -> usize {
        self.over = true;
        (self.waiting, self.told, self.muted) = Default::default();
        self.watched.shrink_to_fit();
        self.watched.iter().map(|who| who.bare().len() + 4 * size_of::<Address>()).sum()
    }

    /// False when the session mutes too many people already.
    pub(crate) fn mute(&mut self, who: Address) -> bool {
        self.waiting.remove(&who);
        !self.over && insert(&mut self.muted, who)
    }

    pub(crate) fn unmute(&mut self, who: &Address) {
        self.muted.remove(who);
    }

    pub(crate) fn is_muted(&self, who: &Address) -> bool {
        self.muted.contains(who)
    }

    /// False when the session watches too many people already.
    pub(crate) fn watch(&mut self, who: Address) -> bool {
        !self.over && insert(&mut self.watched, who)
    }

    pub(crate) fn unwatch(&mut self, who: &Address) {
        self.watched.remove(who);
    }

    pub(crate) fn watches(&self, who: &Address) -> bool {
        self.watched.contains(who)
    }

    pub(crate) fn watched(&self) -> Vec<Address> {
        self.watched.iter().cloned().collect()
    }
}

fn insert(list: &mut HashSet<Address>, who: Address) -> bool {
    if list.len() >= MAX_LISTED && !list.contains(&who) {
        return false;
    }
    list.insert(who);
    true
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use trunkline_model::Contact;

    use super::People;

    fn contact(name: &str) -> Contact {
        Contact { in_roster: true, ..Contact::unknown(format!("{name}@example.test").parse().unwrap()) }
    }

    #[test]
    fn the_first_change_is_told_at_once_and_later_ones_are_paced() {
        let (mut people, start) = (People::default(), Instant::now());
        assert!(people.inform() && !people.inform());
        people.changed(&contact("bo"));
        assert_eq!(people.due(start).len(), 1);
        people.changed(&contact("bo"));
        people.changed(&contact("bo"));
        let soon = start + Duration::from_secs(1);
        assert!(people.due(soon).is_empty());
        assert_eq!(people.next_due(), Some(start + Duration::from_secs(5)));
        assert_eq!(people.due(start + Duration::from_secs(5)).len(), 1);
    }

    #[test]
    fn strangers_and_muted_contacts_are_not_told() {
        let (mut people, now) = (People::default(), Instant::now());
        people.inform();
        let stranger = Contact { in_roster: false, ..contact("eve") };
        people.changed(&stranger);
        people.mute(contact("bo").address);
        people.changed(&contact("bo"));
        assert!(people.due(now).is_empty());
        people.watch(stranger.address.clone());
        people.changed(&stranger);
        assert_eq!(people.due(now).len(), 1);
    }
}
