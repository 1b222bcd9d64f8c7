-- Random and mutated requests for handle(), made inside the database, so that a session answers thousands a second. Tenant 1
-- asks; whatever belongs to tenant 2 has SECRET in it, which no request has.

CREATE SCHEMA fuzz;
SET search_path = fuzz, public;

CREATE TABLE fuzz.failure (number bigint, why text, method text, target text, headers json, body bytea, status integer, answer_headers json, answer text);
CREATE TABLE fuzz.seen (status integer PRIMARY KEY, requests bigint NOT NULL);

CREATE FUNCTION fuzz.chance(probability float8) RETURNS boolean LANGUAGE sql VOLATILE AS 'SELECT random() < probability';
CREATE FUNCTION fuzz.pick(choices text[]) RETURNS text LANGUAGE plpgsql VOLATILE AS
	$$BEGIN RETURN choices[1 + floor(random() * cardinality(choices))::integer]; END$$;

-- JSON values that are wrong, or strange
CREATE FUNCTION fuzz.junk() RETURNS text LANGUAGE plpgsql VOLATILE AS $$
BEGIN
	RETURN fuzz.pick(ARRAY['null', 'true', 'false', '0', '-1', '1.5', '1e400', '-0', '01', '1.', 'NaN', 'Infinity', '99999999999999999999999999', '1e-400', '""', '" "',
		'"\u0000"', '"\ud800"', '"\udc00\ud800"', '"\ud83d\ude00"', '"\n"', '"a', '''a''', '{}', '[]', '[null]', '[[]]', '{"a": {}}', '{"a": 1, "a": 2}', '{"": ""}',
		'"' || repeat('x', 300) || '"', '"' || repeat(U&'\00e9', 200) || '"', '"' || U&'\202e\feff' || '"', repeat('[', 70) || repeat(']', 70), repeat('{"a":', 65) || '1' || repeat('}', 65),
		repeat('9', 400), '"1"', '"9223372036854775808"', '"-1"', '"2026-02-30T00:00:00Z"', '"%s%n"', '"''; DROP TABLE propstreet.project; --"', '/**/1', '"\x"', '']);
END$$;

-- Ids of the path or of a body: of tenant 1, of tenant 2, and of nobody
CREATE FUNCTION fuzz.id() RETURNS text LANGUAGE plpgsql VOLATILE AS $$
BEGIN
	RETURN CASE WHEN fuzz.chance(0.75) THEN (1 + floor(random() * random() * 80))::bigint::text
		WHEN fuzz.chance(0.5) THEN (7000001 + floor(random() * 20))::bigint::text
		ELSE fuzz.pick(ARRAY['0', '-1', '00', '01', '+1', '1.0', '1e3', 'abc', '', ' 1', '1 ', '9223372036854775807', '9223372036854775808', '99999999999999999999', '0x1', U&'\0661', 'null', 'external']) END;
END$$;

CREATE FUNCTION fuzz.namespace() RETURNS text LANGUAGE plpgsql VOLATILE AS
	$$BEGIN RETURN CASE WHEN fuzz.chance(0.9) THEN fuzz.pick(ARRAY['crm', 'CRM', 'hubspot', 'a.b_c-d']) ELSE fuzz.pick(ARRAY['', 'a b', 'a:b', U&'\00e9', repeat('n', 50), repeat('n', 51)]) END; END$$;

CREATE FUNCTION fuzz.external_id() RETURNS text LANGUAGE plpgsql VOLATILE AS
	$$BEGIN RETURN CASE WHEN fuzz.chance(0.9) THEN 'deal-' || floor(random() * 60)::integer ELSE fuzz.pick(ARRAY['', ' ', 'a/b', 'a:b', U&'\00e9', U&'\+01f600', repeat('i', 255), repeat('i', 256), E'\t']) END; END$$;

