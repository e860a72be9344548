-- How often an operator has unlocked the account: its failed logins are counted from zero again after each time.
ALTER TABLE users ADD COLUMN unlocks BIGINT NOT NULL DEFAULT 0;

-- The thefts of one user, among hundreds of thousands of logins.
CREATE INDEX audit_by_sub_and_action ON audit (sub, action, id);
