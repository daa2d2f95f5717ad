//! What only PostgreSQL is asked.

use super::statements;

/// For the writer's session. A lost peer is noticed within a minute, so that its lock does not outlive it for
/// long; what is acknowledged is on disk, whatever the server's default is. Pages that are read out of order cost as they
/// do in memory and on flash, and joins go by index: our statements ask for a few rows of large tables, and the planner
/// thinks them many.
pub(crate) const PREPARE: &str = "SET tcp_keepalives_idle = 15; SET tcp_keepalives_interval = 5; \
    SET tcp_keepalives_count = 4; SET idle_in_transaction_session_timeout = '60s'; \
    SET lock_timeout = '10s'; SET statement_timeout = 0; SET client_min_messages = 'warning'; \
    SET random_page_cost = 1.1; SET enable_hashjoin = off; SET enable_mergejoin = off; \
    SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'";

/// For the readers' sessions. Their plans are kept while tables grow, so that none may read a table for being small.
pub(crate) const ONLY_READ: &str = "SET default_transaction_read_only = on; SET statement_timeout = '60s'; \
    SET client_min_messages = 'warning'; SET random_page_cost = 1.1; SET enable_seqscan = off";

/// Makes the plans of prepared statements anew when they are next run.
pub(crate) const REPLAN: &str = "DISCARD PLANS";

statements! {
    LOOK = "SELECT current_setting('server_encoding'), pg_is_in_recovery(), current_setting('fsync'), \
        current_setting('server_version')";
    /// The two numbers are the letters `trun` and `klin`: nobody else's locks.
    TRY_LOCK = "SELECT pg_try_advisory_lock(1953658222, 1802266990)";
    HOLDER = "SELECT l.pid, COALESCE(a.application_name, ''), host(a.client_addr) FROM pg_locks l LEFT JOIN \
        pg_stat_activity a ON a.pid = l.pid WHERE l.locktype = 'advisory' AND l.granted AND l.classid = \
        1953658222 AND l.objid = 1802266990 AND l.database = (SELECT oid FROM pg_database WHERE datname = \
        current_database())";
    END = "SELECT pg_terminate_backend($1)";
    BEGIN_MARK = "INSERT INTO meta (name, number) VALUES ('writer', $1) ON CONFLICT (name) DO UPDATE SET \
        number = excluded.number";
    MARK = "UPDATE meta SET number = $1 WHERE name = 'writer' AND number = $2";
    FIND_MARK = "SELECT number FROM meta WHERE name = 'writer'";
    SIZE = "SELECT pg_database_size(current_database())";
    /// 1 when a relay has made its tables, else 0.
    TABLES = "SELECT COUNT(to_regclass('accounts'))";
}
