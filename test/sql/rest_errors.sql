-- rest_errors: each request of the REST API wrong in every way that it can be; none of them changes anything
\i test/preamble.sql
SELECT test.begin(612);
INSERT INTO propstreet.company (id, name) VALUES (4, 'Of another tenant');
INSERT INTO propstreet.contact (id, name) VALUES (4, 'Of another tenant');
INSERT INTO propstreet.project (id, name) VALUES (4, 'Of another tenant');
INSERT INTO propstreet.prospect (id, project_id, contact_id) VALUES (4, 4, 4);
INSERT INTO propstreet.webhook (id, url, events, created_utc, updated_utc) VALUES (4, 'https://example.com', '{project.created}', now(), now());
SELECT test.begin(611);
INSERT INTO propstreet.company (id, name, blocked) VALUES (1, 'Company', false), (2, 'Blocked', true);
INSERT INTO propstreet.contact (id, name) VALUES (1, 'Contact'), (2, 'Other');
INSERT INTO propstreet.project (id, name, external_refs) VALUES (1, 'Project', '{crm:1}'), (2, 'Other', '{crm:2}'), (3, 'Deleted', '{}');
INSERT INTO propstreet.prospect (id, project_id, contact_id, external_refs) VALUES (1, 1, 1, '{crm:1}'), (2, 2, 1, '{}'), (3, 1, 2, '{}');
SELECT propstreet.project_delete(3), propstreet.prospect_remove(1, 3);
INSERT INTO propstreet.webhook (id, url, events, created_utc, updated_utc) VALUES (1, 'https://example.com', '{project.created}', now(), now());

-- The requests, as they would be right: their paths with {} for ids, and then the ids of what there is, of what was
-- deleted, and of what is another tenant's
CREATE TEMP TABLE request (n serial, method text, path text, body text, ids text[], deleted text[], others text[]);
INSERT INTO request (method, path, body, ids, deleted, others) VALUES
	('GET', '/projects', NULL, '{}', NULL, NULL),
	('POST', '/projects', '{"name": "New"}', '{}', NULL, NULL),
	('GET', '/projects/{}', NULL, '{1}', '{3}', '{4}'),
	('PATCH', '/projects/{}', '{"name": "New"}', '{1}', '{3}', '{4}'),
	('DELETE', '/projects/{}', NULL, '{1}', '{3}', '{4}'),
	('GET', '/projects/{}/properties', NULL, '{1}', '{3}', '{4}'),
	('GET', '/projects/external/crm/1', NULL, '{}', NULL, NULL),
	('PUT', '/projects/external/crm/1', '{"name": "New"}', '{}', NULL, NULL),
	('GET', '/prospects', NULL, '{}', NULL, NULL),
	('GET', '/projects/{}/prospects', NULL, '{1}', '{3}', '{4}'),
	('POST', '/projects/{}/prospects', '{"companyId": "1"}', '{1}', '{3}', '{4}'),
	('POST', '/projects/{}/prospects:batch', '{"items": [{"companyId": "1"}]}', '{1}', '{3}', '{4}'),
	('PATCH', '/projects/{}/prospects:batch', '{"items": [{"id": "1", "classification": "bidder"}]}', '{1}', '{3}', '{4}'),
	('GET', '/projects/{}/prospects/{}', NULL, '{1,1}', '{1,3}', '{4,4}'),
	('PATCH', '/projects/{}/prospects/{}', '{"classification": "bidder"}', '{1,1}', '{1,3}', '{4,4}'),
	('DELETE', '/projects/{}/prospects/{}', NULL, '{1,1}', '{1,3}', '{4,4}'),
	('GET', '/projects/{}/prospects/external/crm/1', NULL, '{1}', '{3}', '{4}'),
	('PUT', '/projects/{}/prospects/external/crm/1', '{"classification": "bidder"}', '{1}', '{3}', '{4}'),
	('GET', '/network/contacts/{}/projects', NULL, '{1}', NULL, '{4}'),
	('GET', '/network/companies/{}/projects', NULL, '{1}', NULL, '{4}'),
	('GET', '/webhooks', NULL, '{}', NULL, NULL),
	('POST', '/webhooks', '{"url": "https://example.com", "events": ["project.created"]}', '{}', NULL, NULL),
	('GET', '/webhooks/{}', NULL, '{1}', NULL, '{4}'),
	('PATCH', '/webhooks/{}', '{"enabled": false}', '{1}', NULL, '{4}'),
	('DELETE', '/webhooks/{}', NULL, '{1}', NULL, '{4}'),
	('POST', '/webhooks/{}/rotate-secret', NULL, '{1}', NULL, '{4}'),
	('POST', '/webhooks/{}/test', NULL, '{1}', NULL, '{4}'),
	('POST', '/webhooks/{}/replay', '{"since": "2026-01-01T00:00:00Z"}', '{1}', NULL, '{4}'),
	('GET', '/webhooks/{}/deliveries', NULL, '{1}', NULL, '{4}');

