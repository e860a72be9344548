-- How often an operator has unlocked the account: its failed logins are counted from zero again after each time.
ALTER TABLE users ADD COLUMN unlocks BIGINT NOT NULL DEFAULT 0;
