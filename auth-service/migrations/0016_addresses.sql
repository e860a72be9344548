-- Another address that notices go to.
ALTER TABLE users ADD COLUMN second_email TEXT;

-- The language that a user registered in: en, uk, ru.
ALTER TABLE users ADD COLUMN language TEXT;

-- Addresses that may be given back to an account.
CREATE INDEX proofs_that_reserve ON proofs (address) WHERE purpose = 'undo_email';
