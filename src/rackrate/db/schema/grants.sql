-- Run after every migration, and safe to repeat: what the program may do as rackrate_app.
GRANT USAGE ON SCHEMA public TO rackrate_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO rackrate_app;
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO rackrate_app;
REVOKE UPDATE, DELETE ON lease_event, invoice_line, invoice_parties, payment, allocation, reminder,
    reading, index_value, entry, posting, close, audit, currency_rate, invoice_rate FROM rackrate_app;
REVOKE INSERT, UPDATE, DELETE ON schema_version FROM rackrate_app;
