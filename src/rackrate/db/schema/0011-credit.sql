-- What a customer may owe, use and run; and what it used and has no invoice for, counted now and
-- then. What a customer, or one of its projects, may use in a month.

ALTER TABLE customer
    ADD COLUMN credit_limit          bigint CHECK (credit_limit >= 0),
    ADD COLUMN credit_limit_currency text,
    ADD CHECK ((credit_limit IS NULL) = (credit_limit_currency IS NULL)),
    ADD CHECK (credit_limit_currency = currency);

CREATE TABLE credit_tally (
    id              text COLLATE "C" PRIMARY KEY REFERENCES customer DEFERRABLE INITIALLY DEFERRED,
    counted         timestamptz NOT NULL,
    at              timestamptz NOT NULL CHECK (at >= counted),
    used            bigint NOT NULL,
    used_currency   text NOT NULL,
    hourly          bigint NOT NULL CHECK (hourly >= 0),
    hourly_currency text NOT NULL CHECK (hourly_currency = used_currency)
);

-- What a customer has open is found without its other invoices.
CREATE INDEX ON invoice (customer) WHERE unsettled;

CREATE TABLE budget (
    id              text COLLATE "C" PRIMARY KEY,
    customer        text NOT NULL REFERENCES customer DEFERRABLE INITIALLY DEFERRED,
    project         text,
    amount          bigint NOT NULL CHECK (amount > 0),
    amount_currency text NOT NULL,
    stop            boolean NOT NULL,
    grace           interval NOT NULL,
    month           text NOT NULL CHECK (month ~ '^[0-9]{4}-[0-9]{2}$'),
    spent           bigint NOT NULL,
    spent_currency  text NOT NULL CHECK (spent_currency = amount_currency),
    told            bigint NOT NULL,
    looked          timestamptz,
    stops           timestamptz,
    FOREIGN KEY (project, customer) REFERENCES project (id, customer)
        DEFERRABLE INITIALLY DEFERRED
);
CREATE INDEX ON budget (customer);

ALTER TABLE budget ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON budget
    USING (coalesce(current_setting('rackrate.customer', true), '') IN ('', customer));
ALTER TABLE credit_tally ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON credit_tally
    USING (coalesce(current_setting('rackrate.customer', true), '') IN ('', id));
