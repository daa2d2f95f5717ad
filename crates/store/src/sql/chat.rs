use super::{row_list::RowList, row_lists, statements};

/// The columns of a message in the order in which they are read and written.
macro_rules! message_columns {
    ($prefix:literal) => {
        concat!(
            $prefix,
            "id, ",
            $prefix,
            "account_id, ",
            $prefix,
            "device_id, ",
            $prefix,
            "client_id, ",
            $prefix,
            "peer, ",
            $prefix,
            "chat, ",
            $prefix,
            "text, ",
            $prefix,
            "digest, ",
            $prefix,
            "inbox_id, ",
            $prefix,
            "foreign_id, ",
            $prefix,
            "state, ",
            $prefix,
            "failure_code, ",
            $prefix,
            "failure_reason, ",
            $prefix,
            "sent_at, ",
            $prefix,
            "delivered_at, ",
            $prefix,
            "attempts"
        )
    };
}

row_lists! {
    /// id, address, head (null without a mailbox).
    ACCOUNTS = RowList::keys(
        "SELECT a.id, a.address, m.head FROM accounts a LEFT JOIN mailboxes m ON m.account_id = a.id WHERE \
         a.id IN (", ")",
    );
    /// id, account, acknowledged.
    DEVICES = RowList::keys(
        "SELECT d.id, d.account_id, c.acknowledged FROM devices d JOIN cursors c ON c.device_id = d.id \
         WHERE d.id IN (", ")",
    );
    CONVERSATIONS = RowList::rows(
        "SELECT c.account_id, c.peer, c.chat, c.state, c.first, c.unread, c.read_up_to, c.state_since FROM",
        &["BIGINT", "TEXT"],
        "CROSS JOIN conversations c WHERE c.account_id = k.column1 AND c.peer = k.column2",
    );
    SENDS = RowList::rows(
        concat!("SELECT ", message_columns!("m."), " FROM"), &["UUID", "TEXT"],
        "CROSS JOIN messages m WHERE m.device_id = k.column1 AND m.client_id = k.column2",
    );
    FOREIGN = RowList::rows(
        concat!("SELECT ", message_columns!("m."), " FROM"), &["BIGINT", "TEXT"],
        "CROSS JOIN messages m WHERE m.inbox_id = k.column1 AND m.foreign_id = k.column2",
    );
    MESSAGES = RowList::keys(concat!("SELECT ", message_columns!(""), " FROM messages WHERE id IN ("), ")");
    /// Incoming messages in spans of mailboxes that no device has acknowledged: account, seq, peer, message.
    UNDELIVERED = RowList::rows(
        concat!("SELECT e.account_id, e.seq, e.peer, ", message_columns!("m."), " FROM"),
        &["BIGINT", "BIGINT", "BIGINT"],
        "CROSS JOIN entries e JOIN messages m ON m.id = e.message_id WHERE e.account_id = k.column1 AND e.seq > \
         k.column2 AND e.seq <= k.column3 AND e.kind IN (1, 3) AND m.delivered_at IS NULL",
    );
    /// Entries that count as unread: account, peer, seq.
    UNREAD = RowList::rows(
        "SELECT e.account_id, e.peer, e.seq FROM", &["BIGINT", "BIGINT", "TEXT"],
        "CROSS JOIN entries e WHERE e.account_id = k.column1 AND e.seq > k.column2 AND e.peer = k.column3 AND e.kind \
         IN (1, 3) AND e.unread = 1",
    );

    /// Adds to the heads and gives them.
    RAISE_HEADS = RowList::values(
        "INSERT INTO mailboxes (account_id, head, floor) VALUES ", "(?, ?, 0)",
        " ON CONFLICT (account_id) DO UPDATE SET head = mailboxes.head + excluded.head RETURNING \
         account_id, head",
    );
    INSERT_MESSAGES = RowList::values(
        concat!("INSERT INTO messages (", message_columns!(""), ") VALUES "),
        "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", "",
    );
    INSERT_ENTRIES = RowList::values(
        "INSERT INTO entries (account_id, seq, at, origin, kind, peer, chat, message_id, status, up_to, \
         unread, code, reason, unknown) VALUES ",
        "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", "",
    );
    PUT_CONVERSATIONS = RowList::values(
        "INSERT INTO conversations (account_id, peer, chat, state, first, unread, read_up_to, state_since) \
         VALUES ",
        "(?, ?, ?, ?, ?, ?, ?, ?)",
        " ON CONFLICT (account_id, peer) DO UPDATE SET chat = excluded.chat, state = excluded.state, first \
         = excluded.first, unread = excluded.unread, read_up_to = excluded.read_up_to, state_since = \
         excluded.state_since",
    );
    INSERT_OUTBOX = RowList::values(
        "INSERT INTO outbox (message_id, account_id, at) VALUES ", "(?, ?, ?)",
        " ON CONFLICT (message_id) DO UPDATE SET at = excluded.at",
    );
    DELETE_OUTBOX = RowList::keys("DELETE FROM outbox WHERE message_id IN (", ")");
    SET_DELIVERED = RowList::keys("UPDATE messages SET delivered_at = ? WHERE id IN (", ")");
    SET_STATE = RowList::keys(
        "UPDATE messages SET state = ?, failure_code = NULL, failure_reason = NULL WHERE id IN (", ")",
    );
    MOVE_CURSORS = RowList::values(
        "INSERT INTO cursors (device_id, acknowledged, last_seen) VALUES ", "(?, ?, 0)",
        " ON CONFLICT (device_id) DO UPDATE SET acknowledged = excluded.acknowledged",
    );
}

statements! {
    REWRITE_MESSAGE = "UPDATE messages SET chat = $2, text = $3, digest = $4, state = $5, failure_code = \
        $6, failure_reason = $7, sent_at = $8, delivered_at = $9, attempts = $10 WHERE id = $1";
}
