-- From when until when a node is drained, and for which contract it was named at delivery.
ALTER TABLE node
    ADD COLUMN drained timestamptz,
    ADD COLUMN back timestamptz CHECK (back > drained),
    ADD COLUMN named_for text;

-- Contracts whose blocks are theirs alone are few, and looked for at every change of the supply.
ALTER TABLE contract ADD COLUMN dedicated boolean NOT NULL
    GENERATED ALWAYS AS (coalesce((terms ->> 'dedicated')::boolean, false)) STORED;
CREATE INDEX ON contract (id) WHERE dedicated;

-- As before; and a node that is drained is not there from that day until it is back. One of which
-- nobody knows since when is not there at all.
CREATE OR REPLACE FUNCTION promise_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    short  bigint;
    moment timestamptz;
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.pool = OLD.pool AND NEW.nodes <= OLD.nodes
            AND NEW.during <@ OLD.during THEN
        RETURN NULL;
    END IF;
    PERFORM pg_advisory_xact_lock(site_lock(NEW.site));
    WITH ours AS (
        SELECT CASE WHEN state IN ('ordered', 'in_transit', 'racked', 'burn_in', 'in_repair')
                    THEN coalesce(ready, '-infinity') ELSE '-infinity' END AS since,
               coalesce(until, 'infinity') AS until,
               drained,
               least(coalesce(back, 'infinity'), coalesce(until, 'infinity')) AS back
        FROM node
        WHERE pool = NEW.pool AND state <> 'retired' AND NOT (state = 'draining' AND drained IS NULL)
    ), there AS (
        SELECT since, until, count(*) AS nodes FROM ours GROUP BY 1, 2
        UNION ALL
        SELECT drained, back, -count(*) FROM ours WHERE drained < back GROUP BY 1, 2
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

-- Nodes that were named at a delivery before say so from now on.
UPDATE node SET named_for = delivery.contract
FROM delivery, jsonb_array_elements_text(delivery.names) AS named (id)
WHERE node.id = named.id AND delivery.delivered IS NOT NULL;
