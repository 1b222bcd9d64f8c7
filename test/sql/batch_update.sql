-- prospect_update_batch: a result per item, in every mixture
\i test/preamble.sql
\pset tuples_only off
SET propstreet.tenant_id = '421';
\pset footer off

INSERT INTO propstreet.company (id, name, tags) VALUES (201, 'Acme', '{tier-1}');
INSERT INTO propstreet.contact (id, name, tags) SELECT g, 'Contact ' || g, ARRAY['tag ' || g] FROM generate_series(101, 210) AS g;
INSERT INTO propstreet.project (id, name) SELECT g, 'Project ' || g FROM generate_series(1, 9) AS g;
-- Prospects have ids that no sequence has reached: 900001 is contact 101 in project 1, and so on
INSERT INTO propstreet.prospect (id, project_id, contact_id) SELECT 899900 + g, 1, g FROM generate_series(101, 200) AS g;
INSERT INTO propstreet.prospect (id, project_id, company_id, classification) VALUES (900101, 1, 201, 'bidder');
INSERT INTO propstreet.prospect (id, project_id, contact_id, external_refs) VALUES (900201, 2, 101, '{crm:a,erp:1}'), (900202, 2, 102, '{crm:b}'), (900203, 2, 103, '{}'), (900204, 2, 104, '{crm:d}'), (900205, 2, 105, '{x:gone}');
SELECT propstreet.prospect_remove(2, 900205);
INSERT INTO propstreet.project (tenant_id, id, name) VALUES (422, 1, 'Other tenant''s');
INSERT INTO propstreet.contact (tenant_id, id, name) VALUES (422, 101, 'Other tenant''s');
INSERT INTO propstreet.prospect (tenant_id, id, project_id, contact_id) VALUES (422, 900901, 1, 101);

CREATE FUNCTION pg_temp.tag(prospect bigint) RETURNS text LANGUAGE sql AS $$
	SELECT etag::text FROM propstreet.prospect_delta WHERE tenant_id = propstreet.current_tenant() AND id = prospect
$$;
-- The results of a batch; of an ETag, whether it is that of the prospect
CREATE FUNCTION pg_temp.update_body(project bigint, body text) RETURNS TABLE (list text, item text) LANGUAGE plpgsql AS $$
DECLARE
	answer json := propstreet.prospect_update_batch(project, body::json);
BEGIN
	RETURN QUERY SELECT l.key, replace(i.item::text, to_json(pg_temp.tag((i.item ->> 'id')::bigint))::text, '"<its own>"')
	FROM json_each(answer) WITH ORDINALITY AS l, json_array_elements(l.value) WITH ORDINALITY AS i (item, n)
	WHERE l.key = 'updated' ORDER BY l.ordinality, i.n;
	RETURN QUERY SELECT 'failed', i.item::text FROM json_array_elements(answer -> 'failed') WITH ORDINALITY AS i (item, n) ORDER BY i.n;
END
$$;
CREATE FUNCTION pg_temp.update_items(project bigint, VARIADIC items text[]) RETURNS TABLE (list text, item text) LANGUAGE sql AS $$
	SELECT * FROM pg_temp.update_body(project, format('{"items": [%s]}', array_to_string(items, ', ')))
$$;
CREATE FUNCTION pg_temp.refused(command text, OUT state text, OUT message text, OUT detail text) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE command;
	state := 'none';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
END
$$;
CREATE FUNCTION pg_temp.stored(project bigint) RETURNS TABLE (id bigint, classification propstreet.prospect_classification, external_refs propstreet.external_ref[], revision bigint) LANGUAGE sql AS $$
	SELECT id, classification, external_refs, revision FROM propstreet.prospect WHERE tenant_id = propstreet.current_tenant() AND project_id = project AND revision > 1 ORDER BY id
$$;

-- Updated and unchanged, in the order of the request; null clears; what is not given stays, and so do the copies
SELECT * FROM pg_temp.update_items(1, '{"id": "900101", "classification": "contacted", "clientRef": "row 1"}', '{"id": "900002", "classification": "not_contacted", "clientRef": ""}', '{"id": "900001"}',
	'{"id": "900003", "externalRefs": [{"namespace": "CRM", "id": "3"}, {"namespace": "erp", "id": "3"}], "classification": "interested"}', '{"id": "900005", "externalRefs": []}', '{"id": "900004", "classification": null, "externalRefs": null}');
