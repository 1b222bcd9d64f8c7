-- prospect_add_batch: a result per item, in every mixture
\i test/preamble.sql
\pset tuples_only off
SET propstreet.tenant_id = '411';
\pset footer off

INSERT INTO propstreet.company (id, name, tags, blocked) VALUES (201, 'Acme', '{tier-1}', false), (202, 'Bolt', '{}', false), (203, 'Cold', '{}', true);
INSERT INTO propstreet.contact (id, company_id, name, tags, blocked) VALUES
	(101, 201, 'Ada', '{repeat-buyer,tier-2}', false), (102, NULL, 'Bo', '{}', false), (103, NULL, 'Cy', '{}', false), (104, NULL, 'Di', '{}', true),
	(105, 203, 'Ed', '{}', false), (106, NULL, 'Flo', '{}', false), (107, NULL, 'Gus', '{}', false), (108, NULL, 'Hal', '{}', false);
INSERT INTO propstreet.contact (id, name) SELECT g, 'Contact ' || g FROM generate_series(1001, 1101) AS g;
INSERT INTO propstreet.project (id, name) SELECT g, 'Project ' || g FROM generate_series(120, 150) AS g;
INSERT INTO propstreet.company (tenant_id, id, name) VALUES (412, 291, 'Other tenant''s');
INSERT INTO propstreet.contact (tenant_id, id, name) VALUES (412, 191, 'Other tenant''s');
INSERT INTO propstreet.project (tenant_id, id, name) VALUES (412, 191, 'Other tenant''s');

-- An item of an answer, the ids of prospects replaced by whom they stand for
CREATE FUNCTION pg_temp.named(item json) RETURNS text LANGUAGE sql AS $$
	SELECT coalesce(regexp_replace(item::text, '"(id|prospectId)":"' || p.id || '"',
		format('"\1":<%s%s>', coalesce('contact ' || p.contact_id, 'company ' || p.company_id), CASE WHEN p.deleted_utc IS NOT NULL THEN ', removed' END)), item::text)
	FROM (SELECT) AS one
	LEFT JOIN propstreet.prospect AS p ON p.tenant_id = propstreet.current_tenant() AND p.id = substring(item::text FROM '"(?:id|prospectId)":"(\d+)"')::bigint
$$;
CREATE FUNCTION pg_temp.add_body(project bigint, body text) RETURNS TABLE (list text, item text) LANGUAGE plpgsql AS $$
DECLARE
	answer json := propstreet.prospect_add_batch(project, body::json);
BEGIN
	RETURN QUERY SELECT l.key, pg_temp.named(i.item)
	FROM json_each(answer) WITH ORDINALITY AS l, json_array_elements(l.value) WITH ORDINALITY AS i (item, n) ORDER BY l.ordinality, i.n;
END
$$;
CREATE FUNCTION pg_temp.add_items(project bigint, VARIADIC items text[]) RETURNS TABLE (list text, item text) LANGUAGE sql AS $$
	SELECT * FROM pg_temp.add_body(project, format('{"items": [%s]}', array_to_string(items, ', ')))
$$;
CREATE FUNCTION pg_temp.refused(command text, OUT state text, OUT message text, OUT detail text) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE command;
	state := 'none';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
END
$$;

