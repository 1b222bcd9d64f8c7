-- Idempotency-Key: the same request with the same key is answered again, and done once
\i test/preamble.sql
\pset tuples_only off
SET propstreet.tenant_id = '431';
\pset footer off

INSERT INTO propstreet.contact (tenant_id, id, name) SELECT tenant, g, 'Contact ' || g FROM generate_series(101, 120) AS g, unnest(ARRAY[431, 432]) AS tenant;
INSERT INTO propstreet.project (tenant_id, id, name) SELECT tenant, g, 'Project ' || g FROM generate_series(900001, 900009) AS g, unnest(ARRAY[431, 432]) AS tenant;

CREATE FUNCTION pg_temp.refused(command text, OUT state text, OUT message text, OUT detail text) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE command;
	state := 'none';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
END
$$;
CREATE FUNCTION pg_temp.counts(OUT projects bigint, OUT prospects bigint, OUT keys bigint) LANGUAGE sql AS $$
	SELECT (SELECT count(*) FROM propstreet.project WHERE tenant_id IN (431, 432)), (SELECT count(*) FROM propstreet.prospect WHERE tenant_id IN (431, 432)),
		(SELECT count(*) FROM propstreet.idempotency_key WHERE tenant_id IN (431, 432))
$$;
SELECT * FROM pg_temp.counts();

-- The same request again: the same answer to the letter, and nothing is done
CREATE FUNCTION pg_temp.requests() RETURNS TABLE (n integer, operation text, answer text) LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY VALUES
		(1, 'project_create', propstreet.project_create('{"name": "Stockholm", "externalRefs": [{"namespace": "hubspot", "id": "431"}]}', 'create-1')::text),
		(2, 'prospect_add', propstreet.prospect_add(900001, '{"contactId": "101", "externalRefs": [{"namespace": "hubspot", "id": "1"}]}', 'add-1')::text),
		(3, 'prospect_add_batch', propstreet.prospect_add_batch(900001, '{"items": [{"contactId": "102"}, {"contactId": "101"}, {"contactId": "x"}]}', 'batch-1')::text),
		(4, 'prospect_add_batch', propstreet.prospect_add_batch(900001, '{"items": [{"contactId": "999"}]}', 'batch-2')::text);
END
$$;
CREATE TEMP TABLE first_answer AS SELECT * FROM pg_temp.requests();
SELECT * FROM pg_temp.counts();
CREATE TEMP TABLE second_answer AS SELECT * FROM pg_temp.requests();
SELECT * FROM pg_temp.counts();
SELECT operation, a.answer = b.answer AS same FROM first_answer AS a JOIN second_answer AS b USING (n, operation) ORDER BY n;
-- the answer is that of then, whatever became of the resource since
SELECT propstreet.project_update((answer::json ->> 'id')::bigint, '{"name": "Changed"}') ->> 'name' AS changed FROM first_answer WHERE n = 1;
SELECT propstreet.prospect_remove(900001, (answer::json ->> 'id')::bigint) FROM first_answer WHERE n = 2;
SELECT propstreet.project_delete(900001);
SELECT a.operation, a.answer = b.answer AS same FROM first_answer AS a, pg_temp.requests() AS b WHERE a.n = b.n ORDER BY a.n;
SELECT * FROM pg_temp.counts();

