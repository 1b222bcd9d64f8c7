-- A transaction is prepared, and then mostly committed.
\set id random(1, 950)
\set n random(1, 1000000000)
\set ms random_exponential(1, 100, 3)
\set fate random(1, 4)
BEGIN;
UPDATE propstreet.prospect SET external_refs = ARRAY['crm:' || id || '-:n']::propstreet.external_ref[] WHERE tenant_id = 1 AND id BETWEEN :id AND :id + 40;
INSERT INTO propstreet.project (name) VALUES ('in two phases');
PREPARE TRANSACTION 'writer :client_id';
\sleep :ms ms
\if :fate = 1
ROLLBACK PREPARED 'writer :client_id';
\else
COMMIT PREPARED 'writer :client_id';
\endif
