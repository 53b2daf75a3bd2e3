-- Invoices that can be void, credited, and paid by money that is allocated; drafts that two people
-- make; terms of payment; reminders.

-- Rows are changed and then their table: nothing may wait to be checked in between.
SET CONSTRAINTS ALL IMMEDIATE;

-- What is below zero is a credit note.
ALTER TABLE invoice
    ADD COLUMN credited          bigint NOT NULL DEFAULT 0,
    ADD COLUMN credited_currency text,
    ADD COLUMN kind              text NOT NULL DEFAULT 'invoice',
    ADD COLUMN credits           text REFERENCES invoice DEFERRABLE INITIALLY DEFERRED,
    ADD COLUMN reason            text NOT NULL DEFAULT '',
    ADD COLUMN project           text REFERENCES project DEFERRABLE INITIALLY DEFERRED,
    ADD COLUMN purchase_order    text NOT NULL DEFAULT '',
    ADD COLUMN voided            timestamptz,
    ADD COLUMN replaced          text REFERENCES invoice DEFERRABLE INITIALLY DEFERRED;
UPDATE invoice SET credited_currency = gross_currency,
                   kind = CASE WHEN gross < 0 THEN 'credit_note' ELSE 'invoice' END;
ALTER TABLE invoice
    ALTER COLUMN credited_currency SET NOT NULL,
    ALTER COLUMN credited DROP DEFAULT,
    ADD COLUMN unsettled boolean NOT NULL
        GENERATED ALWAYS AS (voided IS NULL AND paid + credited <> gross) STORED,
    ADD COLUMN lapsed boolean NOT NULL
        GENERATED ALWAYS AS (voided IS NOT NULL AND replaced IS NULL) STORED,
    ADD CONSTRAINT credit_notes_are_negative CHECK ((kind = 'credit_note') = (gross < 0)),
    ADD CONSTRAINT never_settled_beyond CHECK (
        CASE WHEN gross < 0
        THEN paid <= 0 AND credited <= 0 AND paid + credited >= gross
        ELSE paid >= 0 AND credited >= 0 AND paid + credited <= gross END
    ),
    ADD CONSTRAINT void_was_never_paid CHECK (voided IS NULL OR (paid = 0 AND credited = 0)),
    ADD CHECK (replaced IS NULL OR voided IS NOT NULL);
CREATE INDEX ON invoice (entity) WHERE unsettled;
CREATE INDEX ON invoice (entity) WHERE lapsed;
CREATE INDEX ON invoice (credits) WHERE credits IS NOT NULL;

-- Money is received from a customer; what it is for is said by allocations.
ALTER TABLE payment
    ADD COLUMN key    text,
    ADD COLUMN entity text REFERENCES entity DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE payment DISABLE TRIGGER append_only;
UPDATE payment SET key = payment.id, entity = invoice.entity
FROM invoice WHERE invoice.id = payment.invoice;
ALTER TABLE payment ENABLE TRIGGER append_only;

CREATE TABLE allocation (
    id              text COLLATE "C" PRIMARY KEY,
    entity          text NOT NULL REFERENCES entity DEFERRABLE INITIALLY DEFERRED,
    customer        text NOT NULL REFERENCES customer DEFERRABLE INITIALLY DEFERRED,
    at              timestamptz NOT NULL,
    source          text COLLATE "C" NOT NULL,
    invoice         text REFERENCES invoice DEFERRABLE INITIALLY DEFERRED,
    amount          bigint NOT NULL CHECK (amount <> 0),
    amount_currency text NOT NULL,
    undoes          text NOT NULL,
    reference       text NOT NULL,
    CHECK ((undoes <> '') = (amount < 0))
);
CREATE INDEX ON allocation (source);
CREATE INDEX ON allocation (invoice);
CREATE INDEX ON allocation (customer);
-- What was allocated is undone once.
CREATE UNIQUE INDEX ON allocation (undoes) WHERE undoes <> '';
INSERT INTO allocation
SELECT 'alc_' || id, entity, customer, at, id, invoice, amount, amount_currency, '', ''
FROM payment;

ALTER TABLE payment
    DROP COLUMN invoice,
    ALTER COLUMN key SET NOT NULL,
    ALTER COLUMN entity SET NOT NULL,
    ADD CONSTRAINT payment_key UNIQUE (key),
    ADD CHECK (amount > 0);
CREATE INDEX ON payment (customer, id);
CREATE INDEX ON payment (entity, id);