-- What is kept: the hash of operation, path and body; status, headers and body of the answer
SELECT a.key, k.status, regexp_replace(k.headers::text, '\d+"}|[0-9a-f]{16}', '<...>', 'g') AS headers, k.body = a.answer AS body, octet_length(k.request) AS hash, k.created_utc BETWEEN now() - interval '1 minute' AND clock_timestamp() AS recent
FROM (SELECT n, (ARRAY['create-1', 'add-1', 'batch-1', 'batch-2'])[n] AS key, answer FROM first_answer) AS a JOIN propstreet.idempotency_key AS k ON k.tenant_id = 431 AND k.key = a.key ORDER BY n;
SELECT n, k.headers ->> 0 = format('{"Location":"/api/v1/projects/%s%s"}', CASE n WHEN 2 THEN '900001/prospects/' END, answer ->> 'id') AS location, (k.headers -> 1 ->> 'ETag') = answer ->> 'etag' AS etag
FROM (SELECT n, answer::json FROM first_answer) AS a JOIN propstreet.idempotency_key AS k ON k.tenant_id = 431 AND k.key = (ARRAY['create-1', 'add-1'])[n] ORDER BY n;
SELECT encode(request, 'hex') = encode(sha256(convert_to('prospect_add 900001 {"contactId": "101", "externalRefs": [{"namespace": "hubspot", "id": "1"}]}', 'UTF8')), 'hex') AS hash
FROM propstreet.idempotency_key WHERE tenant_id = 431 AND key = 'add-1';

-- Another request with the key: another body (to the byte), another operation, another project
SELECT state, message, detail FROM unnest(ARRAY[
	$$project_create('{"name": "Stockholm 2", "externalRefs": [{"namespace": "hubspot", "id": "431"}]}', 'create-1')$$,
	$$project_create('{"name":"Stockholm", "externalRefs": [{"namespace": "hubspot", "id": "431"}]}', 'create-1')$$,
	$$project_create('{"externalRefs": [{"namespace": "hubspot", "id": "431"}], "name": "Stockholm"}', 'create-1')$$,
	$$project_create('{"nonsense": 1}', 'create-1')$$,
	$$prospect_add(900001, '{"items": [{"contactId": "102"}, {"contactId": "101"}, {"contactId": "x"}]}', 'batch-1')$$,
	$$prospect_add_batch(900001, '{"contactId": "101", "externalRefs": [{"namespace": "hubspot", "id": "1"}]}', 'add-1')$$,
	$$prospect_add(900002, '{"contactId": "101", "externalRefs": [{"namespace": "hubspot", "id": "1"}]}', 'add-1')$$,
	$$prospect_add_batch(900002, '{"items": [{"contactId": "999"}]}', 'batch-2')$$,
	$$prospect_add(999999, '{"contactId": "101"}', 'add-1')$$]) AS call, pg_temp.refused('SELECT propstreet.' || call);
SELECT * FROM pg_temp.counts();

-- Keys are a tenant's own, and differ in case
SELECT propstreet.prospect_add(900002, '{"contactId": "101"}', 'own') ->> 'contactId' AS contact;
SELECT propstreet.prospect_add(900002, '{"contactId": "102"}', 'OWN') ->> 'contactId' AS contact;
SET propstreet.tenant_id = '432';
SELECT propstreet.prospect_add(900002, '{"contactId": "103"}', 'own') ->> 'contactId' AS contact;
SELECT propstreet.prospect_add(900002, '{"contactId": "103"}', 'own') ->> 'contactId' AS contact;
SELECT state FROM pg_temp.refused($$SELECT propstreet.prospect_add(900002, '{"contactId": "101"}', 'own')$$);
SET propstreet.tenant_id = '431';
SELECT propstreet.prospect_add(900002, '{"contactId": "101"}', 'own') ->> 'contactId' AS contact;

-- Quoted or bare, a key is the same; no key at all, or none any more
SELECT propstreet.prospect_add(900003, '{"contactId": "101"}', '"quoted"') ->> 'id' = propstreet.prospect_add(900003, '{"contactId": "101"}', 'quoted') ->> 'id' AS same,
	propstreet.prospect_add(900003, '{"contactId": "102"}', 'bare') ->> 'id' = propstreet.prospect_add(900003, '{"contactId": "102"}', '"bare"') ->> 'id' AS same_too;
SELECT state, message FROM pg_temp.refused($$SELECT propstreet.prospect_add(900003, '{"contactId": "101"}')$$);
SELECT state, message FROM pg_temp.refused($$SELECT propstreet.prospect_add(900003, '{"contactId": "101"}', NULL)$$);

