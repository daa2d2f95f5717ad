-- Whose presence a session's phone does not want (muted), or wants without a place in the roster (watched).
CREATE TABLE session_people (
    device_id UUID NOT NULL REFERENCES sessions (device_id) ON DELETE CASCADE,
    muted     BOOLEAN NOT NULL,
    address   TEXT NOT NULL,
    PRIMARY KEY (device_id, muted, address)
);
