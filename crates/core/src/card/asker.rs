use std::{
    collections::{HashSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use tokio::time::{Instant, sleep};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use trunkline_model::{AccountId, Address};

use super::{
    cache::{Cache, Key, PAUSE, Source},
    lane::{Lanes, Put},
};
use crate::port::Listed;

/// People who wait for one source; more come back after a pause.
const QUEUE: usize = 4_096;
/// Between two of them: directories have more to do than this.
const PACE: Duration = Duration::from_millis(5);
/// News that wait for one account's line; with more its phones are told everybody anew.
const NEWS: usize = 256;
/// How often those are looked at who wait for another try, and how many accounts may then ask anew.
const ROUND: Duration = Duration::from_secs(15);
const AT_ONCE: usize = 100;

/// What is asked, and who is told.
#[async_trait]
pub(super) trait Ways: Send + Sync {
    /// What there is to be known; `None` when somebody did not answer.
    async fn fetch(&self, key: &Key) -> Option<Listed>;

    /// Tells an account's phones how somebody looks now; false when the line does not say.
    async fn tell(&self, account: AccountId, who: &Address) -> bool;

    /// Has an account's phones told its whole roster anew.
    fn tell_all(&self, account: AccountId);

    /// Whether there is a phone to be told.
    fn has_phones(&self, account: AccountId) -> bool;
}

/// Asks about people: each source one after another and all side by side, again after a pause while somebody waits.
pub(super) struct Asker<W> {
    ways: W,
    cache: Mutex<Cache>,
    asking: Lanes<Source, Key>,
    telling: Lanes<AccountId, Address>,
    /// Who is asked for again and when, the earliest first.
    again: Mutex<VecDeque<(Instant, Key)>>,
    /// Accounts that could not be noted as waiting.
    owed: Mutex<HashSet<AccountId>>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl<W: Ways + 'static> Asker<W> {
    /// Tries again until `stop`, in one of `tasks` as everything else it does.
    pub(super) fn start(ways: W, cache: Cache, tasks: TaskTracker, stop: CancellationToken) -> Arc<Self> {
        let asker = Arc::new(Self {
            ways,
            cache: Mutex::new(cache),
            asking: Lanes::new(QUEUE),
            telling: Lanes::new(NEWS),
            again: Mutex::default(),
            owed: Mutex::default(),
            tasks,
            stop,
        });
        asker.spawn(Arc::clone(&asker).rounds());
        asker
    }

    /// Has somebody asked for aside; `account` hears of it.
    pub(super) fn want(self: &Arc<Self>, key: Key, hint: &str, account: AccountId) {
        let wanted = self.cache().want(&key, hint, account, Instant::now());
        if !wanted.waits {
            lock(&self.owed).insert(account);
        }
        if wanted.ask {
            self.queue(key);
        }
    }

    /// Asks now; false when somebody did not answer.
    pub(super) async fn ask(self: &Arc<Self>, key: &Key) -> bool {
        let Some(listed) = self.ways.fetch(key).await else {
            self.cache().fail(key, Instant::now());
            return false;
        };
        let told = self.cache().keep(key, listed, Instant::now());
        for account in told {
            self.tell(account, key.who.clone());
        }
        true
    }

    pub(super) fn cache(&self) -> MutexGuard<'_, Cache> {
        lock(&self.cache)
    }

    pub(super) fn ways(&self) -> &W {
        &self.ways
    }

    fn queue(self: &Arc<Self>, key: Key) {
        let source = key.source;
        match self.asking.put(source, key) {
            Put::First => self.spawn(Arc::clone(self).work(source)),
            Put::Waits => {}
            Put::Full(key) => self.later(key),
        }
    }

    async fn work(self: Arc<Self>, source: Source) {
        while let Some(key) = self.asking.next(&source) {
            if self.cache().is_wanted(&key) && !self.ask(&key).await {
                self.later(key);
            }
            sleep(PACE).await;
        }
    }

    fn later(&self, key: Key) {
        lock(&self.again).push_back((Instant::now() + PAUSE, key));
    }

    fn tell(self: &Arc<Self>, account: AccountId, who: Address) {
        match self.telling.put(account, who) {
            Put::First => self.spawn(Arc::clone(self).tell_news(account)),
            Put::Waits => {}
            Put::Full(_) => {
                self.telling.clear(&account);
                self.ways.tell_all(account);
            }
        }
    }

    async fn tell_news(self: Arc<Self>, account: AccountId) {
        while let Some(who) = self.telling.next(&account) {
            if !self.ways.tell(account, &who).await {
                self.telling.clear(&account);
                self.ways.tell_all(account);
            }
        }
    }

    async fn rounds(self: Arc<Self>) {
        loop {
            sleep(ROUND).await;
            self.try_again(Instant::now());
            self.pay();
        }
    }

    fn try_again(self: &Arc<Self>, now: Instant) {
        let due: Vec<_> = {
            let mut again = lock(&self.again);
            let count = again.iter().take_while(|(at, _)| *at <= now).count();
            again.drain(..count).collect()
        };
        for (_, key) in due {
            if self.cache().is_wanted_still(&key, |account| self.ways.has_phones(account)) {
                self.queue(key);
            }
        }
    }

    /// Who is told the roster anew asks for those whom nobody knows yet.
    fn pay(&self) {
        if !self.cache().has_room() {
            return;
        }
        let some: Vec<_> = {
            let mut owed = lock(&self.owed);
            let some: Vec<_> = owed.iter().copied().take(AT_ONCE).collect();
            owed.retain(|account| !some.contains(account));
            some
        };
        some.into_iter().for_each(|account| self.ways.tell_all(account));
    }

    fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(self.stop.clone().run_until_cancelled_owned(work));
    }
}

fn lock<T>(value: &Mutex<T>) -> MutexGuard<'_, T> {
    value.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