CREATE FUNCTION fuzz.refs() RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	refs text := '';
BEGIN
	FOR i IN 1 .. CASE WHEN fuzz.chance(0.02) THEN 21 ELSE floor(random() * 3)::integer END LOOP
		refs := refs || CASE WHEN i > 1 THEN ', ' ELSE '' END || format('{"namespace": %s, "id": %s}', to_json(fuzz.namespace()), to_json(fuzz.external_id()));
	END LOOP;
	RETURN '[' || refs || ']';
END$$;

-- A value for a field, mostly a right one
CREATE FUNCTION fuzz.value(field text) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
BEGIN
	IF fuzz.chance(0.03) THEN
		RETURN fuzz.junk();
	END IF;
	RETURN CASE field
		WHEN 'name' THEN fuzz.pick(ARRAY['"Office"', '"  Trimmed  "', U&'"\00e5\00e4\00f6 \+01f600"', '"\u00e9\\\"\/\b"', '"' || repeat('n', 200) || '"', '"' || repeat('n', 201) || '"'])
		WHEN 'asset' THEN fuzz.pick(ARRAY['{"type": "single"}', '{"type": "portfolio", "propertyCount": 5}', '{"type": "portfolio"}', '{"type": "single", "propertyCount": 1}', '{"type": "portfolio", "propertyCount": 1000001}', '{}'])
		WHEN 'classification' THEN fuzz.pick(ARRAY['"draft"', '"active"', '"contacted"', '"bidder"', '"not_contacted"', '"Active"', 'null'])
		WHEN 'mandate' THEN fuzz.pick(ARRAY['"exclusive"', '"non_exclusive"', '"other"', 'null'])
		WHEN 'price' THEN fuzz.pick(ARRAY['{"value": 150, "currency": "SEK", "scale": "millions"}', '{"value": 0.0001, "currency": "EUR"}', '{"value": 1e14, "currency": "USD", "scale": "none"}',
			'{"value": 1e15, "currency": "USD"}', '{"value": -1, "currency": "SEK"}', '{"value": 1, "currency": "sek"}', '{"value": "1", "currency": "SEK"}', '{"value": 1.00000, "currency": "SEK"}', 'null'])
		WHEN 'priceRange' THEN fuzz.pick(ARRAY['{"min": 1, "max": 2, "currency": "SEK", "scale": "billions"}', '{"max": 1e3, "currency": "EUR"}', '{"min": 2, "max": 1, "currency": "SEK"}', '{"currency": "SEK"}', 'null'])
		WHEN 'externalRefs' THEN fuzz.refs()
		WHEN 'contactId' THEN to_json(fuzz.id())::text
		WHEN 'companyId' THEN to_json(fuzz.id())::text
		WHEN 'id' THEN to_json(fuzz.id())::text
		WHEN 'ifMatch' THEN fuzz.pick(ARRAY['"*"', '"\"x\""', '"W/\"0\", *"', 'null'])
		WHEN 'clientRef' THEN fuzz.pick(ARRAY['"mine"', '"\ud83d\ude00"', 'null'])
		WHEN 'url' THEN fuzz.pick(ARRAY['"https://example.com/hook"', '"https://example.com:8443/?a=b"', '"http://example.com"', '"https://user@example.com"', '"https://"', '"ftp://example.com"'])
		WHEN 'events' THEN fuzz.pick(ARRAY['["project.created"]', '["project.updated", "prospect.updated"]', '[]', '["x"]', '["project.created", "project.created"]'])
		WHEN 'filter' THEN fuzz.pick(ARRAY['{"externalRef.namespace": "crm"}', '{"externalRef.namespace": "CRM"}', '{}', '{"x": 1}', 'null'])
		WHEN 'excludeOrigin' THEN fuzz.pick(ARRAY['"crm"', '""', 'null'])
		WHEN 'enabled' THEN fuzz.pick(ARRAY['true', 'false'])
		WHEN 'since' THEN fuzz.pick(ARRAY['"2026-01-01T00:00:00Z"', '"2026-01-01"', '"infinity"', '"4714-01-01T00:00:00Z"'])
		WHEN 'failedOnly' THEN fuzz.pick(ARRAY['true', 'false'])
		ELSE fuzz.junk() END;
