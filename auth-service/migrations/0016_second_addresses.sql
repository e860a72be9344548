-- Another address that notices go to.
ALTER TABLE users ADD COLUMN second_email TEXT;
