-- prospect_validation: what the body of a prospect may say, and what it is told otherwise
\i test/preamble.sql
SELECT test.begin(3);
INSERT INTO propstreet.company (name) VALUES ('Company');
INSERT INTO propstreet.contact (name) SELECT 'Contact ' || i FROM generate_series(1, 9) AS i;
SELECT propstreet.project_create('{"name": "x"}')->>'id' AS project \gset
CREATE FUNCTION pg_temp.add(body text) RETURNS text LANGUAGE sql AS $$SELECT test.try(format('SELECT propstreet.prospect_add(1, %L)', body))$$;

-- the least, and the most
SELECT pg_temp.add('{"contactId": "1"}');
SELECT pg_temp.add('{"companyId": "1", "contactId": null, "classification": null, "externalRefs": null}');
SELECT pg_temp.add('{"externalRefs": [{"id": "X", "namespace": "HubSpot"}], "classification": "not_interested", "contactId": "2"}');

-- exactly one of contactId and companyId
SELECT body, pg_temp.add(body) FROM (VALUES
	('{}'), ('{"contactId": "3", "companyId": "1"}'), ('{"contactId": null, "companyId": null}'), ('{"contactId": "x", "companyId": "y"}'), ('{"classification": "bidder"}')) AS v (body);

-- ids are strings of positive decimal numbers
SELECT id, pg_temp.add(format('{"contactId": %s}', id)), pg_temp.add(format('{"companyId": %s}', id)) FROM (VALUES
	('3'), ('""'), ('"x"'), ('"0"'), ('"-3"'), ('"+3"'), ('"03"'), ('" 3"'), ('"3 "'), ('"3.0"'), ('"0x3"'), ('"9223372036854775808"'), ('"3\u0661"'), ('["3"]'), ('true')) AS v (id);
SELECT pg_temp.add('{"contactId": "9223372036854775807"}');

-- classification, externalRefs
SELECT body, pg_temp.add(body) FROM (VALUES
	('{"contactId": "3", "classification": "hot"}'), ('{"contactId": "3", "classification": 1}'), ('{"contactId": "3", "externalRefs": {}}'),
	('{"contactId": "3", "externalRefs": [{"namespace": "a", "id": "1"}, {"namespace": "A", "id": "2"}]}'), ('{"contactId": "3", "externalRefs": [null]}')) AS v (body);

-- fields that clients don't write, and such that there are not
SELECT pg_temp.add('{"contactId": "3", "id": "1", "projectId": "1", "capabilities": [], "tags": [], "teaser": {}, "createdUtc": null, "updatedUtc": null, "deletedUtc": null, "etag": null}');
SELECT pg_temp.add('{"contactId": "3", "contactID": "3", "email": "a@example.com"}');

-- all problems at once
SELECT pg_temp.add('{"classification": "hot", "tags": ["x"], "externalRefs": [{}], "x": 1}');

-- bodies that are no object, duplicates, text that can't be
SELECT test.try('SELECT propstreet.prospect_add(1, NULL)');
SELECT test.try('SELECT propstreet.prospect_add(NULL, ''{"contactId": "3"}'')');
SELECT body, pg_temp.add(body) FROM (VALUES ('null'), ('[]'), ('"3"'), ('{"contactId": "3", "contactId": "4"}'), ('{"contactId": "\u0000"}'), ('{"contactId": "3", "classification": "\ud800"}')) AS v (body);

-- unknown ones, and what is not free: after the body
SELECT pg_temp.add('{"contactId": "999"}');
SELECT pg_temp.add('{"companyId": "999"}');
SELECT pg_temp.add('{"contactId": "1"}');
SELECT pg_temp.add('{"companyId": "1"}');
SELECT pg_temp.add('{"contactId": "3", "externalRefs": [{"id": "X", "namespace": "hubspot"}]}');
SELECT test.try('SELECT propstreet.prospect_add(999, ''{"contactId": "999"}'')');
SELECT test.try('SELECT propstreet.prospect_add(999, ''{"contactId": 5}'')');
UPDATE propstreet.contact SET blocked = true WHERE tenant_id = 3 AND id = 4;
INSERT INTO propstreet.company (name, blocked) VALUES ('Blocked', true);
SELECT pg_temp.add('{"contactId": "4"}');
SELECT pg_temp.add('{"companyId": "2"}');

-- a patch
CREATE FUNCTION pg_temp.update(patch text) RETURNS text LANGUAGE sql AS $$SELECT test.try(format('SELECT propstreet.prospect_update(1, 1, %L)', patch))$$;
SELECT patch, pg_temp.update(patch) FROM (VALUES
	('{}'), ('{"classification": "hot"}'), ('{"externalRefs": 5}'), ('{"contactId": "1"}'), ('{"companyId": null}'), ('{"tags": [], "teaser": null, "etag": "x", "id": "1"}'), ('{"name": "x"}'),
	('{"classification": 1, "externalRefs": [{"namespace": "", "id": ""}], "x": 1}'), ('null'), ('[]'), ('{"classification": "bidder", "classification": "bidder"}'),
	('{"externalRefs": [{"id": "X", "namespace": "hubspot"}]}')) AS v (patch);
SELECT test.try('SELECT propstreet.prospect_update(1, 1, NULL)');
SELECT test.try('SELECT propstreet.prospect_update(NULL, 1, ''{}'')');
SELECT test.try('SELECT propstreet.prospect_update(1, NULL, ''{}'')');
SELECT test.try('SELECT propstreet.prospect_update(1, 999, ''{"x": 1}'')');
SELECT test.try('SELECT propstreet.prospect_update(1, 999, ''{}'')');
SELECT test.try('SELECT propstreet.prospect_update(999, 1, ''{}'')');
SELECT pg_temp.update('{"classification": "contacted", "externalRefs": [{"id": "Y", "namespace": "hubspot"}]}');
SELECT pg_temp.update('{"classification": null, "externalRefs": null}');
SELECT count(*) FROM propstreet.prospect WHERE tenant_id = 3;
