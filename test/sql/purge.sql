-- purge: what is over goes, in work that grows with it, all at once or a batch at a time
\i test/preamble.sql
SELECT test.begin(62);
SELECT propstreet.purge() >= 0 AS purged;
INSERT INTO propstreet.event (event, resource_id, created_utc, payload)
SELECT 'project.updated', i, now() - CASE WHEN i <= 5000 THEN interval '40 days' ELSE '0' END, '{}' FROM generate_series(1, 6000) AS i;
INSERT INTO propstreet.event (tenant_id, event, resource_id, created_utc, payload)
SELECT 63, 'project.updated', i, now() - CASE WHEN i <= 20 THEN interval '40 days' ELSE '0' END, '{}' FROM generate_series(1, 4000) AS i;
INSERT INTO propstreet.webhook (id, url, events, created_utc, updated_utc) VALUES (1, 'https://example.com/', '{project.updated}', now(), now());
INSERT INTO propstreet.webhook_delivery (webhook_id, event_id, event, resource_id, created_utc, status, leased, next_attempt_utc)
SELECT 1, i, 'project.updated', i, now() - interval '40 days', CASE WHEN i <= 1000 THEN 'delivered' ELSE 'pending' END, i > 1900, CASE WHEN i > 1900 THEN now() + interval '1 hour' END
FROM generate_series(1, 2000) AS i;

-- a few times as many rows are read as go: nothing is looked for again for each row
CREATE FUNCTION pg_temp.read(relation text) RETURNS bigint LANGUAGE sql AS $$
	SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relid = relation::regclass
$$;
BEGIN;
SELECT pg_temp.read('propstreet.event') AS events, pg_temp.read('propstreet.webhook_delivery') AS deliveries \gset
SELECT propstreet.purge();
SELECT pg_temp.read('propstreet.event') - :events < 25000 AS events, pg_temp.read('propstreet.webhook_delivery') - :deliveries < 25000 AS deliveries;
SELECT tenant_id, count(*) FROM propstreet.event WHERE tenant_id IN (62, 63) GROUP BY 1 ORDER BY 1;
SELECT status, leased, count(*) FROM propstreet.webhook_delivery WHERE tenant_id = 62 GROUP BY 1, 2 ORDER BY 1, 2;
SELECT dropped, last_error FROM propstreet.webhook WHERE tenant_id = 62;
ROLLBACK;

-- at most so many, and what is under way stays
BEGIN;
SELECT propstreet.purge(10), propstreet.purge(500), propstreet.purge(0);
ROLLBACK;
-- a batch at a time, each in a transaction of its own
BEGIN;
CALL propstreet.purge_in_batches(700);
ROLLBACK;
CALL propstreet.purge_in_batches(700);
SELECT tenant_id, count(*) FROM propstreet.event WHERE tenant_id IN (62, 63) GROUP BY 1 ORDER BY 1;
SELECT propstreet.purge();
-- not for everybody
CREATE ROLE regress_purge;
SELECT propstreet.grant_to('regress_purge');
SET ROLE regress_purge;
CALL propstreet.purge_in_batches();
SELECT propstreet.purge();
RESET ROLE;
DROP OWNED BY regress_purge;
DROP ROLE regress_purge;
DELETE FROM propstreet.webhook_delivery WHERE tenant_id = 62;
DELETE FROM propstreet.webhook WHERE tenant_id = 62;
DELETE FROM propstreet.event WHERE tenant_id IN (62, 63);