-- The guide's example gives the guide's answer; ours also says which prospect the duplicate is
SELECT nextval('propstreet.prospect_id_seq') AS next_id, setval('propstreet.prospect_id_seq', 454) AS before_guide \gset
SELECT propstreet.prospect_add(123, '{"contactId": "103"}') ->> 'id' AS cy;
SELECT propstreet.prospect_add_batch(123, '{
  "items": [
    { "contactId": "101" },
    { "contactId": "102", "externalRefs": [{ "namespace": "hubspot", "id": "deal-789" }] },
    { "companyId": "201" },
    { "contactId": "103" }
  ]
}') AS answer \gset
SELECT setval('propstreet.prospect_id_seq', greatest(:next_id, 458)) > 0 AS sequence_goes_on;
SELECT :'answer'::jsonb #- '{failed,0,prospectId}' = '{
  "created": [
    { "id": "456", "contactId": "101" },
    {
      "id": "457",
      "contactId": "102",
      "externalRefs": [{ "namespace": "hubspot", "id": "deal-789" }]
    },
    { "id": "458", "companyId": "201" }
  ],
  "failed": [
    {
      "index": 3,
      "contactId": "103",
      "error": "duplicate",
      "message": "Contact already exists as prospect in this project"
    }
  ]
}'::jsonb AS as_in_the_guide, :'answer'::json #>> '{failed,0,prospectId}' AS prospect_id;
SELECT :'answer' AS answer;
-- What came of it is what single adds make
SELECT propstreet.prospect_add(120, '{"contactId": "101"}') IS NOT NULL AND propstreet.prospect_add(120, '{"contactId": "102", "externalRefs": [{"namespace": "hubspot", "id": "deal-789"}]}') IS NOT NULL
	AND propstreet.prospect_add(120, '{"companyId": "201"}') IS NOT NULL AND propstreet.prospect_add(120, '{"contactId": "103"}') IS NOT NULL AS added;
SELECT project_id, contact_id, company_id, classification, tags, external_refs, revision, created_utc = updated_utc AS same_moment, deleted_utc, deadline_utc, accepted_utc
FROM propstreet.prospect WHERE tenant_id = 411 AND project_id IN (120, 123) ORDER BY contact_id, company_id, project_id;

-- Items that are no good, each in a batch of its own
SELECT given.item AS given, answer.item FROM unnest(ARRAY[
	'null', '101', '"101"', '[]', 'true',
	'{}', '{"contactId": null}', '{"contactId": null, "companyId": null}', '{"contactId": "101", "companyId": "201"}', '{"contactId": "101", "companyId": "x"}',
	'{"contactId": "106", "name": "Flo"}', '{"contactId": "106", "ifMatch": "*"}', '{"contactId": "106", "tags": []}', '{"contactId": "106", "id": "0"}', '{"contactId": "106", "id": "x"}',
	'{"contactId": "106", "projectId": "123"}', '{"contactId": "106", "classification": "hot"}', '{"contactId": "106", "classification": 1}',
	'{"contactId": "106", "clientRef": 1}', '{"contactId": "106", "clientRef": null}', '{"contactId": "x", "clientRef": {"a": 1}}',
	'{"contactId": "106", "externalRefs": {}}', '{"contactId": "106", "externalRefs": [null]}', '{"contactId": "106", "externalRefs": ["hubspot:1"]}',
	'{"contactId": "106", "externalRefs": [{"namespace": "hubspot"}]}', '{"contactId": "106", "externalRefs": [{"namespace": "hub spot", "id": ""}]}',
	'{"contactId": "106", "externalRefs": [{"namespace": "crm", "id": "1"}, {"namespace": "CRM", "id": "2"}]}',
	'{"contactId": "106", "externalRefs": [{"namespace": "crm", "id": "1", "url": "http://"}]}',
	'{"contactId": 106}', '{"contactId": 1.5}', '{"contactId": true}', '{"contactId": []}', '{"contactId": {"id": "106"}}', '{"companyId": 201}', '{"companyId": false}',
	'{"contactId": ""}', '{"contactId": "0"}', '{"contactId": "-106"}', '{"contactId": "+106"}', '{"contactId": "0106"}', '{"contactId": " 106"}', '{"contactId": "106 "}', '{"contactId": "1e2"}',
	'{"contactId": "0x6a"}', '{"contactId": "106.0"}', '{"contactId": "106x"}', '{"contactId": "9223372036854775808"}', '{"contactId": "99999999999999999999999999"}', '{"contactId": "١٠٦"}',
	'{"contactId": "x", "companyId": null}', '{"companyId": "C-201"}', '{"contactId": "x", "classification": "hot"}',
	'{"contactId": "999"}', '{"contactId": "9223372036854775807"}', '{"companyId": "999"}', '{"contactId": "201"}', '{"companyId": "101"}', '{"contactId": "191"}', '{"companyId": "291"}',
	'{"contactId": "104"}', '{"companyId": "203"}', '{"contactId": "101"}', '{"companyId": "201"}',
	'{"contactId": "106", "externalRefs": [{"namespace": "HubSpot", "id": "deal-789"}]}']) AS given (item), pg_temp.add_items(123, given.item) AS answer;
