-- What a quote agrees beside quantity and price; those from before agree nothing beside.
ALTER TABLE quote ADD COLUMN terms jsonb NOT NULL DEFAULT '{}';
