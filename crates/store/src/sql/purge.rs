use super::{row_list::RowList, row_lists, statements};

/// Messages: id, sent_at, dedupe marks, whether the text stands, whether something refers to it.
macro_rules! judged {
    () => {
        "SELECT m.id, m.sent_at, m.device_id IS NOT NULL, m.inbox_id IS NOT NULL, m.digest IS NULL, EXISTS (SELECT 1 \
         FROM entries e WHERE e.message_id = m.id) OR EXISTS (SELECT 1 FROM outbox o WHERE o.message_id = m.id) OR \
         EXISTS (SELECT 1 FROM conversations c WHERE c.first = m.id) FROM messages m WHERE "
    };
}

statements! {
    PENDING = "SELECT account_id, peer FROM conversations WHERE state IN (1, 2) AND state_since < $1 ORDER \
        BY state_since LIMIT 64";
    EXPIRED_KEYS = "DELETE FROM access_keys WHERE expires_at <= $1";
    /// Mailboxes after an account: floor, the lowest mark of its living devices, the highest of all its
    /// devices.
    MAILBOXES = "SELECT m.account_id, m.floor, MIN(CASE WHEN d.revoked THEN NULL ELSE c.acknowledged END), \
        MAX(c.acknowledged) FROM mailboxes m LEFT JOIN devices d ON d.account_id = m.account_id LEFT JOIN \
        cursors c ON c.device_id = d.id WHERE m.account_id > $1 GROUP BY m.account_id, m.floor ORDER BY \
        m.account_id LIMIT 64";
    /// seq, at, message.
    OLDEST = "SELECT seq, at, message_id FROM entries WHERE account_id = $1 AND seq > $2 ORDER BY seq LIMIT $3";
    DELETE_ENTRIES = "DELETE FROM entries WHERE account_id = $1 AND seq <= $2";
    SET_FLOOR = "UPDATE mailboxes SET floor = $2 WHERE account_id = $1";
    MESSAGES = concat!(judged!(), "m.id > $1 AND m.id < $2 ORDER BY m.id LIMIT $3");
    TEXT = "SELECT text FROM messages WHERE id = $1";
    BLANK = "UPDATE messages SET text = '', digest = $2 WHERE id = $1";
}

row_lists! {
    MESSAGES_BY_ID = RowList::keys(concat!(judged!(), "m.id IN ("), ")");
    DELETE_MESSAGES = RowList::keys("DELETE FROM messages WHERE id IN (", ")");
    RELEASE_MESSAGES = RowList::keys(
        "UPDATE messages SET device_id = NULL, inbox_id = NULL, foreign_id = NULL WHERE id IN (", ")",
    );
}
