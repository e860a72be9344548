-- Mails that wait to be sent, and for a week those that were not: kept in the mailbox, refused, too late.
CREATE TABLE mail_outbox (
    id         TEXT   NOT NULL PRIMARY KEY, -- UUID version 7: in the order of time
    kind       TEXT   NOT NULL,
    address    TEXT   NOT NULL,
    language   TEXT   NOT NULL,
    content    BYTEA  NOT NULL, -- sealed; empty once it is of no use
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    not_before BIGINT NOT NULL, -- when it is due; while it is leased, the end of the lease
    attempts   BIGINT NOT NULL, -- how many leases it had
    last_error TEXT,
    outcome    TEXT,            -- how it ended, if it was not delivered: delivered mails are deleted
    settled_at BIGINT
);
CREATE INDEX mail_outbox_waiting ON mail_outbox (not_before) WHERE settled_at IS NULL;
CREATE INDEX mail_outbox_settled ON mail_outbox (settled_at) WHERE settled_at IS NOT NULL;
