-- What has ended, in the order in which it did, for verifiers that work offline (docs/revocations.md). Triggers write it, in
-- the transaction that ends something, whoever does: a replica of an earlier version, or a statement by hand.

CREATE TABLE endings (
    id       BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind     TEXT   NOT NULL, -- session, token, user, rights, all
    name     TEXT   NOT NULL, -- of the session, token or user; of all: empty
    epoch    BIGINT,          -- user, all: tokens of an earlier epoch have ended
    spared   TEXT,            -- user: the session that goes on
    revision BIGINT,          -- rights: tokens of an earlier revision carry outdated rights
    seq      BIGINT UNIQUE,   -- NULL until it is numbered, in a transaction of its own
    until    BIGINT           -- once numbered: when the last token that it names has expired
);
CREATE INDEX endings_without_number ON endings (id) WHERE seq IS NULL;
CREATE INDEX endings_by_until ON endings (until);
CREATE INDEX endings_of_everybody ON endings (epoch) WHERE kind = 'all';
CREATE INDEX endings_by_token ON endings (name) WHERE kind = 'token';
CREATE INDEX endings_by_user ON endings (name) WHERE kind = 'user';

CREATE FUNCTION log_ended_session() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO endings (kind, name) VALUES ('session', NEW.sid);
    RETURN NULL;
END
$$;
-- With 0, the database is only tried out.
CREATE TRIGGER log_ended_session AFTER INSERT ON ended_sessions
    FOR EACH ROW WHEN (NEW.until > 0) EXECUTE FUNCTION log_ended_session();

-- Where everybody's tokens have ended, nobody's need to be named.
CREATE FUNCTION log_raised_epoch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM endings WHERE kind = 'all' AND epoch > OLD.session_epoch) THEN
        INSERT INTO endings (kind, name, epoch, spared) VALUES ('user', NEW.id, NEW.session_epoch, NEW.kept_sid);
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER log_raised_epoch AFTER UPDATE ON users
    FOR EACH ROW WHEN (NEW.session_epoch > OLD.session_epoch) EXECUTE FUNCTION log_raised_epoch();

CREATE FUNCTION log_deleted_user() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO endings (kind, name, epoch) VALUES
        ('user', OLD.id, greatest(OLD.session_epoch + 1, floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint));
    RETURN NULL;
END
$$;
CREATE TRIGGER log_deleted_user AFTER DELETE ON users FOR EACH ROW EXECUTE FUNCTION log_deleted_user();

CREATE FUNCTION log_changed_rights() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO endings (kind, name, revision) VALUES ('rights', NEW.id, NEW.revision);
    RETURN NULL;
END
$$;
CREATE TRIGGER log_changed_rights AFTER UPDATE ON users
    FOR EACH ROW WHEN (NEW.revision > OLD.revision AND (NEW.roles <> OLD.roles OR NEW.custom <> OLD.custom))
    EXECUTE FUNCTION log_changed_rights();

-- By hand, a user is disabled and rights are changed without what the service changes with it.
CREATE FUNCTION complete_change_by_hand() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.disabled <> 0 AND OLD.disabled = 0 AND NEW.session_epoch = OLD.session_epoch THEN
        NEW.session_epoch := OLD.session_epoch + 1;
        NEW.kept_sid := NULL;
    END IF;
    IF (NEW.roles <> OLD.roles OR NEW.custom <> OLD.custom) AND NEW.revision = OLD.revision THEN
        NEW.revision := OLD.revision + 1;
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER complete_change_by_hand BEFORE UPDATE ON users
    FOR EACH ROW WHEN (NEW.disabled <> OLD.disabled OR NEW.roles <> OLD.roles OR NEW.custom <> OLD.custom)
    EXECUTE FUNCTION complete_change_by_hand();
