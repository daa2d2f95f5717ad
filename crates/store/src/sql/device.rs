use super::{account::account_columns, row_list::RowList, row_lists, statements};

/// The columns of a device in the order in which they are read.
macro_rules! device_columns {
    () => {
        "d.id, d.account_id, d.name, d.platform, d.app_version, d.locale, d.created_at, c.last_seen, \
         c.acknowledged, d.revoked"
    };
}

/// The columns of a session in the order in which they are read.
macro_rules! session {
    ($condition:literal) => {
        concat!(
            "SELECT s.device_id, d.account_id, a.address, a.display_name, d.device_token, s.started_at, \
             s.reserved, s.background, s.push_type, s.availability, s.personal_message, c.last_seen, \
             c.acknowledged FROM sessions s JOIN devices d ON d.id = s.device_id JOIN cursors c ON \
             c.device_id = s.device_id JOIN accounts a ON a.id = d.account_id WHERE a.enabled AND NOT \
             d.revoked",
            $condition
        )
    };
}

statements! {
    BY_TOKEN = concat!(
        "SELECT ", account_columns!("a."), ", d.id, d.device_token FROM devices d JOIN accounts a ON a.id = \
         d.account_id WHERE d.token_hash = $1 AND NOT d.revoked"
    );
    BY_ID = concat!(
        "SELECT ", device_columns!(), " FROM devices d JOIN cursors c ON c.device_id = d.id WHERE d.id = $1"
    );
    OF_ACCOUNT = concat!(
        "SELECT ", device_columns!(), " FROM devices d JOIN cursors c ON c.device_id = d.id WHERE \
         d.account_id = $1 ORDER BY d.created_at, d.id"
    );
    BY_INSTALL = "SELECT id FROM devices WHERE account_id = $1 AND device_token = $2";
    INSERT = "INSERT INTO devices (id, account_id, device_token, name, platform, app_version, locale, \
        token_hash, created_at, revoked) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    RENEW = "UPDATE devices SET name = $2, platform = $3, app_version = $4, locale = $5, token_hash = $6, \
        revoked = $7 WHERE id = $1";
    /// A new device begins where the account's devices have got to: what none of them has, it gets.
    INSERT_CURSOR = "INSERT INTO cursors (device_id, acknowledged, last_seen) VALUES ($1, (SELECT \
        COALESCE(MAX(c.acknowledged), 0) FROM cursors c JOIN devices d ON d.id = c.device_id WHERE \
        d.account_id = $2), $3)";
    SEEN = "UPDATE cursors SET last_seen = $2 WHERE device_id = $1 AND last_seen < $2";
    REVOKE = "UPDATE devices SET revoked = $2, token_hash = NULL WHERE id = $1 RETURNING account_id";
    UNSEEN = "SELECT d.id FROM devices d JOIN cursors c ON c.device_id = d.id WHERE c.last_seen < $1 AND \
        NOT d.revoked ORDER BY c.last_seen LIMIT 256";
    ACKNOWLEDGED = "SELECT acknowledged FROM cursors WHERE device_id = $1";

    INSERT_ACCESS_KEY = "INSERT INTO access_keys (key_hash, account_id, created_at, expires_at) VALUES ($1, \
        $2, $3, $4)";
    /// All but the 16 newest.
    TRIM_ACCESS_KEYS = "DELETE FROM access_keys WHERE account_id = $1 AND key_hash NOT IN (SELECT key_hash \
        FROM access_keys WHERE account_id = $1 ORDER BY created_at DESC LIMIT 16)";
    ACCESS_KEY = "SELECT account_id, expires_at FROM access_keys WHERE key_hash = $1";
    OPEN_KEYS = "SELECT key_hash, created_at, expires_at FROM access_keys WHERE account_id = $1 AND expires_at \
        > $2 ORDER BY created_at, key_hash";
    USE_ACCESS_KEY = "DELETE FROM access_keys WHERE key_hash = $1";

    SESSION = session!(" AND s.device_id = $1");
    SESSIONS = session!(" ORDER BY s.device_id");
    PUT_SESSION = "INSERT INTO sessions (device_id, started_at, reserved, background, push_type, \
        availability, personal_message) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (device_id) DO \
        UPDATE SET started_at = excluded.started_at, reserved = excluded.reserved, background = \
        excluded.background, push_type = excluded.push_type, availability = excluded.availability, \
        personal_message = excluded.personal_message";
    SET_SESSION = "UPDATE sessions SET background = $2, push_type = $3, availability = $4, personal_message \
        = $5 WHERE device_id = $1";
    RESERVE = "UPDATE sessions SET reserved = $2 WHERE device_id = $1 AND reserved < $2";
    HAS_SESSION = "SELECT device_id FROM sessions WHERE device_id = $1";
    PEOPLE = "SELECT device_id, muted, address FROM session_people ORDER BY device_id, muted, address";
    PUT_PERSON = "INSERT INTO session_people (device_id, muted, address) VALUES ($1, $2, $3) ON CONFLICT \
        (device_id, muted, address) DO NOTHING";
    TAKE_PERSON = "DELETE FROM session_people WHERE device_id = $1 AND muted = $2 AND address = $3";
    CLEAR_PEOPLE = "DELETE FROM session_people WHERE device_id = $1";
    END_SESSION = "DELETE FROM sessions WHERE device_id = $1";
}

row_lists! {
    KNOWN = RowList::keys("SELECT id FROM devices WHERE id IN (", ")");
    TOUCH = RowList::values(
        "INSERT INTO cursors (device_id, acknowledged, last_seen) VALUES ", "(?, 0, ?)",
        " ON CONFLICT (device_id) DO UPDATE SET last_seen = excluded.last_seen WHERE cursors.last_seen < \
         excluded.last_seen",
    );
}