SELECT * FROM pg_temp.stored(1);
SELECT * FROM pg_temp.update_items(1, '{"id": "900101", "classification": null}', '{"id": "900003", "externalRefs": [{"namespace": "erp", "id": "3"}, {"namespace": "crm", "id": "3"}]}', '{"id": "900004", "externalRefs": null, "clientRef": "nothing"}');
SELECT * FROM pg_temp.update_items(1, '{"id": "900101", "classification": "not_contacted"}', '{"id": "900003", "externalRefs": [{"namespace": "erp", "id": "3"}, {"namespace": "CRM", "id": "3"}]}');
SELECT * FROM pg_temp.stored(1);
SELECT id, project_id, contact_id, company_id, tags, updated_utc > created_utc AS later FROM propstreet.prospect WHERE tenant_id = 421 AND id IN (900003, 900004, 900101) ORDER BY id;

-- Items that are no good
SELECT given.item AS given, answer.item FROM unnest(ARRAY[
	'null', '{}', '{"id": null}', '{"classification": "bidder"}', '{"id": "900001", "contactId": "101"}', '{"id": "900001", "contactId": "x"}', '{"id": "900001", "companyId": 1}', '{"id": "900001", "tags": []}', '{"id": "900001", "etag": "*"}',
	'{"id": "900001", "classification": "hot"}', '{"id": "900001", "externalRefs": [{"namespace": "crm"}]}', '{"id": "900001", "clientRef": 7}', '{"id": "900001", "ifMatch": 7}', '{"id": "900001", "ifMatch": "abc"}', '{"id": "900001", "ifMatch": ""}',
	'{"id": "900001", "name": "Ada", "clientRef": "x"}', '{"id": "x", "name": "Ada"}',
	'{"id": 900001}', '{"id": true}', '{"id": ""}', '{"id": "0"}', '{"id": "-1"}', '{"id": "0900001"}', '{"id": "900001 "}', '{"id": "9223372036854775808"}', '{"id": "x", "clientRef": "x"}',
	'{"id": "999999"}', '{"id": "9223372036854775807"}', '{"id": "900201"}', '{"id": "900901", "clientRef": "other tenant"}', '{"id": "999999", "ifMatch": "abc"}',
	'{"id": "900001", "ifMatch": "W/\"0123456789abcdef\""}', '{"id": "900001", "classification": "not_contacted", "ifMatch": "\"0123456789abcdef\", W/\"1\"", "clientRef": "stale"}',
	'{"id": "900001", "externalRefs": [{"namespace": "crm", "id": "3"}]}']) AS given (item), pg_temp.update_items(1, given.item) AS answer;
SELECT * FROM pg_temp.update_items(2, '{"id": "900205", "classification": "bidder"}', '{"id": "900001", "classification": "bidder"}');
SELECT count(*) FROM pg_temp.stored(2) WHERE classification = 'bidder';

-- ifMatch: the tag weak or strong, in a list, or *; compared with what was there before the batch
SELECT list, item::json ->> 'id' AS id, item::json ->> 'result' AS result, item::json ->> 'error' AS error
FROM pg_temp.update_body(1, json_build_object('items', json_build_array(
	json_build_object('id', '900011', 'classification', 'contacted', 'ifMatch', pg_temp.tag(900011)),
	json_build_object('id', '900012', 'classification', 'contacted', 'ifMatch', substr(pg_temp.tag(900012), 3)),
	json_build_object('id', '900013', 'classification', 'contacted', 'ifMatch', '"x", , ' || pg_temp.tag(900013)),
	json_build_object('id', '900014', 'classification', 'contacted', 'ifMatch', ' * '),
	json_build_object('id', '900015', 'classification', 'contacted', 'ifMatch', NULL),
	json_build_object('id', '900016', 'ifMatch', pg_temp.tag(900016)),
	json_build_object('id', '900017', 'classification', 'contacted', 'ifMatch', pg_temp.tag(900018)),
	json_build_object('id', '900017', 'classification', 'interested', 'ifMatch', pg_temp.tag(900017)),
	json_build_object('id', '900017', 'classification', 'bidder', 'ifMatch', pg_temp.tag(900017))))::text);
