-- Contract prices have a unit, and amounts with more digits than money has.

ALTER TABLE contract_price
    ADD COLUMN unit text NOT NULL DEFAULT 'node_month'
        CHECK (unit IN ('node_month', 'gpu_month', 'gpu_hour', 'pflops_month')),
    ADD COLUMN month_hours bigint NOT NULL DEFAULT 0 CHECK (month_hours IN (0, 720, 730)),
    ADD COLUMN per_node numeric NOT NULL DEFAULT 1 CHECK (per_node > 0),
    ADD COLUMN "precision" text NOT NULL DEFAULT '',
    ADD CONSTRAINT contract_price_by_the_hour CHECK (unit = 'gpu_hour' OR month_hours = 0),
    ADD CONSTRAINT contract_price_at_a_precision
        CHECK ((unit = 'pflops_month') = ("precision" <> ''));

-- A tier's amount was money of its matrix's currency; it is a number of that currency.
UPDATE contract_price SET tiers = (
    SELECT jsonb_agg(
        jsonb_build_object(
            'months', tier -> 'months',
            'nodes', tier -> 'nodes',
            'amount', CASE
                WHEN currency IN ('JPY', 'KRW', 'VND') THEN tier #>> '{amount,minor}'
                WHEN currency = 'KWD'
                    THEN round((tier #>> '{amount,minor}')::numeric / 1000, 3)::text
                ELSE round((tier #>> '{amount,minor}')::numeric / 100, 2)::text
            END
        ) ORDER BY place
    )
    FROM jsonb_array_elements(tiers) WITH ORDINALITY AS each (tier, place)
);

-- What is paid once is a delivery of no nodes, where it waits to be accepted.
ALTER TABLE delivery DROP CONSTRAINT delivery_nodes_check, ADD CHECK (nodes >= 0);
