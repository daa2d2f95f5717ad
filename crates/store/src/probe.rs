use async_trait::async_trait;

use crate::{
    Store, StoreError,
    engine::query,
    fault::Fault,
    job::{Extent, PlainCommand, Transaction},
    sql::mailbox as sql,
};

/// Rows that a probe writes, and how long each is: so much room must be left for others when a probe fails.
const ROWS: usize = 8;
const ROW: usize = 1_000;

impl Store {
    /// Proves that the database can be read, and that what is written to it is kept: writes some kilobytes, removes
    /// them and commits. Fails also when the file of an SQLite database was deleted, or its disk is all but full.
    pub async fn check(&self) -> Result<(), StoreError> {
        if let Some(disk) = self.shared.disk.clone() {
            let looked = tokio::task::spawn_blocking(move || disk.check()).await;
            looked
                .unwrap_or_else(|_| Err(StoreError::Database("its file cannot be looked at".to_owned())))?;
        }
        self.shared.gauges.damage.check()?;
        // Before the readers, because the writer knows of an outage and need not wait for one.
        self.plain(Probe).await?;
        query(sql::EPOCH).fetch_one(self.readers()).await?;
        Ok(())
    }
}

struct Probe;

#[async_trait]
impl PlainCommand for Probe {
    type Answer = ();

    /// Where a probe finds no room, what phones send may still find some.
    fn extent(&self) -> Extent {
        Extent::Own
    }

    async fn run(&self, change: &mut Transaction<'_>) -> Result<(), Fault> {
        for row in 0..ROWS {
            let name = format!("probe {row} {}", "x".repeat(ROW));
            query(sql::PROBE).bind(name).execute(&mut *change.sql).await?;
        }
        query(sql::PROBE_END).execute(&mut *change.sql).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Fault, PlainCommand, Transaction, async_trait, query};
    use crate::{
        CommitListener, Committed, Database, MasterKey, OpenStore, Store, StoreError, engine::Connection,
    };

    #[derive(Debug)]
    struct Deaf;

    impl CommitListener for Deaf {
        fn committed(&self, _: &[Committed]) {}
    }

    /// Lets the database grow by this many pages and no more.
    struct Fill(i64);

    #[async_trait]
    impl PlainCommand for Fill {
        type Answer = ();

        async fn run(&self, change: &mut Transaction<'_>) -> Result<(), Fault> {
            let pages: i64 = query("PRAGMA page_count").fetch_one(&mut *change.sql).await?.try_get(0)?;
            let Connection::Sqlite(connection) = change.sql else { panic!("this is SQLite") };
            let limit = sqlx::AssertSqlSafe(format!("PRAGMA max_page_count = {}", pages + self.0));
            sqlx::query(limit).execute(connection).await?;
            Ok(())
        }
    }

    async fn store(folder: &std::path::Path) -> Store {
        let open = OpenStore {
            database: Database::Sqlite(folder.join("t.db")),
            master_key: MasterKey::generate(),
            listener: std::sync::Arc::new(Deaf),
            exclusive: true,
        };
        Store::open(open).await.unwrap()
    }

    #[tokio::test]
    async fn a_full_database_is_noticed_while_there_is_room_for_small_writes() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path()).await;
        store.check().await.unwrap();
        store.plain(Fill(0)).await.unwrap();
        // What earlier probes left free serves the next one; somebody else takes it.
        let account = || trunkline_model::Profile { office: "x".repeat(3_000), ..Default::default() };
        let mut added = 0;
        let error = loop {
            let address = format!("p{added}@example.test").parse().unwrap();
            store.account_add(&address, &account()).await.expect("the probe fails before a small write does");
            added += 1;
            if let Err(error) = store.check().await {
                break error;
            }
        };
        assert!(matches!(&error, StoreError::Database(words) if words.contains("full")), "{error}");
    }

    #[tokio::test]
    async fn a_deleted_and_a_replaced_file_are_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path()).await;
        let path = folder.path().join("t.db");
        std::fs::rename(&path, folder.path().join("aside.db")).unwrap();
        let error = store.check().await.unwrap_err().to_string();
        assert!(error.contains("deleted or moved"), "{error}");
        std::fs::write(&path, "").unwrap();
        let error = store.check().await.unwrap_err().to_string();
        assert!(error.contains("replaced"), "{error}");
    }
}
