-- rest_postgrest: the REST API by way of the settings that PostgREST makes, and what propstreet_api has for its own conventions
\i test/preamble.sql
SELECT test.begin(631);
INSERT INTO propstreet.project (id, name) VALUES (1, 'Of 631');
INSERT INTO propstreet.contact (id, name) VALUES (1, 'Contact');
SELECT test.begin(632);
INSERT INTO propstreet.project (id, name) VALUES (1, 'Of 632');
SELECT setval('propstreet.project_id_seq', 100), setval('propstreet.prospect_id_seq', 100);
RESET propstreet.tenant_id;
SET propstreet.tenant_claim = 'tenant_id';
CREATE ROLE regress_user;
CREATE ROLE regress_anon;
SELECT propstreet.grant_to('regress_user');
GRANT USAGE ON SCHEMA propstreet, propstreet_api TO regress_anon;
GRANT EXECUTE ON FUNCTION propstreet.handle_postgrest(bytea), propstreet_api.handle(bytea) TO regress_anon;

-- What PostgREST does with a request that nginx has passed on: settings for the transaction, one call
CREATE FUNCTION test.postgrest(request text, claims text, headers jsonb DEFAULT '{}', body text DEFAULT '', role name DEFAULT 'regress_user') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	answer bytea;
BEGIN
	PERFORM set_config('role', role, true), set_config('request.method', 'POST', true), set_config('request.path', '/rpc/handle', true), set_config('request.cookies', '{}', true),
		set_config('request.jwt.claims', claims, true), set_config('response.status', '', true), set_config('response.headers', '', true),
		set_config('request.headers', (jsonb_build_object('x-original-method', split_part(request, ' ', 1), 'x-original-uri', substr(request, strpos(request, ' ') + 1),
			'content-type', 'application/octet-stream', 'accept', '*/*', 'host', 'localhost', 'authorization', 'Bearer x') || headers)::text, true);
	SELECT pgrst_call INTO answer FROM propstreet_api.handle(convert_to(body, 'UTF8')) AS pgrst_call;
	PERFORM set_config('role', 'none', true);
	RETURN current_setting('response.status') || ' ' || regexp_replace(regexp_replace(current_setting('response.headers'), 'W/\\"[0-9a-f]{16}\\"', 'W/\"<tag>\"'), 'cursor=eyJ1Ijoi[A-Za-z0-9_-]+', 'cursor=<cursor>')
		|| E'\n' || test.masked(convert_from(answer, 'UTF8'));
END
$$;

-- status, headers and body arrive
SELECT test.postgrest('GET /api/v1/projects/1', '{"role": "regress_user", "tenant_id": 631}');
SELECT test.postgrest('GET /api/v1/projects/1', '{"role": "regress_user", "tenant_id": "632"}');
SELECT test.postgrest('POST /api/v1/projects', '{"tenant_id": 631}', '{"x-original-content-type": "application/json"}', '{"name": "New"}');
SELECT test.postgrest('PATCH /api/v1/projects/1', '{"tenant_id": 631}', '{"if-match": "\"stale\""}', '{"name": "New"}');
SELECT test.postgrest('PATCH /api/v1/projects/1', '{"tenant_id": 631}', '{"x-original-content-type": "application/x-www-form-urlencoded"}', '{"name": "New"}');
SELECT test.postgrest('POST /api/v1/projects/1/prospects%3Abatch', '{"tenant_id": 631}', '{}', '{"items": [{"contactId": "1"}]}');
SELECT test.postgrest('GET /api/v1/projects?page_size=1', '{"tenant_id": 631}');
SELECT test.postgrest('HEAD /api/v1/projects/1', '{"tenant_id": 631}');
SELECT test.postgrest('GET /api/v1/projects/1', '{"tenant_id": 631}', '{"if-none-match": "*"}');
SELECT test.postgrest('OPTIONS /api/v1/projects/1', '{"tenant_id": 631}');
SELECT test.postgrest('DELETE /api/v1/projects/101', '{"tenant_id": 631}');
SELECT test.postgrest('PUT /api/v1/projects/1', '{"tenant_id": 631}');
SELECT test.postgrest('GET ' || rpad('/api/v1/projects?', 16 * 1024 + 1, 'a'), '{"tenant_id": 631}'), test.postgrest('GET /api/v1/projects', '{"tenant_id": 631}', jsonb_build_object('a', repeat('x', 64 * 1024)));
-- the settings are the transaction's
SELECT current_setting('response.status', true), current_setting('response.headers', true);

