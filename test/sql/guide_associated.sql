-- guide_associated: the specification's example of associated projects, by everyone who may
\i test/preamble.sql
SELECT test.begin(121);
CREATE ROLE regress_app;
SELECT propstreet.grant_to('regress_app');
SELECT setval('propstreet.project_id_seq', 122), setval('propstreet.prospect_id_seq', 455), setval('propstreet.contact_id_seq', 788), setval('propstreet.company_id_seq', 320);

SELECT test.try_as_everyone($$INSERT INTO propstreet.company (name) VALUES ('Nordic Capital') RETURNING id$$);
SELECT test.try_as_everyone($$INSERT INTO propstreet.contact (name, company_id) VALUES ('Anna', 321) RETURNING id$$);
SELECT test.try_as_everyone($$SELECT propstreet.project_create('{"name": "Stockholm Office Portfolio", "classification": "active"}')->>'id'$$);
SELECT test.try_as_everyone($$SELECT propstreet.prospect_add(123, '{"contactId": "789", "classification": "interested"}')->>'id'$$);
SELECT test.try_as_everyone($$WITH c AS (INSERT INTO propstreet.contact (name) SELECT i::text FROM generate_series(1, 11) AS i RETURNING id)
	SELECT count(*) FROM c$$);
SELECT test.try_as_everyone($$WITH p AS (INSERT INTO propstreet.prospect (project_id, contact_id) SELECT 123, id FROM propstreet.contact
		WHERE tenant_id = propstreet.current_tenant() AND id > 789 ORDER BY id RETURNING id)
	SELECT count(*) FROM p$$);

-- List Projects for a Contact, for a Company
SELECT test.try_as_everyone('SELECT propstreet.contact_projects(789, page_size => 100)');
SELECT test.try_as_everyone('SELECT propstreet.company_projects(321, page_size => 100)');
SELECT list, test.try_as_everyone(list || '->''data''->0') = test.masked(test.compact('{
"id": "123",
"prospectId": "456",
"name": "Stockholm Office Portfolio",
"status": "open",
"classification": "active",
"prospectClassification": "interested",
"prospectCount": 12,
"createdUtc": "2026-01-15T10:00:00Z",
"updatedUtc": "2026-01-20T14:30:00Z",
"etag": "W/\"abc123\""
}')) AS as_in_the_guide
FROM (VALUES ('SELECT propstreet.contact_projects(789)'), ('SELECT propstreet.company_projects(321)')) AS v (list);

DROP OWNED BY regress_app;
DROP ROLE regress_app;
