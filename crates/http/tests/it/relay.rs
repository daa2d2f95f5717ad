//! The relay behind the doors: the real core on a store in the test's own folder.

use std::{path::Path, sync::Arc, time::Duration};

use prometheus_client::registry::Registry;
use trunkline_core::{CommitFeed, Parts, Relay, Settings};
use trunkline_model::{AccountId, Profile, Timestamp};
use trunkline_store::{Database, MasterKey, OpenStore, Store};

/// A relay and the store below it, for what an admin does.
pub(crate) async fn relay(folder: &Path) -> (Relay, Store) {
    let feed = Arc::new(CommitFeed::default());
    let database = folder.join("trunkline.db");
    let open = OpenStore {
        master_key: MasterKey::load_or_create(&folder.join("master.key"), &database).expect("a key"),
        database: Database::Sqlite(database),
        listener: feed.clone(),
        exclusive: false,
    };
    let store = Store::open(open).await.expect("a store");
    let parts = Parts {
        store: store.clone(),
        feed,
        backends: Vec::new(),
        directories: Vec::new(),
        settings: Settings::default(),
    };
    let relay = Relay::start(parts, &mut Registry::default()).await.expect("a relay");
    (relay, store)
}

/// A local account.
pub(crate) async fn account(store: &Store, address: &str) -> AccountId {
    let profile = Profile { display_name: "Alice Example".into(), ..Profile::default() };
    let address = address.parse().expect("an address");
    store.account_add(&address, &profile).await.expect("an account").id
}

/// A key that can be used for a minute, or has been over for one.
pub(crate) async fn access_key(store: &Store, account: AccountId, over: bool) -> String {
    let minute = Duration::from_secs(60);
    let end = if over { Timestamp::now().minus(minute) } else { Timestamp::now().plus(minute) };
    store.activation_issue(account, end).await.expect("a key").to_string()
}