END$$;

CREATE FUNCTION fuzz.object(fields text[], required integer) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	result text := '';
	present float8;
BEGIN
	FOR i IN 1 .. cardinality(fields) LOOP
		present := CASE WHEN i <= required THEN 0.97 ELSE 0.3 END;
		IF fuzz.chance(present) THEN
			result := result || CASE WHEN result <> '' THEN ', ' ELSE '' END || '"' || fields[i] || '": ' || fuzz.value(fields[i]);
		END IF;
	END LOOP;
	IF fuzz.chance(0.03) THEN
		result := result || ', "' || fuzz.pick(ARRAY['nam', 'status', 'etag', 'name', 'id', 'updatedUtc', '', 'a/b~c', repeat('f', 300)]) || '": ' || fuzz.junk();
	END IF;
	RETURN '{' || result || '}';
END$$;

CREATE FUNCTION fuzz.body(kind text) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	items text := '';
BEGIN
	CASE kind
		WHEN 'project' THEN RETURN fuzz.object('{name, asset, classification, mandate, price, priceRange, externalRefs}', 1);
		WHEN 'patch' THEN RETURN fuzz.object('{name, asset, classification, mandate, price, priceRange, externalRefs}', 0);
		WHEN 'prospect' THEN RETURN fuzz.object(CASE WHEN fuzz.chance(0.7) THEN '{contactId, classification, externalRefs}' ELSE '{companyId, contactId, externalRefs}' END::text[], 1);
		WHEN 'prospect_patch' THEN RETURN fuzz.object('{classification, externalRefs}', 0);
		WHEN 'webhook' THEN RETURN fuzz.object('{url, events, filter, excludeOrigin, name, enabled}', 2);
		WHEN 'replay' THEN RETURN fuzz.object('{since, failedOnly}', 1);
		WHEN 'batch', 'batch_update' THEN
			FOR i IN 1 .. CASE WHEN fuzz.chance(0.005) THEN 101 ELSE 1 + floor(random() * 4)::integer END LOOP
				items := items || CASE WHEN i > 1 THEN ', ' ELSE '' END ||
					fuzz.object(CASE WHEN kind = 'batch_update' THEN '{id, classification, externalRefs, ifMatch, clientRef}' WHEN fuzz.chance(0.7) THEN '{contactId, externalRefs, clientRef}' ELSE '{companyId, classification, externalRefs}' END::text[], 1);
			END LOOP;
			RETURN '{"items": [' || items || ']' || CASE WHEN fuzz.chance(0.2) THEN ', "atomic": ' || fuzz.pick('{true, false, 1, null}') ELSE '' END || '}';
		ELSE RETURN '';
	END CASE;
END$$;

-- A few bytes of a body changed, among them to what is no UTF-8
CREATE FUNCTION fuzz.mutated(body bytea) RETURNS bytea LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	place integer := floor(random() * length(body))::integer;
BEGIN
	CASE floor(random() * 8)::integer
		WHEN 0 THEN RETURN substr(body, 1, place);
		WHEN 1 THEN RETURN CASE WHEN body = '' THEN '\x00' ELSE set_byte(body, place, floor(random() * 256)::integer) END;
		WHEN 2 THEN RETURN overlay(body PLACING fuzz.pick(ARRAY['\x00', '\xff', '\xc3', '\xeda080', '\xf4908080', '\xc080', '\xefbbbf', '\x0a', '\x22', '\x5c', '\x7b', '\x5d'])::bytea FROM place + 1 FOR 0);
		WHEN 3 THEN RETURN body || body;
		WHEN 4 THEN RETURN '\xefbbbf'::bytea || body;
		WHEN 5 THEN RETURN convert_to(repeat('[', (random() * 200)::integer), 'UTF8') || body;
		WHEN 6 THEN RETURN convert_to(fuzz.junk(), 'UTF8');
		ELSE RETURN CASE WHEN fuzz.chance(0.05) THEN body || convert_to(repeat(' ', 1048577 - (random() * 2 * length(body))::integer), 'UTF8') ELSE body || '\x20' END;
	END CASE;
