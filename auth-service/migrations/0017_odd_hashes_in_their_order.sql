-- The index tells which users have such hashes, in any order. By ids, which are random, each imported user changed another page of it; by
-- a value that is the same for nearly all, they are appended. Programs of before find it by its condition, which stays.
CREATE INDEX users_of_odd_hashes ON users (disabled) WHERE substr(password_hash, 1, 31) <> '$argon2id$v=19$m=19456,t=2,p=1$';
DROP INDEX users_with_odd_hashes;