-- 1 to 255 characters, quotes not counted
SELECT left(key, 20) AS key, length(key) AS length, state, message, detail
FROM unnest(ARRAY['', '""', '"', 'k', '"k2"', repeat('x', 255), '"' || repeat('y', 255) || '"', repeat('ö', 255), repeat('x', 256), '"' || repeat('y', 256) || '"', repeat('ö', 256), repeat('z', 100000)]) AS key,
	pg_temp.refused(format('SELECT propstreet.project_create(%L, %L)', '{"name": "key"}', key)) AS refused;
SELECT char_length(key) AS characters, count(*) FROM propstreet.idempotency_key WHERE tenant_id = 431 AND char_length(key) IN (1, 2, 255) GROUP BY 1 ORDER BY 1;

-- What fails leaves no record: the key is free for a request that is right
SELECT state, message FROM unnest(ARRAY[
	$$project_create('{"name": ""}', 'fails')$$, $$project_create(NULL, 'fails')$$, $$project_create('{"name": "Twice", "externalRefs": [{"namespace": "hubspot", "id": "431"}]}', 'fails')$$,
	$$prospect_add(900003, '{"contactId": "101"}', 'fails')$$, $$prospect_add(999999, '{"contactId": "101"}', 'fails')$$, $$prospect_add(NULL, '{"contactId": "101"}', 'fails')$$,
	$$prospect_add_batch(900003, '{"items": []}', 'fails')$$, $$prospect_add_batch(900003, '{"items": [{"contactId": "101"}], "atomic": true}', 'fails')$$]) AS call,
	pg_temp.refused('SELECT propstreet.' || call);
SELECT count(*) FROM propstreet.idempotency_key WHERE tenant_id = 431 AND key = 'fails';
SELECT propstreet.prospect_add(900003, '{"contactId": "103"}', 'fails') ->> 'contactId' AS contact;
-- and so does what is rolled back, to a savepoint or altogether
BEGIN;
SAVEPOINT before;
SELECT propstreet.prospect_add(900004, '{"contactId": "101"}', 'back') ->> 'contactId' AS contact;
SELECT propstreet.prospect_add(900004, '{"contactId": "101"}', 'back') ->> 'contactId' AS contact;
ROLLBACK TO before;
SELECT propstreet.prospect_add(900004, '{"contactId": "102"}', 'back') ->> 'contactId' AS contact;
ROLLBACK;
SELECT propstreet.prospect_add(900004, '{"contactId": "103"}', 'back') ->> 'contactId' AS contact;
SELECT contact_id FROM propstreet.prospect WHERE tenant_id = 431 AND project_id = 900004;
-- a prepared transaction holds on to its key
SET propstreet.notify = off;
BEGIN;
SELECT propstreet.prospect_add(900005, '{"contactId": "101"}', 'prepared') ->> 'contactId' AS contact;
PREPARE TRANSACTION 'propstreet idempotency';
SELECT state, message, detail FROM pg_temp.refused($$SELECT propstreet.prospect_add(900005, '{"contactId": "101"}', 'prepared')$$);
SELECT state, message FROM pg_temp.refused($$SELECT propstreet.prospect_add(900005, '{"contactId": "102"}', '"prepared"')$$);
COMMIT PREPARED 'propstreet idempotency';
RESET propstreet.notify;
SELECT propstreet.prospect_add(900005, '{"contactId": "101"}', 'prepared') ->> 'contactId' AS contact;

