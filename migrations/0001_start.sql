-- One text for SQLite and PostgreSQL: column types UUID BIGINT TEXT BYTEA BOOLEAN only.
-- Times are microseconds since 1970; addresses are bare (user@domain).

CREATE TABLE meta (
    name   TEXT NOT NULL PRIMARY KEY,
    number BIGINT NOT NULL
);

-- epoch: which life of the database mailbox seqs belong to. account: the last account id given out.
INSERT INTO meta (name, number) VALUES ('epoch', 1), ('account', 0);

CREATE TABLE accounts (
    id               BIGINT NOT NULL PRIMARY KEY,
    address          TEXT NOT NULL UNIQUE,
    domain           TEXT NOT NULL,
    display_name     TEXT NOT NULL,
    email            TEXT NOT NULL,
    title            TEXT NOT NULL,
    work_phone       TEXT NOT NULL,
    mobile_phone     TEXT NOT NULL,
    department       TEXT NOT NULL,
    company          TEXT NOT NULL,
    office           TEXT NOT NULL,
    -- Folded for directory search: a space before each word.
    found_name       TEXT NOT NULL,
    found_email      TEXT NOT NULL,
    found_phone      TEXT NOT NULL,
    enabled          BOOLEAN NOT NULL,
    created_at       BIGINT NOT NULL,
    last_group       BIGINT NOT NULL,
    presence_choice  TEXT,
    personal_message TEXT NOT NULL
);

CREATE TABLE devices (
    id           UUID NOT NULL PRIMARY KEY,
    account_id   BIGINT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    device_token TEXT NOT NULL,
    name         TEXT NOT NULL,
    platform     TEXT NOT NULL,
    app_version  TEXT NOT NULL,
    locale       TEXT NOT NULL,
    token_hash   BYTEA UNIQUE,
    created_at   BIGINT NOT NULL,
    revoked      BOOLEAN NOT NULL,
    UNIQUE (account_id, device_token)
);

-- What changes often of a device. acknowledged: everything up to here in the account's mailbox has reached it.
CREATE TABLE cursors (
    device_id    UUID NOT NULL PRIMARY KEY REFERENCES devices (id) ON DELETE CASCADE,
    acknowledged BIGINT NOT NULL,
    last_seen    BIGINT NOT NULL
);
CREATE INDEX cursors_last_seen ON cursors (last_seen);

CREATE TABLE sessions (
    device_id        UUID NOT NULL PRIMARY KEY REFERENCES devices (id) ON DELETE CASCADE,
    started_at       BIGINT NOT NULL,
    reserved         BIGINT NOT NULL,
    background       BOOLEAN NOT NULL,
    push_type        BIGINT NOT NULL,
    availability     TEXT,
    personal_message TEXT NOT NULL
);

CREATE TABLE access_keys (
    key_hash   BYTEA NOT NULL PRIMARY KEY,
    account_id BIGINT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX access_keys_account ON access_keys (account_id, created_at);

CREATE TABLE secrets (
    account_id BIGINT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    name       TEXT NOT NULL,
    key_id     TEXT NOT NULL,
    sealed     BYTEA NOT NULL,
    PRIMARY KEY (account_id, name)
);

CREATE TABLE contacts (
    account_id BIGINT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    address    TEXT NOT NULL,
    PRIMARY KEY (account_id, address)
);
CREATE INDEX contacts_address ON contacts (address);

CREATE TABLE roster_groups (
    account_id BIGINT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    id         BIGINT NOT NULL,
    name       TEXT NOT NULL,
    PRIMARY KEY (account_id, id),
    UNIQUE (account_id, name)
);

CREATE TABLE group_contacts (
    account_id BIGINT NOT NULL,
    address    TEXT NOT NULL,
    group_id   BIGINT NOT NULL,
    PRIMARY KEY (account_id, address, group_id),
    FOREIGN KEY (account_id, address) REFERENCES contacts (account_id, address) ON DELETE CASCADE,
    FOREIGN KEY (account_id, group_id) REFERENCES roster_groups (account_id, id) ON DELETE CASCADE
);
CREATE INDEX group_contacts_group ON group_contacts (account_id, group_id);

CREATE TABLE blocks (
    account_id BIGINT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    address    TEXT NOT NULL,
    PRIMARY KEY (account_id, address)
);

-- head: the highest seq given out. floor: the highest seq that retention has removed.
CREATE TABLE mailboxes (
    account_id BIGINT NOT NULL PRIMARY KEY REFERENCES accounts (id) ON DELETE CASCADE,
    head       BIGINT NOT NULL,
    floor      BIGINT NOT NULL
);

CREATE TABLE conversations (
    account_id  BIGINT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    peer        TEXT NOT NULL,
    chat        UUID NOT NULL,
    state       BIGINT NOT NULL,
    first       UUID,
    unread      BIGINT NOT NULL,
    read_up_to  BIGINT NOT NULL,
    -- When the present state began.
    state_since BIGINT NOT NULL,
    PRIMARY KEY (account_id, peer)
);
CREATE INDEX conversations_chat ON conversations (account_id, chat);
CREATE INDEX conversations_pending ON conversations (state_since) WHERE state IN (1, 2);
CREATE INDEX conversations_first ON conversations (first) WHERE first IS NOT NULL;

-- account_id, device_id: the writer, NULL when it lives on another IM system or is gone.
-- inbox_id, foreign_id: for what came from another IM system, whose line brought it and its id there.
CREATE TABLE messages (
    id             UUID NOT NULL PRIMARY KEY,
    account_id     BIGINT REFERENCES accounts (id) ON DELETE SET NULL,
    device_id      UUID REFERENCES devices (id) ON DELETE SET NULL,
    client_id      TEXT NOT NULL,
    peer           TEXT NOT NULL,
    chat           UUID NOT NULL,
    text           TEXT NOT NULL,
    digest         BYTEA,
    inbox_id       BIGINT REFERENCES accounts (id) ON DELETE SET NULL,
    foreign_id     TEXT,
    state          BIGINT NOT NULL,
    failure_code   BIGINT,
    failure_reason TEXT,
    sent_at        BIGINT NOT NULL,
    delivered_at   BIGINT,
    attempts       BIGINT NOT NULL
);
CREATE UNIQUE INDEX messages_send ON messages (device_id, client_id) WHERE device_id IS NOT NULL;
CREATE UNIQUE INDEX messages_foreign ON messages (inbox_id, foreign_id) WHERE inbox_id IS NOT NULL;
CREATE INDEX messages_client ON messages (client_id);
CREATE INDEX messages_account ON messages (account_id) WHERE account_id IS NOT NULL;

CREATE TABLE entries (
    account_id BIGINT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    seq        BIGINT NOT NULL,
    at         BIGINT NOT NULL,
    origin     UUID,
    kind       BIGINT NOT NULL,
    peer       TEXT NOT NULL,
    chat       UUID NOT NULL,
    message_id UUID REFERENCES messages (id),
    status     TEXT,
    up_to      BIGINT,
    unread     BIGINT,
    code       BIGINT,
    reason     TEXT,
    unknown    BOOLEAN,
    PRIMARY KEY (account_id, seq)
);
CREATE INDEX entries_message ON entries (message_id, account_id) WHERE message_id IS NOT NULL;

CREATE TABLE outbox (
    message_id UUID NOT NULL PRIMARY KEY REFERENCES messages (id) ON DELETE CASCADE,
    account_id BIGINT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    at         BIGINT NOT NULL
);
CREATE INDEX outbox_account ON outbox (account_id, at);