-- claims decide: a missing or malformed one is a 401, and reads nothing
SELECT test.postgrest('GET /api/v1/projects/1', '{}');
SELECT claims FROM unnest(ARRAY['{"role": "web_anon"}', '', '{', '[]', 'null', '{"tenant_id": null}', '{"tenant_id": true}', '{"tenant_id": ["631"]}', '{"tenant_id": {"tenant_id": 631}}',
	'{"tenant_id": 0}', '{"tenant_id": -631}', '{"tenant_id": 631.0}', '{"tenant_id": "631 "}', '{"tenant_id": "0631"}', '{"tenant_id": 99999999999999999999}', '{"Tenant_id": 631}',
	'{"tenant_id": 631, "tenant_id": 632}', '{"a": ' || repeat('[', 64) || repeat(']', 64) || ', "tenant_id": 631}']) AS claims
WHERE test.postgrest('GET /api/v1/projects/1', claims) = test.postgrest('GET /api/v1/projects/1', '{}');
-- nesting that can be read is no harm
SELECT split_part(test.postgrest('GET /api/v1/projects/1', '{"a": ' || repeat('[', 63) || '"[{\"["' || repeat(']', 63) || ', "tenant_id": 631}'), ' ', 1);
SELECT split_part(test.postgrest(request, '{"role": "regress_anon"}', role => 'regress_anon'), E'\n', 1)
FROM unnest(ARRAY['GET /api/v1/projects', 'GET /api/v1/nowhere', 'POST /api/v1/projects', 'GET /api/v1/openapi.json']) AS request;
-- a client's headers can't make a tenant
SELECT split_part(test.postgrest('GET /api/v1/projects/1', '{}', '{"propstreet.tenant_id": "631", "x-tenant-id": "631", "request.jwt.claims": "{\"tenant_id\": 631}"}'), ' ', 1);

-- not by way of nginx: what PostgREST says of the call itself
BEGIN;
SELECT set_config('request.headers', '{"content-type": "application/octet-stream"}', true), set_config('request.method', 'POST', true), set_config('request.path', '/rpc/handle', true), set_config('request.jwt.claims', '{"tenant_id": 631}', true);
SELECT convert_from(propstreet_api.handle(''), 'UTF8');
ROLLBACK;
-- nothing set at all
SELECT convert_from(propstreet_api.handle(NULL), 'UTF8');

-- functions: every operation under its own name; none for everybody, handle() not STABLE, which PostgREST would run READ ONLY
SELECT p.proname, p.provolatile, (SELECT string_agg(a, ', ') FROM unnest(p.proargnames) AS a) FROM pg_proc AS p WHERE p.pronamespace = 'propstreet_api'::regnamespace ORDER BY p.proname COLLATE "C";
SELECT o AS missing FROM propstreet.operations() AS o JOIN pg_proc AS p ON p.oid = o
WHERE p.proname NOT IN ('handle', 'handle_postgrest') AND NOT EXISTS (
	SELECT FROM pg_proc AS a WHERE a.pronamespace = 'propstreet_api'::regnamespace AND a.proname = p.proname AND a.proargnames IS NOT DISTINCT FROM p.proargnames AND a.proargtypes = p.proargtypes
		AND a.provolatile = p.provolatile AND pg_get_function_arguments(a.oid) = pg_get_function_arguments(p.oid) AND pg_get_function_result(a.oid) = pg_get_function_result(p.oid));