SELECT item::json ->> 'error' AS error, left(item::json ->> 'message', 80) AS message
FROM pg_temp.add_items(123, (SELECT json_build_object('contactId', '106', 'externalRefs', json_agg(json_build_object('namespace', 'n' || g, 'id', '1'))) FROM generate_series(1, 21) AS g)::text);
-- Of too many problems the last says that there are more
SELECT item::json ->> 'error' AS error, right(item::json ->> 'message', 100) AS message FROM pg_temp.add_items(123, (SELECT json_object_agg('field' || g, g) FROM generate_series(1, 150) AS g)::text);
SELECT count(*) FROM propstreet.prospect WHERE tenant_id = 411 AND project_id = 123;

-- What is optional: a classification, references, a reference of the client's own; null is as good as absent; a contact of a blocked company is not blocked itself
SELECT * FROM pg_temp.add_items(124, '{"contactId": "106", "classification": "bidder", "clientRef": "row 1"}', '{"contactId": "107", "companyId": null, "classification": null, "externalRefs": null}',
	'{"companyId": "202", "externalRefs": [], "clientRef": ""}', '{"clientRef": "\u00e9\"\\\n", "externalRefs": [{"id": "Ü:1", "namespace": "Pipe.Drive_2"}, {"namespace": "a", "id": "b"}], "contactId": "105"}',
	'{"contactId": "104", "clientRef": "blocked"}', '{"contactId": "x", "clientRef": "malformed"}', '{"clientRef": "nobody"}');
SELECT contact_id, company_id, classification, external_refs FROM propstreet.prospect WHERE tenant_id = 411 AND project_id = 124 ORDER BY contact_id;

-- All of it at once; both lists in the order of the request
SELECT * FROM pg_temp.add_items(125, '{"companyId": "202", "clientRef": "first"}', '{"contactId": "108"}', '{"contactId": "999"}', '{"contactId": "102", "externalRefs": [{"namespace": "a", "id": "1"}]}',
	'{"contactId": 1}', '{"contactId": "104"}', '{}', '{"contactId": "102"}', '{"contactId": "101", "externalRefs": [{"namespace": "A", "id": "1"}]}',
	'{"companyId": "203"}', '{"companyId": "202"}', '{"contactId": "103", "bad": 1}', '{"contactId": "103", "classification": "interested"}', '{"companyId": "291"}', '{"contactId": "101"}');
-- And again: what was created is there now
SELECT * FROM pg_temp.add_items(125, '{"companyId": "202", "clientRef": "first"}', '{"contactId": "108"}', '{"contactId": "999"}', '{"contactId": "102", "externalRefs": [{"namespace": "a", "id": "1"}]}',
	'{"contactId": 1}', '{"contactId": "107", "externalRefs": [{"namespace": "a", "id": "1"}]}');

-- A contact three times, a contact and its company, a company and its contact
SELECT * FROM pg_temp.add_items(126, '{"contactId": "101"}', '{"contactId": "101", "clientRef": "second"}', '{"companyId": "201"}', '{"contactId": "101"}', '{"companyId": "201"}');
SELECT * FROM pg_temp.add_items(127, '{"companyId": "201"}', '{"contactId": "101"}');
-- One that was blocked after it was added is still a duplicate
UPDATE propstreet.contact SET blocked = true WHERE tenant_id = 411 AND id = 101;
SELECT * FROM pg_temp.add_items(127, '{"contactId": "101"}');
UPDATE propstreet.contact SET blocked = false WHERE tenant_id = 411 AND id = 101;
-- The first one wins, if it is any good
SELECT * FROM pg_temp.add_items(128, '{"contactId": "101", "classification": "hot"}', '{"contactId": "101", "classification": "bidder"}', '{"contactId": "101"}');
SELECT * FROM pg_temp.add_items(128, '{"contactId": "104"}', '{"contactId": "104"}', '{"contactId": "999"}', '{"contactId": "999"}');