CREATE FUNCTION pg_temp.target(path text, ids text[]) RETURNS text LANGUAGE plpgsql STRICT AS $$
DECLARE
	id text;
BEGIN
	FOREACH id IN ARRAY ids LOOP
		path := regexp_replace(path, '\{\}', id);
	END LOOP;
	RETURN '/api/v1' || path;
END
$$;

-- The problem of an answer: status, type, and what it is about; every one must be whole
CREATE FUNCTION pg_temp.problem(r propstreet.response) RETURNS text LANGUAGE sql AS $$
	SELECT concat_ws(' ', r.status, replace(b->>'type', 'urn:propstreet:error:', ''),
		(SELECT string_agg(coalesce(e->>'pointer', e->>'parameter') || ' ' || (e->>'detail'), '; ') FROM json_array_elements(b->'errors') AS e),
		CASE WHEN b->'errors' IS NULL THEN b->>'detail' END,
		CASE WHEN r.headers->0->>'Content-Type' IS DISTINCT FROM 'application/problem+json' OR (b->>'status')::integer <> r.status
			OR b->>'title' IS NULL OR b->>'detail' IS NULL THEN 'INCOMPLETE ' || r.headers END)
	FROM CAST(r.body AS json) AS b
$$;
CREATE FUNCTION pg_temp.ask(method text, target text, body text DEFAULT NULL, headers json DEFAULT '{}') RETURNS text LANGUAGE sql AS $$
	-- no target: nothing to ask for
	SELECT pg_temp.problem(r) FROM propstreet.handle(method, target, headers, convert_to(body, 'UTF8')) AS r WHERE target IS NOT NULL
$$;
CREATE TEMP VIEW state AS
	SELECT md5(string_agg(t, '')) FROM (
		SELECT p::text FROM propstreet.project AS p UNION ALL SELECT p::text FROM propstreet.prospect AS p UNION ALL SELECT w::text FROM propstreet.webhook AS w
		UNION ALL SELECT k::text FROM propstreet.idempotency_key AS k ORDER BY 1) AS t (t);
SELECT setval('propstreet.project_id_seq', 100), setval('propstreet.prospect_id_seq', 100), setval('propstreet.webhook_id_seq', 100);
SELECT * FROM state \gset

-- bad id, in each place that has one
SELECT format('%s %s: ', method, path) || string_agg(pg_temp.ask(method, pg_temp.target(path, bad), body), ' | ' ORDER BY place)
FROM request, unnest(ids) WITH ORDINALITY AS i (_, place),
	LATERAL (SELECT array_agg(CASE WHEN number = place THEN 'x' ELSE v END ORDER BY number) FROM unnest(ids) WITH ORDINALITY AS v (v, number)) AS b (bad)
GROUP BY n, method, path ORDER BY n;
SELECT pg_temp.ask('GET', '/api/v1/projects/' || id) FROM unnest(ARRAY['0', '01', '-1', '+1', '9223372036854775808', '1.0', '1e3', '%201', '1%20', '%D9%A1']) AS id;
-- every id of a path is told
SELECT pg_temp.ask('GET', '/api/v1/projects/x/prospects/y');

-- nothing there; deleted; another tenant's, of which the same is said as of nothing
SELECT format('%s %s: ', method, path) || concat_ws(' | ',
	pg_temp.ask(method, pg_temp.target(path, array_fill('999'::text, ARRAY[cardinality(ids)])), body),
	pg_temp.ask(method, pg_temp.target(path, deleted), body),
	pg_temp.ask(method, pg_temp.target(path, others), body))
FROM request WHERE cardinality(ids) > 0 ORDER BY n;
SELECT pg_temp.ask('GET', '/api/v1/projects/1/prospects/2'), pg_temp.ask('GET', '/api/v1/projects/external/crm/none'), pg_temp.ask('GET', '/api/v1/projects/3/prospects');