END$$;

CREATE FUNCTION fuzz.query(place_of_page text) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	result text := '';
	name text;
BEGIN
	FOR i IN 1 .. floor(random() * 4)::integer LOOP
		name := CASE WHEN fuzz.chance(0.7) THEN fuzz.pick('{page_size, cursor, updated_since, include_deleted, classification}') ELSE fuzz.pick('{status, teaser_stage, tags, capability, x, Page_Size, ""}') END;
		result := result || CASE WHEN i = 1 THEN '?' ELSE '&' END || name || CASE WHEN fuzz.chance(0.02) THEN '' ELSE '=' END ||
			CASE WHEN fuzz.chance(0.1) THEN fuzz.pick(ARRAY['', '%', '%2', '%zz', '%00', '%ff', '+', '%2B', '=', repeat('a', 5000), U&'\00e9', '%F0%9F%98%80', '99999999999999999999', '-1', '1;2', '%22', '%0d%0aX: y'])
			ELSE CASE name
				WHEN 'page_size' THEN fuzz.pick('{1, 2, 3, 10, 50, 500, 0, 501, 1.0, +1}')
				WHEN 'cursor' THEN CASE WHEN fuzz.chance(0.7) THEN place_of_page ELSE fuzz.pick(ARRAY['eyJ1IjoiMjAyNi0wMS0xNVQxMDowMDowMFoiLCJpIjoxMjN9', 'eyJ1IjoiMjAyNi0wMS0xNVQxMDowMDowMFoiLCJpIjotMX0=', 'e30', '====', 'eyJ1IjoiOTk5OTk5LTAxLTAxVDAwOjAwOjAwWiIsImkiOjF9']) END
				WHEN 'updated_since' THEN fuzz.pick('{2026-01-01T00:00:00Z, 2026-01-01T00:00:00%2B02:00, 2026-01-01T00:00:00+02:00, 2026-01-01, now, infinity, -infinity, 0001-01-01T00:00:00Z, 294277-01-01T00:00:00Z, 2026-01-01T00:00:00.123456789Z, 2026-06-30T23:59:60Z, 4713-01-01T00:00:00Z%20BC}')
				WHEN 'include_deleted' THEN fuzz.pick('{true, false, TRUE, t, 1}')
				WHEN 'status' THEN fuzz.pick('{open, closed, deleted, Open, pending, failed}')
				WHEN 'classification' THEN fuzz.pick('{draft, active, contacted, bidder, x}')
				WHEN 'teaser_stage' THEN fuzz.pick('{published, communicated, x}')
				WHEN 'tags' THEN fuzz.pick('{a, b, tier-1, %C3%A9}')
				WHEN 'capability' THEN fuzz.pick('{chat, Chat}')
				ELSE 'x' END
			END;
	END LOOP;
	RETURN result;
END$$;

CREATE FUNCTION fuzz.headers(etag text) RETURNS json LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	headers text := '';
	name text;
