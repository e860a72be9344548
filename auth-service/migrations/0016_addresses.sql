-- Another address that notices go to.
ALTER TABLE users ADD COLUMN second_email TEXT;

-- Addresses that may be given back to an account.
CREATE INDEX proofs_that_reserve ON proofs (address) WHERE purpose = 'undo_email';
