-- Of all that may be stored, a failed login costs as much as the dearest: which users have hashes that are not as new ones are.
CREATE INDEX users_with_odd_hashes ON users (id) WHERE substr(password_hash, 1, 31) <> '$argon2id$v=19$m=19456,t=2,p=1$';
