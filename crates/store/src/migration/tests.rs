use sqlx::{ConnectOptions, Executor, sqlite::SqliteConnectOptions};

use super::{STEPS, Step, apply, plan::plan, version};
use crate::{StoreError, engine::Connection};

/// The schema with which it all began; what comes after it here is made up.
const FIRST: &[Step] = STEPS.split_at(1).0;

const SECOND: Step = Step {
    version: 2,
    name: "nicknames",
    text: "ALTER TABLE accounts ADD COLUMN nickname TEXT; UPDATE accounts SET nickname = display_name;",
};
const THIRD: Step =
    Step { version: 3, name: "badges", text: "CREATE TABLE badges (id BIGINT NOT NULL PRIMARY KEY);" };

const ACCOUNT: &str = "INSERT INTO accounts (id, address, domain, display_name, email, title, work_phone, \
    mobile_phone, department, company, office, found_name, found_email, found_phone, enabled, created_at, last_group, \
    personal_message) VALUES (1, 'a@b.test', 'b.test', 'Ann', '', '', '', '', '', '', '', '', '', '', 1, 0, 0, '')";

async fn empty() -> Connection {
    Connection::Sqlite(SqliteConnectOptions::new().in_memory(true).connect().await.unwrap())
}

async fn run(sql: &mut Connection, text: &'static str) -> i64 {
    let Connection::Sqlite(sql) = sql else { panic!("SQLite") };
    let row = sql.fetch_optional(text).await.unwrap();
    row.map_or(0, |row| sqlx::Row::get(&row, 0))
}

#[tokio::test]
async fn an_older_schema_is_planned_and_then_brought_up_to_date() {
    let mut sql = empty().await;
    apply(&mut sql, FIRST).await.unwrap();
    run(&mut sql, ACCOUNT).await;
    let steps = [FIRST, &[SECOND, THIRD]].concat();

    let planned = plan(&mut sql, &steps).await.unwrap();
    assert_eq!((planned.found, planned.known), (Some(1), 3));
    let told: Vec<_> = planned
        .steps
        .iter()
        .map(|step| {
            let touched: Vec<_> = step
                .touches
                .iter()
                .map(|table| (table.table.as_str(), table.rows, table.bytes > 0))
                .collect();
            (step.version, step.name.as_str(), touched)
        })
        .collect();
    assert_eq!(told, [(2, "nicknames", vec![("accounts", 1, true)]), (3, "badges", vec![])]);
    assert_eq!(version(&mut sql).await.unwrap(), Some(1), "a plan changes nothing");

    apply(&mut sql, &steps).await.unwrap();
    assert_eq!(version(&mut sql).await.unwrap(), Some(3));
    assert_eq!(run(&mut sql, "SELECT COUNT(*) FROM accounts WHERE nickname = 'Ann'").await, 1);
    assert_eq!(plan(&mut sql, &steps).await.unwrap().steps, []);

    let older = plan(&mut sql, FIRST).await.unwrap();
    assert_eq!((older.found, older.known, older.steps), (Some(3), 1, Vec::new()));
    assert_eq!(apply(&mut sql, FIRST).await, Err(StoreError::TooNew { found: 3, known: 1 }));
}

#[tokio::test]
async fn a_step_that_fails_leaves_the_steps_before_it() {
    let mut sql = empty().await;
    apply(&mut sql, FIRST).await.unwrap();
    let broken = Step { text: "ALTER TABLE nothing ADD COLUMN x TEXT;", ..THIRD };
    apply(&mut sql, &[FIRST, &[SECOND, broken]].concat()).await.unwrap_err();
    assert_eq!(version(&mut sql).await.unwrap(), Some(2));
    apply(&mut sql, &[FIRST, &[SECOND, THIRD]].concat()).await.unwrap();
    assert_eq!(version(&mut sql).await.unwrap(), Some(3));
}
