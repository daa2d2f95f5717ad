//! What backups ask; texts of one engine are prepared by it alone.

/// Names of tables.
pub(crate) const SQLITE_TABLES: &str = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name";
pub(crate) const POSTGRES_TABLES: &str = "SELECT c.relname::text FROM pg_class c WHERE c.relkind IN ('r', 'p') AND \
    c.relnamespace = current_schema()::regnamespace ORDER BY 1";

/// Names and types of a table's columns, in their order.
pub(crate) const SQLITE_COLUMNS: &str = "SELECT name, type FROM pragma_table_info($1) ORDER BY cid";
pub(crate) const POSTGRES_COLUMNS: &str = "SELECT column_name::text, data_type::text FROM \
    information_schema.columns WHERE table_schema = current_schema() AND table_name = $1 ORDER BY ordinal_position";

pub(crate) const SNAPSHOT_SQLITE: &str = "BEGIN";
/// A backup of much takes long.
pub(crate) const LONG_READ: &str = "SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0; \
    SET client_min_messages = 'warning'";
pub(crate) const SNAPSHOT_POSTGRES: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// What is of one process is not in a backup.
pub(crate) const META: &str = " WHERE name IN ('epoch', 'account', 'key')";

/// After the rows are there; none of these does more when it is done twice.
pub(crate) const CLEAR_META: &str = "DELETE FROM meta";
pub(crate) const PUT_META: &str = "INSERT INTO meta (name, number) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET \
    number = excluded.number";
/// An IM system may have had these meanwhile: nobody knows, and the writers are told so.
pub(crate) const DOUBT_OUTBOX: &str =
    "UPDATE messages SET state = $1 WHERE id IN (SELECT message_id FROM outbox)";
/// Nobody was silent between the backup and now.
pub(crate) const SHIFT_CURSORS: &str = "UPDATE cursors SET last_seen = last_seen + $1";
pub(crate) const HELD: &str = "SELECT (SELECT COUNT(*) FROM accounts), (SELECT COUNT(*) FROM messages)";
