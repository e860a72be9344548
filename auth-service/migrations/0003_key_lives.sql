-- How long, in milliseconds, the longest access token lives that the key may have signed: so long it stays published.
ALTER TABLE signing_keys ADD COLUMN token_life BIGINT NOT NULL DEFAULT 3600000;