SELECT id, classification, revision FROM pg_temp.stored(1) WHERE id BETWEEN 900011 AND 900018;
SET propstreet.require_if_match = on;
SELECT list, item::json ->> 'result' AS result, item::json ->> 'error' AS error, item::json ->> 'message' AS message
FROM pg_temp.update_items(1, '{"id": "900021", "classification": "contacted"}', '{"id": "900022"}', '{"id": "900023", "ifMatch": null}', '{"id": "900024", "ifMatch": "*", "classification": "contacted"}', '{"id": "999999"}', '{"id": "x"}');
RESET propstreet.require_if_match;

-- The tag of an update is good for the next one
SELECT a.result AS first, b.item::json ->> 'result' AS second, c.item::json ->> 'error' AS third
FROM (SELECT j ->> 'etag' AS etag, j ->> 'result' AS result FROM json_array_elements(propstreet.prospect_update_batch(1, '{"items": [{"id": "900031", "classification": "contacted"}]}') -> 'updated') AS j) AS a,
	pg_temp.update_items(1, json_build_object('id', '900031', 'classification', 'bidder', 'ifMatch', a.etag)::text) AS b,
	pg_temp.update_items(1, json_build_object('id', '900031', 'classification', 'interested', 'ifMatch', a.etag)::text) AS c;

-- A prospect twice: the first item that is any good wins
SELECT * FROM pg_temp.update_items(1, '{"id": "900041", "classification": "hot"}', '{"id": "900041", "classification": "contacted"}', '{"id": "900041", "classification": "bidder", "clientRef": "late"}',
	'{"id": "900042"}', '{"id": "900042", "classification": "bidder"}', '{"id": "900043", "ifMatch": "\"0\""}', '{"id": "900043", "classification": "bidder"}');
SELECT id, classification, revision FROM pg_temp.stored(1) WHERE id BETWEEN 900041 AND 900043;

-- References: taken in the project, by an item before; kept, given up, and handed from item to item; also after an item that failed
SELECT * FROM pg_temp.update_items(2, '{"id": "900203", "externalRefs": [{"namespace": "crm", "id": "a"}]}', '{"id": "900201", "externalRefs": [{"namespace": "crm", "id": "new"}, {"namespace": "erp", "id": "1"}]}',
	'{"id": "900202", "externalRefs": [{"namespace": "Crm", "id": "new"}]}', '{"id": "900204", "externalRefs": [{"namespace": "crm", "id": "a"}, {"namespace": "erp", "id": "2"}]}', '{"id": "900203", "externalRefs": [{"namespace": "crm", "id": "d"}, {"namespace": "x", "id": "gone"}]}');
SELECT * FROM pg_temp.stored(2);
SELECT * FROM pg_temp.update_items(2, '{"id": "900201", "externalRefs": null}', '{"id": "900202", "externalRefs": [{"namespace": "erp", "id": "1"}], "ifMatch": "\"0\""}', '{"id": "900203", "externalRefs": [{"namespace": "crm", "id": "d"}, {"namespace": "erp", "id": "1"}]}',
	'{"id": "900204", "externalRefs": [{"namespace": "x", "id": "gone"}, {"namespace": "crm", "id": "new"}]}');
SELECT id, external_refs, revision FROM pg_temp.stored(2);
-- exchanged: the first can't have what the second still holds
SELECT * FROM pg_temp.update_items(2, '{"id": "900203", "externalRefs": [{"namespace": "crm", "id": "new"}]}', '{"id": "900204", "externalRefs": [{"namespace": "crm", "id": "d"}]}');
-- another project may have the same
SELECT list, item::json ->> 'result' AS result FROM pg_temp.update_items(1, '{"id": "900051", "externalRefs": [{"namespace": "crm", "id": "new"}]}');

-- 1, 2, 99, 100 items, all failing, 20 references each; 0 and 101 are refused
CREATE FUNCTION pg_temp.many(count integer, fields text) RETURNS text LANGUAGE sql AS $$
	SELECT format('{"items": [%s]}', string_agg(format('{"id": "%s", ', 900000 + g) || replace(fields, '<n>', g::text) || '}', ',' ORDER BY g)) FROM generate_series(1, count) AS g
