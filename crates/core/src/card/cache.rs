use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    time::Duration,
};

use tokio::time::Instant;
use trunkline_model::{AccountId, Address, Profile};

use crate::port::{Listed, Photo};

/// How long what a directory said is good.
const FRESH: Duration = Duration::from_secs(4 * 3_600);
/// How long somebody is not asked for again after a failure, or because the IM system says that the photo is another.
pub(super) const PAUSE: Duration = Duration::from_secs(60);
/// People who are remembered, and accounts that wait to hear of one, over all of them.
const MOST: Most = Most { people: 50_000, waiting: 1_000_000 };
/// Bytes of photos that are kept.
const MOST_BYTES: usize = 16 * 1024 * 1024;

/// Who is asked: an account's own line, the directory with this number, or both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Source {
    pub(super) line: Option<AccountId>,
    pub(super) directory: Option<usize>,
}

/// Who is asked about whom.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(super) source: Source,
    pub(super) who: Address,
}

impl Source {
    pub(super) fn key(self, who: &Address) -> Key {
        Key { source: self, who: who.clone() }
    }
}

/// How much is remembered.
#[derive(Clone, Copy)]
pub(super) struct Most {
    pub(super) people: usize,
    pub(super) waiting: usize,
}

/// What is known of people.
pub(super) struct Cache {
    most: Most,
    people: HashMap<Key, Known>,
    /// Over all people.
    waiting: usize,
    photos: HashMap<String, Photo>,
    /// Their hashes, the oldest first.
    order: VecDeque<String>,
    bytes: usize,
}

/// A profile, and the photo's hash if there is a photo.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Card {
    pub(super) profile: Profile,
    pub(super) hash: Option<String>,
}

/// What becomes of a wish.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    /// It is this caller's to have somebody asked for.
    pub(super) ask: bool,
    /// The account hears of it.
    pub(super) waits: bool,
}

struct Known {
    /// None before the first answer.
    card: Option<Card>,
    /// What the IM system called the photo when this was asked for.
    hint: String,
    checked: Instant,
    due: Instant,
    /// Somebody is about to ask, or to try again.
    asked: bool,
    waiting: BTreeSet<AccountId>,
}

impl Known {
    fn is_due(&self, hint: &str, now: Instant) -> bool {
        let is_other = !hint.is_empty() && self.hint != hint;
        self.due <= now || (is_other && self.checked + PAUSE <= now)
    }
}

impl Default for Cache {
    fn default() -> Self {
        Self::new(MOST)
    }
}

impl Cache {
    pub(super) fn new(most: Most) -> Self {
        let (people, photos, order) = Default::default();
        Self { most, people, waiting: 0, photos, order, bytes: 0 }
    }

    /// What is known, and whether somebody is to be asked.
    pub(super) fn look(&self, key: &Key, hint: &str, now: Instant) -> (Option<Card>, bool) {
        let Some(known) = self.people.get(key) else { return (None, true) };
        (known.card.clone(), known.is_due(hint, now))
    }

    /// Somebody is to be asked for aside.
    pub(super) fn want(&mut self, key: &Key, hint: &str, account: AccountId, now: Instant) -> Wanted {
        let waits = self.expect(key, hint, account, now);
        let ask = self.people.get_mut(key).is_some_and(|known| !std::mem::replace(&mut known.asked, true));
        Wanted { ask, waits }
    }

    /// The caller asks at once. True when `account` hears of what is new; without room it does not.
    pub(super) fn expect(&mut self, key: &Key, hint: &str, account: AccountId, now: Instant) -> bool {
        if !self.people.contains_key(key) && !self.make_room(now) {
            return false;
        }
        let known = self.people.entry(key.clone()).or_insert_with(|| Known {
            card: None,
            hint: String::new(),
            checked: now,
            due: now,
            asked: false,
            waiting: BTreeSet::new(),
        });
        if !hint.is_empty() {
            hint.clone_into(&mut known.hint);
        }
        if known.waiting.contains(&account) {
            return true;
        }
        let has_room = self.waiting < self.most.waiting;
        if has_room {
            known.waiting.insert(account);
            self.waiting += 1;
        }
        has_room
    }

    /// Whether nobody was quicker to answer.
    pub(super) fn is_wanted(&self, key: &Key) -> bool {
        self.people.get(key).is_some_and(|known| known.asked)
    }

    /// Whether one of those who wait is there yet; else nobody asks again.
    pub(super) fn is_wanted_still(&mut self, key: &Key, is_there: impl Fn(AccountId) -> bool) -> bool {
        let Some(known) = self.people.get_mut(key) else { return false };
        let waited = known.waiting.len();
        known.waiting.retain(|account| is_there(*account));
        self.waiting -= waited - known.waiting.len();
        known.asked &= !known.waiting.is_empty();
        known.asked
    }

    /// Whether those for whom there was no room may come again.
    pub(super) fn has_room(&self) -> bool {
        let asked = || self.people.values().filter(|known| known.asked).count();
        self.waiting < self.most.waiting / 2
            && (self.people.len() < self.most.people || asked() < self.most.people / 2)
    }

