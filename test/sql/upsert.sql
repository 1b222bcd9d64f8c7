-- upsert: create what has a reference, or change it
\i test/preamble.sql
SELECT test.begin(8);
CREATE FUNCTION pg_temp.project(id text, body text, if_match text = NULL) RETURNS text LANGUAGE sql
	AS $$SELECT test.try(format('SELECT propstreet.project_upsert(''hubspot'', %L, %L, %L)', id, body, if_match))$$;

-- created, updated, unchanged
SELECT test.masked(propstreet.project_upsert('HubSpot', '1', '{"name": "one", "mandate": "other"}'));
SELECT test.masked(propstreet.project_upsert('hubspot', '1', '{"name": "One"}'));
SELECT test.masked(propstreet.project_upsert('HUBSPOT', '1', '{"name": "One", "mandate": "other"}'));
SELECT test.masked(propstreet.project_upsert('HUBSPOT', '1', '{}'));

-- the path's reference joins the body's, in its place or at the end
SELECT propstreet.project_upsert('hubspot', '2', '{"name": "two", "externalRefs": [{"namespace": "a", "id": "2"}]}')->'externalRefs';
SELECT propstreet.project_upsert('hubspot', '3', '{"name": "three", "externalRefs": [{"namespace": "HubSpot", "id": "3"}, {"namespace": "a", "id": "3"}]}')->'externalRefs';
SELECT propstreet.project_upsert('hubspot', '4', '{"name": "four", "externalRefs": []}')->'externalRefs';
SELECT propstreet.project_upsert('hubspot', '5', '{"name": "five", "externalRefs": null}')->'externalRefs';
SELECT body, propstreet.project_upsert('hubspot', '3', body)->'externalRefs' FROM (VALUES ('{"name": "three"}'::json), ('{"externalRefs": [{"namespace": "b", "id": "3"}]}'), ('{"externalRefs": []}'), ('{"externalRefs": null}')) AS v (body);
-- another id for its namespace does not
SELECT pg_temp.project('6', '{"name": "six", "externalRefs": [{"namespace": "a", "id": "6"}, {"namespace": "HUBSPOT", "id": "7"}]}');
SELECT pg_temp.project('3', '{"externalRefs": [{"namespace": "hubspot", "id": "4"}]}');
-- and there are 20 of them at most, this one counted
SELECT pg_temp.project('6', format('{"name": "six", "externalRefs": %s}', (SELECT json_agg(json_build_object('namespace', 'n' || i, 'id', '6')) FROM generate_series(1, 20) AS i)));
SELECT pg_temp.project('3', format('{"externalRefs": %s}', (SELECT json_agg(json_build_object('namespace', 'n' || i, 'id', '3')) FROM generate_series(1, 20) AS i)));
SELECT json_array_length(propstreet.project_upsert('n1', '3', format('{"name": "six", "externalRefs": %s}', (SELECT json_agg(json_build_object('namespace', 'n' || i, 'id', '3')) FROM generate_series(1, 20) AS i))::json)->'externalRefs');

