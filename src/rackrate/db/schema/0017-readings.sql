-- Public addresses, and readings of meters such as egress; the shape of a lease can change.

-- What is priced for a site is of no SKU: storage, addresses, egress.
DO $$
DECLARE
    named text;
BEGIN
    SELECT conname INTO STRICT named FROM pg_constraint
    WHERE conrelid = 'price'::regclass AND contype = 'c'
      AND pg_get_constraintdef(oid) LIKE '%gb_month%';
    EXECUTE format('ALTER TABLE price DROP CONSTRAINT %I', named);
END $$;
ALTER TABLE price ADD CONSTRAINT price_of_a_site CHECK (
    (sku IS NULL) = (unit IN
        ('gb_month', 'address_hour', 'address_month', 'egress_gb', 'egress_gib'))
);

CREATE TABLE address_pool (
    id          text COLLATE "C" PRIMARY KEY,
    site        text NOT NULL REFERENCES site DEFERRABLE INITIALLY DEFERRED,
    ranges      jsonb NOT NULL CHECK (jsonb_array_length(ranges) > 0),
    kept_back   jsonb NOT NULL,
    quarantine  interval NOT NULL,
    per_project bigint NOT NULL CHECK (per_project > 0)
);
CREATE INDEX ON address_pool (site);

CREATE TABLE address (
    id       text COLLATE "C" PRIMARY KEY,
    customer text NOT NULL,
    project  text NOT NULL,
    site     text NOT NULL REFERENCES site DEFERRABLE INITIALLY DEFERRED,
    pool     text NOT NULL REFERENCES address_pool DEFERRABLE INITIALLY DEFERRED,
    address  text NOT NULL,
    name     text NOT NULL,
    during   tstzrange NOT NULL CHECK (NOT isempty(during)),
    rests    timestamptz CHECK (rests >= upper(during)),
    lease    text REFERENCES lease DEFERRABLE INITIALLY DEFERRED,
    attached timestamptz,
    freed    text NOT NULL CHECK ((freed = '') = (rests IS NULL)),
    CHECK ((lease IS NULL) = (attached IS NULL)),
    CHECK (upper_inf(during) = (rests IS NULL)),
    FOREIGN KEY (project, customer) REFERENCES project (id, customer)
        DEFERRABLE INITIALLY DEFERRED,
    -- Nobody is given what another holds, or has only just given back.
    CONSTRAINT held_once EXCLUDE USING gist
        (address WITH =, tstzrange(lower(during), rests) WITH &&)
);
CREATE INDEX ON address (customer, id);
CREATE INDEX ON address (pool, freed);

CREATE TABLE reading (
    id          text COLLATE "C" PRIMARY KEY,
    meter       text NOT NULL CHECK (starts_with(id, meter || '/')),
    customer    text NOT NULL,
    project     text NOT NULL,
    site        text NOT NULL REFERENCES site DEFERRABLE INITIALLY DEFERRED,
    item        text NOT NULL,
    quantity    bigint NOT NULL CHECK (quantity BETWEEN 0 AND 1000000000000000000),
    during      tstzrange NOT NULL CHECK (NOT isempty(during)),
    recorded_at timestamptz NOT NULL CHECK (recorded_at >= upper(during)),
    lease       text REFERENCES lease DEFERRABLE INITIALLY DEFERRED,
    begun       text NOT NULL,
    told        text NOT NULL,
    FOREIGN KEY (project, customer) REFERENCES project (id, customer)
        DEFERRABLE INITIALLY DEFERRED
);
CREATE INDEX ON reading (customer, begun);
CREATE INDEX ON reading (customer, told);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON reading
    FOR EACH STATEMENT EXECUTE FUNCTION is_append_only();

DO $$
DECLARE
    kept text;
BEGIN
    FOREACH kept IN ARRAY ARRAY['address', 'reading']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', kept);
        EXECUTE format(
            $policy$CREATE POLICY own ON %I
            USING (coalesce(current_setting('rackrate.customer', true), '') IN ('', customer))$policy$,
            kept
        );
    END LOOP;
END $$;

-- The shape that a lease was asked for, once it has another; and what an event changes it to.
ALTER TABLE lease ADD COLUMN asked jsonb;
ALTER TABLE lease_event ADD COLUMN shape jsonb CHECK ((shape IS NOT NULL) = (kind = 'reshaped'));
