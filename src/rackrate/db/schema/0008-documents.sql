-- What documents say of a party beside its name; of those from before, nothing is known.
ALTER TABLE entity   ADD COLUMN details jsonb NOT NULL DEFAULT '{}';
ALTER TABLE entity   ADD COLUMN channel text NOT NULL DEFAULT '';
ALTER TABLE customer ADD COLUMN details jsonb NOT NULL DEFAULT '{}';

-- Who sold and who bought, as they were when the invoice was issued: its documents stay the same.
CREATE TABLE invoice_parties (
    id       text COLLATE "C" PRIMARY KEY REFERENCES invoice DEFERRABLE INITIALLY DEFERRED,
    customer text NOT NULL REFERENCES customer DEFERRABLE INITIALLY DEFERRED,
    seller   jsonb NOT NULL,
    buyer    jsonb NOT NULL
);

-- What a tax authority's channel was asked to issue for an invoice, and what came back. A red
-- letter takes a blue one back, which must have a number by then.
CREATE TABLE digital_invoice (
    id        text COLLATE "C" PRIMARY KEY,
    invoice   text NOT NULL REFERENCES invoice DEFERRABLE INITIALLY DEFERRED,
    customer  text NOT NULL REFERENCES customer DEFERRABLE INITIALLY DEFERRED,
    channel   text NOT NULL,
    colour    text NOT NULL CHECK (colour IN ('blue', 'red')),
    asked     timestamptz NOT NULL,
    red_of    text NOT NULL,
    number    text NOT NULL,
    issued    timestamptz,
    media     text NOT NULL,
    file      text NOT NULL,
    CHECK ((colour = 'red') = (red_of <> '')),
    CHECK ((number <> '') = (issued IS NOT NULL))
);
CREATE INDEX ON digital_invoice (invoice);
CREATE UNIQUE INDEX ON digital_invoice (channel, number) WHERE number <> '';

DO $$
DECLARE
    kept text;
BEGIN
    FOREACH kept IN ARRAY ARRAY['invoice_parties', 'digital_invoice'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', kept);
        EXECUTE format(
            $policy$CREATE POLICY own ON %I
            USING (coalesce(current_setting('rackrate.customer', true), '') IN ('', customer))$policy$,
            kept
        );
    END LOOP;
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON invoice_parties
    FOR EACH STATEMENT EXECUTE FUNCTION is_append_only();
