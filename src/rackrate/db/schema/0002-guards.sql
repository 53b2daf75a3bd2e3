-- Who may do what to which rows, whatever the program above believes.

-- What was written down stays as it was written, for the owner of the tables too.
CREATE FUNCTION is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is only ever added to', TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON lease_event
    FOR EACH STATEMENT EXECUTE FUNCTION is_append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON invoice_line
    FOR EACH STATEMENT EXECUTE FUNCTION is_append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON payment
    FOR EACH STATEMENT EXECUTE FUNCTION is_append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON entry
    FOR EACH STATEMENT EXECUTE FUNCTION is_append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON posting
    FOR EACH STATEMENT EXECUTE FUNCTION is_append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON close
    FOR EACH STATEMENT EXECUTE FUNCTION is_append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION is_append_only();

-- A customer's own transaction sees and writes that customer's rows. The setting says whose it is;
-- empty, it is the operator's. FORCE: the owner of the tables is no exception.
ALTER TABLE customer ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON customer
    USING (coalesce(current_setting('rackrate.customer', true), '') IN ('', id));

ALTER TABLE project ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON project
    USING (coalesce(current_setting('rackrate.customer', true), '') IN ('', customer));

ALTER TABLE ssh_key ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON ssh_key
    USING (coalesce(current_setting('rackrate.customer', true), '') IN ('', customer));

ALTER TABLE contract ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON contract
    USING (coalesce(current_setting('rackrate.customer', true), '') IN ('', customer));

ALTER TABLE lease ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON lease
    USING (coalesce(current_setting('rackrate.customer', true), '') IN ('', customer));

ALTER TABLE lease_event ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON lease_event
    USING (coalesce(current_setting('rackrate.customer', true), '') = ''
           OR EXISTS (SELECT FROM lease WHERE lease.id = lease_event.lease));

ALTER TABLE invoice ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON invoice
    USING (coalesce(current_setting('rackrate.customer', true), '') IN ('', customer));

ALTER TABLE invoice_line ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON invoice_line
    USING (coalesce(current_setting('rackrate.customer', true), '') IN ('', customer));

ALTER TABLE payment ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON payment
    USING (coalesce(current_setting('rackrate.customer', true), '') IN ('', customer));

ALTER TABLE posting ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON posting
    USING (coalesce(current_setting('rackrate.customer', true), '') IN ('', customer));
