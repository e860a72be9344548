-- What happened, to whom and by whom: only ever added to, and forgotten after AUTH_AUDIT_KEEP. No foreign keys: what
-- happened to a deleted user still happened.
CREATE TABLE audit (
    id         TEXT   NOT NULL PRIMARY KEY, -- UUID version 7: in the order of time
    at         BIGINT NOT NULL,
    action     TEXT   NOT NULL,
    result     TEXT   NOT NULL, -- success or failure
    actor      TEXT,            -- the user who did it, where it was a user
    sub        TEXT,            -- the user to whom it happened
    sid        TEXT,            -- the session that it was about
    ip         TEXT,
    user_agent TEXT,
    details    TEXT   NOT NULL  -- a JSON object
);
CREATE INDEX audit_by_sub ON audit (sub, id);
