-- Instances, those who may use the Cloud Backend, and the activity log.
-- Times are milliseconds since the Unix epoch. A migration that has been released is never edited; add another.

CREATE TABLE instances (
    id           TEXT    NOT NULL PRIMARY KEY,
    name         TEXT    NOT NULL,
    runtime      TEXT    NOT NULL,
    driver       TEXT    NOT NULL,
    channels     TEXT    NOT NULL,             -- JSON array of {"type","config"}
    model        TEXT,
    port         INTEGER NOT NULL UNIQUE CHECK (port BETWEEN 1 AND 65535),
    port_fixed   INTEGER NOT NULL,
    version      TEXT,
    memory_bytes INTEGER,
    cpus         REAL,
    desired      TEXT    NOT NULL,
    status       TEXT    NOT NULL,
    error        TEXT,
    pid          INTEGER,
    pid_started  INTEGER,
    token_sha256 BLOB    NOT NULL CHECK (length(token_sha256) = 32),
    token_sealed BLOB    NOT NULL,
    created_at   INTEGER NOT NULL,
    updated_at   INTEGER NOT NULL
) STRICT;

CREATE TABLE administrators (
    name         TEXT    NOT NULL PRIMARY KEY,
    password_phc TEXT    NOT NULL,
    created_at   INTEGER NOT NULL
) STRICT;

CREATE TABLE api_tokens (
    name       TEXT    NOT NULL PRIMARY KEY,
    sha256     BLOB    NOT NULL UNIQUE CHECK (length(sha256) = 32),
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE logins (
    sha256        BLOB    NOT NULL PRIMARY KEY CHECK (length(sha256) = 32),
    administrator TEXT    NOT NULL REFERENCES administrators (name) ON DELETE CASCADE,
    csrf          TEXT    NOT NULL,
    created_at    INTEGER NOT NULL,
    expires_at    INTEGER NOT NULL
) STRICT;

CREATE INDEX logins_expiry ON logins (expires_at);

CREATE TABLE events (
    id       INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    at       INTEGER NOT NULL,
    kind     TEXT    NOT NULL,
    instance TEXT,
    actor    TEXT    NOT NULL,
    message  TEXT    NOT NULL
) STRICT;