-- 24 hours; then a key is free, purged or not
SELECT propstreet.prospect_add(900006, '{"contactId": "101"}', 'day') ->> 'contactId' AS contact;
SELECT propstreet.prospect_add(900006, '{"contactId": "102"}', 'older') ->> 'contactId' AS contact;
UPDATE propstreet.idempotency_key SET created_utc = now() - interval '23 hours 59 minutes' WHERE tenant_id = 431 AND key = 'day';
UPDATE propstreet.idempotency_key SET created_utc = now() - interval '24 hours' WHERE tenant_id = 431 AND key = 'older';
SELECT propstreet.prospect_add(900006, '{"contactId": "101"}', 'day') ->> 'contactId' AS contact;
SELECT state, message FROM pg_temp.refused($$SELECT propstreet.prospect_add(900006, '{"contactId": "103"}', 'day')$$);
SELECT state, message FROM pg_temp.refused($$SELECT propstreet.prospect_add(900006, '{"contactId": "102"}', 'older')$$);
SELECT propstreet.prospect_add(900006, '{"contactId": "103"}', 'older') ->> 'contactId' AS contact;
SELECT state, message FROM pg_temp.refused($$SELECT propstreet.prospect_add(900006, '{"contactId": "102"}', 'older')$$);
SELECT created_utc > now() - interval '1 minute' AS recent, body::json ->> 'contactId' AS contact FROM propstreet.idempotency_key WHERE tenant_id = 431 AND key = 'older';

-- purge() of what other tests have left, then of three of two tenants
SELECT propstreet.purge() >= 0 AS purged;
UPDATE propstreet.idempotency_key SET created_utc = now() - interval '25 hours' WHERE tenant_id = 431 AND key IN ('day', 'k');
UPDATE propstreet.idempotency_key SET created_utc = now() - interval '24 hours' WHERE tenant_id = 432;
UPDATE propstreet.idempotency_key SET created_utc = now() - interval '23 hours 59 minutes' WHERE tenant_id = 431 AND key = 'older';
SET propstreet.tenant_id = '';
SELECT propstreet.purge();
SELECT propstreet.purge();
SET propstreet.tenant_id = '431';
SELECT key FROM propstreet.idempotency_key WHERE tenant_id IN (431, 432) AND key IN ('day', 'k', 'own', 'older') ORDER BY tenant_id, key;
-- The lock of a key is no value that somebody could make a key for, as PostgreSQL's own hash is; its class is no one else's
BEGIN;
SELECT propstreet.project_create('{"name": "Locked"}', 'locked') ->> 'name' AS name;
CREATE FUNCTION pg_temp.reversed(bytea) RETURNS bytea LANGUAGE sql AS $$
	SELECT string_agg(substr($1, i, 1), '' ORDER BY i DESC) FROM generate_series(1, length($1)) AS i
$$;
SELECT objsubid, decode(lpad(to_hex(classid::bigint), 8, '0') || lpad(to_hex(objid::bigint), 8, '0'), 'hex') IN (
	-- of a server that stores the first byte of a number last, or first
	pg_temp.reversed(substr(sha256(pg_temp.reversed(int8send(431)) || 'locked'), 1, 8)), substr(sha256(int8send(431) || 'locked'), 1, 8)) AS sha256
FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid() AND objsubid <> 20562;
ROLLBACK;

-- by others only if they were given the right to
CREATE ROLE regress_propstreet_app;
SELECT propstreet.grant_to('regress_propstreet_app');
SET ROLE regress_propstreet_app;
SELECT state, message FROM pg_temp.refused('SELECT propstreet.purge()');
SELECT state, message FROM pg_temp.refused('SELECT * FROM propstreet.idempotency_key');
SELECT propstreet.prospect_add(900007, '{"contactId": "101"}', 'as a role') ->> 'contactId' AS contact;
SELECT propstreet.prospect_add(900007, '{"contactId": "101"}', 'as a role') ->> 'contactId' AS contact;
RESET ROLE;
GRANT EXECUTE ON FUNCTION propstreet.purge(bigint) TO regress_propstreet_app;
UPDATE propstreet.idempotency_key SET created_utc = now() - interval '2 days' WHERE tenant_id = 431 AND key = 'as a role';
SET ROLE regress_propstreet_app;
SELECT propstreet.purge();
RESET ROLE;
SET client_min_messages = warning;
DROP OWNED BY regress_propstreet_app;
DROP ROLE regress_propstreet_app;
RESET client_min_messages;

SELECT * FROM propstreet.check() WHERE tenant_id IN (431, 432);
