-- external_refs: unique, found, released and taken again
\i test/preamble.sql
SELECT test.begin(7);

-- a project's references are unique in the tenant; the namespace's case does not count, the id's does
SELECT propstreet.project_create('{"name": "one", "externalRefs": [{"namespace": "HubSpot", "id": "Deal"}, {"namespace": "SF", "id": "a:b"}]}')->'externalRefs';
SELECT test.try('SELECT propstreet.project_create(''{"name": "x", "externalRefs": [{"namespace": "hubSPOT", "id": "Deal"}]}'')');
SELECT test.try('SELECT propstreet.project_create(''{"name": "x", "externalRefs": [{"namespace": "new", "id": "1"}, {"namespace": "sf", "id": "a:b"}]}'')');
SELECT setval('propstreet.project_id_seq', 1);
SELECT propstreet.project_create('{"name": "two", "externalRefs": [{"namespace": "hubspot", "id": "deal"}, {"namespace": "hubspot2", "id": "Deal"}]}')->>'id';
SELECT test.try('SELECT propstreet.project_update(2, ''{"externalRefs": [{"namespace": "HUBSPOT", "id": "Deal"}]}'')');
SELECT propstreet.project_update(1, '{"externalRefs": [{"namespace": "HUBSPOT", "id": "Deal"}, {"namespace": "x", "id": "1"}]}')->'externalRefs';

-- found by any case of the namespace, not of the id
SELECT namespace, id, test.try(format('SELECT propstreet.project_find(%L, %L)->>''name''', namespace, id)) FROM (VALUES
	('hubspot', 'Deal'), ('HubSpot', 'Deal'), ('hubspot', 'deal'), ('hubspot', 'DEAL'), ('hubspot', 'Deal '), ('sf', 'a:b'), ('x', '1'), ('y', '1')) AS v (namespace, id);
-- what can't be a reference
SELECT namespace, left(id, 20), test.try(format('SELECT propstreet.project_find(%L, %L)', namespace, id)), test.try(format('SELECT propstreet.prospect_find(1, %L, %L)', namespace, id)) FROM (VALUES
	(NULL, 'x'), ('x', NULL), (NULL, NULL), ('', 'x'), ('x', ''), ('a b', 'x'), ('x:y', 'z'), (repeat('x', 51), 'x'), ('x', repeat('x', 256)), ('x', E'a\tb'), ('a b', '')) AS v (namespace, id);

-- deleted ones are not found, their references are free, but they show them
SELECT propstreet.project_delete(1);
SELECT test.try('SELECT propstreet.project_find(''hubspot'', ''Deal'')');
SELECT propstreet.project_get(1, true)->'externalRefs';
SELECT propstreet.project_update(2, '{"externalRefs": [{"namespace": "hubspot", "id": "Deal"}]}')->>'id';
SELECT propstreet.project_find('hubspot', 'Deal')->>'name';

-- 20 of them
SELECT json_array_length(propstreet.project_update(2, format('{"externalRefs": %s}', (SELECT json_agg(json_build_object('namespace', 'n' || i, 'id', i::text)) FROM generate_series(1, 20) AS i))::json)->'externalRefs');
SELECT test.try(format('SELECT propstreet.project_update(2, %L)', format('{"externalRefs": %s}', (SELECT json_agg(json_build_object('namespace', 'n' || i, 'id', i::text)) FROM generate_series(1, 21) AS i))));
SELECT propstreet.project_find('N20', '20')->>'name';

-- a prospect's are unique in its project only
INSERT INTO propstreet.contact (name) SELECT 'Contact ' || i FROM generate_series(1, 5) AS i;
SELECT propstreet.project_create('{"name": "three", "externalRefs": [{"namespace": "hubspot", "id": "1"}]}')->>'id';
SELECT propstreet.prospect_add(2, '{"contactId": "1", "externalRefs": [{"namespace": "hubspot", "id": "1"}]}')->>'id';
SELECT propstreet.prospect_add(3, '{"contactId": "1", "externalRefs": [{"namespace": "hubspot", "id": "1"}]}')->>'id';
SELECT test.try('SELECT propstreet.prospect_add(2, ''{"contactId": "2", "externalRefs": [{"namespace": "HUBSPOT", "id": "1"}]}'')');
SELECT setval('propstreet.prospect_id_seq', 2);
SELECT propstreet.prospect_add(2, '{"contactId": "2", "externalRefs": [{"namespace": "hubspot", "id": "2"}]}')->>'id';
SELECT test.try('SELECT propstreet.prospect_update(2, 3, ''{"externalRefs": [{"namespace": "a", "id": "1"}, {"namespace": "hubspot", "id": "1"}]}'')');
SELECT propstreet.prospect_find(2, 'HubSpot', '1')->>'id', propstreet.prospect_find(3, 'hubspot', '1')->>'id', propstreet.prospect_find(2, 'hubspot', '2')->>'id';
SELECT test.try('SELECT propstreet.prospect_find(3, ''hubspot'', ''2'')');
SELECT test.try('SELECT propstreet.prospect_find(999, ''hubspot'', ''1'')');
SELECT test.try('SELECT propstreet.prospect_find(NULL, ''hubspot'', ''1'')');

-- removed ones release theirs; added again, they can have them again
SELECT propstreet.prospect_remove(2, 1);
SELECT test.try('SELECT propstreet.prospect_find(2, ''hubspot'', ''1'')');
SELECT propstreet.prospect_get(2, 1, true)->'externalRefs';
SELECT propstreet.prospect_add(2, '{"contactId": "1", "externalRefs": [{"namespace": "hubspot", "id": "1"}]}')->>'id';
SELECT propstreet.prospect_find(2, 'hubspot', '1')->>'id';

-- the project gone, its prospects are not found, and keep what they have
SELECT propstreet.project_delete(3);
SELECT test.try('SELECT propstreet.prospect_find(3, ''hubspot'', ''1'')');
SELECT propstreet.prospect_get(3, 2, true)->'externalRefs';
-- who may, brings it back, and then all is as it was
UPDATE propstreet.project SET status = 'open' WHERE tenant_id = 7 AND id = 3;
SELECT propstreet.prospect_find(3, 'hubspot', '1')->>'id', propstreet.project_find('hubspot', '1')->>'id';

SELECT * FROM propstreet.check() WHERE tenant_id = 7;
