-- The thefts of one user, among hundreds of thousands of logins. PostgreSQL's index is made while the service runs.
CREATE INDEX audit_by_sub_and_action ON audit (sub, action, id);
