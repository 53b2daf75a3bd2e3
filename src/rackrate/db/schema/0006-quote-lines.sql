-- A quote has lines as a contract has commitments: nodes, services and one-offs, each with its own
-- time and price. Those from before have one line, of nodes.
ALTER TABLE quote ADD COLUMN lines jsonb NOT NULL DEFAULT '[]';

UPDATE quote SET lines = jsonb_build_array(jsonb_build_object(
    'commitment', jsonb_build_object(
        'number', 1,
        'kind', 'capacity',
        'title', '',
        'during', jsonb_build_object(
            'start', to_char(lower(during) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"+00:00"'),
            'end', to_char(upper(during) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"+00:00"')
        ),
        'amount', jsonb_build_object('minor', monthly, 'currency', monthly_currency),
        'sku', sku,
        'site', site,
        'nodes', nodes,
        'same_block', same_block
    ),
    'price', price,
    'tier_months', tier_months,
    'tier_nodes', tier_nodes,
    'per_node', CASE WHEN price <> ''
        THEN jsonb_build_object('minor', per_node, 'currency', per_node_currency) END,
    'basis', basis,
    'discount_percent', discount_percent::text,
    'months', tier_months,
    'volume', nodes,
    'needs_approval', needs_approval
));

ALTER TABLE quote
    DROP COLUMN site,
    DROP COLUMN sku,
    DROP COLUMN nodes,
    DROP COLUMN during,
    DROP COLUMN price,
    DROP COLUMN tier_months,
    DROP COLUMN tier_nodes,
    DROP COLUMN per_node,
    DROP COLUMN per_node_currency,
    DROP COLUMN basis,
    DROP COLUMN discount_percent,
    DROP COLUMN monthly,
    DROP COLUMN monthly_currency,
    ALTER COLUMN lines DROP DEFAULT,
    ADD CHECK (jsonb_path_exists(lines, '$[*].commitment ? (@.kind == "capacity")')),
    ADD CHECK (NOT jsonb_path_exists(
        lines, '$[*].commitment ? (@.kind == "capacity" && @.nodes < 1 || @.amount.minor < 0)'
    ));

-- A hold says of which line it is, as a contract's promise says of which commitment.
UPDATE reservation SET id = holder || '/1/' || pool
WHERE kind = 'hold' AND holder IN (SELECT id FROM quote) AND id = holder || '/' || pool;
