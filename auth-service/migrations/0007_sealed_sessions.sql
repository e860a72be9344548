-- Records of sessions as bytes under a MAC. Replicas of versions before go on with `sessions`, whose rows expire: each sees
-- what the others do as writes that its store has lost, and takes the sessions up from their tokens.
CREATE TABLE sealed_sessions (
    sub        TEXT   NOT NULL,
    sid        TEXT   NOT NULL,
    record     BYTEA  NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (sub, sid)
);
CREATE INDEX sealed_sessions_by_expiry ON sealed_sessions (expires_at);