-- unknown parameter
SELECT format('%s %s: ', method, path) || pg_temp.ask(method, pg_temp.target(path, ids) || '?nope=1&page=2', body) FROM request ORDER BY n;
-- parameters given twice, and of the wrong kind
SELECT pg_temp.ask('GET', '/api/v1/projects?' || query)
FROM unnest(ARRAY['status=open&status=open', 'cursor=a&cursor=b&page_size=1&page_size=1', 'page_size=0', 'page_size=501', 'page_size=-1', 'page_size=1.0', 'page_size=', 'page_size=99999999999',
	'updated_since=yesterday', 'updated_since=2026-02-30T00:00:00Z', 'updated_since=', 'include_deleted=1', 'include_deleted', 'status=Open', 'status=', 'classification=bidder', 'teaser_stage=x',
	'cursor=x', 'cursor=', '=1', 'page_size=%zz', 'status=%ff', 'status=%00', '%zz=1', 'status=open;page_size=1']) AS query;
SELECT pg_temp.ask('GET', '/api/v1/projects/1/prospects?' || query) FROM unnest(ARRAY['capability=chats', 'classification=draft', 'status=open', 'tags=' || repeat('a&tags=', 50) || 'a']) AS query;
SELECT pg_temp.ask('GET', '/api/v1/network/contacts/1/projects?status=deleted'), pg_temp.ask('GET', '/api/v1/webhooks/1/deliveries?status=open');

-- wrong method
SELECT format('%s, %s: ', path, array_agg(wrong ORDER BY wrong COLLATE "C")) || string_agg(DISTINCT pg_temp.ask(wrong, pg_temp.target(path, ids), '{}'), ' | ')
FROM (SELECT path, ids, array_agg(method) AS methods, min(n) AS n FROM request GROUP BY path, ids) AS p, unnest(ARRAY['POST', 'PUT', 'PATCH', 'DELETE', 'TRACE', 'get', '']) AS wrong
WHERE wrong <> ALL (methods) GROUP BY n, path ORDER BY n;

-- no such path
SELECT path, pg_temp.ask('GET', path) FROM unnest(ARRAY['', '/', '*', '/api', '/api/v1', '/api/v1/', '/api/v2/projects', '/API/v1/projects', '/api/v1/projects/', '/api/v1//projects', '/api/v1/projects/1/',
	'/api/v1/Projects', '/api/v1/projects/1/prospects:Batch', '/api/v1/projects/1/prospects/1/x', '/api/v1/../v1/projects', '/api/v1/projects/external/crm', '/api/v1/projects/external/crm/',
	'/api/v1/projects/external/a/b/c', '/a/b/c/d/e/f/g/h/i/j/k/l', 'http://host/api/v1/projects', '/api/v1/projects#x', '/api/v1/%zz', '/api/v1/projects/%', '/api/v1/projects/%ff', '/api/v1/projects/%00', '/%zz']) AS path;

-- bodies: missing, no JSON, no object, unknown field, read-only field, wrong type, duplicate, nothing that a text can hold
SELECT format('%s %s: ', method, path) || string_agg(pg_temp.ask(method, pg_temp.target(path, ids), wrong), E'\n  ' ORDER BY i)
FROM request, unnest(ARRAY[NULL, '', '{', '[]', 'null', '{"nope": 1}', '{"id": "1", "etag": "x"}', '{"name": 1, "classification": 2, "externalRefs": 3, "items": 4, "url": 5, "since": 6}',
	'{"name": "a", "name": "b"}', '{"name": "\u0000"}', '{"externalRefs": [{"namespace": "crm"}, {"namespace": "a b", "id": ""}]}']) WITH ORDINALITY AS w (wrong, i)
WHERE body IS NOT NULL GROUP BY n, method, path ORDER BY n;
SELECT pg_temp.problem(r) FROM propstreet.handle('POST', '/api/v1/projects', '{}', '\x7b226e616d65223a22ff227d') AS r;

-- values that contradict, and conflicts with their holders
SELECT pg_temp.ask('POST', '/api/v1/projects', body) FROM unnest(ARRAY['{"name": "a", "asset": {"type": "single", "propertyCount": 1}}', '{"name": "a", "price": {"value": -1, "currency": "sek"}}',
	'{"name": "a", "priceRange": {"min": 2, "max": 1, "currency": "SEK"}}', '{"name": "a", "externalRefs": [{"namespace": "a", "id": "1"}, {"namespace": "A", "id": "2"}]}']) AS body;
