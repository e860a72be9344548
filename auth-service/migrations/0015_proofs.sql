-- What is done once a code comes back from a mail. The code itself is kept nowhere: it is computed from the row under the root secret.
CREATE TABLE proofs (
    id         TEXT   NOT NULL PRIMARY KEY,
    purpose    TEXT   NOT NULL,
    sub        TEXT,            -- NULL: there is no account (yet)
    address    TEXT   NOT NULL,
    epoch      BIGINT NOT NULL, -- the user's when it was asked for
    payload    BYTEA,           -- sealed
    tries      BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    spent_by   TEXT             -- the attempt that used it
);
CREATE INDEX proofs_by_expiry ON proofs (expires_at);
CREATE INDEX proofs_by_sub ON proofs (sub);

-- When a code from a mail to the address last came back; NULL: never.
ALTER TABLE users ADD COLUMN email_verified_at BIGINT;