-- References: within the batch, with the project, with one that was removed; an item that fails takes none
SELECT * FROM pg_temp.add_items(129, '{"contactId": "101", "externalRefs": [{"namespace": "crm", "id": "a"}, {"namespace": "erp", "id": "1"}]}',
	'{"contactId": "102", "externalRefs": [{"namespace": "CRM", "id": "a"}]}', '{"contactId": "103", "externalRefs": [{"namespace": "crm", "id": "b"}, {"namespace": "ERP", "id": "1"}]}',
	'{"contactId": "104", "externalRefs": [{"namespace": "crm", "id": "b"}]}', '{"contactId": "106", "externalRefs": [{"namespace": "crm", "id": "b"}]}',
	'{"contactId": "107", "externalRefs": [{"namespace": "crm", "id": "B"}]}', '{"companyId": "202", "externalRefs": [{"namespace": "crm", "id": "b"}]}');
SELECT * FROM pg_temp.add_items(129, '{"contactId": "103", "externalRefs": [{"namespace": "x", "id": "y"}, {"namespace": "crm", "id": "a"}]}', '{"contactId": "108", "externalRefs": [{"namespace": "x", "id": "y"}]}');
-- Another project may use the same ones, a project itself and another tenant too
SELECT propstreet.project_update(130, '{"externalRefs": [{"namespace": "crm", "id": "a"}]}') IS NOT NULL AS project_has_it;
SELECT * FROM pg_temp.add_items(130, '{"contactId": "101", "externalRefs": [{"namespace": "crm", "id": "a"}, {"namespace": "erp", "id": "1"}]}', '{"contactId": "103", "externalRefs": [{"namespace": "crm", "id": "b"}]}');
SELECT propstreet.prospect_remove(129, id) FROM propstreet.prospect WHERE tenant_id = 411 AND project_id = 129 AND contact_id IN (101, 106);
SELECT * FROM pg_temp.add_items(129, '{"contactId": "102", "externalRefs": [{"namespace": "crm", "id": "a"}]}', '{"contactId": "103", "externalRefs": [{"namespace": "erp", "id": "1"}]}', '{"contactId": "101", "externalRefs": [{"namespace": "crm", "id": "b"}]}');
SELECT id = max(id) OVER (PARTITION BY contact_id) AS newest, contact_id, external_refs, deleted_utc IS NOT NULL AS removed, revision
FROM propstreet.prospect WHERE tenant_id = 411 AND project_id = 129 AND contact_id IN (101, 106) ORDER BY id;

-- 0, 1, 2, 99, 100 and 101 items; all failing; 20 references each
CREATE FUNCTION pg_temp.many(count integer, refs integer DEFAULT 0) RETURNS text LANGUAGE sql AS $$
	SELECT json_build_object('items', coalesce(json_agg(CASE WHEN refs = 0 THEN json_build_object('contactId', g::text)
		ELSE json_build_object('contactId', g::text, 'externalRefs', (SELECT json_agg(json_build_object('namespace', 'n' || r, 'id', repeat('x', 250) || g)) FROM generate_series(1, refs) AS r)) END ORDER BY g), '[]'))::text
	FROM generate_series(1001, 1000 + count) AS g
$$;
SELECT n, answer.*
FROM (VALUES (1, 131), (2, 132), (99, 133), (100, 134)) AS v (n, project),
	LATERAL (SELECT count(*) FILTER (WHERE list = 'created') AS created, count(*) FILTER (WHERE list = 'failed') AS failed,
		array_agg(item ORDER BY ordinality) = array_agg(format('{"id":<contact %1$s>,"contactId":"%1$s"}', 1000 + ordinality) ORDER BY ordinality) AS in_order
		FROM pg_temp.add_body(project, pg_temp.many(n)) WITH ORDINALITY) AS answer ORDER BY n;
