-- What users show besides the password, or instead of it. Nothing here logs anybody in: secrets are sealed, or kept as keyed MACs.

CREATE TABLE totp (
    sub          TEXT   NOT NULL PRIMARY KEY,
    secret       BYTEA  NOT NULL, -- sealed
    created_at   BIGINT NOT NULL,
    confirmed_at BIGINT,          -- NULL: no code has come yet, so that it is no factor
    last_step    BIGINT NOT NULL  -- the last step of 30 s whose code was accepted: none is accepted twice
);

CREATE TABLE recovery_codes (
    sub     TEXT   NOT NULL,
    mac     TEXT   NOT NULL, -- by which a code is found
    sealed  BYTEA  NOT NULL, -- its digest, from which the mac is made anew when the root secret is replaced
    used_at BIGINT,
    PRIMARY KEY (sub, mac)
);

-- Wrong codes of a user, whatever they were sent for, and those that are being looked at.
CREATE TABLE factor_failures (
    sub      TEXT   NOT NULL PRIMARY KEY,
    recent   BIGINT NOT NULL, -- in the window that began at `since`
    since    BIGINT NOT NULL,
    in_a_row BIGINT NOT NULL  -- of an app
);

-- Devices on which the second factor is not asked for.
CREATE TABLE trusted_devices (
    id           TEXT   NOT NULL PRIMARY KEY,
    sub          TEXT   NOT NULL,
    epoch        BIGINT NOT NULL, -- the user's when it was trusted
    created_at   BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL,
    ip           TEXT   NOT NULL,
    user_agent   TEXT   NOT NULL
);
CREATE INDEX trusted_devices_by_sub ON trusted_devices (sub);
CREATE INDEX trusted_devices_by_expiry ON trusted_devices (expires_at);

CREATE TABLE passkeys (
    id              TEXT   NOT NULL PRIMARY KEY,
    sub             TEXT   NOT NULL,
    credential_id   TEXT   NOT NULL UNIQUE, -- base64url
    public_key      BYTEA  NOT NULL,        -- COSE
    algorithm       BIGINT NOT NULL,        -- of the public key, in COSE
    sign_count      BIGINT NOT NULL,
    transports      TEXT   NOT NULL,        -- separated by spaces
    aaguid          TEXT   NOT NULL,        -- hexadecimal
    backup_eligible BIGINT NOT NULL,
    backed_up       BIGINT NOT NULL,
    name            TEXT   NOT NULL,
    created_at      BIGINT NOT NULL,
    last_used_at    BIGINT                  -- NULL: never
);
CREATE INDEX passkeys_by_sub ON passkeys (sub);

-- Challenges that were answered. Those that were only asked for are kept nowhere.
CREATE TABLE spent_challenges (
    id         TEXT   NOT NULL PRIMARY KEY,
    spent_by   TEXT   NOT NULL, -- the use, which no other shares
    expires_at BIGINT NOT NULL
);
CREATE INDEX spent_challenges_by_expiry ON spent_challenges (expires_at);

-- An administrator has asked that a user's factors be removed at `due_at`.
CREATE TABLE factor_resets (
    sub    TEXT   NOT NULL PRIMARY KEY,
    due_at BIGINT NOT NULL
);
