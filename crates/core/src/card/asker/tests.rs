use std::{collections::HashMap, future::pending};

use tokio::time::timeout;

use super::{super::cache::Most, *};

const ANA: AccountId = AccountId(1);
const MIA: AccountId = AccountId(2);
const HANGS: Source = Source { line: None, directory: Some(0) };
const WORKS: Source = Source { line: None, directory: Some(1) };

/// The first directory hangs until each try is given up; a line may hang for good.
#[derive(Clone, Default)]
struct Office(Arc<Mutex<Inside>>);

#[derive(Default)]
struct Inside {
    tries: HashMap<Address, usize>,
    mended: bool,
    stuck: Option<AccountId>,
    gone: Option<AccountId>,
    told: Vec<(AccountId, Address)>,
    told_all: Vec<AccountId>,
}

impl Office {
    fn inside(&self) -> MutexGuard<'_, Inside> {
        lock(&self.0)
    }

    fn asker(&self, most: Most) -> Arc<Asker<Self>> {
        Asker::start(self.clone(), Cache::new(most), TaskTracker::new(), CancellationToken::new())
    }

    fn has_told(&self, account: AccountId, who: &Address) -> bool {
        self.inside().told.contains(&(account, who.clone()))
    }
}

#[async_trait]
impl Ways for Office {
    async fn fetch(&self, key: &Key) -> Option<Listed> {
        *self.inside().tries.entry(key.who.clone()).or_default() += 1;
        if key.source == HANGS && !self.inside().mended {
            return timeout(Duration::from_millis(4_500), pending()).await.ok();
        }
        Some(Listed::default())
    }

    async fn tell(&self, account: AccountId, who: &Address) -> bool {
        if self.inside().stuck == Some(account) {
            pending::<()>().await;
        }
        self.inside().told.push((account, who.clone()));
        true
    }

    fn tell_all(&self, account: AccountId) {
        self.inside().told_all.push(account);
    }

    fn has_phones(&self, account: AccountId) -> bool {
        self.inside().gone != Some(account)
    }
}

fn person(number: usize) -> Address {
    format!("p{number}@example.test").parse().unwrap()
}

const ROOM: Most = Most { people: 10_000, waiting: 10_000 };

#[tokio::test(start_paused = true)]
async fn a_directory_that_hangs_or_a_line_that_does_stops_nobody_elses_people() {
    let office = Office::default();
    let asker = office.asker(ROOM);
    office.inside().stuck = Some(ANA);
    for number in 0..100 {
        asker.want(HANGS.key(&person(number)), "", MIA);
    }
    asker.want(WORKS.key(&person(200)), "", ANA);
    asker.want(WORKS.key(&person(201)), "", MIA);
    sleep(Duration::from_secs(1)).await;
    assert!(office.has_told(MIA, &person(201)));
}

#[tokio::test(start_paused = true)]
async fn what_failed_or_did_not_fit_is_asked_for_again_while_somebody_waits() {
    let office = Office::default();
    let asker = office.asker(ROOM);
    let count = QUEUE + 10;
    for number in 0..count {
        asker.want(HANGS.key(&person(number)), "", MIA);
    }
    sleep(Duration::from_secs(10)).await;
    office.inside().mended = true;
    sleep(PAUSE + Duration::from_secs(90)).await;
    assert!(office.inside().tries[&person(0)] == 2, "the first was given up once");
    let told = |number| office.has_told(MIA, &person(number)) || office.inside().told_all.contains(&MIA);
    assert!((0..count).all(told), "and all are told");
}

#[tokio::test(start_paused = true)]
async fn nobody_is_asked_for_again_when_those_who_waited_are_gone() {
    let office = Office::default();
    let asker = office.asker(ROOM);
    asker.want(HANGS.key(&person(0)), "", MIA);
    sleep(Duration::from_secs(5)).await;
    office.inside().gone = Some(MIA);
    sleep(PAUSE * 5).await;
    assert_eq!(office.inside().tries[&person(0)], 1);
    let wanted = asker.cache().want(&HANGS.key(&person(0)), "", ANA, Instant::now());
    assert!(wanted.ask && wanted.waits, "whoever comes then has him asked for");
}

#[tokio::test(start_paused = true)]
async fn who_finds_no_room_among_those_who_wait_is_shown_the_roster_again() {
    let office = Office::default();
    let asker = office.asker(Most { people: 10, waiting: 4 });
    for account in 1..=6 {
        asker.want(HANGS.key(&person(0)), "", AccountId(account));
    }
    sleep(Duration::from_secs(30)).await;
    assert!(office.inside().told_all.is_empty(), "there is no room yet");
    office.inside().mended = true;
    sleep(PAUSE + ROUND * 2).await;
    assert!((1..=4).all(|account| office.has_told(AccountId(account), &person(0))));
    let mut owed = office.inside().told_all.clone();
    owed.sort_unstable();
    assert_eq!(owed, [AccountId(5), AccountId(6)]);
}
