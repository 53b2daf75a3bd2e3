-- Prices have a unit and a basis, may be narrowed to a site or a customer, may end, and may follow
-- others. What was there was for a slot and an hour.
ALTER TABLE price RENAME COLUMN per_hour TO amount;
ALTER TABLE price ALTER COLUMN sku DROP NOT NULL, ALTER COLUMN klass DROP NOT NULL;
ALTER TABLE price
    ADD COLUMN unit        text NOT NULL DEFAULT 'slot_hour',
    ADD COLUMN month_hours bigint NOT NULL DEFAULT 0 CHECK (month_hours IN (0, 720, 730)),
    ADD COLUMN slots       bigint NOT NULL DEFAULT 1 CHECK (slots > 0),
    ADD COLUMN pflops      numeric,
    ADD COLUMN site        text REFERENCES site DEFERRABLE INITIALLY DEFERRED,
    ADD COLUMN customer    text REFERENCES customer DEFERRABLE INITIALLY DEFERRED,
    ADD COLUMN until       timestamptz CHECK (until > effective),
    ADD COLUMN basis       text NOT NULL DEFAULT '',
    ADD COLUMN rule        jsonb,
    ADD CHECK ((sku IS NULL) = (unit = 'gb_month')),
    ADD CHECK ((sku IS NULL) = (klass IS NULL));
CREATE INDEX ON price (currency);

-- The list is everybody's; what was agreed with a customer is that customer's.
ALTER TABLE price ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON price
    USING (customer IS NULL
           OR coalesce(current_setting('rackrate.customer', true), '') IN ('', customer))
    WITH CHECK (coalesce(current_setting('rackrate.customer', true), '') IN ('', customer));

-- What was written down since a month was closed is found without looking at what was there.
CREATE INDEX lease_event_recorded ON lease_event USING brin (recorded_at)
    WITH (pages_per_range = 32);
