-- Who a user was in the system that the user comes from, if ids there are not UUIDs.
ALTER TABLE users ADD COLUMN external_source TEXT;
ALTER TABLE users ADD COLUMN external_id TEXT;
CREATE UNIQUE INDEX users_by_external_id ON users (external_source, external_id) WHERE external_id IS NOT NULL;
