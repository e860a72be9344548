-- No statement of ours changes an event; whoever else can write to the table by mistake cannot either.
CREATE TRIGGER audit_is_append_only BEFORE UPDATE ON audit
BEGIN
    SELECT RAISE(ABORT, 'events of the audit log are never changed');
END;
