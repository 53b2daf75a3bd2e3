-- Who may do what to which rows, whatever the program above believes.

-- What was written down stays as it was written, for the owner of the tables too.
CREATE FUNCTION is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is only ever added to', TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END $$;

DO $$
DECLARE
    log text;
BEGIN
    FOREACH log IN ARRAY ARRAY['lease_event', 'invoice_line', 'payment', 'entry', 'posting', 'close', 'audit']
    LOOP
        EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON %I
                        FOR EACH STATEMENT EXECUTE FUNCTION is_append_only()', log);
    END LOOP;
END $$;

-- A customer's own transaction sees and writes that customer's rows. The setting says whose it is;
-- empty, it is the operator's. FORCE: the owner of the tables is no exception.
DO $$
DECLARE
    kept text;
    owner text;
BEGIN
    FOR kept, owner IN VALUES
        ('customer', 'id'), ('project', 'customer'), ('ssh_key', 'customer'),
        ('contract', 'customer'), ('delivery', 'customer'), ('quote', 'customer'),
        ('lease', 'customer'), ('invoice', 'customer'), ('breach', 'customer'),
        ('invoice_line', 'customer'), ('payment', 'customer'), ('posting', 'customer')
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', kept);
        EXECUTE format(
            $policy$CREATE POLICY own ON %I
            USING (coalesce(current_setting('rackrate.customer', true), '') IN ('', %I))$policy$,
            kept, owner
        );
    END LOOP;
END $$;

-- An event is whose its lease is.
ALTER TABLE lease_event ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON lease_event
    USING (coalesce(current_setting('rackrate.customer', true), '') = ''
           OR EXISTS (SELECT FROM lease WHERE lease.id = lease_event.lease));
