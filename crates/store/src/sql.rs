//! Every statement, as a static text that serves SQLite and PostgreSQL; a test prepares each of them.

pub(crate) mod account;
pub(crate) mod archive;
pub(crate) mod chat;
pub(crate) mod columns;
pub(crate) mod device;
pub(crate) mod key;
pub(crate) mod mailbox;
pub(crate) mod postgres;
pub(crate) mod purge;
pub(crate) mod roster;
pub(crate) mod row_list;

/// Names the texts of one area and lists them, so that all can be prepared.
macro_rules! statements {
    ($($(#[$meta:meta])* $name:ident = $text:expr;)*) => {
        $($(#[$meta])* pub(crate) const $name: &str = $text;)*

        pub(crate) const ALL: &[&str] = &[$($name),*];
    };
}

/// Names the row lists of one area and lists them, so that all can be prepared.
macro_rules! row_lists {
    ($($(#[$meta:meta])* $name:ident = $list:expr;)*) => {
        $($(#[$meta])* pub(crate) static $name: $crate::sql::row_list::RowList = $list;)*

        pub(crate) static ALL_LISTS: &[&$crate::sql::row_list::RowList] = &[$(&$name),*];
    };
}

pub(crate) use {row_lists, statements};

use crate::engine::Engine;

/// All texts for an engine.
pub(crate) fn every<S, P>(engine: &Engine<S, P>) -> Vec<&'static str> {
    let plain = [account::ALL, chat::ALL, device::ALL, key::ALL, mailbox::ALL, purge::ALL, roster::ALL];
    let own = match engine {
        Engine::Sqlite(_) => &[][..],
        Engine::Postgres(_) => postgres::ALL,
    };
    let lists = [chat::ALL_LISTS, device::ALL_LISTS, key::ALL_LISTS, purge::ALL_LISTS].into_iter().flatten();
    let of_lists = lists.flat_map(|list| *list.texts(engine));
    plain.into_iter().chain([own]).flatten().copied().chain(of_lists).collect()
}

#[cfg(test)]
mod tests {
    use sqlx::{AssertSqlSafe, ConnectOptions, SqliteConnection, sqlite::SqliteConnectOptions};
    use trunkline_model::{ConversationState, EntryKind};

    use super::{chat, mailbox};
    use crate::{engine::Connection, migration};

    async fn in_memory() -> Connection {
        let options = SqliteConnectOptions::new().in_memory(true);
        let mut connection = Connection::Sqlite(options.connect().await.unwrap());
        migration::run(&mut connection).await.unwrap();
        connection
    }

    fn sqlite(connection: &mut Connection) -> &mut SqliteConnection {
        let Connection::Sqlite(connection) = connection else { panic!("this is SQLite") };
        connection
    }

    /// What is looked up for every message must not scan a table.
    #[tokio::test]
    async fn hot_statements_use_an_index() {
        let mut connection = in_memory().await;
        let lists: Vec<_> = chat::ALL_LISTS.iter().flat_map(|list| *list.texts(&connection)).collect();
        let others =
            [mailbox::ENTRIES, mailbox::UNACKNOWLEDGED, mailbox::OUTBOX, mailbox::CONVERSATION_BY_CHAT];
        for text in lists.into_iter().chain(others) {
            let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {text}"));
            let rows = sqlx::query(explain).fetch_all(sqlite(&mut connection)).await.unwrap();
            for row in rows {
                let step: String = sqlx::Row::get(&row, 3);
                // `k` is the list of keys that are asked for.
                let scans =
                    step.starts_with("SCAN") && !step.starts_with("SCAN CONSTANT") && step != "SCAN k";
                assert!(!scans || step.contains("VALUES"), "{step} in {text}");
            }
        }
    }

    /// An acknowledgement must not cost more the more is unacknowledged.
    #[tokio::test]
    async fn an_acknowledged_message_is_found_by_its_id() {
        let mut connection = in_memory().await;
        let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {}", mailbox::UNACKNOWLEDGED));
        let rows = sqlx::query(explain).fetch_all(sqlite(&mut connection)).await.unwrap();
        let steps: Vec<String> = rows.iter().map(|row| sqlx::Row::get(row, 3)).collect();
        let by = |table: &str, index: &str| {
            steps
                .iter()
                .position(|step| step.starts_with(&format!("SEARCH {table} ")) && step.contains(index))
        };
        assert_eq!(
            by("m", "messages_client (client_id=?)"),
            steps.iter().position(|s| s.starts_with("SEARCH"))
        );
        assert!(by("e", "entries_message (message_id=? AND account_id=?)").is_some(), "{steps:?}");
    }

    /// The numbers that stand in texts.
    #[test]
    fn literals_are_those_of_the_model() {
        assert_eq!((EntryKind::InvitationReceived.code(), EntryKind::MessageReceived.code()), (1, 3));
        assert_eq!((ConversationState::Calling.code(), ConversationState::Invited.code()), (1, 2));
    }
}