-- create's rules for a new one, a patch's for the other
SELECT pg_temp.project('7', '{"mandate": "other"}');
SELECT pg_temp.project('7', '{"name": null, "x": 1, "externalRefs": [{"namespace": "hubspot", "id": "8"}]}');
SELECT pg_temp.project('1', '{"name": null, "x": 1, "externalRefs": [{"namespace": "hubspot", "id": "8"}]}');
SELECT pg_temp.project('1', '{"mandate": null}');
SELECT pg_temp.project('1', NULL);
SELECT pg_temp.project('1', '[]');
SELECT pg_temp.project('7', 'null');
SELECT test.try('SELECT propstreet.project_upsert(''a b'', '''', ''{"name": "x"}'')');
SELECT test.try('SELECT propstreet.project_upsert(NULL, ''1'', ''{"name": "x"}'')');

-- the body's other references may be taken
SELECT pg_temp.project('7', '{"name": "seven", "externalRefs": [{"namespace": "n2", "id": "3"}]}');
SELECT pg_temp.project('1', '{"externalRefs": [{"namespace": "n2", "id": "3"}]}');

-- If-Match is for one that is there
SELECT pg_temp.project('7', '{"name": "seven"}', '*');
SELECT pg_temp.project('7', '{"name": "seven"}', '"abc"');
SELECT pg_temp.project('7', '{"name": ""}', '*');
SELECT pg_temp.project('1', '{"name": "1"}', '"abc"');
SELECT pg_temp.project('1', '{"name": "1"}', 'abc');
SELECT propstreet.project_upsert('hubspot', '1', '{"name": "1"}', '*')->>'result';
SELECT propstreet.project_upsert('hubspot', '1', '{"name": "2"}', propstreet.project_find('hubspot', '1')->>'etag')->>'result';
SET propstreet.require_if_match = on;
SELECT pg_temp.project('1', '{"name": "3"}');
SELECT (pg_temp.project('7', '{"name": "seven"}')::json)->>'result';
RESET propstreet.require_if_match;

-- a deleted one is not there
SELECT propstreet.project_delete((propstreet.project_find('hubspot', '1')->>'id')::bigint);
SELECT propstreet.project_upsert('hubspot', '1', '{"name": "one again"}')->>'result';
SELECT propstreet.project_find('hubspot', '1')->>'name';

-- prospects
INSERT INTO propstreet.company (name) VALUES ('Company'), ('Another');
INSERT INTO propstreet.contact (name, company_id, blocked) SELECT 'Contact ' || i, CASE WHEN i < 3 THEN 1 END, i = 9 FROM generate_series(1, 9) AS i;
INSERT INTO propstreet.project (id, name) VALUES (100, 'project'), (200, 'another');
CREATE FUNCTION pg_temp.prospect(id text, body text, if_match text = NULL) RETURNS text LANGUAGE sql
	AS $$SELECT test.try(format('SELECT propstreet.prospect_upsert(100, ''hubspot'', %L, %L, %L)', id, body, if_match))$$;
SELECT pg_temp.prospect('1', '{"contactId": "1"}');
SELECT pg_temp.prospect('1', '{"contactId": "1", "classification": "bidder"}');
SELECT pg_temp.prospect('1', '{"classification": "bidder"}');
SELECT pg_temp.prospect('1', '{"externalRefs": [{"namespace": "a", "id": "1"}]}');
SELECT pg_temp.prospect('1', '{"contactId": null, "companyId": null, "classification": null, "externalRefs": null}');
SELECT pg_temp.prospect('2', '{"companyId": "1", "externalRefs": [{"namespace": "a", "id": "1"}]}');
SELECT pg_temp.prospect('2', '{"companyId": "1"}');

-- the same reference in another project
SELECT propstreet.prospect_upsert(200, 'hubspot', '1', '{"contactId": "2"}')->>'result';

-- create's rules and a patch's
SELECT pg_temp.prospect('3', '{"classification": "bidder"}');
SELECT pg_temp.prospect('3', '{}');
SELECT pg_temp.prospect('3', '{"contactId": "2", "companyId": "1"}');
SELECT pg_temp.prospect('1', '{"contactId": "1", "companyId": "1"}');
SELECT pg_temp.prospect('1', '{"contactId": "x", "tags": [], "externalRefs": [{"namespace": "hubspot", "id": "2"}], "x": 1}');
SELECT pg_temp.prospect('3', '{"contactId": "999"}');
SELECT pg_temp.prospect('3', '{"contactId": "9"}');
SELECT pg_temp.prospect('3', 'null');
SELECT pg_temp.prospect('3', NULL);
SELECT test.try('SELECT propstreet.prospect_upsert(999, ''hubspot'', ''1'', ''{"contactId": "1"}'')');
SELECT test.try('SELECT propstreet.prospect_upsert(NULL, ''hubspot'', ''1'', ''{"contactId": "1"}'')');
SELECT test.try('SELECT propstreet.prospect_upsert(100, ''hubspot'', NULL, ''{"contactId": "1"}'')');

-- the reference is another investor's
SELECT pg_temp.prospect('1', '{"contactId": "2"}');
SELECT pg_temp.prospect('1', '{"companyId": "1"}');
SELECT pg_temp.prospect('2', '{"contactId": "1"}');
SELECT pg_temp.prospect('2', '{"companyId": "2"}');

-- the investor is a prospect already: without a reference in the namespace it gets this one, else not
SELECT propstreet.prospect_add(100, '{"contactId": "3", "externalRefs": [{"namespace": "a", "id": "3"}]}')->>'classification';
SELECT propstreet.prospect_add(100, '{"companyId": "2"}')->>'classification';
SELECT pg_temp.prospect('3', '{"contactId": "3"}');
SELECT pg_temp.prospect('4', '{"companyId": "2", "classification": "interested", "externalRefs": [{"namespace": "b", "id": "4"}]}');
SELECT pg_temp.prospect('5', '{"contactId": "3"}');
SELECT pg_temp.prospect('5', '{"companyId": "2"}');
SELECT propstreet.prospect_add(100, format('{"contactId": "4", "externalRefs": %s}', (SELECT json_agg(json_build_object('namespace', 'n' || i, 'id', '4')) FROM generate_series(1, 20) AS i))::json)->>'classification';
SELECT pg_temp.prospect('6', '{"contactId": "4"}');
SELECT pg_temp.prospect('6', format('{"contactId": "5", "externalRefs": %s}', (SELECT json_agg(json_build_object('namespace', 'n' || i, 'id', '6')) FROM generate_series(1, 20) AS i)));
-- other references of the body may be taken
SELECT pg_temp.prospect('6', '{"contactId": "5", "externalRefs": [{"namespace": "a", "id": "3"}]}');
SELECT pg_temp.prospect('1', '{"externalRefs": [{"namespace": "a", "id": "3"}]}');

-- If-Match
SELECT pg_temp.prospect('6', '{"contactId": "5"}', '*');
SELECT pg_temp.prospect('6', '{"contactId": "4"}', '*');
SELECT pg_temp.prospect('6', '{}', '*');
SELECT pg_temp.prospect('1', '{"contactId": "1"}', '"abc"');
SELECT pg_temp.prospect('1', '{"contactId": "2"}', '"abc"');
SELECT pg_temp.prospect('1', '{"contactId": "1"}', 'abc');
SELECT propstreet.prospect_upsert(100, 'hubspot', '1', '{"classification": "contacted"}', propstreet.prospect_find(100, 'hubspot', '1')->>'etag')->>'result';
SET propstreet.require_if_match = on;
SELECT pg_temp.prospect('1', '{"classification": "bidder"}');
RESET propstreet.require_if_match;
-- also for a prospect that is to get the reference
SELECT propstreet.prospect_add(100, '{"contactId": "6"}')->>'etag' AS etag \gset
SELECT pg_temp.prospect('7', '{"contactId": "6"}', '"abc"');
SELECT pg_temp.prospect('4', '{"contactId": "3"}', '"abc"');
SET propstreet.require_if_match = on;
SELECT pg_temp.prospect('7', '{"contactId": "6"}');
SELECT propstreet.prospect_upsert(100, 'hubspot', '7', '{"contactId": "6"}', :'etag')->>'result';
SELECT propstreet.prospect_upsert(100, 'hubspot', '8', '{"contactId": "7"}')->>'result';
RESET propstreet.require_if_match;

-- If-None-Match: create only, or not from this version
CREATE FUNCTION pg_temp.none_match(value text, body text DEFAULT '{"contactId": "109"}', id text DEFAULT 'none') RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	RETURN propstreet.prospect_upsert(100, 'hubspot', id, body::json, if_none_match => value)->>'result';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END
$$;
INSERT INTO propstreet.contact (id, name) VALUES (109, 'Contact 109'), (110, 'Contact 110');
-- one that is malformed is told of, whatever there is to compare it with
SELECT pg_temp.none_match('other'), test.try($$SELECT propstreet.project_upsert('hubspot', 'none-match', '{"name": "x"}', if_none_match => '')$$);
SELECT pg_temp.none_match('*');
SELECT pg_temp.none_match('*'), pg_temp.none_match('"other"', '{"classification": "contacted"}'),
	pg_temp.none_match(propstreet.prospect_find(100, 'hubspot', 'none')->>'etag', '{"classification": "bidder"}'), pg_temp.none_match('other');
SELECT propstreet.prospect_add(100, '{"contactId": "110"}')->>'classification', pg_temp.none_match('*', '{"contactId": "110"}', '10'), pg_temp.none_match(NULL, '{"contactId": "110"}', '10');
SELECT propstreet.project_upsert('hubspot', 'none-match', '{"name": "Created"}', if_none_match => '*')->>'result';
SELECT propstreet.project_upsert('hubspot', 'none-match', '{"name": "Changed"}', if_none_match => '*')->>'result';
SET propstreet.require_if_match = on;
SELECT pg_temp.none_match('*', '{}'), pg_temp.none_match('"other"', '{}');
RESET propstreet.require_if_match;
BEGIN READ ONLY;
SELECT pg_temp.none_match(NULL);
ROLLBACK;

-- removed, it is not there, and the investor can be added anew
SELECT propstreet.prospect_remove(100, (propstreet.prospect_find(100, 'hubspot', '1')->>'id')::bigint);
SELECT pg_temp.prospect('1', '{}');
SELECT propstreet.prospect_upsert(100, 'hubspot', '1', '{"contactId": "1"}')->>'result';
SELECT propstreet.project_delete(100);
SELECT pg_temp.prospect('1', '{"contactId": "1"}');
SELECT * FROM propstreet.check() WHERE tenant_id = 8;