$$;
SELECT n, list, count(*), bool_and(item LIKE format('{"id":"%s","etag":"<its own>","result":"%%"}', 900000 + ordinality)) AS in_order
FROM unnest(ARRAY[1, 2, 99, 100]) AS n, pg_temp.update_body(1, pg_temp.many(n, format('"classification": "%s"', (ARRAY['contacted', 'interested', 'bidder'])[1 + n % 3]))) WITH ORDINALITY GROUP BY n, list ORDER BY n;
SELECT list, count(*), bool_and(item = format('{"index":%s,"id":"%s","error":"precondition_failed","message":"ETag mismatch - resource was modified"}', n - 1, 900000 + n)) AS in_order
FROM pg_temp.update_body(1, pg_temp.many(100, '"classification": "bidder", "ifMatch": "\"0\""')) WITH ORDINALITY AS answer (list, item, n) GROUP BY list;
SELECT string_agg(format('{"namespace": "n%s", "id": "%s<n>"}', r, repeat('y', 250)), ', ') AS refs FROM generate_series(1, 20) AS r \gset
SELECT item::json ->> 'result' AS result, count(*) FROM pg_temp.update_body(1, pg_temp.many(100, format('"externalRefs": [%s]', :'refs'))) GROUP BY result;
SELECT item::json ->> 'result' AS result, count(*) FROM pg_temp.update_body(1, pg_temp.many(100, format('"externalRefs": [%s]', :'refs'))) GROUP BY result;
SELECT item::json ->> 'result' AS result, count(*) FROM pg_temp.update_body(1, pg_temp.many(100, '"externalRefs": null')) GROUP BY result;
SELECT count(*) FROM propstreet.prospect_external_ref WHERE tenant_id = 421 AND project_id = 1;
SELECT refused.* FROM pg_temp.refused(format('SELECT propstreet.prospect_update_batch(1, %L)', pg_temp.many(101, '"classification": "bidder"'))) AS refused;

-- What refuses the whole call
SELECT body, refused.* FROM unnest(ARRAY['null', '{}', '{"items": []}', '{"items": {}}', '{"items": [{"id": "900001"}], "ids": []}', '{"items": [{"id": "900001"}], "atomic": 0}',
	'{"items": [{"id": "900001", "id": "900002"}]}']) AS body, pg_temp.refused(format('SELECT propstreet.prospect_update_batch(1, %L)', body)) AS refused;
SELECT refused.* FROM unnest(ARRAY['NULL, ''{}''', '1, NULL', '999, ''{"items": [{"id": "900001"}]}''']) AS arguments, pg_temp.refused(format('SELECT propstreet.prospect_update_batch(%s)', arguments)) AS refused;
INSERT INTO propstreet.prospect (id, project_id, contact_id) VALUES (900301, 3, 101);
SELECT propstreet.project_close(3) ->> 'status' AS closed_is_writable;
SELECT list, item::json ->> 'result' AS result FROM pg_temp.update_items(3, '{"id": "900301", "classification": "bidder"}');
SELECT propstreet.project_delete(3);
SELECT * FROM pg_temp.refused($$SELECT propstreet.prospect_update_batch(3, '{"items": [{"id": "900301"}]}')$$);

-- Atomic: all or nothing
SELECT * FROM pg_temp.refused($$SELECT propstreet.prospect_update_batch(2, '{"atomic": true, "items": [{"id": "900201", "classification": "bidder"}, {"id": "999999", "clientRef": "who"}, {"id": "900201"}]}')$$);
SELECT classification, revision FROM propstreet.prospect WHERE tenant_id = 421 AND id = 900201;
SELECT * FROM pg_temp.update_body(2, '{"atomic": true, "items": [{"id": "900201", "classification": "bidder"}, {"id": "900202"}]}');

-- A batch does what its items would do one after another: 200 random ones in each of two projects that begin alike
SELECT setseed(0.4);
BEGIN;
INSERT INTO propstreet.prospect (id, project_id, contact_id) SELECT 100000 * project + g, project, 100 + g FROM generate_series(1, 12) AS g, unnest(ARRAY[4, 5]) AS project;
CREATE TEMP TABLE random_item AS
SELECT batch, row_number() OVER (PARTITION BY batch ORDER BY random()) AS item, g AS prospect, CASE WHEN random() < 0.3 THEN (ARRAY['contacted', 'bidder'])[ceil(random() * 2)] END AS classification,
	CASE WHEN random() < 0.8 THEN (SELECT coalesce(json_agg(json_build_object('namespace', namespace, 'id', ceil(random() * 8 + 0 * g)::text)) FILTER (WHERE random() < 0.7), '[]') FROM unnest(ARRAY['a', 'b']) AS namespace) END AS refs