SELECT oid::regprocedure AS for_everybody FROM pg_proc WHERE pronamespace = 'propstreet_api'::regnamespace AND has_function_privilege('regress_anon', oid, 'EXECUTE');
SELECT relname, relowner::regrole, reloptions FROM pg_class WHERE relnamespace = 'propstreet_api'::regnamespace ORDER BY relname;
SELECT pg_describe_object(classid, objid, 0) AS without_comment FROM (
	SELECT 'pg_proc'::regclass, oid FROM pg_proc WHERE pronamespace = 'propstreet_api'::regnamespace UNION ALL SELECT 'pg_class'::regclass, oid FROM pg_class WHERE relnamespace = 'propstreet_api'::regnamespace
	UNION ALL SELECT 'pg_type'::regclass, oid FROM pg_type WHERE typnamespace = 'propstreet_api'::regnamespace AND typtype = 'd' UNION ALL SELECT 'pg_namespace'::regclass, 'propstreet_api'::regnamespace) AS o (classid, objid)
WHERE obj_description(objid, (SELECT relname FROM pg_class WHERE oid = classid)) IS NULL;

-- PostgREST's own conventions, as an application role
BEGIN;
SELECT set_config('request.jwt.claims', '{"tenant_id": 631}', true);
SET LOCAL ROLE regress_user;
SELECT resource->>'name' FROM propstreet_api.project_changes('2026-01-01') WHERE deleted_utc IS NULL ORDER BY id;
SELECT test.masked(propstreet_api.project_create(body => '{"name": "By RPC"}'));
SELECT propstreet_api.project_get(id => 1)->>'name', json_array_length(propstreet_api.project_list(page_size => 1)->'data'), propstreet_api.project_delete(102);
SELECT test.try('SELECT propstreet_api.project_get(99)');
-- raised as 503 too, it would make PostgREST drop its connections
SELECT test.try('SELECT propstreet_api.sync_barrier()'), test.try('SELECT * FROM propstreet_api.project_changes(NULL)');
SELECT set_config('request.method', 'POST', true);
SELECT test.try('SELECT propstreet_api.sync_barrier()'), test.try('SELECT * FROM propstreet_api.project_changes(NULL)');
SELECT id, name, to_json(p.price) FROM propstreet_api.projects AS p ORDER BY id;
INSERT INTO propstreet_api.projects (name, price) VALUES ('By view', '1 millions SEK') RETURNING name, price;
UPDATE propstreet_api.projects SET classification = 'active' WHERE name = 'By view' RETURNING classification;
UPDATE propstreet_api.prospects SET classification = 'bidder' RETURNING project_id, contact_id, classification, tags;
INSERT INTO propstreet_api.prospects (project_id, contact_id) VALUES (103, 1) RETURNING project_id, tags;
SELECT count(*), count(deleted_utc) FROM propstreet_api.project_delta;
SELECT count(*) FROM propstreet_api.prospect_delta;
SAVEPOINT s;
UPDATE propstreet_api.projects SET status = 'closed';
ROLLBACK TO s;
DELETE FROM propstreet_api.projects;
ROLLBACK;
SELECT count(*) FROM propstreet_api.projects WHERE name IN ('By RPC', 'By view');

SET propstreet.tenant_id = '631';
RESET propstreet.tenant_claim;
-- a statement that takes too long is answered, with nothing done
CREATE FUNCTION test.slow() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN PERFORM pg_sleep(600); RETURN NEW; END$$;
CREATE TRIGGER slow BEFORE INSERT ON propstreet.project FOR EACH ROW WHEN (NEW.name = 'slow') EXECUTE FUNCTION test.slow();
SET statement_timeout = '200ms';
SELECT test.postgrest('POST /api/v1/projects', '{"tenant_id": 631}', body => '{"name": "slow"}');
RESET statement_timeout;
DROP TRIGGER slow ON propstreet.project;
DROP FUNCTION test.slow();
DROP FUNCTION test.postgrest;
DROP OWNED BY regress_user, regress_anon;
DROP ROLE regress_user, regress_anon;