SELECT n, refused.* FROM unnest(ARRAY[0, 101]) AS n, pg_temp.refused(format('SELECT propstreet.prospect_add_batch(135, %L)', pg_temp.many(n))) AS refused;
SELECT count(*), bool_and(item = format('{"index":%s,"contactId":"%2$s","error":"duplicate","message":"Contact already exists as prospect in this project","prospectId":<contact %2$s>}', n - 1, n + 1000)) AS in_order
FROM pg_temp.add_body(134, pg_temp.many(100)) WITH ORDINALITY AS answer (list, item, n) WHERE list = 'failed';
SELECT list, count(*) FROM pg_temp.add_body(136, pg_temp.many(100, 20)) GROUP BY list;
SELECT count(*), min(item) FROM pg_temp.add_body(136, replace(pg_temp.many(100, 20), '"contactId" : "1', '"contactId" : "10')) AS answer WHERE item ~ '"not_added"';
SELECT project_id, count(*), sum(cardinality(external_refs)) FROM propstreet.prospect WHERE tenant_id = 411 AND project_id BETWEEN 131 AND 136 GROUP BY project_id ORDER BY project_id;

-- What refuses the whole call
SELECT body, refused.* FROM unnest(ARRAY['null', '[]', '"items"', '{}', '{"items": null}', '{"items": {}}', '{"items": "101"}', '{"items": [], "atomic": true}',
	'{"items": [{"contactId": "101"}], "projectId": "137"}', '{"Items": [{"contactId": "101"}]}', '{"items": [{"contactId": "101"}], "clientRef": "x"}',
	'{"items": [{"contactId": "101"}], "atomic": null}', '{"items": [{"contactId": "101"}], "atomic": "true"}', '{"items": [{"contactId": "101"}], "atomic": 1}',
	'{"items": [{"contactId": "101"}], "items": [{"contactId": "102"}]}', '{"items": [{"contactId": "101", "contactId": "102"}]}',
	'{"items": [{"contactId": "101", "clientRef": "\u0000"}]}', '{"items": [{"contactId": "\ud800"}]}']) AS body,
	pg_temp.refused(format('SELECT propstreet.prospect_add_batch(137, %L)', body)) AS refused;
SELECT refused.* FROM unnest(ARRAY['NULL, ''{}''', '137, NULL', '191, ''{"items": [{"contactId": "101"}]}''', '999, ''{"items": [{"contactId": "101"}]}''', '999, ''{"items": []}''']) AS arguments,
	pg_temp.refused(format('SELECT propstreet.prospect_add_batch(%s)', arguments)) AS refused;
SELECT propstreet.project_close(137) ->> 'status' AS closed_is_writable;
SELECT * FROM pg_temp.add_items(137, '{"contactId": "101"}');
SELECT propstreet.project_delete(137);
SELECT * FROM pg_temp.refused($$SELECT propstreet.prospect_add_batch(137, '{"items": [{"contactId": "102"}]}')$$);
SELECT count(*) FROM propstreet.prospect WHERE tenant_id = 411 AND project_id = 137;
SET propstreet.tenant_id = '';
SELECT state, message FROM pg_temp.refused($$SELECT propstreet.prospect_add_batch(138, '{"items": [{"contactId": "102"}]}')$$);
SET propstreet.tenant_id = '411';

