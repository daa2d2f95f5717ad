//! What directories have of the people whom phones see: photos, and profiles that fill in what IM systems leave empty.
//! Somebody is asked for when a phone is shown him, one after another at each directory, and what is learned is kept for some hours.

mod asker;
mod cache;
mod lane;

use std::{
    sync::{Arc, MutexGuard},
    time::Duration,
};

use async_trait::async_trait;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures_util::future::join_all;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use trunkline_model::{AccountId, Address, Contact};
use trunkline_store::StoreError;
use trunkline_wire::{ContactView, PhotoView};

use self::{
    asker::{Asker, Ways},
    cache::{Cache, Card, Key, Source},
};
use crate::{
    finding::{Directories, complete},
    line::Lines,
    port::{Line, Listed, Photo},
    portion::MOST_BYTES,
    relay::Inner,
    session::Session,
};

/// The hash of a photo that may exist and was not fetched yet.
const PENDING: &str = "PENDING";
/// How long a phone waits for photos, and how many are fetched for it at a time.
const WAIT: Duration = Duration::from_secs(10);
const TOGETHER: usize = 4;

/// The cards of all domains.
pub(crate) struct Cards(Arc<Asker<People>>);

/// Those who know people, and those who are told of them.
struct People {
    lines: Arc<Lines>,
    directories: Arc<Directories>,
}

impl Cards {
    /// Asks for people in the lines' tasks until `stop`.
    pub(crate) fn start(
        lines: &Arc<Lines>,
        directories: &Arc<Directories>,
        stop: &CancellationToken,
    ) -> Self {
        let people = People { lines: Arc::clone(lines), directories: Arc::clone(directories) };
        Self(Asker::start(people, Cache::default(), lines.tasks.clone(), stop.clone()))
    }

    /// Fills contacts in for an account's phones. Who is in the roster and not known yet is asked for aside; the phones are
    /// told when he is.
    pub(crate) fn fill(&self, session: &Session, contacts: &mut [Contact]) {
        let Some(source) = self.source(session) else {
            return contacts.iter_mut().for_each(|contact| contact.photo_hash.clear());
        };
        for contact in contacts {
            let key = source.key(&contact.address);
            let hint = std::mem::take(&mut contact.photo_hash);
            let now = Instant::now();
            let (card, is_due) = self.cache().look(&key, &hint, now);
            if is_due && contact.in_roster {
                self.0.want(key, &hint, session.account());
            }
            show(contact, card);
        }
    }

    /// Asks for somebody whom a phone looks at closely, unless he is known.
    pub(crate) async fn learn(&self, session: &Session, contact: &Contact) {
        let Some(source) = self.source(session) else { return };
        let (key, hint) = (source.key(&contact.address), &contact.photo_hash);
        if self.cache().look(&key, hint, Instant::now()).1 {
            self.cache().expect(&key, hint, session.account(), Instant::now());
            self.0.ask(&key).await;
        }
    }

    /// Photos for a phone, as many as go into one answer. Of the others it has the hash alone.
    pub(crate) async fn photos(&self, session: &Session, all: Vec<Address>) -> Vec<PhotoView> {
        let (deadline, mut room) = (Instant::now() + WAIT, MOST_BYTES);
        let mut views = Vec::with_capacity(all.len());
        for some in all.chunks(TOGETHER) {
            let has_room = room > 0;
            let mut fetching = Vec::with_capacity(TOGETHER);
            for who in some {
                fetching.push(self.photo(session, who, has_room.then_some(deadline)));
            }
            let found = join_all(fetching).await;
            for (who, (hash, photo)) in some.iter().zip(found) {
                let photo = photo.map(|photo| STANDARD.encode(photo.bytes())).unwrap_or_default();
                let left = room.checked_sub(photo.len());
                room = left.unwrap_or(0);
                let photo = left.map(|_| photo).unwrap_or_default();
                views.push(PhotoView { address: who.clone(), hash, photo });
            }
        }
        views
    }

    /// A photo and its hash; fetched until the deadline, if there is one.
    async fn photo(
        &self,
        session: &Session,
        who: &Address,
        deadline: Option<Instant>,
    ) -> (String, Option<Photo>) {
        let Some(key) = self.source(session).map(|source| source.key(who)) else { return Default::default() };
        let (card, is_due) = self.cache().look(&key, "", Instant::now());
        let hash = card.and_then(|card| card.hash);
        let is_gone = hash.is_some_and(|hash| self.cache().photo(&hash).is_none());
        if let Some(deadline) = deadline.filter(|_| is_due || is_gone) {
            self.cache().expect(&key, "", session.account(), Instant::now());
            // What is not there in time stays pending.
            let _ = timeout_at(deadline, self.0.ask(&key)).await;
        }
        let cache = self.cache();
        match cache.look(&key, "", Instant::now()).0 {
            None => (PENDING.to_owned(), None),
            Some(Card { hash: None, .. }) => Default::default(),
            Some(Card { hash: Some(hash), .. }) => {
                let photo = cache.photo(&hash);
                (hash, photo)
            }
        }
    }

    /// Who is asked about people; nobody when neither a directory nor the line knows more.
    fn source(&self, session: &Session) -> Option<Source> {
        let People { lines, directories } = self.0.ways();
        let directory = directories.of(session.address().domain());
        let has_album = |line: Arc<dyn Line>| line.album().is_some();
        let line = lines.connected(session.account()).is_some_and(has_album).then(|| session.account());
        (directory.is_some() || line.is_some()).then_some(Source { line, directory })
    }

    fn cache(&self) -> MutexGuard<'_, Cache> {
        self.0.cache()
    }
}

#[async_trait]
impl Ways for People {
    async fn fetch(&self, key: &Key) -> Option<Listed> {
        let mut listed = match key.source.directory {
            Some(directory) => self.directories.person(directory, &key.who).await.ok()?.unwrap_or_default(),
            None => Listed::default(),
        };
        let line = key.source.line.and_then(|account| self.lines.connected(account));
        if let Some(album) = line.as_ref().and_then(|line| line.album()) {
            listed.photo = album.photo(&key.who).await.ok()?.or(listed.photo);
        }
        Some(listed)
    }

    async fn tell(&self, account: AccountId, who: &Address) -> bool {
        // A line that comes up tells of everybody.
        let Some(line) = self.lines.connected(account).filter(|_| self.has_phones(account)) else {
            return true;
        };
        let Ok(contact) = line.contact(who).await else { return false };
        contact.into_iter().for_each(|contact| self.lines.hub.contact_changed(account, &contact));
        true
    }

    fn tell_all(&self, account: AccountId) {
        self.lines.roster_outdated(account);
    }

    fn has_phones(&self, account: AccountId) -> bool {
        !self.lines.hub.sessions(account).is_empty()
    }
}

impl Inner {
    /// Contacts as a session's phone is to see them.
    pub(crate) async fn view(
        &self,
        session: &Session,
        mut contacts: Vec<Contact>,
    ) -> Result<Vec<ContactView>, StoreError> {
        self.cards.fill(session, &mut contacts);
        self.lines.blocks.view(session, contacts).await
    }
}

fn show(contact: &mut Contact, card: Option<Card>) {
    match card {
        Some(Card { profile, hash }) => {
            complete(&mut contact.profile, profile);
            contact.photo_hash = hash.unwrap_or_default();
        }
        None => PENDING.clone_into(&mut contact.photo_hash),
    }
}
