-- One text for SQLite and PostgreSQL: ids and JSON as TEXT, moments as milliseconds since 1970, booleans as 0 or 1.

CREATE TABLE users (
    id            TEXT   NOT NULL PRIMARY KEY,
    email         TEXT   NOT NULL UNIQUE,
    name          TEXT,
    search        TEXT   NOT NULL, -- e-mail address and name in lower case, as Rust understands it for every script
    password_hash TEXT   NOT NULL,
    roles         TEXT   NOT NULL, -- a JSON list
    custom        TEXT   NOT NULL, -- a JSON object
    disabled      BIGINT NOT NULL,
    session_epoch BIGINT NOT NULL,
    kept_sid      TEXT,
    created_at    BIGINT NOT NULL
);
CREATE INDEX users_by_roles ON users (roles);

-- What has ended stays ended, also for users and sessions that are not known here: no foreign keys.
CREATE TABLE ended_sessions (
    sub   TEXT   NOT NULL,
    sid   TEXT   NOT NULL,
    until BIGINT NOT NULL,
    PRIMARY KEY (sub, sid)
);
CREATE INDEX ended_sessions_by_until ON ended_sessions (until);

-- Used where there is no Redis, as is `counters`.
CREATE TABLE sessions (
    sub        TEXT   NOT NULL,
    sid        TEXT   NOT NULL,
    gen        BIGINT NOT NULL,
    fam        TEXT   NOT NULL,
    record     TEXT   NOT NULL, -- JSON
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (sub, sid)
);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

CREATE TABLE counters (
    name      TEXT   NOT NULL PRIMARY KEY,
    value     BIGINT NOT NULL,
    resets_at BIGINT NOT NULL
);
CREATE INDEX counters_by_reset ON counters (resets_at);

CREATE TABLE signing_keys (
    slot         BIGINT NOT NULL PRIMARY KEY,
    kid          TEXT   NOT NULL UNIQUE,
    jwk          TEXT   NOT NULL,
    sealed       BYTEA  NOT NULL,
    published_at BIGINT NOT NULL,
    active_at    BIGINT NOT NULL,
    revoked_at   BIGINT
);

CREATE TABLE facts (
    name  TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);
