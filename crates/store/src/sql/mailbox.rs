use super::statements;

statements! {
    EPOCH = "SELECT number FROM meta WHERE name = 'epoch'";
    /// When something was written last: the newest entry of a mailbox, or message on its way out.
    LAST_MOMENT = "SELECT COALESCE(MAX(moments.at), 0) FROM (SELECT e.at FROM mailboxes b JOIN entries e ON \
        e.account_id = b.account_id AND e.seq = b.head UNION ALL SELECT o.at FROM outbox o) AS moments";
    ENTRIES = "SELECT e.seq, e.at, e.origin, e.kind, e.peer, e.chat, e.message_id, e.status, e.up_to, \
        e.unread, e.code, e.reason, e.unknown, m.client_id, m.text, m.sent_at FROM entries e LEFT JOIN \
        messages m ON m.id = e.message_id WHERE e.account_id = $1 AND e.seq > $2 ORDER BY e.seq LIMIT $3";
    BOUNDS = "SELECT head, floor FROM mailboxes WHERE account_id = $1";
    CONVERSATION = "SELECT account_id, peer, chat, state, first, unread, read_up_to, state_since FROM \
        conversations WHERE account_id = $1 AND peer = $2";
    CONVERSATION_BY_CHAT = "SELECT account_id, peer, chat, state, first, unread, read_up_to, state_since \
        FROM conversations WHERE account_id = $1 AND chat = $2";
    /// CROSS JOIN makes SQLite begin with the few messages of that id, not with all that is unacknowledged.
    UNACKNOWLEDGED = "SELECT MAX(CASE WHEN e.seq <= $5 THEN e.seq END), MIN(e.seq) FROM messages m CROSS JOIN entries e CROSS JOIN cursors c WHERE \
        m.client_id = $3 AND e.message_id = m.id AND e.account_id = $1 AND c.device_id = $2 AND e.seq > \
        c.acknowledged AND e.kind IN (1, 3) AND ($4 = '' OR e.peer = $4)";
    OUTBOX = "SELECT m.id, m.peer, m.text, m.sent_at, m.state FROM outbox o JOIN messages m ON m.id = \
        o.message_id WHERE o.account_id = $1 ORDER BY o.at LIMIT 256";
    OUTBOX_ACCOUNTS = "SELECT DISTINCT account_id FROM outbox ORDER BY account_id";
    OUTBOX_COUNTS = "SELECT a.domain, m.state, COUNT(*), MIN(o.at) FROM outbox o JOIN accounts a ON a.id = \
        o.account_id JOIN messages m ON m.id = o.message_id GROUP BY a.domain, m.state";
    PROBE = "INSERT INTO meta (name, number) VALUES ($1, 0)";
    PROBE_END = "DELETE FROM meta WHERE name LIKE 'probe %'";
    /// Entries are dense between floor and head; messages are counted up to $1.
    COUNTS = "SELECT (SELECT COUNT(*) FROM accounts), (SELECT COUNT(*) FROM devices WHERE NOT revoked), \
        (SELECT COUNT(*) FROM (SELECT 1 FROM messages LIMIT $1) AS counted), (SELECT COUNT(*) FROM outbox), \
        (SELECT CAST(COALESCE(SUM(head - floor), 0) AS BIGINT) FROM mailboxes)";
}
