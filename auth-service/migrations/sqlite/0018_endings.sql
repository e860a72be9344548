-- What has ended, in the order in which it did, for verifiers that work offline (docs/revocations.md). Triggers write it, in
-- the transaction that ends something, whoever does: a process of an earlier version, or a statement by hand.

CREATE TABLE endings (
    id       INTEGER PRIMARY KEY,
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

-- With 0, the database is only tried out.
CREATE TRIGGER log_ended_session AFTER INSERT ON ended_sessions WHEN NEW.until > 0
BEGIN
    INSERT INTO endings (kind, name) VALUES ('session', NEW.sid);
END;

-- Where everybody's tokens have ended, nobody's need to be named.
CREATE TRIGGER log_raised_epoch AFTER UPDATE OF session_epoch ON users
WHEN NEW.session_epoch > OLD.session_epoch
    AND NOT EXISTS (SELECT 1 FROM endings WHERE kind = 'all' AND epoch > OLD.session_epoch)
BEGIN
    INSERT INTO endings (kind, name, epoch, spared) VALUES ('user', NEW.id, NEW.session_epoch, CAST(NEW.kept_sid AS TEXT));
END;

CREATE TRIGGER log_deleted_user AFTER DELETE ON users
BEGIN
    INSERT INTO endings (kind, name, epoch) VALUES
        ('user', OLD.id, max(OLD.session_epoch + 1, CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)));
END;

CREATE TRIGGER log_changed_rights AFTER UPDATE OF revision ON users
WHEN NEW.revision > OLD.revision AND (NEW.roles <> OLD.roles OR NEW.custom <> OLD.custom)
BEGIN
    INSERT INTO endings (kind, name, revision) VALUES ('rights', NEW.id, NEW.revision);
END;

-- By hand, a user is disabled and rights are changed without what the service changes with it.
CREATE TRIGGER complete_disabling_by_hand AFTER UPDATE OF disabled ON users
WHEN NEW.disabled <> 0 AND OLD.disabled = 0 AND NEW.session_epoch = OLD.session_epoch
BEGIN
    UPDATE users SET session_epoch = session_epoch + 1, kept_sid = NULL WHERE id = NEW.id;
END;
CREATE TRIGGER complete_change_of_rights_by_hand AFTER UPDATE OF roles, custom ON users
WHEN (NEW.roles <> OLD.roles OR NEW.custom <> OLD.custom) AND NEW.revision = OLD.revision
BEGIN
    UPDATE users SET revision = revision + 1 WHERE id = NEW.id;
    INSERT INTO endings (kind, name, revision) VALUES ('rights', NEW.id, NEW.revision + 1);
END;