FROM generate_series(1, 200) AS batch, generate_series(1, 12) AS g;
CREATE FUNCTION pg_temp.patch(item random_item) RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_strip_nulls(jsonb_build_object('classification', item.classification, 'externalRefs', item.refs))
$$;
CREATE FUNCTION pg_temp.one_by_one(items random_item[], OUT results text[]) LANGUAGE plpgsql AS $$
DECLARE
	item random_item;
	before text;
BEGIN
	FOREACH item IN ARRAY items LOOP
		before := pg_temp.tag(400000 + item.prospect);
		BEGIN
			results := results || CASE WHEN propstreet.prospect_update(4, 400000 + item.prospect, pg_temp.patch(item)::json) ->> 'etag' = before THEN 'unchanged' ELSE 'updated' END;
		EXCEPTION WHEN SQLSTATE 'PT409' THEN
			results := results || 'duplicate'::text;
		END;
	END LOOP;
END
$$;
CREATE FUNCTION pg_temp.together(items random_item[], OUT results text[]) LANGUAGE plpgsql AS $$
DECLARE
	answer json := propstreet.prospect_update_batch(5, (SELECT json_build_object('items', json_agg(jsonb_build_object('id', (500000 + i.prospect)::text) || pg_temp.patch(i) ORDER BY i.item)) FROM unnest(items) AS i));
BEGIN
	SELECT array_agg(coalesce(updated ->> 'result', failed ->> 'error') ORDER BY i.item) INTO results
	FROM unnest(items) AS i LEFT JOIN json_array_elements(answer -> 'updated') AS updated ON updated ->> 'id' = (500000 + i.prospect)::text
	LEFT JOIN json_array_elements(answer -> 'failed') AS failed ON (failed ->> 'index')::integer = i.item - 1;
END
$$;
CREATE TEMP TABLE outcome AS
SELECT batch, pg_temp.one_by_one(items) AS singly, pg_temp.together(items) AS together
FROM (SELECT batch, array_agg(r ORDER BY item) AS items FROM random_item AS r WHERE item <= 8 GROUP BY batch ORDER BY batch) AS batches;
SELECT count(*), count(*) FILTER (WHERE singly <> together) AS different FROM outcome;
SELECT result, count(*) > 50 AS often FROM outcome, unnest(together) AS result GROUP BY result ORDER BY result;
SELECT count(*), count(*) FILTER (WHERE a.classification <> b.classification OR a.external_refs::text <> b.external_refs::text OR a.revision <> b.revision) AS different
FROM propstreet.prospect AS a JOIN propstreet.prospect AS b USING (tenant_id, contact_id) WHERE tenant_id = 421 AND a.project_id = 4 AND b.project_id = 5;
ROLLBACK;

-- Columns that users add, and triggers of theirs
BEGIN;
ALTER TABLE propstreet.prospect ADD COLUMN note text NOT NULL DEFAULT 'none';
SELECT list, item::json ->> 'result' AS result FROM pg_temp.update_items(2, '{"id": "900201", "classification": "interested"}');
CREATE FUNCTION pg_temp.skip() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER skip BEFORE UPDATE ON propstreet.prospect FOR EACH ROW WHEN (old.id = 900202) EXECUTE FUNCTION pg_temp.skip();
SELECT * FROM pg_temp.refused($$SELECT propstreet.prospect_update_batch(2, '{"items": [{"id": "900201", "classification": "contacted"}, {"id": "900202", "classification": "contacted"}, {"id": "900201"}]}')$$);
ROLLBACK;
SELECT list, item::json ->> 'result' AS result FROM pg_temp.update_items(2, '{"id": "900201", "classification": "interested"}', '{"id": "900202", "classification": "contacted"}');

SELECT * FROM propstreet.check() WHERE tenant_id IN (421, 422);
