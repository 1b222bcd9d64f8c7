-- drop: the last test takes everything away, and starts anew in the same session
\i test/preamble.sql
SELECT test.begin(19);
SELECT test.masked(propstreet.project_create('{"name": "before", "price": {"value": 1, "currency": "SEK"}}'));

-- without the tables the extension can go
SET client_min_messages = warning;
DROP SCHEMA test CASCADE;
SET ROLE "regress_Owner";
\set VERBOSITY terse
DROP EXTENSION propstreet;
DROP EXTENSION propstreet CASCADE;
\set VERBOSITY default
-- data that is not of its types stays
SELECT name FROM propstreet.project WHERE tenant_id = 19;
RESET ROLE;
-- the other schema is in the way of new tables until it goes, too
DROP SCHEMA propstreet CASCADE;
SET ROLE "regress_Owner";
CREATE EXTENSION propstreet;
SELECT propstreet.install();
RESET ROLE;
DROP SCHEMA propstreet, propstreet_api CASCADE;

-- new tables for a session that knows the old ones
SET ROLE "regress_Owner";
CREATE EXTENSION propstreet;
SELECT propstreet.install();
RESET ROLE;
INSERT INTO propstreet.contact (name) VALUES ('c');
SELECT propstreet.project_create('{"name": "after", "price": {"value": 1, "currency": "SEK"}, "externalRefs": [{"namespace": "a", "id": "1"}]}')->>'name';
SELECT propstreet.prospect_add(1, '{"contactId": "1", "externalRefs": [{"namespace": "a", "id": "1"}]}')->>'projectId';
SELECT propstreet.project_find('a', '1')->>'name', propstreet.prospect_find(1, 'a', '1')->>'contactId';
UPDATE propstreet.contact SET tags = '{x}';
SELECT propstreet.prospect_list(1)->'data'->0->'tags', propstreet.contact_projects(1)->'data'->0->>'name';
SELECT * FROM propstreet.check();

-- tables without the extension's functions can't be used by a session that has none
DROP TABLE propstreet.project CASCADE;
SELECT propstreet.project_get(1);
DROP OWNED BY "regress_Owner" CASCADE;
DROP ROLE "regress_Owner";
