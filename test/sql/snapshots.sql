-- snapshots: what only reads writes nothing, and reads as the query does that calls it
\i test/preamble.sql
SELECT test.begin(20);
INSERT INTO propstreet.contact (name) VALUES ('Contact');
INSERT INTO propstreet.project (name, external_refs) VALUES ('old', '{a:1}');
INSERT INTO propstreet.prospect (project_id, contact_id, external_refs) VALUES (1, 1, '{a:1}');

-- in the snapshot of the query, as any STABLE function, and as the tables themselves
SELECT propstreet.project_update(1, '{"name": "new"}')->>'name', propstreet.project_get(1)->>'name', propstreet.project_find('a', '1')->>'name',
	(SELECT name FROM propstreet.project WHERE tenant_id = 20);
SELECT propstreet.prospect_update(1, 1, '{"classification": "bidder"}')->>'classification', propstreet.prospect_get(1, 1)->>'classification', propstreet.prospect_find(1, 'a', '1')->>'classification',
	(SELECT classification FROM propstreet.prospect WHERE tenant_id = 20);

-- in a transaction that only reads, and in one that keeps to its snapshot
BEGIN READ ONLY;
SELECT propstreet.project_get(1)->>'name', propstreet.project_find('a', '1')->>'name', propstreet.project_properties(1), propstreet.prospect_get(1, 1)->>'id', propstreet.prospect_find(1, 'a', '1')->>'id';
SELECT propstreet.contact_projects(1)->'data'->0->>'id', propstreet.project_list()->'data'->0->>'id', propstreet.prospect_list(1)->'data'->0->>'id';
SELECT statement, left(test.try('SELECT propstreet.' || statement), 5) FROM (VALUES
	('project_create(''{"name": "x"}'')'), ('project_update(1, ''{"name": "x"}'')'), ('project_update(1, ''{}'')'), ('project_delete(1)'), ('project_upsert(''a'', ''1'', ''{}'')'), ('project_close(1)'), ('teaser_advance(1, ''drafting'')'),
	('prospect_add(1, ''{"contactId": "1"}'')'), ('prospect_update(1, 1, ''{}'')'), ('prospect_remove(1, 1)')) AS v (statement);
COMMIT;
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT propstreet.project_update(1, '{"name": "serializable"}')->>'name';
SELECT propstreet.project_find('a', '1')->>'name', propstreet.project_upsert('a', '2', '{"name": "upserted"}')->>'result', propstreet.prospect_upsert(1, 'a', '1', '{"contactId": "1"}')->>'result';
SELECT propstreet.project_list()->'page'->>'syncedUtc' IS NULL;
COMMIT;

-- what an operation has done is undone with its transaction, or savepoint
BEGIN;
SAVEPOINT s;
SELECT propstreet.project_create('{"name": "x", "externalRefs": [{"namespace": "a", "id": "x"}]}')->>'name';
ROLLBACK TO s;
SELECT test.try('SELECT propstreet.project_find(''a'', ''x'')');
SELECT propstreet.project_create('{"name": "y", "externalRefs": [{"namespace": "a", "id": "x"}]}')->>'name';
ROLLBACK;
SELECT count(*) FROM propstreet.project WHERE tenant_id = 20;
