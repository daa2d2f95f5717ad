use super::statements;

/// The columns of an account in the order in which they are read.
macro_rules! account_columns {
    ($prefix:literal) => {
        concat!(
            $prefix,
            "id, ",
            $prefix,
            "address, ",
            $prefix,
            "display_name, ",
            $prefix,
            "email, ",
            $prefix,
            "title, ",
            $prefix,
            "work_phone, ",
            $prefix,
            "mobile_phone, ",
            $prefix,
            "department, ",
            $prefix,
            "company, ",
            $prefix,
            "office, ",
            $prefix,
            "enabled, ",
            $prefix,
            "created_at"
        )
    };
}
pub(crate) use account_columns;

statements! {
    NEXT = "UPDATE meta SET number = number + 1 WHERE name = 'account' RETURNING number";
    BY_ID = concat!("SELECT ", account_columns!(""), " FROM accounts WHERE id = $1");
    BY_ADDRESS = concat!("SELECT ", account_columns!(""), " FROM accounts WHERE address = $1");
    AFTER = concat!("SELECT ", account_columns!(""), " FROM accounts WHERE address > $1 ORDER BY address \
        LIMIT $2");
    INSERT = "INSERT INTO accounts (id, address, domain, display_name, email, title, work_phone, \
        mobile_phone, department, company, office, found_name, found_email, found_phone, enabled, \
        created_at, last_group, personal_message) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, \
        $12, $13, $14, $15, $16, 0, '')";
    SET = "UPDATE accounts SET display_name = $2, email = $3, title = $4, work_phone = $5, mobile_phone = \
        $6, department = $7, company = $8, office = $9, found_name = $10, found_email = $11, found_phone = \
        $12 WHERE id = $1";
    ENABLE = "UPDATE accounts SET enabled = $2 WHERE id = $1";
    REMOVE_ENTRIES = "DELETE FROM entries WHERE account_id = $1";
    REMOVE_CONVERSATIONS = "DELETE FROM conversations WHERE account_id = $1";
    REMOVE_OUTBOX = "DELETE FROM outbox WHERE account_id = $1";
    /// Messages that only this account had.
    REMOVE_MESSAGES = "DELETE FROM messages WHERE (account_id = $1 OR inbox_id = $1) AND NOT EXISTS (SELECT \
        1 FROM entries e WHERE e.message_id = messages.id)";
    REMOVE = "DELETE FROM accounts WHERE id = $1";
    SEARCH = concat!(
        "SELECT ", account_columns!(""), " FROM accounts WHERE enabled AND ($1 = '' OR domain = $1) AND \
         (found_name LIKE $2 ESCAPE '\\' OR found_email LIKE $3 ESCAPE '\\' OR found_phone LIKE $4 ESCAPE \
         '\\') ORDER BY found_name, address LIMIT $5"
    );
    PRESENCE = "SELECT presence_choice, personal_message FROM accounts WHERE id = $1";
    SET_PRESENCE = "UPDATE accounts SET presence_choice = $2, personal_message = $3 WHERE id = $1";
    SECRET = "SELECT key_id, sealed FROM secrets WHERE account_id = $1 AND name = $2";
    PUT_SECRET = "INSERT INTO secrets (account_id, name, key_id, sealed) VALUES ($1, $2, $3, $4) ON \
        CONFLICT (account_id, name) DO UPDATE SET key_id = excluded.key_id, sealed = excluded.sealed";
    DROP_SECRET = "DELETE FROM secrets WHERE account_id = $1 AND name = $2";
}