BEGIN
	IF fuzz.chance(0.3) THEN
		RETURN '{}';
	ELSIF fuzz.chance(0.01) THEN
		RETURN fuzz.pick(ARRAY['[]', 'null', '1', '"x"', '{"a": "\u0000"}', '{"a": "\ud800"}', '{"If-Match": 1}', '{"If-Match": null}', '{"": ""}', '{"Content-Type": ["application/json"]}', '{"a": ' || repeat('[', 100) || repeat(']', 100) || '}']);
	END IF;
	FOREACH name IN ARRAY '{Content-Type, If-Match, If-None-Match, Idempotency-Key, Change-Origin, Accept, X-Original-Method, X-Original-URI}'::text[] LOOP
		CONTINUE WHEN fuzz.chance(0.8);
		IF fuzz.chance(0.01) THEN
			name := fuzz.pick('{Content-Type, if-match, Prefer, ""}');
		END IF;
		headers := headers || CASE WHEN headers <> '' THEN ', ' ELSE '' END || '"' || CASE WHEN fuzz.chance(0.2) THEN lower(name) WHEN fuzz.chance(0.05) THEN upper(name) ELSE name END || '": ' ||
			CASE WHEN fuzz.chance(0.03) THEN fuzz.pick(ARRAY['null', '1', '[]', '{}', '""', '"\u0000"', '"\ud800"', '"\r\nX: y"', '"' || repeat('h', 10000) || '"', U&'"\00e9"', '"\""'])
			ELSE CASE name
				WHEN 'Content-Type' THEN CASE WHEN fuzz.chance(0.7) THEN '"application/json"' ELSE fuzz.pick('{"\"application/json; charset=utf-8\"", "\"application/merge-patch+json\"", "\"text/plain\"", "\"application/x-www-form-urlencoded\"", "\"application/json; charset=latin1\"", "\"application/jsonx\"", "\";\"", "\"application/json;;;charset=\\\"\""}') END
				WHEN 'If-Match' THEN CASE WHEN fuzz.chance(0.5) THEN to_json(etag)::text ELSE fuzz.pick('{"\"*\"", "\"W/\\\"x\\\"\"", "\"x\"", "\",,\"", "\"W/\\\"a\\\", \\\"b\\\"\"", "\"* \""}') END
				WHEN 'If-None-Match' THEN CASE WHEN fuzz.chance(0.5) THEN to_json(etag)::text ELSE fuzz.pick('{"\"*\"", "\"x\"", "\"\\\"\""}') END
				WHEN 'Idempotency-Key' THEN CASE WHEN fuzz.chance(0.9) THEN '"key-' || floor(random() * 3000)::integer || '"' ELSE fuzz.pick(ARRAY['"\"quoted\""', '"\""', '" "', '"' || repeat('k', 255) || '"', '"' || repeat('k', 256) || '"', U&'"\00e9"']) END
				WHEN 'Change-Origin' THEN CASE WHEN fuzz.chance(0.9) THEN '"crm"' ELSE fuzz.pick('{"\"\"", "\"a b\"", "\"\\u00e9\""}') END
				WHEN 'X-Original-Method' THEN '"DELETE"'
				WHEN 'X-Original-URI' THEN '"/api/v1/projects/7000001"'
				ELSE '"*/*"' END
			END;
	END LOOP;
	RETURN ('{' || headers || '}')::json;
END$$;

CREATE FUNCTION fuzz.is_json(value text) RETURNS boolean LANGUAGE plpgsql AS
	$$BEGIN PERFORM value::json; RETURN true; EXCEPTION WHEN OTHERS THEN RETURN false; END$$;

-- What is wrong with an answer; null: nothing
CREATE FUNCTION fuzz.complaint(method text, answer propstreet.response) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	type text := answer.headers -> 0 ->> 'Content-Type';
	no_body boolean := method = 'HEAD' OR answer.status IN (204, 304);
BEGIN
	IF answer.status NOT IN (200, 201, 202, 204, 304, 400, 404, 405, 409, 412, 413, 415, 422) OR answer.status IS NULL THEN
		RETURN 'status';
	ELSIF no_body <> (answer.body IS NULL) THEN
		RETURN 'body or none';
	ELSIF type IS DISTINCT FROM (CASE WHEN answer.status IN (204, 304) THEN NULL WHEN answer.status < 400 THEN 'application/json' ELSE 'application/problem+json' END) THEN
		RETURN 'Content-Type';
	ELSIF answer.headers::text ~ '[\x01-\x1f]|\\[bfnrtu]' THEN
		RETURN 'control characters in headers';
	ELSIF answer.body IS NOT NULL AND NOT fuzz.is_json(answer.body) THEN
		RETURN 'no JSON';
	ELSIF answer.status >= 400 AND NOT no_body AND (answer.body !~ '^{"type":"urn:propstreet:error:[a-z-]+","title":"' OR (answer.body::json ->> 'status')::integer <> answer.status OR answer.body::json ->> 'detail' IS NULL) THEN
		RETURN 'no problem';
	ELSIF answer.body LIKE '%SECRET%' OR answer.headers::text LIKE '%SECRET%' THEN
		RETURN 'a row of another tenant';
	END IF;
	RETURN NULL;
