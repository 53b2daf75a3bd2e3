-- One table for each kind of row; a column for each of its fields, under the same name.
-- Money `price` is `price` in minor units and `price_currency`. Keys sort by bytes, as in Python.

CREATE EXTENSION IF NOT EXISTS btree_gist;

-- A row that was read is written only if nobody has changed it since: no update is lost.
CREATE FUNCTION unchanged(wanted bigint, still bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF still <> wanted THEN
        RAISE EXCEPTION 'somebody else changed it first' USING ERRCODE = 'serialization_failure';
    END IF;
END $$;

-- Who sells, and what there is ------------------------------------------------------------------

CREATE TABLE entity (
    id             text COLLATE "C" PRIMARY KEY,
    name           text NOT NULL,
    country        text NOT NULL,
    tax_id         text NOT NULL,
    time_zone      text NOT NULL,
    currency       text NOT NULL,
    invoice_series text NOT NULL,
    output_tax     text NOT NULL,
    payment_days   bigint NOT NULL
);

CREATE TABLE site (
    id        text COLLATE "C" PRIMARY KEY,
    entity    text NOT NULL REFERENCES entity DEFERRABLE INITIALLY DEFERRED,
    name      text NOT NULL,
    country   text NOT NULL,
    time_zone text NOT NULL,
    engine    text NOT NULL,
    simulated boolean NOT NULL,
    spare_percent    numeric NOT NULL,
    moment_percent   numeric NOT NULL,
    contract_percent numeric NOT NULL,
    contracted_mw    numeric,
    active_mw        numeric,
    pue              numeric NOT NULL
);

CREATE TABLE rack (
    id   text COLLATE "C" PRIMARY KEY,
    site text NOT NULL REFERENCES site DEFERRABLE INITIALLY DEFERRED,
    kw   numeric NOT NULL CHECK (kw > 0)
);
CREATE INDEX ON rack (site);

CREATE TABLE block (
    id     text COLLATE "C" PRIMARY KEY,
    site   text NOT NULL REFERENCES site DEFERRABLE INITIALLY DEFERRED,
    fabric text NOT NULL
);
CREATE INDEX ON block (site);

CREATE TABLE chip (
    id            text COLLATE "C" PRIMARY KEY,
    vendor        text NOT NULL,
    model         text NOT NULL,
    memory_gb     numeric,
    dense_tflops  numeric,
    sparse_tflops numeric,
    power_w       bigint,
    source        text NOT NULL,
    confidence    text NOT NULL,
    accelerator   boolean NOT NULL,
    barred_countries jsonb NOT NULL,
    origin           text NOT NULL,
    barred_sectors   jsonb NOT NULL,
    barred_end_uses  jsonb NOT NULL
);

-- The order of every change to a site's fleet. It is drawn under the site's lock, so the order of
-- versions is the order of commits, and an index in memory can catch up by version.
CREATE SEQUENCE fleet_change AS bigint;

CREATE FUNCTION fleet_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.version := nextval('fleet_change');
    RETURN NEW;
END $$;

CREATE TABLE node (
    id       text COLLATE "C" PRIMARY KEY,
    site     text NOT NULL REFERENCES site DEFERRABLE INITIALLY DEFERRED,
    block    text NOT NULL REFERENCES block DEFERRABLE INITIALLY DEFERRED,
    chip     text NOT NULL REFERENCES chip DEFERRABLE INITIALLY DEFERRED,
    gpus     bigint NOT NULL CHECK (gpus BETWEEN 1 AND 1024),
    parts    bigint NOT NULL CHECK (parts BETWEEN 1 AND 1000),
    capacity jsonb NOT NULL,
    state    text NOT NULL,
    note     text NOT NULL,
    ready    timestamptz,
    until    timestamptz CHECK (until > ready),
    "order"  text,
    batch    bigint NOT NULL,
    rack     text REFERENCES rack DEFERRABLE INITIALLY DEFERRED,
    kw       numeric,
    pool     text NOT NULL GENERATED ALWAYS AS (block || '/' || chip || 'x' || gpus::text) STORED,
    version  bigint NOT NULL
);
CREATE INDEX ON node (site, version);
CREATE INDEX ON node (block);
CREATE INDEX ON node (pool);
CREATE INDEX ON node ("order") WHERE "order" IS NOT NULL;
CREATE TRIGGER version BEFORE INSERT OR UPDATE ON node
    FOR EACH ROW EXECUTE FUNCTION fleet_changed();

CREATE TABLE sku (
    id         text COLLATE "C" PRIMARY KEY,
    site       text NOT NULL REFERENCES site DEFERRABLE INITIALLY DEFERRED,
    chip       text NOT NULL REFERENCES chip DEFERRABLE INITIALLY DEFERRED,
    name       text NOT NULL,
    slots      bigint NOT NULL,
    whole_node boolean NOT NULL,
    limits     jsonb NOT NULL
);

CREATE TABLE price (
    id           text COLLATE "C" PRIMARY KEY,
    sku          text NOT NULL REFERENCES sku DEFERRABLE INITIALLY DEFERRED,
    klass        text NOT NULL,
    currency     text NOT NULL,
    per_hour     numeric NOT NULL,
    tax_included boolean NOT NULL,
    effective    timestamptz NOT NULL,
    notice       interval NOT NULL
);
CREATE INDEX ON price (sku, klass, currency);

CREATE TABLE contract_price (
    id            text COLLATE "C" PRIMARY KEY,
    sku           text NOT NULL REFERENCES sku DEFERRABLE INITIALLY DEFERRED,
    currency      text NOT NULL,
    effective     timestamptz NOT NULL,
    tax_included  boolean NOT NULL,
    basis         text NOT NULL,
    floor_percent numeric NOT NULL CHECK (floor_percent BETWEEN 0 AND 100),
    tiers         jsonb NOT NULL
);
CREATE INDEX ON contract_price (sku, currency);

-- Who buys, and who may do what -----------------------------------------------------------------

CREATE TABLE customer (
    id          text COLLATE "C" PRIMARY KEY,
    entity      text NOT NULL REFERENCES entity DEFERRABLE INITIALLY DEFERRED,
    name        text NOT NULL,
    country     text NOT NULL,
    tax_id      text NOT NULL,
    time_zone   text NOT NULL,
    currency    text NOT NULL,
    tax_rule    text NOT NULL,
    of_operator boolean NOT NULL,
    sector          text NOT NULL,
    end_use         text NOT NULL,
    data_countries  jsonb NOT NULL,
    domestic_chips  boolean NOT NULL,
    dedicated_block boolean NOT NULL
);

CREATE TABLE project (
    id       text COLLATE "C" PRIMARY KEY,
    customer text NOT NULL REFERENCES customer DEFERRABLE INITIALLY DEFERRED,
    name     text NOT NULL,
    UNIQUE (id, customer)
);
CREATE INDEX ON project (customer);

CREATE TABLE principal (
    id    text COLLATE "C" PRIMARY KEY,
    kind  text NOT NULL,
    name  text NOT NULL,
    email text NOT NULL
);
CREATE INDEX ON principal (email);

CREATE TABLE grants (
    id        text COLLATE "C" PRIMARY KEY,
    principal text NOT NULL REFERENCES principal DEFERRABLE INITIALLY DEFERRED,
    role      text NOT NULL,
    customer  text REFERENCES customer DEFERRABLE INITIALLY DEFERRED,
    project   text REFERENCES project DEFERRABLE INITIALLY DEFERRED
);
CREATE INDEX ON grants (principal);
CREATE INDEX ON grants (customer);

CREATE TABLE token (
    id        text COLLATE "C" PRIMARY KEY,
    principal text NOT NULL REFERENCES principal DEFERRABLE INITIALLY DEFERRED,
    digest    text NOT NULL UNIQUE,
    name      text NOT NULL,
    created   timestamptz NOT NULL,
    expires   timestamptz,
    revoked   timestamptz
);
CREATE INDEX ON token (principal);

CREATE TABLE ssh_key (
    id          text COLLATE "C" PRIMARY KEY,
    customer    text NOT NULL REFERENCES customer DEFERRABLE INITIALLY DEFERRED,
    project     text NOT NULL REFERENCES project DEFERRABLE INITIALLY DEFERRED,
    name        text NOT NULL,
    public_key  text NOT NULL,
    fingerprint text NOT NULL,
    created     timestamptz NOT NULL
);
CREATE INDEX ON ssh_key (project);

CREATE TABLE audit (
    id        text COLLATE "C" PRIMARY KEY,
    at        timestamptz NOT NULL,
    principal text NOT NULL,
    verb      text NOT NULL,
    target    text NOT NULL,
    customer  text,
    outcome   text NOT NULL,
    request   text NOT NULL,
    detail    text NOT NULL
);
CREATE INDEX ON audit (principal, id);
CREATE INDEX ON audit (customer, id);
CREATE INDEX ON audit (verb, id);

CREATE TABLE idempotency (
    id          text COLLATE "C" PRIMARY KEY,
    fingerprint text NOT NULL,
    at          timestamptz NOT NULL,
    status      bigint NOT NULL,
    answer      text NOT NULL
);

CREATE TABLE site_pass (
    id text COLLATE "C" PRIMARY KEY,
    at timestamptz NOT NULL
);

CREATE TABLE stray (
    id   text COLLATE "C" PRIMARY KEY,
    site text NOT NULL,
    seen timestamptz NOT NULL
);

CREATE TABLE loop_lease (
    id     text COLLATE "C" PRIMARY KEY,
    holder text NOT NULL,
    epoch  bigint NOT NULL,
    until  timestamptz NOT NULL
);

-- A number without gaps is a counter row: locked by who draws from it, and rolled back with it.
CREATE TABLE series (
    id   text COLLATE "C" PRIMARY KEY,
    last bigint NOT NULL
);

-- What is promised, and what is held ------------------------------------------------------------

CREATE TABLE contract (
    id                 text COLLATE "C" PRIMARY KEY,
    entity             text NOT NULL REFERENCES entity DEFERRABLE INITIALLY DEFERRED,
    customer           text NOT NULL REFERENCES customer DEFERRABLE INITIALLY DEFERRED,
    project            text NOT NULL REFERENCES project DEFERRABLE INITIALLY DEFERRED,
    currency           text NOT NULL,
    commitments        jsonb NOT NULL CHECK (jsonb_array_length(commitments) > 0),
    prepayment_percent numeric NOT NULL,
    tax_included       boolean NOT NULL,
    signed             timestamptz NOT NULL,
    name               text NOT NULL,
    terms              jsonb NOT NULL,
    amendments         jsonb NOT NULL,
    ended              timestamptz,
    opening            jsonb
);
CREATE INDEX ON contract (customer);
CREATE INDEX ON contract (entity);

CREATE TABLE quote (
    id                 text COLLATE "C" PRIMARY KEY,
    entity             text NOT NULL REFERENCES entity DEFERRABLE INITIALLY DEFERRED,
    customer           text NOT NULL REFERENCES customer DEFERRABLE INITIALLY DEFERRED,
    project            text NOT NULL REFERENCES project DEFERRABLE INITIALLY DEFERRED,
    site               text NOT NULL REFERENCES site DEFERRABLE INITIALLY DEFERRED,
    sku                text NOT NULL REFERENCES sku DEFERRABLE INITIALLY DEFERRED,
    nodes              bigint NOT NULL CHECK (nodes > 0),
    same_block         boolean NOT NULL,
    dedicated          boolean NOT NULL,
    during             tstzrange NOT NULL CHECK (NOT isempty(during)),
    price              text NOT NULL,
    tier_months        bigint NOT NULL,
    tier_nodes         bigint NOT NULL,
    per_node           bigint NOT NULL,
    per_node_currency  text NOT NULL,
    basis              text NOT NULL,
    tax_included       boolean NOT NULL,
    discount_percent   numeric NOT NULL,
    monthly            bigint NOT NULL CHECK (monthly >= 0),
    monthly_currency   text NOT NULL,
    prepayment_percent numeric NOT NULL CHECK (prepayment_percent BETWEEN 0 AND 100),
    needs_approval     boolean NOT NULL,
    author             text NOT NULL,
    created            timestamptz NOT NULL,
    expires            timestamptz NOT NULL CHECK (expires > created),
    name               text NOT NULL,
    approver           text CHECK (approver <> author),
    approved           timestamptz,
    signer             text,
    signed             timestamptz,
    contract           text UNIQUE,
    withdrawn          timestamptz,
    CHECK (signed IS NULL OR (withdrawn IS NULL AND signed < expires)),
    CHECK (signed IS NULL OR NOT needs_approval OR approved IS NOT NULL)
);
CREATE INDEX ON quote (customer, id);

CREATE TABLE delivery (
    id         text COLLATE "C" PRIMARY KEY,
    contract   text NOT NULL REFERENCES contract DEFERRABLE INITIALLY DEFERRED,
    customer   text NOT NULL REFERENCES customer DEFERRABLE INITIALLY DEFERRED,
    commitment bigint NOT NULL CHECK (commitment > 0),
    number     bigint NOT NULL CHECK (number > 0),
    nodes      bigint NOT NULL CHECK (nodes > 0),
    due        timestamptz NOT NULL,
    delivered  timestamptz,
    accepted   timestamptz CHECK (accepted IS NULL OR delivered <= accepted),
    "by"       text NOT NULL,
    names      jsonb NOT NULL,
    awaiting   boolean NOT NULL
               GENERATED ALWAYS AS (delivered IS NOT NULL AND accepted IS NULL) STORED,
    UNIQUE (contract, commitment, number)
);
CREATE INDEX ON delivery (customer);
CREATE INDEX ON delivery (id) WHERE awaiting;

CREATE TABLE reservation (
    id       text COLLATE "C" PRIMARY KEY,
    site     text NOT NULL REFERENCES site DEFERRABLE INITIALLY DEFERRED,
    pool     text NOT NULL,
    nodes    bigint NOT NULL CHECK (nodes > 0),
    during   tstzrange NOT NULL
             CHECK (NOT isempty(during) AND NOT lower_inf(during) AND NOT upper_inf(during)),
    kind     text NOT NULL,
    holder   text NOT NULL,
    customer text,
    expires  timestamptz,
    note     text NOT NULL DEFAULT '',
    version  bigint NOT NULL
);
CREATE INDEX ON reservation (site, version);
CREATE INDEX ON reservation (holder);
CREATE INDEX ON reservation (site, kind);
CREATE INDEX reservation_when ON reservation USING gist (pool, during);
CREATE TRIGGER version BEFORE INSERT OR UPDATE ON reservation
    FOR EACH ROW EXECUTE FUNCTION fleet_changed();

-- What is bought or leased in, and what is short of its promise -------------------------------

CREATE TABLE purchase_order (
    id             text COLLATE "C" PRIMARY KEY,
    entity         text NOT NULL REFERENCES entity DEFERRABLE INITIALLY DEFERRED,
    site           text NOT NULL REFERENCES site DEFERRABLE INITIALLY DEFERRED,
    supplier       text NOT NULL,
    terms          text NOT NULL,
    block          text NOT NULL REFERENCES block DEFERRABLE INITIALLY DEFERRED,
    chip           text NOT NULL REFERENCES chip DEFERRABLE INITIALLY DEFERRED,
    gpus           bigint NOT NULL CHECK (gpus BETWEEN 1 AND 1024),
    parts          bigint NOT NULL CHECK (parts BETWEEN 1 AND 1000),
    capacity       jsonb NOT NULL,
    kw             numeric CHECK (kw > 0),
    price          bigint NOT NULL CHECK (price >= 0),
    price_currency text NOT NULL,
    ordered        timestamptz NOT NULL,
    batches        jsonb NOT NULL,
    serves         jsonb NOT NULL,
    until          timestamptz CHECK (until > ordered),
    conditions     text NOT NULL,
    names          text NOT NULL,
    first          bigint NOT NULL
);
CREATE INDEX ON purchase_order (site);

CREATE TABLE lease_back (
    id               text COLLATE "C" PRIMARY KEY,
    "order"          text NOT NULL REFERENCES purchase_order DEFERRABLE INITIALLY DEFERRED,
    site             text NOT NULL REFERENCES site DEFERRABLE INITIALLY DEFERRED,
    pool             text NOT NULL,
    nodes            bigint NOT NULL CHECK (nodes > 0),
    during           tstzrange NOT NULL
                     CHECK (NOT isempty(during) AND NOT lower_inf(during) AND NOT upper_inf(during)),
    monthly          bigint NOT NULL CHECK (monthly >= 0),
    monthly_currency text NOT NULL,
    at               timestamptz NOT NULL
);
CREATE INDEX ON lease_back ("order");

CREATE TABLE breach (
    id          text COLLATE "C" PRIMARY KEY,
    at          timestamptz NOT NULL,
    site        text NOT NULL REFERENCES site DEFERRABLE INITIALLY DEFERRED,
    pool        text NOT NULL,
    reservation text NOT NULL,
    kind        text NOT NULL,
    holder      text NOT NULL,
    customer    text,
    nodes       bigint NOT NULL CHECK (nodes > 0),
    during      tstzrange NOT NULL
                CHECK (NOT isempty(during) AND NOT lower_inf(during) AND NOT upper_inf(during)),
    cause       text NOT NULL,
    mended      timestamptz CHECK (mended >= at),
    unmended    boolean NOT NULL GENERATED ALWAYS AS (mended IS NULL) STORED
);
CREATE INDEX ON breach (site, id) WHERE unmended;
CREATE INDEX ON breach (holder);
CREATE INDEX ON breach (customer);

CREATE TABLE claim (
    id      text COLLATE "C" PRIMARY KEY,
    site    text NOT NULL,
    node    text NOT NULL REFERENCES node DEFERRABLE INITIALLY DEFERRED,
    slots   int4multirange NOT NULL CHECK (NOT isempty(slots)),
    during  tstzrange NOT NULL CHECK (NOT isempty(during) AND NOT lower_inf(during)),
    kind    text NOT NULL,
    holder  text NOT NULL,
    account text NOT NULL,
    open    boolean NOT NULL GENERATED ALWAYS AS (upper_inf(during)) STORED,
    version bigint NOT NULL,
    -- Placement never sells a slot twice. If it ever does, the write fails here.
    CONSTRAINT never_sold_twice EXCLUDE USING gist (node WITH =, slots WITH &&, during WITH &&)
);
CREATE INDEX ON claim (site, version);
CREATE INDEX ON claim (holder);
CREATE INDEX claim_open ON claim (site, id) WHERE open;
CREATE INDEX claim_ended ON claim (node, upper(during)) WHERE NOT open;
CREATE TRIGGER version BEFORE INSERT OR UPDATE ON claim
    FOR EACH ROW EXECUTE FUNCTION fleet_changed();

-- What was taken away from a fleet, so that an index which knew of it can tell.
CREATE TABLE fleet_removal (
    version bigint PRIMARY KEY,
    site    text NOT NULL,
    kind    text NOT NULL,
    id      text NOT NULL
);
CREATE INDEX ON fleet_removal (site, version);

CREATE FUNCTION fleet_removed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO fleet_removal VALUES (nextval('fleet_change'), OLD.site, TG_TABLE_NAME, OLD.id);
    RETURN NULL;
END $$;
CREATE TRIGGER removal AFTER DELETE ON node FOR EACH ROW EXECUTE FUNCTION fleet_removed();
CREATE TRIGGER removal AFTER DELETE ON reservation FOR EACH ROW EXECUTE FUNCTION fleet_removed();
CREATE TRIGGER removal AFTER DELETE ON claim FOR EACH ROW EXECUTE FUNCTION fleet_removed();

-- One lock per site, as advisory locks are keyed: every writer of claims and reservations takes it.
CREATE FUNCTION site_lock(site text) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN hashtextextended(site, 17);

-- Never more nodes promised than there are: both summed over time, looked at where a promise
-- grew: what shrinks may do so although trucks are late. Nodes count from the day that they are
-- expected until they leave. It takes the site's lock itself, so that it holds for writers who did
-- not.
CREATE FUNCTION promise_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    short  bigint;
    moment timestamptz;
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.pool = OLD.pool AND NEW.nodes <= OLD.nodes
            AND NEW.during <@ OLD.during THEN
        RETURN NULL;
    END IF;
    PERFORM pg_advisory_xact_lock(site_lock(NEW.site));
    WITH there AS (
        SELECT CASE WHEN state IN ('ordered', 'in_transit', 'racked', 'burn_in', 'in_repair')
                    THEN coalesce(ready, '-infinity') ELSE '-infinity' END AS since,
               coalesce(until, 'infinity') AS until,
               count(*) AS nodes
        FROM node WHERE pool = NEW.pool AND state <> 'retired' GROUP BY 1, 2
        UNION ALL
        SELECT lower(during), upper(during), -nodes
        FROM reservation WHERE pool = NEW.pool AND during && NEW.during
    ), step AS (
        SELECT lower(NEW.during) AS at, 0 AS change
        UNION ALL
        SELECT greatest(since, lower(NEW.during)), nodes FROM there
        WHERE since < upper(NEW.during) AND until > lower(NEW.during)
        UNION ALL
        SELECT until, -nodes FROM there
        WHERE until < upper(NEW.during) AND until > lower(NEW.during)
    )
    SELECT level, at INTO short, moment
    FROM (SELECT at, sum(change) OVER (ORDER BY at) AS level FROM step) AS levels
    ORDER BY level LIMIT 1;
    IF short < 0 THEN
        RAISE EXCEPTION 'of pool % there are promised % nodes too many at %', NEW.pool, -short, moment
            USING ERRCODE = 'check_violation', CONSTRAINT = 'never_promised_twice';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER never_promised_twice AFTER INSERT OR UPDATE ON reservation
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION promise_is_kept();

-- Leases: the log is the truth, the row its fold --------------------------------------------------

CREATE TABLE lease (
    id           text COLLATE "C" PRIMARY KEY,
    customer     text NOT NULL,
    project      text NOT NULL,
    terms        jsonb NOT NULL,
    wanted       text NOT NULL,
    phase        text NOT NULL,
    generation   bigint NOT NULL,
    seq          bigint NOT NULL,
    since        timestamptz NOT NULL,
    created      timestamptz NOT NULL,
    members      jsonb NOT NULL,
    billed_since timestamptz,
    ended        timestamptz,
    safe_until   timestamptz,
    until        timestamptz,
    live         boolean NOT NULL,
    site         text NOT NULL GENERATED ALWAYS AS (terms ->> 'site') STORED,
    CONSTRAINT lease_project FOREIGN KEY (project, customer) REFERENCES project (id, customer)
        DEFERRABLE INITIALLY DEFERRED
) WITH (fillfactor = 80);
CREATE INDEX ON lease (customer, id);
CREATE INDEX ON lease (customer, ended);
CREATE INDEX ON lease (project, id);
CREATE INDEX lease_live ON lease (site, id) WHERE live;

CREATE TABLE lease_event (
    lease       text COLLATE "C" NOT NULL REFERENCES lease DEFERRABLE INITIALLY DEFERRED,
    seq         bigint NOT NULL CHECK (seq > 0),
    at          timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    kind        text NOT NULL,
    cause       text NOT NULL,
    members     jsonb,
    until       timestamptz,
    PRIMARY KEY (lease, seq)
);

-- What is owed, and the books ---------------------------------------------------------------------

CREATE TABLE invoice (
    id             text COLLATE "C" PRIMARY KEY,
    entity         text NOT NULL REFERENCES entity DEFERRABLE INITIALLY DEFERRED,
    customer       text NOT NULL REFERENCES customer DEFERRABLE INITIALLY DEFERRED,
    cause          text NOT NULL UNIQUE,
    month          text NOT NULL CHECK (month ~ '^[0-9]{4}-[0-9]{2}$'),
    issued         timestamptz NOT NULL,
    due            timestamptz NOT NULL,
    tax_rule       text NOT NULL,
    net            bigint NOT NULL,
    net_currency   text NOT NULL,
    tax            bigint NOT NULL,
    tax_currency   text NOT NULL,
    gross          bigint NOT NULL,
    gross_currency text NOT NULL,
    paid           bigint NOT NULL,
    paid_currency  text NOT NULL,
    CHECK (net + tax = gross)
);
CREATE INDEX ON invoice (customer, id);
CREATE INDEX ON invoice (entity, month);

CREATE TABLE invoice_line (
    id           text COLLATE "C" PRIMARY KEY,
    -- No foreign key: a hundred thousand lines are written with their invoice, and it would be
    -- looked up for each.
    invoice      text NOT NULL,
    customer     text NOT NULL,
    place        bigint NOT NULL,
    line         jsonb NOT NULL,
    -- What it was caused by is invoiced once, whoever asks.
    source       text NOT NULL GENERATED ALWAYS AS (line ->> 'source') STORED UNIQUE,
    lease        text GENERATED ALWAYS AS (line ->> 'lease') STORED,
    contract     text GENERATED ALWAYS AS (line ->> 'contract') STORED,
    month        text NOT NULL GENERATED ALWAYS AS (line ->> 'month') STORED,
    net          bigint NOT NULL GENERATED ALWAYS AS ((line -> 'net' ->> 'minor')::bigint) STORED,
    net_currency text NOT NULL GENERATED ALWAYS AS (line -> 'net' ->> 'currency') STORED,
    UNIQUE (invoice, place)
);
CREATE INDEX invoice_line_contract ON invoice_line (contract) WHERE contract IS NOT NULL;

CREATE TABLE payment (
    id              text COLLATE "C" PRIMARY KEY,
    invoice         text NOT NULL REFERENCES invoice DEFERRABLE INITIALLY DEFERRED,
    customer        text NOT NULL,
    at              timestamptz NOT NULL,
    amount          bigint NOT NULL,
    amount_currency text NOT NULL,
    reference       text NOT NULL
);
CREATE INDEX ON payment (invoice);

CREATE TABLE entry (
    id     text COLLATE "C" PRIMARY KEY,
    entity text NOT NULL REFERENCES entity DEFERRABLE INITIALLY DEFERRED,
    at     timestamptz NOT NULL,
    memo   text NOT NULL
);
CREATE INDEX ON entry (entity, at);

CREATE TABLE posting (
    entry           text COLLATE "C" NOT NULL REFERENCES entry DEFERRABLE INITIALLY DEFERRED,
    place           bigint NOT NULL,
    account         text NOT NULL,
    amount          bigint NOT NULL,
    amount_currency text NOT NULL,
    book            bigint NOT NULL,
    book_currency   text NOT NULL,
    customer        text,
    sku             text,
    PRIMARY KEY (entry, place)
);

CREATE TABLE close (
    id     text COLLATE "C" PRIMARY KEY,
    entity text NOT NULL REFERENCES entity DEFERRABLE INITIALLY DEFERRED,
    month  text NOT NULL CHECK (month ~ '^[0-9]{4}-[0-9]{2}$'),
    at     timestamptz NOT NULL
);
CREATE INDEX ON close (entity);

-- An entry balances in its currencies and in the books', is whole, and is never added to later.
CREATE FUNCTION postings_balance() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wrong text;
BEGIN
    SELECT entry INTO wrong FROM posting WHERE entry = NEW.id
    GROUP BY entry, amount_currency HAVING sum(amount) <> 0
    UNION ALL
    SELECT entry FROM posting WHERE entry = NEW.id
    GROUP BY entry, book_currency HAVING sum(book) <> 0
    UNION ALL
    SELECT NEW.id WHERE (SELECT count(*) FROM posting WHERE entry = NEW.id) < 2
    LIMIT 1;
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'entry % does not balance', wrong
            USING ERRCODE = 'check_violation', CONSTRAINT = 'entries_balance';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER entries_balance AFTER INSERT ON entry
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION postings_balance();

CREATE FUNCTION postings_are_new() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    old text;
BEGIN
    SELECT entry.id INTO old
    FROM entry WHERE id IN (SELECT entry FROM added) AND xmin <> pg_current_xact_id()::xid
    LIMIT 1;
    IF old IS NOT NULL THEN
        RAISE EXCEPTION 'entry % is in the books already', old
            USING ERRCODE = 'check_violation', CONSTRAINT = 'entries_are_whole';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER entries_are_whole AFTER INSERT ON posting REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION postings_are_new();
