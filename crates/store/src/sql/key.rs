use super::{row_list::RowList, row_lists, statements};

statements! {
    /// The id of the master key that everything is under.
    IN_FORCE = "SELECT number FROM meta WHERE name = 'key'";
    ADOPT = "INSERT INTO meta (name, number) VALUES ('key', $1) ON CONFLICT (name) DO NOTHING";
    PUT_IN_FORCE = "UPDATE meta SET number = $1 WHERE name = 'key'";
    SEALED_BY_OTHERS = "SELECT COUNT(*) FROM secrets WHERE key_id <> $1";
    /// A page of secrets after one of them.
    SECRETS = "SELECT account_id, name, key_id, sealed FROM secrets WHERE account_id > $1 OR (account_id = $1 \
        AND name > $2) ORDER BY account_id, name LIMIT 256";
    WITH_OPEN_KEYS = "SELECT DISTINCT a.address FROM access_keys k JOIN accounts a ON a.id = k.account_id WHERE \
        k.expires_at > $1 ORDER BY a.address";
    VOID_ACCESS_KEYS = "DELETE FROM access_keys";
}

row_lists! {
    /// The rows are there already: it writes over them.
    RESEAL = RowList::values(
        "INSERT INTO secrets (account_id, name, key_id, sealed) VALUES ", "(?, ?, ?, ?)",
        " ON CONFLICT (account_id, name) DO UPDATE SET key_id = excluded.key_id, sealed = excluded.sealed",
    );
}
