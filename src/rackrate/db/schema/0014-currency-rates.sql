-- Dated rates between currencies, and the differences that they make.

CREATE TABLE currency_rate (
    id        text COLLATE "C" PRIMARY KEY,
    currency  text NOT NULL,
    target    text NOT NULL CHECK (target <> currency),
    effective timestamptz NOT NULL,
    rate      numeric NOT NULL CHECK (rate BETWEEN 0.0000001 AND 1000000),
    source    text NOT NULL CHECK (source <> ''),
    sure      boolean NOT NULL,
    UNIQUE (currency, target, effective)
);

-- At which rate an invoice in another currency is in the books, and its tax in theirs.
CREATE TABLE invoice_rate (
    id           text COLLATE "C" PRIMARY KEY REFERENCES invoice DEFERRABLE INITIALLY DEFERRED,
    customer     text NOT NULL,
    rate         numeric NOT NULL CHECK (rate > 0),
    effective    timestamptz NOT NULL,
    source       text NOT NULL,
    tax          bigint NOT NULL,
    tax_currency text NOT NULL
);
ALTER TABLE invoice_rate ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON invoice_rate
    USING (coalesce(current_setting('rackrate.customer', true), '') IN ('', customer));

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON currency_rate
    FOR EACH STATEMENT EXECUTE FUNCTION is_append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON invoice_rate
    FOR EACH STATEMENT EXECUTE FUNCTION is_append_only();

-- What a customer's balances in another currency hold is found without all that are in the books'.
CREATE INDEX posting_in_another_currency ON posting (customer)
    WHERE amount_currency <> book_currency;

-- In the books an entry is in the currency of its entity; and what is in that itself is the same
-- there.
CREATE FUNCTION books_are_of_entity() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wrong text;
BEGIN
    SELECT added.entry INTO wrong
    FROM added
    JOIN entry ON entry.id = added.entry
    JOIN entity ON entity.id = entry.entity
    WHERE added.book_currency <> entity.currency
       OR (added.book_currency = added.amount_currency AND added.book <> added.amount)
    LIMIT 1;
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'entry % is not in the currency of its books', wrong
            USING ERRCODE = 'check_violation', CONSTRAINT = 'books_are_of_entity';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER books_are_of_entity AFTER INSERT ON posting REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION books_are_of_entity();