SELECT body FROM propstreet.handle('POST', '/api/v1/projects', '{}', '{"name": "a", "externalRefs": [{"namespace": "crm", "id": "1"}]}');
SELECT body FROM propstreet.handle('POST', '/api/v1/projects/1/prospects', '{}', '{"contactId": "1"}');
SELECT body FROM propstreet.handle('POST', '/api/v1/projects/1/prospects', '{}', '{"companyId": "2"}');
SELECT body FROM propstreet.handle('POST', '/api/v1/projects/1/prospects', '{}', '{"contactId": "4"}');
SELECT body FROM propstreet.handle('POST', '/api/v1/projects/1/prospects:batch', '{}', '{"atomic": true, "items": [{"companyId": "1"}, {"contactId": "1", "clientRef": "/"}]}');
SELECT pg_temp.ask('PUT', '/api/v1/projects/external/crm/1', '{"externalRefs": [{"namespace": "crm", "id": "2"}]}'), pg_temp.ask('PUT', '/api/v1/projects/external/a%20b/1', '{"name": "a"}'),
	pg_temp.ask('PUT', '/api/v1/projects/1/prospects/external/crm/1', '{"companyId": "1"}'), pg_temp.ask('PUT', '/api/v1/projects/external/crm/9', '{}');

-- content type
SELECT format('%s %s: ', method, path) || pg_temp.ask(method, pg_temp.target(path, ids), body, '{"Content-Type": "text/plain"}') FROM request WHERE body IS NOT NULL ORDER BY n;

-- too large, by one byte
SELECT format('%s %s: ', method, path) || pg_temp.ask(method, pg_temp.target(path, ids), repeat(' ', 1024 * 1024) || 'x') FROM request WHERE body IS NOT NULL ORDER BY n;
SELECT pg_temp.ask('POST', '/api/v1/projects', rpad('{', 1024 * 1024));
SELECT pg_temp.ask('POST', '/api/v1/webhooks/1/test', repeat('x', 1024 * 1024 + 1));

-- targets and headers, at the limit and by one byte above it, which comes before all else; and parameters without end
SELECT (propstreet.handle('GET', rpad('/api/v1/projects?', 16 * 1024, '&'))).status;
SELECT pg_temp.ask(method, rpad(path, 16 * 1024 + 1, '&a='), headers => headers::json) FROM (VALUES ('GET', '/api/v1/projects?'), ('PUT', '/nowhere?')) AS t (method, path), unnest(ARRAY['{}', '[]']) AS headers;
SELECT pg_temp.ask('GET', '/api/v1/projects?x=1', headers => headers::json) FROM (SELECT '{"a": "' || repeat('x', 64 * 1024 - 9) || '"}') AS h (headers);
SELECT pg_temp.ask('GET', '/api/v1/projects?x=1', headers => headers::json) FROM (SELECT '{"a": "' || repeat('x', 64 * 1024 - 8) || '"}') AS h (headers);
SELECT r.status, length(r.body) < 16384 AS short FROM propstreet.handle('GET', '/api/v1/projects?' || repeat('a&', 5000000)) AS r;
SELECT r.status, json_array_length(r.body::json->'errors'), r.body::json->'errors'->100 FROM propstreet.handle('GET', '/api/v1/projects?' || repeat('a&', 8000)) AS r;

-- what is quoted of a long input is short
SELECT length((r).body) < 65536 AS short, (r).status FROM unnest(ARRAY[repeat('x', 1000000), json_build_object(repeat('é', 250000), 1)::text,
	(SELECT json_object_agg(repeat('é', 1000) || n, n)::text FROM generate_series(1, 200) AS n), '{"name": "' || repeat('x', 1000000), '{"a": [' || repeat('{', 500000)]) AS body,
	LATERAL (SELECT propstreet.handle('POST', '/api/v1/projects', '{}', convert_to(body, 'UTF8'))) AS h (r);