END$$;

-- Many requests, each in a transaction of its own
CREATE PROCEDURE fuzz.run(first bigint, requests bigint) LANGUAGE plpgsql AS $$
DECLARE
	routes CONSTANT text[] := ARRAY[
		'GET /projects list', 'POST /projects project', 'POST /projects project', 'POST /projects project', 'POST /projects project', 'GET /projects/{}', 'GET /projects/{}', 'PATCH /projects/{} patch', 'PATCH /projects/{} patch', 'DELETE /projects/{}',
		'GET /projects/{}/properties', 'GET /projects/external/{n}/{x}', 'PUT /projects/external/{n}/{x} project', 'GET /prospects list', 'GET /projects/{}/prospects list',
		'POST /projects/{}/prospects prospect', 'POST /projects/{}/prospects prospect', 'POST /projects/{}/prospects:batch batch', 'PATCH /projects/{}/prospects:batch batch_update',
		'GET /projects/{}/prospects/external/{n}/{x}', 'PUT /projects/{}/prospects/external/{n}/{x} prospect', 'GET /projects/{}/prospects/{r}',
		'PATCH /projects/{}/prospects/{r} prospect_patch', 'DELETE /projects/{}/prospects/{r}', 'GET /network/contacts/{}/projects list', 'GET /network/companies/{}/projects list',
		'GET /webhooks', 'POST /webhooks webhook', 'PATCH /webhooks/{} webhook', 'DELETE /webhooks/{}', 'POST /webhooks/{}/rotate-secret', 'POST /webhooks/{}/test',
		'POST /webhooks/{}/replay replay', 'GET /webhooks/{}/deliveries list', 'OPTIONS /projects/{}', 'GET /openapi.json', 'GET /nowhere'];
	route text[];
	method text;
	target text;
	headers json;
	body bytea;
	answer propstreet.response;
	why text;
	etag text := '"x"';
	place_of_page text := 'x';
	location text;
	projects text[] := array_fill('/projects/1'::text, ARRAY[8]);
	prospects text[] := array_fill('/projects/1/prospects/1'::text, ARRAY[8]);
	webhooks text[] := array_fill('/webhooks/1'::text, ARRAY[2]);
	slot integer;
	seen bigint[] := array_fill(0::bigint, ARRAY[600]);
