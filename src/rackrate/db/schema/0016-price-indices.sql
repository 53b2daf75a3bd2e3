-- Published indices that prices follow. A value is published once, and never edited.
CREATE TABLE price_index (
    id           text COLLATE "C" PRIMARY KEY,
    title        text NOT NULL,
    currency     text NOT NULL,
    unit         text NOT NULL,
    tax_included boolean NOT NULL,
    source       text NOT NULL,
    stale_days   bigint NOT NULL CHECK (stale_days > 0)
);

CREATE TABLE index_value (
    id        text COLLATE "C" PRIMARY KEY,
    index     text COLLATE "C" NOT NULL REFERENCES price_index DEFERRABLE INITIALLY DEFERRED,
    effective timestamptz NOT NULL,
    value     numeric NOT NULL CHECK (value >= 0),
    source    text NOT NULL,
    UNIQUE (index, effective)
);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON index_value
    FOR EACH STATEMENT EXECUTE FUNCTION is_append_only();
