-- linked_properties: the profiles of a project's properties
\i test/preamble.sql
SELECT test.begin(12);
INSERT INTO propstreet.project (name) VALUES ('one'), ('two');
INSERT INTO propstreet.property (profile) VALUES ('{"name": "Kontorshuset", "area": 1200.50, "tags": ["a", {"b": null}]}'), ('{}'), ('{"id": "fake", "x": "\"å\\"}'), ('{"not": "linked"}');
INSERT INTO propstreet.project_property (project_id, property_id) VALUES (1, 3), (1, 1), (1, 2), (2, 1);

SELECT propstreet.project_properties(1);
SELECT propstreet.project_properties(2);
DELETE FROM propstreet.project_property WHERE tenant_id = 12 AND project_id = 2;
SELECT propstreet.project_properties(2);
UPDATE propstreet.property SET profile = '{"name": "New name"}' WHERE tenant_id = 12 AND id = 1;
SELECT propstreet.project_properties(1)->'data'->0;

-- another's link, twice the same
SELECT test.try('INSERT INTO propstreet.project_property (project_id, property_id) VALUES (1, 1)');
SELECT test.try('INSERT INTO propstreet.project_property (project_id, property_id) VALUES (999, 1)');
SELECT test.try('DELETE FROM propstreet.property WHERE tenant_id = 12 AND id = 1');

-- not there
SELECT test.try('SELECT propstreet.project_properties(999)');
SELECT test.try('SELECT propstreet.project_properties(NULL)');
SELECT propstreet.project_delete(1);
SELECT test.try('SELECT propstreet.project_properties(1)');
