-- Rises with every change by an admin, so that what was decided on a user as read is done to that user only.
ALTER TABLE users ADD COLUMN revision BIGINT NOT NULL DEFAULT 0;