CREATE FUNCTION pg_temp.message(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
	RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLERRM;
END
$$;
SELECT length(pg_temp.message(format('SELECT propstreet.project_create(%L)', json_build_object(repeat('é', 250000), 1)))) < 1000 AS short;

-- below a deleted project, everything can be got with the deleted ones included
SELECT format('%s: ', path) || (propstreet.handle('GET', pg_temp.target(path, deleted) || '?include_deleted=true')).status
FROM request WHERE method = 'GET' AND path LIKE '/projects/{}%' AND path !~ 'external' AND deleted IS NOT NULL ORDER BY n;

-- stale and malformed tags
SELECT format('%s %s: ', method, path) || concat_ws(' | ', pg_temp.ask(method, pg_temp.target(path, ids), body, '{"If-Match": "W/\"stale\", \"x\""}'),
	pg_temp.ask(method, pg_temp.target(path, ids), body, '{"If-Match": "stale"}'))
FROM request WHERE method IN ('PATCH', 'PUT', 'DELETE') AND path !~ 'batch' ORDER BY n;
SELECT pg_temp.ask('PUT', '/api/v1/projects/external/crm/9', '{"name": "a"}', '{"If-Match": "*"}');
SET propstreet.require_if_match = on;
SELECT pg_temp.ask('PATCH', '/api/v1/projects/1', '{"name": "a"}'), pg_temp.ask('DELETE', '/api/v1/projects/1/prospects/1'), pg_temp.ask('DELETE', '/api/v1/webhooks/1');
RESET propstreet.require_if_match;

-- a parameter of a media type may hold a semicolon in quotes; Change-Origin is for those who write
SELECT status FROM propstreet.handle('POST', '/api/v1/projects', '{"Content-Type": "application/json; profile=\"a;charset=latin1\""}', '{}');
SELECT status FROM propstreet.handle('GET', '/api/v1/projects/1', '{"Change-Origin": ""}');
-- the next page has one cursor, however the last one was spelled
SELECT regexp_count(r.headers::text, '(%63|c)ursor=') FROM (SELECT propstreet.handle('GET', '/api/v1/projects?page_size=1')) AS a (first),
	LATERAL propstreet.handle('GET', '/api/v1/projects?page_size=1&%63ursor=' || replace((first).body::json->'page'->>'nextCursor', '=', '%3D')) AS r;

-- headers
SELECT pg_temp.ask('POST', '/api/v1/projects', '{"name": "a"}', headers::json) FROM unnest(ARRAY['[]', '{"Content-Type": 1}', '{"Idempotency-Key": ""}', '{"Idempotency-Key": "\"\""}',
	format('{"Idempotency-Key": "%s"}', repeat('a', 256)), '{"Change-Origin": ""}', '{"Change-Origin": "\u00e5"}', format('{"Change-Origin": "%s"}', repeat('a', 101)),
	'{"a": "\u0000"}', '{"a": 1, "a": 2}', '{"Idempotency-Key": "a", "idempotency-key": "b"}', '{"Idempotency-Key": "a\u0001"}']) AS headers;

-- what is wrong is looked for in this order: 401, 404 for the path, 405, 415, 413, 400, 404 for the resource, 412, 409
SET propstreet.tenant_id = '0';
SELECT DISTINCT pg_temp.ask(method, pg_temp.target(path, ids), body) FROM request;
SELECT pg_temp.ask('GET', '/nowhere'), pg_temp.ask('OPTIONS', '/api/v1/projects'), pg_temp.ask('PUT', '/api/v1/projects/x');
SET propstreet.tenant_id = '611';
SELECT pg_temp.ask('PUT', '/api/v1/projects/x', repeat(' ', 1024 * 1024) || 'x', '{"Content-Type": "text/plain"}');
SELECT pg_temp.ask('PATCH', '/api/v1/projects/x', repeat(' ', 1024 * 1024) || 'x', '{"Content-Type": "text/plain"}');
SELECT pg_temp.ask('PATCH', '/api/v1/projects/x', repeat(' ', 1024 * 1024) || 'x');
SELECT pg_temp.ask('PATCH', '/api/v1/projects/999', '{"nope": 1}', '{"If-Match": "\"x\""}');
SELECT pg_temp.ask('PATCH', '/api/v1/projects/999', '{}', '{"If-Match": "\"x\""}');
SELECT pg_temp.ask('PATCH', '/api/v1/projects/1', '{"externalRefs": [{"namespace": "crm", "id": "2"}]}', '{"If-Match": "\"x\""}');
SELECT pg_temp.ask('PATCH', '/api/v1/projects/1', '{"externalRefs": [{"namespace": "crm", "id": "2"}]}');

-- nothing has changed
SELECT md5 = :'md5' AS unchanged FROM state;