CREATE TABLE draft (
    id        text COLLATE "C" PRIMARY KEY,
    kind      text NOT NULL,
    entity    text NOT NULL REFERENCES entity DEFERRABLE INITIALLY DEFERRED,
    customer  text NOT NULL REFERENCES customer DEFERRABLE INITIALLY DEFERRED,
    month     text NOT NULL CHECK (month ~ '^[0-9]{4}-[0-9]{2}$'),
    lines     jsonb NOT NULL CHECK (jsonb_array_length(lines) > 0),
    reason    text NOT NULL,
    author    text NOT NULL,
    created   timestamptz NOT NULL,
    invoice   text REFERENCES invoice DEFERRABLE INITIALLY DEFERRED,
    goodwill  boolean NOT NULL,
    approver  text,
    approved  timestamptz,
    withdrawn timestamptz,
    issued    text REFERENCES invoice DEFERRABLE INITIALLY DEFERRED,
    ready     boolean NOT NULL GENERATED ALWAYS AS
        (kind = 'lines' AND approved IS NOT NULL AND withdrawn IS NULL AND issued IS NULL) STORED,
    -- Two people, whatever the program above believes.
    CONSTRAINT two_people CHECK (approver <> author),
    CHECK ((approver IS NULL) = (approved IS NULL)),
    CHECK (issued IS NULL OR (approved IS NOT NULL AND withdrawn IS NULL))
);
CREATE INDEX ON draft (customer);
CREATE INDEX ON draft (entity) WHERE ready;
CREATE INDEX ON draft (invoice) WHERE invoice IS NOT NULL;

CREATE TABLE reminder (
    id            text COLLATE "C" PRIMARY KEY,
    invoice       text NOT NULL REFERENCES invoice DEFERRABLE INITIALLY DEFERRED,
    customer      text NOT NULL REFERENCES customer DEFERRABLE INITIALLY DEFERRED,
    level         bigint NOT NULL CHECK (level > 0),
    at            timestamptz NOT NULL,
    open          bigint NOT NULL,
    open_currency text NOT NULL,
    UNIQUE (invoice, level)
);
CREATE INDEX ON reminder (customer);

CREATE TABLE billing_terms (
    id           text COLLATE "C" PRIMARY KEY REFERENCES customer DEFERRABLE INITIALLY DEFERRED,
    entity       text NOT NULL REFERENCES entity DEFERRABLE INITIALLY DEFERRED,
    payment_days bigint CHECK (payment_days BETWEEN 0 AND 365),
    per_project  boolean NOT NULL,
    late_percent numeric CHECK (late_percent BETWEEN 0 AND 100),
    orders       jsonb NOT NULL
);
CREATE INDEX ON billing_terms (entity);

CREATE TABLE seller_terms (
    id            text COLLATE "C" PRIMARY KEY REFERENCES entity DEFERRABLE INITIALLY DEFERRED,
    credit_series text NOT NULL,
    late_percent  numeric NOT NULL CHECK (late_percent BETWEEN 0 AND 100),
    late_taxed    boolean NOT NULL,
    steps         jsonb NOT NULL
);

DO $$
DECLARE
    kept text;
    owner text;
BEGIN
    FOR kept, owner IN VALUES
        ('allocation', 'customer'), ('draft', 'customer'), ('reminder', 'customer'),
        ('billing_terms', 'id')
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', kept);
        EXECUTE format(
            $policy$CREATE POLICY own ON %I
            USING (coalesce(current_setting('rackrate.customer', true), '') IN ('', %I))$policy$,
            kept, owner
        );
    END LOOP;
END $$;

DO $$
DECLARE
    log text;
BEGIN
    FOREACH log IN ARRAY ARRAY['allocation', 'reminder']
    LOOP
        EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON %I
                        FOR EACH STATEMENT EXECUTE FUNCTION is_append_only()', log);
    END LOOP;
END $$;

-- The books of a closed month stay as they were when it was closed. What closes it may still post
-- into it, in the same transaction.
CREATE FUNCTION month_is_open() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    late record;
BEGIN
    SELECT added.id, max(close.month) AS month INTO late
    FROM added
    JOIN entity ON entity.id = added.entity
    JOIN close ON close.entity = added.entity AND close.xmin <> pg_current_xact_id()::xid
    WHERE added.at < ((close.month || '-01')::timestamp + interval '1 month')
                     AT TIME ZONE entity.time_zone
    GROUP BY added.id
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'entry % is dated into %, which is closed', late.id, late.month
            USING ERRCODE = 'check_violation', CONSTRAINT = 'months_stay_closed';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER months_stay_closed AFTER INSERT ON entry REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION month_is_open();