-- Atomic: all or nothing
SELECT refused.* FROM pg_temp.refused($$SELECT propstreet.prospect_add_batch(139, '{"atomic": true, "items": [{"contactId": "101"}, {"contactId": "102"}, {"contactId": "101", "clientRef": "again"}, {"contactId": "x"}]}')$$) AS refused;
SELECT refused.* FROM pg_temp.refused($$SELECT propstreet.prospect_add_batch(139, '{"items": [{"contactId": "999"}], "atomic": true}')$$) AS refused;
SELECT count(*) FROM propstreet.prospect WHERE tenant_id = 411 AND project_id = 139;
SELECT * FROM pg_temp.add_body(139, '{"atomic": true, "items": [{"contactId": "101", "externalRefs": [{"namespace": "a", "id": "1"}]}, {"contactId": "102"}]}');
SELECT refused.detail::json -> 0 -> 'failed' -> 0 ->> 'error' AS error
FROM pg_temp.refused($$SELECT propstreet.prospect_add_batch(139, '{"atomic": true, "items": [{"contactId": "103", "externalRefs": [{"namespace": "a", "id": "1"}]}, {"contactId": "106"}]}')$$) AS refused;
SELECT * FROM pg_temp.add_body(139, '{"atomic": false, "items": [{"contactId": "101"}, {"contactId": "103"}]}');

-- A batch does what its items would do one after another: 300 random ones, in two projects at a time
SELECT setseed(0.4);
CREATE TEMP TABLE random_batch AS
SELECT batch, item, (ARRAY['{"contactId": "10%s"', '{"contactId": "10%s"', '{"contactId": "10%s"', '{"companyId": "20%s"', '{"contactId": "%s"', '{"contactId": "0%s"'])[ceil(random() * 6)] AS who, ceil(random() * 8)::integer AS id,
	CASE WHEN random() < 0.5 THEN format(', "externalRefs": [{"namespace": "crm", "id": "%s"}%s]', ceil(random() * 4), CASE WHEN random() < 0.3 THEN format(', {"namespace": "erp", "id": "%s"}', ceil(random() * 3)) END) ELSE '' END AS refs,
	CASE WHEN random() < 0.1 THEN ', "classification": "hot"' ELSE '' END AS bad
FROM generate_series(1, 300) AS batch, generate_series(1, 12) AS item;
CREATE FUNCTION pg_temp.one_by_one(project bigint, items json[], OUT results text[]) LANGUAGE plpgsql AS $$
DECLARE
	item json;
	result text;
	message text;
BEGIN
	FOREACH item IN ARRAY items LOOP
		BEGIN
			PERFORM propstreet.prospect_add(project, item);
			result := 'created';
		EXCEPTION WHEN OTHERS THEN
			GET STACKED DIAGNOSTICS message = MESSAGE_TEXT;
			result := CASE SQLSTATE WHEN 'PT404' THEN 'not_added' WHEN 'PT409' THEN CASE WHEN message ~ 'blocked' THEN 'not_added' ELSE 'duplicate' END
				WHEN 'PT400' THEN CASE WHEN message ~ 'must be an id.*"$' THEN 'invalid_id' ELSE 'validation_error' END ELSE SQLSTATE || message END;
		END;
		results := results || result;
	END LOOP;
END
$$;
CREATE FUNCTION pg_temp.together(project bigint, items json[], OUT results text[]) LANGUAGE plpgsql AS $$
DECLARE
	answer json := propstreet.prospect_add_batch(project, json_build_object('items', array_to_json(items)));
BEGIN
	SELECT array_agg(coalesce(failed ->> 'error', 'created') ORDER BY n) INTO results
	FROM generate_series(1, cardinality(items)) AS n LEFT JOIN json_array_elements(answer -> 'failed') AS failed ON (failed ->> 'index')::integer = n - 1;