    /// Takes an answer; gives the accounts for whom it is news.
    pub(super) fn keep(&mut self, key: &Key, listed: Listed, now: Instant) -> BTreeSet<AccountId> {
        let Listed { profile, photo } = listed;
        let card = Card { profile, hash: photo.as_ref().map(|photo| photo.hash().to_owned()) };
        photo.into_iter().for_each(|photo| self.put(photo));
        let Some(known) = self.people.get_mut(key) else { return BTreeSet::new() };
        (known.asked, known.checked, known.due) = (false, now, now + FRESH);
        let waiting = std::mem::take(&mut known.waiting);
        self.waiting -= waiting.len();
        let is_news = known.card.as_ref() != Some(&card);
        known.card = Some(card);
        if is_news { waiting } else { BTreeSet::new() }
    }

    /// There was no answer: what was known stays, and who waits does.
    pub(super) fn fail(&mut self, key: &Key, now: Instant) {
        if let Some(known) = self.people.get_mut(key) {
            (known.checked, known.due) = (now, now + PAUSE);
        }
    }

    /// A photo that is still here.
    pub(super) fn photo(&self, hash: &str) -> Option<Photo> {
        self.photos.get(hash).cloned()
    }

    fn put(&mut self, photo: Photo) {
        if self.photos.contains_key(photo.hash()) {
            return;
        }
        self.bytes += photo.bytes().len();
        self.order.push_back(photo.hash().to_owned());
        self.photos.insert(photo.hash().to_owned(), photo);
        while self.bytes > MOST_BYTES
            && let Some(oldest) = self.order.pop_front()
        {
            self.bytes -= self.photos.remove(&oldest).map_or(0, |photo| photo.bytes().len());
        }
    }

    /// Whether there is room for one more; nobody is forgotten who is still to be asked for.
    fn make_room(&mut self, now: Instant) -> bool {
        if self.people.len() < self.most.people {
            return true;
        }
        self.people.retain(|_, known| known.asked || known.due > now + FRESH / 2);
        if self.people.len() >= self.most.people {
            self.people.retain(|_, known| known.asked);
        }
        self.waiting = self.people.values().map(|known| known.waiting.len()).sum();
        self.people.len() < self.most.people
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> Key {
        Source { line: None, directory: Some(0) }.key(&"bo@example.test".parse().unwrap())
    }

    fn listed(fill: u8, size: usize) -> Listed {
        let mut bytes = vec![0xff, 0xd8, 0xff];
        bytes.resize(size, fill);
        Listed { photo: Photo::new(bytes), ..Listed::default() }
    }

    const ANA: AccountId = AccountId(1);
    const MIA: AccountId = AccountId(2);

    #[test]
    fn one_asks_and_all_who_wait_are_told_what_is_news() {
        let (mut cache, now) = (Cache::default(), Instant::now());
        assert_eq!(cache.look(&key(), "", now), (None, true));
        assert!(cache.want(&key(), "", ANA, now).ask && !cache.want(&key(), "", MIA, now).ask);
        assert_eq!(cache.keep(&key(), listed(1, 10), now), BTreeSet::from([ANA, MIA]));
        let (card, due) = cache.look(&key(), "", now);
        assert!(!due && cache.photo(&card.unwrap().hash.unwrap()).is_some());
        let later = now + FRESH;
        assert!(cache.look(&key(), "", later).1 && cache.want(&key(), "", ANA, later).ask);
        assert!(cache.keep(&key(), listed(1, 10), later).is_empty(), "the same photo is no news");
        assert!(cache.want(&key(), "", ANA, later).ask);
        assert_eq!(
            cache.keep(&key(), Listed::default(), later),
            BTreeSet::from([ANA]),
            "nor is it there any more"
        );
    }

    #[test]
    fn another_photo_by_the_im_systems_word_is_asked_for_but_not_in_haste() {
        let (mut cache, now) = (Cache::default(), Instant::now());
        cache.expect(&key(), "h1", ANA, now);
        cache.keep(&key(), listed(1, 10), now);
        assert!(!cache.look(&key(), "h2", now).1 && cache.look(&key(), "h2", now + PAUSE).1);
        assert!(!cache.look(&key(), "", now + PAUSE).1, "who does not know the photo says nothing of it");
        cache.expect(&key(), "h2", ANA, now + PAUSE);
        cache.fail(&key(), now + PAUSE);
        let (card, due) = cache.look(&key(), "h2", now + PAUSE);
        assert!(card.unwrap().hash.is_some() && !due, "what was known stays, and the directory has its rest");
    }

    #[test]
    fn photos_take_no_more_than_their_share_and_the_oldest_goes_first() {
        let (mut cache, now) = (Cache::default(), Instant::now());
        let photo = |number: usize| {
            let mut photo = vec![0xff, 0xd8, 0xff];
            photo.extend(number.to_be_bytes());
            photo.resize(Photo::MOST_BYTES, 0);
            Photo::new(photo).unwrap()
        };
        let most = MOST_BYTES / Photo::MOST_BYTES;
        for number in 0..=most {
            cache.expect(&key(), "", ANA, now);
            cache.keep(&key(), Listed { photo: Some(photo(number)), ..Listed::default() }, now);
        }
        assert!(cache.bytes <= MOST_BYTES && cache.photos.len() == most);
        assert!(cache.photo(photo(0).hash()).is_none() && cache.photo(photo(most).hash()).is_some());
    }
}
