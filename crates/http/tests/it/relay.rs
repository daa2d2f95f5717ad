//! The relay behind the doors: the real core on a store in the test's own folder.

use std::{path::Path, sync::Arc};

use prometheus_client::registry::Registry;
use trunkline_core::{CommitFeed, Parts, Relay, Settings};
use trunkline_store::{Database, MasterKey, OpenStore, Store};

pub(crate) async fn relay(folder: &Path) -> Relay {
    let feed = Arc::new(CommitFeed::default());
    let open = OpenStore {
        database: Database::Sqlite(folder.join("trunkline.db")),
        master_key: MasterKey::generate(),
        listener: feed.clone(),
        exclusive: false,
    };
    let store = Store::open(open).await.expect("a store");
    let parts = Parts { store, feed, backends: Vec::new(), settings: Settings::default() };
    Relay::start(parts, &mut Registry::default()).await.expect("a relay")
}
