-- What admins ask for when they know no user.
CREATE INDEX audit_by_sid ON audit (sid, id);
CREATE INDEX audit_by_action ON audit (action, id);
