-- rest_headers: methods, conditional requests, retries, content types, encodings, the headers of answers
\i test/preamble.sql
SELECT test.begin(621);
INSERT INTO propstreet.contact (id, name, tags) VALUES (1, 'Contact', '{"a b",a+b,å}'), (2, 'Other', '{c}');
INSERT INTO propstreet.project (id, name, external_refs) VALUES (1, 'Project', '{hubspot:a/b c,crm:å%,x:a+b}'), (2, 'Other', '{}'), (3, 'Third', '{}');
INSERT INTO propstreet.prospect (id, project_id, contact_id) VALUES (1, 1, 1), (2, 2, 2);
SELECT setval('propstreet.project_id_seq', 100), setval('propstreet.prospect_id_seq', 100);
CREATE FUNCTION pg_temp.status(request text, headers json DEFAULT '{}', body text DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
	SELECT split_part(test.ask(request, headers, body), E'\n', 1)
$$;

-- HEAD is GET without the body, OPTIONS says what there is
SELECT request, split_part(test.ask('GET ' || request), E'\n', 1) = test.ask('HEAD ' || request) AS same, test.ask('HEAD ' || request), test.ask('OPTIONS ' || request)
FROM unnest(ARRAY['/api/v1/projects?page_size=1', '/api/v1/projects/1', '/api/v1/projects/99', '/api/v1/projects/x', '/api/v1/projects/1/prospects', '/api/v1/projects/1/prospects:batch',
	'/api/v1/projects/external/crm/1', '/api/v1/openapi.json', '/api/v1/nowhere']) AS request;
SELECT test.ask('PUT /api/v1/projects/1'), test.ask('POST /api/v1/openapi.json');

-- conditional requests: RFC 9110, compared weakly
SELECT propstreet.project_get(1)->>'etag' AS etag \gset
SELECT replace(header, substr(:'etag', 4, 16), '<tag>'), pg_temp.status('GET /api/v1/projects/1', json_build_object('if-none-match', header)), pg_temp.status('PATCH /api/v1/projects/1', json_build_object('IF-MATCH', header), '{}')
FROM (VALUES (:'etag'), (replace(:'etag', 'W/', '')), (format('"a", %s,W/"b"', :'etag')), ('*'), ('"a", "b"'), (', ,'), ('abc'), ('')) AS h (header);
SELECT test.ask('GET /api/v1/projects/1', json_build_object('If-None-Match', :'etag')), test.ask('HEAD /api/v1/projects/1', json_build_object('If-None-Match', :'etag'));
-- not for lists, nor for what is not there
SELECT pg_temp.status('GET /api/v1/projects', '{"If-None-Match": "*", "If-Match": "\"x\""}'), pg_temp.status('GET /api/v1/projects/99', '{"If-None-Match": "*", "If-Match": "*"}');
-- both of them, on all methods of every kind of resource, and nothing is changed by what is refused
BEGIN;
INSERT INTO propstreet.webhook (id, url, events, created_utc, updated_utc)
VALUES (9, 'https://example.com', '{project.created}', now(), now());
SELECT request, string_agg(pg_temp.status(request, json_build_object(header, value), CASE WHEN request ~ 'prospects/external' THEN '{"contactId": "1"}' ELSE '{}' END), ' ' ORDER BY n) FROM unnest(ARRAY['GET /api/v1/projects/1', 'HEAD /api/v1/projects/1',
	'GET /api/v1/projects/external/crm/å%25', 'GET /api/v1/projects/1/prospects/1', 'GET /api/v1/webhooks/9', 'PUT /api/v1/projects/external/crm/å%25', 'PUT /api/v1/projects/1/prospects/external/crm/none',
	'PATCH /api/v1/projects/1', 'PATCH /api/v1/projects/1/prospects/1', 'PATCH /api/v1/webhooks/9', 'DELETE /api/v1/projects/1', 'DELETE /api/v1/projects/1/prospects/1', 'DELETE /api/v1/webhooks/9']) AS request,
	(VALUES (1, 'If-Match', '"stale"'), (2, 'If-Match', 'x'), (3, 'If-None-Match', '*')) AS h (n, header, value) GROUP BY request ORDER BY request COLLATE "C";
SELECT test.ask('PUT /api/v1/projects/external/crm/å%25', '{"If-None-Match": "*"}', '{"name": "Changed"}'), test.ask('PATCH /api/v1/projects/1', json_build_object('If-None-Match', :'etag'), '{"name": "Changed"}'),
	test.ask('GET /api/v1/projects/1', '{"If-Match": "\"stale\"", "If-None-Match": "*"}'), test.ask('PATCH /api/v1/projects/1', '{"If-None-Match": "x"}', '{}');
SELECT propstreet.project_get(1)->>'etag' = :'etag' AS unchanged, (SELECT count(*) FROM propstreet.webhook WHERE id = 9);
SELECT pg_temp.status('PUT /api/v1/projects/external/crm/new', '{"If-None-Match": "*"}', '{"name": "Created"}'), pg_temp.status('PUT /api/v1/projects/external/crm/new', '{"If-None-Match": "*"}', '{"name": "Changed"}'),
	pg_temp.status('PUT /api/v1/projects/external/crm/new', '{"If-None-Match": "\"other\""}', '{"name": "Changed"}'), pg_temp.status('GET /api/v1/projects/1', json_build_object('If-Match', :'etag'));
-- a prospect that an upsert would give the reference to is there, too
SELECT pg_temp.status('PUT /api/v1/projects/1/prospects/external/crm/p', '{"If-None-Match": "*"}', '{"contactId": "1"}'), pg_temp.status('PUT /api/v1/projects/1/prospects/external/crm/p', '{"If-None-Match": "*"}', '{"contactId": "2"}'),
	pg_temp.status('PUT /api/v1/projects/1/prospects/external/crm/p', '{"If-None-Match": "*"}', '{"contactId": "2"}');
SELECT pg_temp.status('DELETE /api/v1/webhooks/9', '{"If-None-Match": "\"other\""}');
SELECT setval('propstreet.project_id_seq', 100), setval('propstreet.prospect_id_seq', 100);
ROLLBACK;
SELECT pg_temp.status('DELETE /api/v1/projects/3', '{"If-Match": "*"}'), pg_temp.status('DELETE /api/v1/projects/3', '{"If-Match": "*"}');

-- content types
SELECT type, pg_temp.status('POST /api/v1/projects', json_build_object('Content-Type', type), '{"name": ""}'), pg_temp.status('PATCH /api/v1/projects/1', json_build_object('Content-Type', type), '{}')
FROM unnest(ARRAY['application/json', 'Application/JSON', 'application/json; charset=utf-8', 'application/json;charset="UTF-8"', 'application/json ; x=y', 'application/json;charset=iso-8859-1',
	'application/merge-patch+json', 'application/merge-patch+json; charset=utf-8', 'application/jsonx', 'application/json-patch+json', 'text/json', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', '', 'x']) AS type;
-- a type says nothing where there is no body to say it of
SELECT pg_temp.status('GET /api/v1/projects/1', '{"Content-Type": "text/plain"}', 'x'), pg_temp.status('DELETE /api/v1/projects/99', '{"Content-Type": "text/plain"}', 'x');

-- encodings: any segment, a slash in one, a plus; the colon of :batch
SELECT request, pg_temp.status('GET ' || request) FROM unnest(ARRAY['/api/v1/projects/external/hubspot/a%2Fb%20c', '/api/v1/projects/external/HUBSPOT/a%2fb%20c', '/api/v1/projects/external/crm/%C3%A5%25', '/api/v1/projects/external/crm/å%25',
	'/api/v1/projects/external/x/a+b', '/api/v1/projects/external/x/a%2Bb', '/api/v1/projects/external/x/a%20b', '/api/v1/%70rojects/%31', '/%61pi/v1/projects/1', '/api/v1/projects%2F1',
	'/api/v1/projects/1?', '/api/v1/projects/1?&', '/api/v1/projects/1?include%5Fdeleted=TRUE&', '/api/v1/projects/1?include_deleted=False']) AS request;
SELECT pg_temp.status('POST /api/v1/projects/1/prospects:batch', '{}', '{"items": []}'), pg_temp.status('POST /api/v1/projects/1/prospects%3Abatch', '{}', '{"items": []}'), pg_temp.status('POST /api/v1/projects/1/prospects%3abatch', '{}', '{"items": []}');
SELECT query, json_array_length(body::json->'data') FROM unnest(ARRAY['tags=a+b', 'tags=a%20b', 'tags=a%2Bb', 'tags=%C3%A5', 'tags=A+b', 'tags=x&tags=a%2Bb', 'updated_since=2026-01-15T10:00:00+00:00',
	'updated_since=2026-01-15T10:00:00%2B00:00', 'updated_since=9998-01-15T10:00:00+23:59']) AS query, propstreet.handle('GET', '/api/v1/projects/1/prospects?' || query);

-- Link: the same query with another cursor, what an URI can't have encoded
SELECT test.ask('HEAD /api/v1/projects?page_size=1&status=open'), test.ask('HEAD /api/v1/%70rojects?status=open&&page_size=1'), test.ask('HEAD /api/v1/projects?page_size=2'), test.ask('HEAD /api/v1/projects?page_size=2&status=closed');
SELECT pg_temp.status(E'GET /api/v1/prospects?page_size=1&tags=a b&tags=c&tags=<>"\\^`{|}\r\nX: y å'), pg_temp.status('GET /api/v1/projects?page_size=1&updated_since=2026-01-15 10:00:00') ~ '</api/v1/projects\?page_size=1&updated_since=2026-01-15%2010:00:00&cursor=<cursor>>';
SELECT split_part(h->>'Link', '>', 1) AS next FROM propstreet.handle('GET', '/api/v1/projects?page_size=1'), json_array_elements(headers) AS h WHERE h->>'Link' IS NOT NULL \gset
SELECT test.ask('GET ' || substr(:'next', 2));

-- Change-Origin is who writes, for this request only
SELECT pg_temp.status('PATCH /api/v1/projects/2', '{"change-origin": "crm sync"}', '{"name": "By CRM"}'), pg_temp.status('PATCH /api/v1/projects/2', '{}', '{"name": "By nobody"}'), current_setting('propstreet.change_origin');
SELECT payload->'data'->>'name', payload->'data'->>'changeOrigin' FROM propstreet.event WHERE tenant_id = 621 AND resource_id = 2 AND event = 'project.updated' ORDER BY id;

-- Idempotency-Key: the same answer again, from REST and from SQL
CREATE FUNCTION pg_temp.twice(request text, key text, sent text) RETURNS TABLE (first text, same boolean) LANGUAGE sql AS $$
	SELECT pg_temp.status(request, json_build_object('Idempotency-Key', key), sent), a::text = b::text
	FROM propstreet.handle(split_part(request, ' ', 1), split_part(request, ' ', 2), json_build_object('Idempotency-Key', key), convert_to(sent, 'UTF8')) AS a,
		propstreet.handle(split_part(request, ' ', 1), split_part(request, ' ', 2), json_build_object('Idempotency-Key', format('"%s"', key)), convert_to(sent, 'UTF8')) AS b
$$;
SELECT request, t.* FROM (VALUES ('POST /api/v1/projects', '{"name": "Once"}'), ('POST /api/v1/projects', '{"name": ""}'), ('POST /api/v1/projects', '{'), ('POST /api/v1/projects/1/prospects', '{"contactId": "1"}'),
	('POST /api/v1/projects/1/prospects', '{"contactId": "99"}'), ('POST /api/v1/projects/1/prospects:batch', '{"items": [{"contactId": "1"}]}'), ('POST /api/v1/projects/99/prospects', '{"contactId": "1"}'),
	('POST /api/v1/projects/x/prospects', '{"contactId": "1"}'), ('POST /api/v1/webhooks/99/test', NULL)) AS r (request, body), pg_temp.twice(request, md5(request || coalesce(body, '')), body) AS t;
SELECT count(*) FROM propstreet.project WHERE tenant_id = 621 AND name = 'Once';
SELECT test.try($$SELECT propstreet.project_create('{"name": "Once"}', md5('POST /api/v1/projects{"name": "Once"}'))$$),
	test.try($$SELECT propstreet.project_create('{"name": ""}', md5('POST /api/v1/projects{"name": ""}'))$$),
	test.try($$SELECT propstreet.prospect_add(1, '{"contactId": "1"}', md5('POST /api/v1/projects/1/prospects{"contactId": "1"}'))$$),
	test.try($$SELECT propstreet.prospect_add(1, '{"contactId": "99"}', md5('POST /api/v1/projects/1/prospects{"contactId": "99"}'))$$);
SELECT propstreet.project_create('{"name": "By SQL"}', 'sql')->>'etag' = (body::json->>'etag') AS same, status, test.masked(body), json_array_length(headers)
FROM propstreet.handle('POST', '/api/v1/projects', '{"Idempotency-Key": "sql"}', '{"name": "By SQL"}');
-- another request
SELECT test.ask('POST /api/v1/projects', '{"Idempotency-Key": "sql"}', '{"name": "By REST"}'), test.ask('POST /api/v1/projects/1/prospects', '{"Idempotency-Key": "sql"}', '{"name": "By SQL"}');
-- no other method has keys
SELECT pg_temp.status('PATCH /api/v1/projects/2', '{"Idempotency-Key": "sql"}', '{"name": "a"}');
-- a secret is shown once
SELECT body::json->>'secret' IS NOT NULL AS secret, status FROM propstreet.handle('POST', '/api/v1/webhooks', '{"Idempotency-Key": "hook"}', '{"url": "https://example.com", "events": ["project.created"]}');
SELECT test.ask('POST /api/v1/webhooks', '{"Idempotency-Key": "hook"}', '{"url": "https://example.com", "events": ["project.created"]}');
SELECT body::json->>'secret' IS NOT NULL AS secret, status FROM propstreet.handle('POST', '/api/v1/webhooks/1/rotate-secret', '{"Idempotency-Key": "rotate"}');
SELECT body::json->>'secret' IS NOT NULL AS secret, status FROM propstreet.handle('POST', '/api/v1/webhooks/1/rotate-secret', '{"Idempotency-Key": "rotate"}');
SELECT count(*) FROM propstreet.idempotency_key WHERE tenant_id = 621 AND body ~ 'secret|whsec';

-- errors that were not foreseen say nothing, and leave nothing; those of the server are not remembered
CREATE FUNCTION pg_temp.fail() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	CASE NEW.name
		WHEN 'division' THEN NEW.name := 1 / 0;
		WHEN 'serialization' THEN RAISE SQLSTATE '40001';
		WHEN 'deadlock' THEN RAISE SQLSTATE '40P01';
		WHEN 'lock' THEN RAISE SQLSTATE '55P03';
		WHEN 'disk' THEN RAISE SQLSTATE '53100';
		WHEN 'read only' THEN RAISE SQLSTATE '25006';
		WHEN 'right' THEN RAISE SQLSTATE '42501' USING MESSAGE = 'internals';
		WHEN 'unique' THEN RAISE SQLSTATE '23505' USING MESSAGE = 'internals';
		WHEN 'conflict' THEN RAISE SQLSTATE 'PT409' USING MESSAGE = 'a rule of the owner';
		WHEN 'cancel' THEN RAISE SQLSTATE '57014' USING MESSAGE = 'canceling statement';
		ELSE NULL;
	END CASE;
	RETURN NEW;
END
$$;
CREATE TRIGGER regress_fail AFTER INSERT ON propstreet.project FOR EACH ROW EXECUTE FUNCTION pg_temp.fail();
SELECT name, test.ask('POST /api/v1/projects', '{"Idempotency-Key": "fails"}', json_build_object('name', name)::text)
FROM unnest(ARRAY['division', 'serialization', 'deadlock', 'lock', 'disk']) AS name;
SELECT name, test.ask('POST /api/v1/projects', '{}', json_build_object('name', name)::text) FROM unnest(ARRAY['right', 'unique', 'conflict', 'read only']) AS name;
SELECT test.ask('POST /api/v1/projects', '{}', '{"name": "cancel"}');
DROP TRIGGER regress_fail ON propstreet.project;
SELECT pg_temp.status('POST /api/v1/projects', '{"Idempotency-Key": "fails"}', '{"name": "division"}'), (SELECT count(*) FROM propstreet.project WHERE tenant_id = 621 AND name IN ('division', 'serialization', 'deadlock', 'lock', 'disk'));
-- the answer to a failure commits, and what went before it in the transaction
BEGIN;
SELECT pg_temp.status('POST /api/v1/projects', '{}', '{"name": "Before"}'), pg_temp.status('POST /api/v1/projects', '{}', '{"name": ""}'), pg_temp.status('GET /api/v1/projects/external/none/none');
COMMIT;
SELECT count(*) FROM propstreet.project WHERE tenant_id = 621 AND name = 'Before';
-- each call sees what those before it in the statement have done
SELECT string_agg(pg_temp.status(r), ', ' ORDER BY n) FROM unnest(ARRAY['GET /api/v1/projects/2', 'DELETE /api/v1/projects/2', 'GET /api/v1/projects/2']) WITH ORDINALITY AS r (r, n);
-- a transaction that only reads can read
BEGIN READ ONLY;
SELECT pg_temp.status('GET /api/v1/projects/1'), pg_temp.status('GET /api/v1/projects'), test.ask('POST /api/v1/projects', '{}', '{"name": "a"}');
COMMIT;

-- handle_for: the tenant that the caller gives, for this call only; null and the like are none
SELECT tenant, status FROM unnest(ARRAY[621, 622, 0, -1, NULL]) AS tenant, propstreet.handle_for(tenant, 'GET', '/api/v1/projects/1');
SELECT status, propstreet.current_tenant() FROM propstreet.handle_for(622, 'POST', '/api/v1/projects', '{}', '{"name": "For"}');
SELECT tenant_id FROM propstreet.project WHERE name = 'For';
-- nulls
SELECT status FROM propstreet.handle(NULL, NULL, NULL, NULL);
