-- Each line of an invoice has the tax rule of what is supplied; an invoice its sums by rule; sellers
-- and customers change their treatment with a month; what is sold has a supply and a tax code.

-- Rows are changed and then their table: nothing may wait to be checked in between.
SET CONSTRAINTS ALL IMMEDIATE;

ALTER TABLE entity
    ADD COLUMN tax_changes jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN tax_codes   jsonb NOT NULL DEFAULT '[]';
ALTER TABLE customer ADD COLUMN tax_changes jsonb NOT NULL DEFAULT '[]';
ALTER TABLE sku
    ADD COLUMN supply   text NOT NULL DEFAULT 'service' CHECK (supply IN ('service', 'lease')),
    ADD COLUMN tax_code text NOT NULL DEFAULT '';

-- What was invoiced before was under one rule, all of it.
ALTER TABLE invoice ADD COLUMN taxes jsonb NOT NULL DEFAULT '[]';
UPDATE invoice SET taxes = jsonb_build_array(jsonb_build_object(
    'rule', tax_rule,
    'net', jsonb_build_object('minor', net, 'currency', net_currency),
    'tax', jsonb_build_object('minor', tax, 'currency', tax_currency)
));
ALTER TABLE invoice_line DISABLE TRIGGER append_only;
UPDATE invoice_line SET line = line || jsonb_build_object('tax_rule', invoice.tax_rule)
FROM invoice WHERE invoice.id = invoice_line.invoice;
ALTER TABLE invoice_line ENABLE TRIGGER append_only;
