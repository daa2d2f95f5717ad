use super::{account::account_columns, statements};

statements! {
    CONTACTS = "SELECT address FROM contacts WHERE account_id = $1 ORDER BY address";
    /// The accounts of those contacts who live here.
    KNOWN_CONTACTS = concat!("SELECT ", account_columns!("a."), " FROM contacts c JOIN accounts a ON a.address = \
        c.address WHERE c.account_id = $1");
    CONTACT = "SELECT address FROM contacts WHERE account_id = $1 AND address = $2";
    MEMBERSHIPS = "SELECT m.address, g.id, g.name FROM group_contacts m JOIN roster_groups g ON \
        g.account_id = m.account_id AND g.id = m.group_id WHERE m.account_id = $1 ORDER BY m.address, \
        g.name";
    MEMBERSHIPS_OF = "SELECT m.address, g.id, g.name FROM group_contacts m JOIN roster_groups g ON \
        g.account_id = m.account_id AND g.id = m.group_id WHERE m.account_id = $1 AND m.address = $2 ORDER \
        BY g.name";
    ADD_CONTACT = "INSERT INTO contacts (account_id, address) VALUES ($1, $2) ON CONFLICT (account_id, \
        address) DO NOTHING";
    CONTACT_COUNT = "SELECT COUNT(*) FROM contacts WHERE account_id = $1";
    REMOVE_CONTACT = "DELETE FROM contacts WHERE account_id = $1 AND address = $2";
    WATCHERS = "SELECT account_id FROM contacts WHERE address = $1 ORDER BY account_id";

    GROUPS = "SELECT id, name FROM roster_groups WHERE account_id = $1 ORDER BY name";
    GROUP = "SELECT id FROM roster_groups WHERE account_id = $1 AND id = $2";
    GROUP_BY_NAME = "SELECT id FROM roster_groups WHERE account_id = $1 AND name = $2";
    NEXT_GROUP = "UPDATE accounts SET last_group = last_group + 1 WHERE id = $1 RETURNING last_group";
    ADD_GROUP = "INSERT INTO roster_groups (account_id, id, name) VALUES ($1, $2, $3)";
    GROUP_COUNT = "SELECT COUNT(*) FROM roster_groups WHERE account_id = $1";
    RENAME_GROUP = "UPDATE roster_groups SET name = $3 WHERE account_id = $1 AND id = $2";
    GROUP_MEMBERS = "SELECT COUNT(*) FROM group_contacts WHERE account_id = $1 AND group_id = $2";
    REMOVE_GROUP = "DELETE FROM roster_groups WHERE account_id = $1 AND id = $2";
    PUT = "INSERT INTO group_contacts (account_id, address, group_id) VALUES ($1, $2, $3) ON CONFLICT \
        (account_id, address, group_id) DO NOTHING";
    MEMBERSHIP_COUNT = "SELECT COUNT(*) FROM group_contacts WHERE account_id = $1";
    TAKE = "DELETE FROM group_contacts WHERE account_id = $1 AND address = $2 AND group_id = $3";

    BLOCKS = "SELECT address FROM blocks WHERE account_id = $1 ORDER BY address";
    BLOCK = "INSERT INTO blocks (account_id, address) VALUES ($1, $2) ON CONFLICT (account_id, address) DO \
        NOTHING";
    BLOCKED = "SELECT address FROM blocks WHERE account_id = $1 AND address = $2";
    BLOCK_COUNT = "SELECT COUNT(*) FROM blocks WHERE account_id = $1";
    UNBLOCK = "DELETE FROM blocks WHERE account_id = $1 AND address = $2";
}
