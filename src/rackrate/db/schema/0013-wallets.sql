-- Wallets: that a customer pays ahead, and what was found when they were last looked at. Reminders
-- that go out by themselves, once a day, and not for what is disputed.

CREATE TABLE wallet (
    id              text COLLATE "C" PRIMARY KEY REFERENCES customer DEFERRABLE INITIALLY DEFERRED,
    entity          text NOT NULL REFERENCES entity DEFERRABLE INITIALLY DEFERRED,
    opened          timestamptz NOT NULL,
    low             bigint NOT NULL CHECK (low >= 0),
    low_currency    text NOT NULL,
    grace           interval NOT NULL,
    keep_storage    interval NOT NULL,
    "left"          bigint NOT NULL,
    left_currency   text NOT NULL CHECK (left_currency = low_currency),
    used            bigint NOT NULL,
    used_currency   text NOT NULL CHECK (used_currency = low_currency),
    credit          bigint NOT NULL CHECK (credit >= 0),
    credit_currency text NOT NULL CHECK (credit_currency = low_currency),
    stage           text NOT NULL
        CHECK (stage IN ('fine', 'low', 'empty', 'stopped', 'ending', 'over')),
    looked          timestamptz,
    stops           timestamptz,
    ends            timestamptz CHECK (ends >= stops),
    closed          timestamptz CHECK (closed >= opened),
    CHECK ((stops IS NULL) = (ends IS NULL))
);
CREATE INDEX ON wallet (entity);

ALTER TABLE wallet ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON wallet
    USING (coalesce(current_setting('rackrate.customer', true), '') IN ('', id));

ALTER TABLE seller_terms ADD COLUMN reminds boolean NOT NULL DEFAULT true;
ALTER TABLE seller_terms ALTER COLUMN reminds DROP DEFAULT;

CREATE TABLE last_reminding (
    id text COLLATE "C" PRIMARY KEY REFERENCES entity DEFERRABLE INITIALLY DEFERRED,
    at timestamptz NOT NULL
);

CREATE TABLE dispute (
    id       text COLLATE "C" PRIMARY KEY REFERENCES invoice DEFERRABLE INITIALLY DEFERRED,
    customer text NOT NULL REFERENCES customer DEFERRABLE INITIALLY DEFERRED,
    since    timestamptz NOT NULL,
    reason   text NOT NULL
);
CREATE INDEX ON dispute (customer);

ALTER TABLE dispute ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON dispute
    USING (coalesce(current_setting('rackrate.customer', true), '') IN ('', customer));