BEGIN
	FOR number IN first .. first + requests - 1 LOOP
		route := string_to_array(fuzz.pick(routes), ' ');
		method := CASE WHEN route[1] = 'GET' AND fuzz.chance(0.1) THEN 'HEAD' WHEN fuzz.chance(0.96) THEN route[1]
			ELSE fuzz.pick(ARRAY['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'get', '', ' ', 'G T', U&'\00e9', repeat('M', 1000), E'GET\n']) END;
		IF fuzz.chance(0.6) THEN
			route[2] := replace(replace(replace(route[2], '/projects/{}/prospects/{r}', fuzz.pick(prospects)), '/projects/{}', fuzz.pick(projects)), '/webhooks/{}', fuzz.pick(webhooks));
		END IF;
		target := replace(route[2], '{}', fuzz.id());
		IF target LIKE '%{%' THEN
			target := replace(replace(replace(target, '{r}', fuzz.id()), '{n}', fuzz.namespace()), '{x}', fuzz.external_id());
		END IF;
		target := '/api/v1' || target || CASE WHEN fuzz.chance(CASE WHEN route[3] = 'list' THEN 0.8 ELSE 0.1 END) THEN fuzz.query(place_of_page) ELSE '' END;
		IF fuzz.chance(0.08) THEN
			target := overlay(target PLACING fuzz.pick(ARRAY['%', '%3', '%zz', '%00', '%ff', '%2F', '%3a', '%31', '/', '//', '?', '&', '=', '+', '#', ' ', E'\n', U&'\00e9', '%C3%A9', '..', ';', '"', '<', '\', ':batch', '', repeat('/a', 20), repeat('z', 3000)])
				FROM 1 + floor(random() * length(target))::integer FOR floor(random() * 3)::integer);
		END IF;
		headers := fuzz.headers(etag);
		body := convert_to(fuzz.body(COALESCE(route[3], '')), 'UTF8');
		body := CASE WHEN fuzz.chance(0.08) THEN fuzz.mutated(body) WHEN fuzz.chance(0.02) THEN NULL WHEN fuzz.chance(0.02) THEN convert_to(fuzz.body(fuzz.pick('{project, prospect, batch, webhook}')), 'UTF8') ELSE body END;

		SELECT * INTO answer FROM propstreet.handle(method, target, headers, body);
		why := fuzz.complaint(method, answer);
		IF why IS NOT NULL THEN
			INSERT INTO fuzz.failure VALUES (number, why, method, target, headers, body, answer.status, answer.headers, answer.body);
		END IF;
		COMMIT;
		seen[answer.status] := seen[answer.status] + 1;
		IF answer.status = 201 THEN
			location := substring(answer.headers::text FROM '"Location":"/api/v1([^"]+)"');
			slot := 1 + floor(random() * 8)::integer;
			IF location LIKE '/webhooks/%' THEN
				webhooks[1 + slot % 2] := location;
			ELSIF location LIKE '%/prospects/%' THEN
				prospects[slot] := location;
			ELSE
				projects[slot] := location;
			END IF;
		END IF;
		IF fuzz.chance(0.3) THEN
			etag := COALESCE(substring(answer.body FROM '"etag":"(W/\\"[0-9a-f]+\\")"'), etag);
			place_of_page := COALESCE(substring(answer.body FROM '"nextCursor":"([^"]+)"'), place_of_page);
		END IF;
	END LOOP;
	INSERT INTO fuzz.seen AS s SELECT status, count FROM unnest(seen) WITH ORDINALITY AS u (count, status) WHERE count > 0
	ON CONFLICT (status) DO UPDATE SET requests = s.requests + EXCLUDED.requests;
END$$;

-- Fresh data for both tenants
CREATE PROCEDURE fuzz.begin() LANGUAGE plpgsql AS $$
BEGIN
	TRUNCATE propstreet.company, propstreet.contact, propstreet.investment_strategy, propstreet.property, propstreet.project_property, propstreet.project, propstreet.prospect,
		propstreet.project_external_ref, propstreet.prospect_external_ref, propstreet.idempotency_key, propstreet.event, propstreet.webhook, propstreet.webhook_delivery, propstreet.webhook_secret RESTART IDENTITY;
	FOR tenant IN 1 .. 2 LOOP
		PERFORM propstreet.set_tenant(tenant);
		INSERT INTO propstreet.company (id, name, tags) SELECT i, m || 'Company', ARRAY[m || 'tier-1'] FROM fuzz.ids(tenant) AS f (i, m);
		INSERT INTO propstreet.contact (id, name, company_id, tags, blocked) SELECT i, m || 'Contact', CASE WHEN i % 2 = 0 THEN i END, ARRAY[m || 'a', m || 'tier-1'], i % 10 = 0 FROM fuzz.ids(tenant) AS f (i, m);
		INSERT INTO propstreet.property (id, profile) SELECT i, jsonb_build_object('name', m || 'Property') FROM fuzz.ids(tenant) AS f (i, m);
		INSERT INTO propstreet.project (id, name, external_refs) SELECT i, m || 'Project', ARRAY[propstreet.external_ref('crm', 'deal-' || i % 100), propstreet.external_ref('of', m || i)] FROM fuzz.ids(tenant) AS f (i, m);
		INSERT INTO propstreet.project_property (project_id, property_id) SELECT i, i FROM fuzz.ids(tenant) AS f (i, m);
		INSERT INTO propstreet.prospect (id, project_id, contact_id, external_refs) SELECT i, i, i, ARRAY[propstreet.external_ref('crm', 'deal-' || i % 100)] FROM fuzz.ids(tenant) AS f (i, m) WHERE i % 10 <> 0;
		PERFORM propstreet.webhook_create(json_build_object('url', 'https://example.com/' || trim(m), 'name', m || 'Webhook', 'events', ARRAY['project.updated', 'prospect.created'])) FROM fuzz.ids(tenant) AS f (i, m) LIMIT 1;
	END LOOP;
	PERFORM setval('propstreet.project_id_seq', 60), setval('propstreet.prospect_id_seq', 60);
	PERFORM propstreet.set_tenant(1);
END$$;

CREATE FUNCTION fuzz.ids(tenant integer) RETURNS TABLE (i bigint, m text) LANGUAGE sql AS
	$$SELECT g + CASE WHEN tenant = 2 THEN 7000000 ELSE 0 END, CASE WHEN tenant = 2 THEN 'SECRET ' ELSE '' END FROM generate_series(1, 60) AS g$$;

-- Every list with all kinds of filters, and large bodies, so that the session has all plans that it keeps, and the memory
CREATE PROCEDURE fuzz.warm() LANGUAGE plpgsql AS $$
DECLARE
	target text;
BEGIN
	FOR target IN SELECT concat('/api/v1', list, '?page_size=2', deleted, since, cursor, filter, classification)
			FROM unnest('{/projects, /prospects, /projects/1/prospects, /network/contacts/1/projects, /network/companies/1/projects, /webhooks/1/deliveries}'::text[]) AS list,
				unnest('{"", "&include_deleted=true"}'::text[]) AS deleted, unnest('{"", "&updated_since=2026-01-01T00:00:00Z"}'::text[]) AS since,
				unnest('{"", "&cursor=eyJ1IjoiMjAyNi0wMS0xNVQxMDowMDowMFoiLCJpIjoxMjN9"}'::text[]) AS cursor,
				unnest('{"", "&status=open", "&status=deleted", "&status=pending", "&teaser_stage=published", "&status=open&teaser_stage=published", "&capability=chat", "&tags=a", "&capability=chat&tags=a"}'::text[]) AS filter,
				unnest('{"", "&classification=draft", "&classification=contacted"}'::text[]) AS classification LOOP
		PERFORM FROM propstreet.handle('GET', target);
		COMMIT;
	END LOOP;
	FOR i IN 1 .. 5 LOOP
		PERFORM FROM propstreet.handle('POST', '/api/v1/projects', '{}', convert_to('{"name": "' || repeat('x', 1048500 + i * 20) || '"}', 'UTF8'));
		COMMIT;
	END LOOP;
END$$;

-- All that tenant 2 has
CREATE FUNCTION fuzz.tenant_2() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	name regclass;
	found text;
	result text := '';
BEGIN
	FOR name IN SELECT c.oid FROM pg_class AS c WHERE c.relnamespace = 'propstreet'::regnamespace AND c.relkind = 'r'
			AND EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attname = 'tenant_id') ORDER BY c.relname LOOP
		EXECUTE format('SELECT string_agg(t::text, '','' ORDER BY t::text) FROM %s AS t WHERE tenant_id <> 1', name) INTO found;
		result := result || name || ':' || COALESCE(found, '') || E'\n';
	END LOOP;
	RETURN md5(result);
END$$;