END
$$;
BEGIN;
INSERT INTO propstreet.project (id, name) SELECT 10000 + g, 'one by one, then together' FROM generate_series(1, 600) AS g;
CREATE TEMP TABLE outcome AS
SELECT batch, pg_temp.one_by_one(10000 + 2 * batch, items) AS singly, pg_temp.together(9999 + 2 * batch, items) AS together
FROM (SELECT batch, array_agg((format(who, id) || refs || bad || '}')::json ORDER BY item) AS items FROM random_batch GROUP BY batch) AS batches;
SELECT count(*), count(*) FILTER (WHERE singly <> together) AS different FROM outcome;
SELECT result, count(*) > 50 AS often FROM outcome, unnest(together) AS result GROUP BY result ORDER BY result;
SELECT count(*) > 1000 AS created, count(*) FILTER (WHERE a IS NULL OR b IS NULL) AS different
FROM (SELECT project_id / 2 AS pair, contact_id, company_id, classification, tags, external_refs FROM propstreet.prospect WHERE tenant_id = 411 AND project_id > 10000 AND project_id % 2 = 0) AS a
FULL JOIN (SELECT (project_id + 1) / 2 AS pair, contact_id, company_id, classification, tags, external_refs FROM propstreet.prospect WHERE tenant_id = 411 AND project_id > 10000 AND project_id % 2 = 1) AS b
ON a.pair = b.pair AND a.contact_id IS NOT DISTINCT FROM b.contact_id AND a.company_id IS NOT DISTINCT FROM b.company_id AND a.classification = b.classification AND a.tags = b.tags AND a.external_refs::text = b.external_refs::text;
ROLLBACK;

-- Columns that users add, and triggers of theirs
BEGIN;
ALTER TABLE propstreet.prospect ADD COLUMN gone integer, ADD COLUMN note text NOT NULL DEFAULT 'none';
SELECT * FROM pg_temp.add_items(140, '{"contactId": "101"}');
ALTER TABLE propstreet.prospect DROP COLUMN gone;
SELECT * FROM pg_temp.add_items(140, '{"contactId": "102"}');
SELECT contact_id, note FROM propstreet.prospect WHERE tenant_id = 411 AND project_id = 140 ORDER BY id;
CREATE FUNCTION pg_temp.skip() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER skip BEFORE INSERT ON propstreet.prospect FOR EACH ROW WHEN (new.contact_id = 107) EXECUTE FUNCTION pg_temp.skip();
-- an item that is never written, whatever is tried
SELECT * FROM pg_temp.refused($$SELECT propstreet.prospect_add_batch(140, '{"items": [{"contactId": "106"}, {"contactId": "107"}]}')$$);
CREATE FUNCTION pg_temp.refuse() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'not this one' USING ERRCODE = 'raise_exception'; END$$;
CREATE TRIGGER refuse BEFORE INSERT ON propstreet.prospect FOR EACH ROW WHEN (new.contact_id = 108) EXECUTE FUNCTION pg_temp.refuse();
SELECT * FROM pg_temp.refused($$SELECT propstreet.prospect_add_batch(140, '{"items": [{"contactId": "106"}, {"contactId": "108", "externalRefs": [{"namespace": "a", "id": "1"}]}]}')$$);
SELECT * FROM pg_temp.add_items(140, '{"contactId": "106"}');
ROLLBACK;
SELECT * FROM pg_temp.add_items(140, '{"contactId": "101"}');

-- Ids given by hand, and the sequence behind: some are passed over, many have to be passed as doc/sql.md says
BEGIN;
INSERT INTO propstreet.prospect (id, project_id, contact_id) SELECT 1000000 + g, 149, 1000 + g FROM generate_series(1, 3) AS g;
ALTER TABLE propstreet.prospect ALTER id RESTART 1000001;
SELECT * FROM pg_temp.add_items(149, '{"contactId": "101"}', '{"contactId": "102"}');
INSERT INTO propstreet.prospect (id, project_id, contact_id) SELECT 2000000 + g, 149, 1003 + g FROM generate_series(1, 50) AS g;
ALTER TABLE propstreet.prospect ALTER id RESTART 2000001;
SELECT * FROM pg_temp.refused($$SELECT propstreet.prospect_add_batch(149, '{"items": [{"contactId": "103"}]}')$$);
SELECT setval(pg_get_serial_sequence('propstreet.prospect', 'id'), max(id)) FROM propstreet.prospect;
SELECT * FROM pg_temp.add_items(149, '{"contactId": "103"}');
ROLLBACK;

SELECT * FROM propstreet.check() WHERE tenant_id IN (411, 412);
