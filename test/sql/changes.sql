-- changes: delta reads in one session: project_changes, prospect_changes, delta views, sync_barrier, and when they can't be exact
\i test/preamble.sql
\pset tuples_only off
SET propstreet.tenant_id = '320';
CREATE ROLE regress_sync;
SELECT propstreet.grant_to('regress_sync');

-- what a statement fails with, and with what hint
CREATE FUNCTION pg_temp.error_of(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	detail text;
	hint text;
BEGIN
	EXECUTE statement;
	RETURN 'none';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(' ', SQLSTATE, detail, hint);
END
$$;
-- ids of a list, and whether it says syncedUtc
CREATE FUNCTION pg_temp.show(list json) RETURNS text LANGUAGE sql AS $$
SELECT coalesce(string_agg(r->>'id', ' ' ORDER BY n), 'none') || CASE WHEN list->'page'->>'syncedUtc' IS NULL THEN ', not synced' ELSE ', synced' END
FROM json_array_elements(list->'data') WITH ORDINALITY AS e (r, n)
$$;

INSERT INTO propstreet.company (id, name, tags) VALUES (1, 'Acme', '{a}'), (2, 'Best', '{b}');
INSERT INTO propstreet.contact (id, company_id, name, tags) VALUES (1, 1, 'Ada', '{old}'), (2, NULL, 'Bo', '{old}');
SET ROLE regress_sync;
SELECT (propstreet.project_create(json_build_object('name', name))->>'id')::bigint AS id FROM unnest(ARRAY['one', 'two', 'three', 'four']) AS name \g /dev/null
RESET ROLE;
SELECT array_agg(id ORDER BY id) AS p FROM propstreet.project WHERE tenant_id = 320 \gset
-- names of the projects in a set of ids
CREATE FUNCTION pg_temp.name_of(id bigint) RETURNS text LANGUAGE sql AS $$ SELECT name FROM propstreet.project AS p WHERE p.tenant_id = 320 AND p.id = $1 $$;

-- A first read has everything; the moment it says is where the next one begins, and what it said once it need not say again
SELECT string_agg(pg_temp.name_of(id), ' '), count(DISTINCT synced_utc), max(updated_utc) < max(synced_utc) AND max(synced_utc) < clock_timestamp() AS later
FROM propstreet.project_changes(NULL);
SELECT max(synced_utc) AS since FROM propstreet.project_changes('-infinity') \gset
SELECT count(*) FROM propstreet.project_changes(:'since');
SELECT propstreet.project_update((:'p'::bigint[])[2], '{"classification": "active"}')->>'name' AS updated;
SELECT propstreet.project_delete((:'p'::bigint[])[1]);
SELECT propstreet.project_create('{"name": "five"}')->>'name' AS created;
SELECT propstreet.project_update((:'p'::bigint[])[3], '{"name": "three"}')->>'name' AS unchanged;
SELECT pg_temp.name_of(id), deleted_utc IS NOT NULL AS deleted, etag::text = resource->>'etag' AS etag, (resource->>'updatedUtc')::timestamptz = updated_utc AS time,
	resource::text = propstreet.project_get(id, true)::text AS resource
FROM propstreet.project_changes(:'since');
-- at or after, to the microsecond
SELECT pg_temp.name_of(id) AS name, (SELECT count(*) FROM propstreet.project_changes(updated_utc)) AS at, (SELECT count(*) FROM propstreet.project_changes(updated_utc + interval '1us')) AS after
FROM propstreet.project_changes(:'since');
SELECT count(*) FROM propstreet.project_changes('infinity');
SELECT count(*), count(synced_utc) FROM propstreet.project_changes('2200-01-01Z');

-- The same by the delta view. Barrier and SELECT are two statements; the barrier is the next :since
SELECT propstreet.sync_barrier() AS barrier \gset
SELECT id, etag, updated_utc, deleted_utc, resource::text FROM propstreet.project_delta WHERE tenant_id = 320 AND updated_utc >= :'since' AND updated_utc < :'barrier'
EXCEPT SELECT id, etag, updated_utc, deleted_utc, resource::text FROM propstreet.project_changes(:'since');
SELECT name, status, revision FROM propstreet.project_delta WHERE tenant_id = 320 AND updated_utc >= :'since' AND updated_utc < :'barrier' ORDER BY updated_utc, id;
SELECT propstreet.sync_barrier() BETWEEN :'barrier' AND clock_timestamp() AS goes_on;
-- and by lists
SELECT string_agg(pg_temp.name_of((r->>'id')::bigint), ' ') FROM json_array_elements(propstreet.project_list(:'since')->'data') AS r;
SELECT string_agg(pg_temp.name_of((r->>'id')::bigint), ' ') FROM json_array_elements(propstreet.project_list(:'since', include_deleted => true)->'data') AS r;

-- Views have the columns of their tables, in the same order, and two more
SELECT v.attrelid::regclass AS view, string_agg(v.attname, ' ' ORDER BY v.attnum) FILTER (WHERE t.attname IS NULL) AS more,
	count(t.attname) = (SELECT count(*) FROM pg_attribute AS a WHERE a.attrelid = r.relation AND a.attnum > 0 AND a.attgenerated = '' AND NOT a.attisdropped) AS all_of_table
FROM (VALUES ('propstreet.project_delta'::regclass, 'propstreet.project'::regclass), ('propstreet.prospect_delta', 'propstreet.prospect')) AS r (view, relation)
JOIN pg_attribute AS v ON v.attrelid = r.view
LEFT JOIN pg_attribute AS t ON t.attrelid = r.relation AND (t.attnum, t.attname, t.atttypid) = (v.attnum, v.attname, v.atttypid)
GROUP BY v.attrelid, r.relation ORDER BY 1;

-- Prospects
SELECT propstreet.sync_barrier() AS since \gset
SELECT propstreet.prospect_add((:'p'::bigint[])[2], '{"contactId": "1"}')->>'contactId' AS added;
SELECT propstreet.prospect_add((:'p'::bigint[])[2], '{"contactId": "2"}')->>'contactId' AS added;
SELECT propstreet.prospect_add((:'p'::bigint[])[3], '{"contactId": "1"}')->>'contactId' AS added;
SELECT propstreet.prospect_add((:'p'::bigint[])[3], '{"companyId": "1"}')->>'companyId' AS added;
SELECT propstreet.prospect_remove(project_id, id) FROM propstreet.prospect WHERE tenant_id = 320 AND project_id = (:'p'::bigint[])[3] AND contact_id = 1;
SELECT resource->>'contactId' AS contact, resource->>'companyId' AS company, resource->'tags' AS tags, deleted_utc IS NOT NULL AS removed, etag::text = resource->>'etag' AS etag,
	resource::text = propstreet.prospect_get((resource->>'projectId')::bigint, id, true)::text AS resource
FROM propstreet.prospect_changes(:'since');
SELECT count(*) AS projects FROM propstreet.project_changes(:'since');

-- A prospect whose contact's or company's tags changed, or whose contact's company did, is a changed prospect; a removed one stays as it is
CREATE FUNCTION pg_temp.changed(since timestamptz) RETURNS text LANGUAGE sql AS $$
SELECT coalesce(string_agg(format('%s/%s %s', resource->>'contactId', resource->>'companyId', resource->'tags'), ', '), 'none') FROM propstreet.prospect_changes(since)
$$;
SELECT propstreet.sync_barrier() AS since \gset
SET ROLE regress_sync;
UPDATE propstreet.contact SET tags = '{new}' WHERE id = 1;
RESET ROLE;
SELECT pg_temp.changed(:'since');
SELECT json_array_length(propstreet.prospect_list_all(:'since')->'data') AS all, json_array_length(propstreet.prospect_list((:'p'::bigint[])[2], :'since')->'data') AS project_two,
	json_array_length(propstreet.prospect_list((:'p'::bigint[])[3], :'since')->'data') AS project_three, (SELECT count(*) FROM propstreet.project_changes(:'since')) AS projects;
SELECT propstreet.sync_barrier() AS since \gset
UPDATE propstreet.contact SET company_id = 2 WHERE tenant_id = 320;
SELECT pg_temp.changed(:'since');
SELECT propstreet.sync_barrier() AS since \gset
UPDATE propstreet.company SET tags = '{c}' WHERE tenant_id = 320;
SELECT pg_temp.changed(:'since');
SELECT propstreet.sync_barrier() AS since \gset
UPDATE propstreet.contact SET name = 'Ada Lovelace', tags = '{new}', company_id = 2 WHERE tenant_id = 320 AND id = 1;
UPDATE propstreet.company SET blocked = true WHERE tenant_id = 320;
SELECT pg_temp.changed(:'since');

-- Other tenants' rows are nobody's business: neither by functions nor, for a role that has what grant_to() gives, by views
SET propstreet.tenant_id = '321';
SELECT propstreet.project_create('{"name": "theirs"}')->>'name' AS created;
SET ROLE regress_sync;
SELECT resource->>'name' FROM propstreet.project_changes(NULL);
SELECT name FROM propstreet.project_delta;
SELECT (SELECT count(*) FROM propstreet.prospect_changes(NULL)) AS prospects, (SELECT count(*) FROM propstreet.prospect_delta) AS in_view;
RESET ROLE;
RESET propstreet.tenant_id;
SELECT call, pg_temp.error_of('SELECT propstreet.' || call) FROM unnest(ARRAY['sync_barrier()', 'project_changes(NULL)', 'prospect_changes(NULL)']) AS call;
SET propstreet.tenant_id = '320';

-- Reads that go on from an earlier one are exact, or fail. A first page is then answered without syncedUtc
CREATE TEMP TABLE read (statement text);
INSERT INTO read VALUES ('SELECT propstreet.sync_barrier()'), ('SELECT propstreet.project_changes(NULL)'), ('SELECT propstreet.prospect_changes(now())'),
	('SELECT propstreet.project_list(now())'), ('SELECT propstreet.prospect_list_all(now())'), ($$SELECT propstreet.prospect_list(id, '2000-01-01Z') FROM propstreet.project WHERE tenant_id = 320 AND name = 'two'$$);
INSERT INTO read SELECT format('SELECT propstreet.%s, cursor => propstreet.cursor_encode(now(), 1))', list)
FROM unnest(ARRAY['project_list(NULL', 'prospect_list_all(NULL', 'contact_projects(1', 'company_projects(1']) AS list;
CREATE TEMP VIEW reads AS SELECT count(*), pg_temp.error_of(statement) FROM read GROUP BY pg_temp.error_of(statement);
CREATE TEMP VIEW first_pages AS SELECT pg_temp.show(propstreet.project_list()) ~ '^[\d ]+, synced$' AS projects, pg_temp.show(propstreet.prospect_list_all()) ~ ', synced$' AS prospects,
	pg_temp.show(propstreet.contact_projects(1)) ~ ', synced$' AS contact, pg_temp.show(propstreet.company_projects(1)) ~ ', synced$' AS company, json_array_length(propstreet.project_list()->'data') AS count;
SELECT * FROM reads;
SELECT * FROM first_pages;
BEGIN READ ONLY;
SELECT * FROM reads;
SELECT * FROM first_pages;
COMMIT;
-- one snapshot
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT * FROM reads;
SELECT * FROM first_pages;
COMMIT;
BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY;
SELECT * FROM reads;
SELECT propstreet.sync_barrier();
ROLLBACK;
-- own writes, of anything, also where they have been rolled back
BEGIN;
SELECT propstreet.project_create('{"name": "six"}')->>'name' AS created;
SELECT * FROM reads;
SELECT * FROM first_pages;
ROLLBACK;
BEGIN;
SAVEPOINT a;
CREATE TEMP TABLE anything ();
ROLLBACK TO a;
SELECT * FROM reads;
COMMIT;
SELECT * FROM reads;

-- How long to wait is up to anybody; who does not want to wait need not, and has nobody to wait for here
SET ROLE regress_sync;
SHOW propstreet.sync_wait;
SET propstreet.sync_wait = 0;
SELECT propstreet.sync_barrier() <= clock_timestamp() AS barrier;
\set VERBOSITY sqlstate
SET propstreet.sync_wait = -1;
\set VERBOSITY default
RESET propstreet.sync_wait;
RESET ROLE;

-- Writers hold one lock per tenant, from before their first stamp to the end of what took it
CREATE TEMP VIEW writer_locks AS SELECT count(*), coalesce(string_agg(DISTINCT mode, ' '), 'none') AS mode FROM pg_locks
WHERE locktype = 'advisory' AND objsubid = 20562 AND pid = pg_backend_pid();
BEGIN;
SAVEPOINT a;
SELECT propstreet.project_update((:'p'::bigint[])[3], '{"name": "three"}')->>'name' AS unchanged;
SELECT * FROM writer_locks;
SELECT propstreet.project_update((:'p'::bigint[])[3], '{"name": "3"}')->>'name' AS updated;
SELECT * FROM writer_locks;
ROLLBACK TO a;
SELECT * FROM writer_locks;
UPDATE propstreet.project SET name = '3' WHERE tenant_id = 320 AND name = 'three';
INSERT INTO propstreet.project (tenant_id, name) VALUES (321, 'x'), (321, 'y');
SELECT * FROM writer_locks;
ROLLBACK;
-- for 30,000 tenants in one transaction, too
BEGIN;
INSERT INTO propstreet.project (tenant_id, name) SELECT 1000000 + i, 'project' FROM generate_series(1, 30000) AS i;
SELECT * FROM writer_locks;
SAVEPOINT a;
ROLLBACK TO a;
UPDATE propstreet.project SET classification = 'active' WHERE tenant_id > 1000000;
SELECT * FROM writer_locks;
COMMIT;
SET propstreet.tenant_id = '1030000';
SELECT pg_temp.show(propstreet.project_list(now() - interval '1 hour')) ~ '^\d+, synced$' AS listed;
DELETE FROM propstreet.project WHERE tenant_id > 1000000;
SELECT * FROM propstreet.check() WHERE tenant_id IN (320, 321) OR tenant_id > 1000000;

DROP OWNED BY regress_sync;
DROP ROLE regress_sync;
