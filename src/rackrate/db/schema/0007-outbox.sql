-- The outbox: where somebody wants to be told, what must be told, and each one's way there.

CREATE TABLE channel (
    id       text COLLATE "C" PRIMARY KEY,
    customer text REFERENCES customer DEFERRABLE INITIALLY DEFERRED,
    medium   text NOT NULL,
    address  text NOT NULL CHECK (address <> ''),
    secret   text NOT NULL,
    language text NOT NULL,
    topics   jsonb NOT NULL CHECK (jsonb_array_length(topics) > 0),
    created  timestamptz NOT NULL
);
CREATE INDEX ON channel (customer, id);

CREATE TABLE notification (
    id       text COLLATE "C" PRIMARY KEY,
    at       timestamptz NOT NULL,
    topic    text NOT NULL,
    customer text REFERENCES customer DEFERRABLE INITIALLY DEFERRED,
    -- One cause is told once, whoever raises it again.
    cause    text NOT NULL UNIQUE,
    facts    jsonb NOT NULL,
    state    text NOT NULL
);
CREATE INDEX ON notification (customer, id);
CREATE INDEX ON notification (state, id);

-- No reference to the channel: what was sent stays on record when its channel is taken away.
CREATE TABLE sending (
    id           text COLLATE "C" PRIMARY KEY,
    notification text NOT NULL REFERENCES notification DEFERRABLE INITIALLY DEFERRED,
    channel      text NOT NULL,
    customer     text,
    medium       text NOT NULL,
    "to"         text NOT NULL,
    since        timestamptz NOT NULL,
    due          timestamptz,
    attempts     bigint NOT NULL CHECK (attempts >= 0),
    tried        timestamptz,
    sent         timestamptz CHECK (sent IS NULL OR due IS NULL),
    error        text NOT NULL,
    waiting      boolean NOT NULL GENERATED ALWAYS AS (due IS NOT NULL) STORED,
    UNIQUE (notification, channel)
);
CREATE INDEX ON sending (channel, id);
CREATE INDEX sending_waiting ON sending (id) WHERE waiting;

DO $$
DECLARE
    kept text;
BEGIN
    FOREACH kept IN ARRAY ARRAY['channel', 'notification', 'sending']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', kept);
        EXECUTE format(
            $policy$CREATE POLICY own ON %I
            USING (coalesce(current_setting('rackrate.customer', true), '') IN ('', customer))$policy$,
            kept
        );
    END LOOP;
END $$;
