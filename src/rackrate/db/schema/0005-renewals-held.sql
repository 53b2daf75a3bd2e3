-- A right to renew holds its nodes until its day. `renews` is the commitment that it would go on
-- with: a hold of a right says so, and always expires.
ALTER TABLE reservation
    ADD COLUMN renews bigint NOT NULL DEFAULT 0 CHECK (renews >= 0),
    ADD CONSTRAINT right_expires
        CHECK (renews = 0 OR (kind = 'hold' AND expires IS NOT NULL));

-- Nothing was held for rights that were agreed before, and nobody was asked: they stay so.
UPDATE contract SET terms = jsonb_set(terms, '{renewal,held}', 'false')
WHERE jsonb_typeof(terms -> 'renewal') = 'object';
UPDATE quote SET terms = jsonb_set(terms, '{renewal,held}', 'false')
WHERE jsonb_typeof(terms -> 'renewal') = 'object';
