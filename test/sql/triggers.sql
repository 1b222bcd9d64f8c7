-- triggers: the trigger functions act as the tables' owner, so they serve the installed triggers only
\i test/preamble.sql
SELECT test.begin(16);
CREATE ROLE regress_stranger;
GRANT USAGE, CREATE ON SCHEMA propstreet TO regress_stranger;
CREATE SCHEMA regress_stranger AUTHORIZATION regress_stranger;
GRANT SELECT ON propstreet.project, propstreet.contact TO regress_stranger;
SET ROLE regress_stranger;
CREATE TABLE regress_stranger.project (LIKE propstreet.project);
CREATE TABLE regress_stranger.contact (LIKE propstreet.contact);
CREATE TABLE propstreet.mine (LIKE propstreet.project);

-- a stranger can't attach them
CREATE TRIGGER t BEFORE INSERT ON regress_stranger.project FOR EACH ROW EXECUTE FUNCTION propstreet.project_stamp();
CREATE TRIGGER t AFTER UPDATE ON regress_stranger.contact REFERENCING OLD TABLE AS o NEW TABLE AS n FOR EACH STATEMENT EXECUTE FUNCTION propstreet.contact_changed();
SELECT propstreet.project_stamp();

-- and where somebody lets them, it is in vain
RESET ROLE;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA propstreet TO regress_stranger;
SET ROLE regress_stranger;
SELECT test.try(format('SELECT propstreet.%s()', name)) FROM unnest(ARRAY['project_stamp', 'prospect_stamp', 'tags_stamp', 'project_changed', 'prospect_changed', 'contact_changed', 'company_changed', 'project_event', 'prospect_event']) AS name;
CREATE TRIGGER t BEFORE INSERT ON regress_stranger.project FOR EACH ROW EXECUTE FUNCTION propstreet.project_stamp();
CREATE TRIGGER t BEFORE INSERT ON propstreet.mine FOR EACH ROW EXECUTE FUNCTION propstreet.project_stamp();
CREATE TRIGGER i AFTER INSERT ON regress_stranger.contact REFERENCING NEW TABLE AS n FOR EACH STATEMENT EXECUTE FUNCTION propstreet.project_changed();
CREATE TRIGGER u AFTER UPDATE ON regress_stranger.contact REFERENCING OLD TABLE AS o NEW TABLE AS n FOR EACH STATEMENT EXECUTE FUNCTION propstreet.contact_changed();
INSERT INTO regress_stranger.project (tenant_id, name) VALUES (16, 'x');
INSERT INTO propstreet.mine (tenant_id, name) VALUES (16, 'x');
INSERT INTO regress_stranger.contact (tenant_id, id, name, tags, blocked) VALUES (16, 1, 'x', '{}', false);
UPDATE regress_stranger.contact SET tags = '{x}';
RESET ROLE;
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA propstreet FROM regress_stranger;
DROP OWNED BY regress_stranger;
DROP ROLE regress_stranger;

-- the owner can attach them, but only as they are meant
INSERT INTO propstreet.company (name) VALUES ('c');
INSERT INTO propstreet.project (name) VALUES ('p');
SET ROLE "regress_Owner";
CREATE FUNCTION pg_temp.with_trigger(definition text, statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE 'CREATE TRIGGER regress ' || definition;
	result := test.try(statement);
	EXECUTE 'DROP TRIGGER regress ON ' || substring(definition, '\mON (\S+)');
	RETURN result;
END
$$;
SELECT definition, pg_temp.with_trigger(definition, statement) FROM (VALUES
	('AFTER INSERT ON propstreet.project FOR EACH ROW EXECUTE FUNCTION propstreet.project_stamp()', 'INSERT INTO propstreet.project (name) VALUES (''x'')'),
	('BEFORE INSERT ON propstreet.project FOR EACH STATEMENT EXECUTE FUNCTION propstreet.project_stamp()', 'INSERT INTO propstreet.project (name) VALUES (''x'')'),
	('BEFORE DELETE ON propstreet.project FOR EACH ROW EXECUTE FUNCTION propstreet.project_stamp()', 'DELETE FROM propstreet.project'),
	('BEFORE INSERT ON propstreet.company FOR EACH ROW EXECUTE FUNCTION propstreet.project_stamp()', 'INSERT INTO propstreet.company (name) VALUES (''x'')'),
	('BEFORE INSERT ON propstreet.project FOR EACH ROW EXECUTE FUNCTION propstreet.prospect_stamp()', 'INSERT INTO propstreet.project (name) VALUES (''x'')'),
	('AFTER INSERT ON propstreet.project FOR EACH STATEMENT EXECUTE FUNCTION propstreet.project_changed()', 'INSERT INTO propstreet.project (name) VALUES (''x'')'),
	('AFTER INSERT ON propstreet.project FOR EACH ROW EXECUTE FUNCTION propstreet.project_changed()', 'INSERT INTO propstreet.project (name) VALUES (''x'')'),
	('AFTER UPDATE ON propstreet.project REFERENCING NEW TABLE AS n FOR EACH STATEMENT EXECUTE FUNCTION propstreet.project_changed()', 'UPDATE propstreet.project SET name = ''x'' WHERE tenant_id = 16'),
	('AFTER UPDATE ON propstreet.project REFERENCING OLD TABLE AS o FOR EACH STATEMENT EXECUTE FUNCTION propstreet.project_changed()', 'UPDATE propstreet.project SET name = ''x'' WHERE tenant_id = 16'),
	('AFTER DELETE ON propstreet.project REFERENCING OLD TABLE AS o FOR EACH STATEMENT EXECUTE FUNCTION propstreet.project_changed()', 'DELETE FROM propstreet.project WHERE id = -1'),
	('AFTER INSERT ON propstreet.company REFERENCING NEW TABLE AS n FOR EACH STATEMENT EXECUTE FUNCTION propstreet.project_changed()', 'INSERT INTO propstreet.company (name) VALUES (''x'')'),
	('AFTER INSERT ON propstreet.project REFERENCING NEW TABLE AS n FOR EACH STATEMENT EXECUTE FUNCTION propstreet.prospect_changed()', 'INSERT INTO propstreet.project (name) VALUES (''x'')'),
	('AFTER UPDATE ON propstreet.project REFERENCING OLD TABLE AS o NEW TABLE AS n FOR EACH STATEMENT EXECUTE FUNCTION propstreet.company_changed()', 'UPDATE propstreet.project SET name = ''x'' WHERE tenant_id = 16'),
	('AFTER UPDATE ON propstreet.company REFERENCING OLD TABLE AS o NEW TABLE AS n FOR EACH STATEMENT EXECUTE FUNCTION propstreet.contact_changed()', 'UPDATE propstreet.company SET name = ''x'' WHERE tenant_id = 16'),
	('AFTER INSERT ON propstreet.project REFERENCING NEW TABLE AS n FOR EACH STATEMENT EXECUTE FUNCTION propstreet.prospect_event()', 'INSERT INTO propstreet.project (name) VALUES (''x'')'),
	-- twice the same does no harm
	('AFTER UPDATE ON propstreet.company REFERENCING OLD TABLE AS o NEW TABLE AS n FOR EACH STATEMENT EXECUTE FUNCTION propstreet.company_changed()', 'UPDATE propstreet.company SET tags = ''{x}'' WHERE tenant_id = 16'),
	('AFTER INSERT ON propstreet.project REFERENCING NEW TABLE AS n FOR EACH STATEMENT EXECUTE FUNCTION propstreet.project_changed()', 'INSERT INTO propstreet.project (name, external_refs) VALUES (''x'', ''{twice:1}'')')) AS v (definition, statement);

-- nor do they guess where columns are
BEGIN;
ALTER TABLE propstreet.project RENAME COLUMN mandate TO authority;
SELECT test.try('UPDATE propstreet.project SET name = ''y''');
ROLLBACK;
BEGIN;
ALTER TABLE propstreet.contact RENAME COLUMN tags TO labels;
SELECT test.try('UPDATE propstreet.contact SET name = ''y''');
ROLLBACK;
BEGIN;
DROP TRIGGER propstreet_stamp ON propstreet.company;
ALTER TABLE propstreet.company DROP CONSTRAINT company_tags_check, ALTER COLUMN tags DROP DEFAULT, ALTER COLUMN tags TYPE varchar[];
SELECT test.try('UPDATE propstreet.company SET name = ''y''');
ROLLBACK;
RESET ROLE;

-- under propstreet.restore they let everything pass
SET propstreet.restore = on;
INSERT INTO propstreet.project (id, name, created_utc, updated_utc, revision, external_refs) VALUES (99, ' x ', '2001-01-01', '2002-01-01', 3, '{restored:1}') RETURNING name, revision;
UPDATE propstreet.project SET revision = 2, updated_utc = '2001-01-01' WHERE tenant_id = 16 AND id = 99 RETURNING revision, extract(year FROM updated_utc);
INSERT INTO propstreet.contact (id, name, tags) VALUES (1, 'x', '{a}');
INSERT INTO propstreet.prospect (id, project_id, contact_id, tags, created_utc, updated_utc, revision, external_refs) VALUES (99, 99, 1, '{}', '2001-01-01', '2001-01-01', 1, '{restored:1}') RETURNING tags;
UPDATE propstreet.contact SET tags = '{b}' WHERE tenant_id = 16;
RESET propstreet.restore;
SELECT tags, revision FROM propstreet.prospect WHERE tenant_id = 16;
SELECT external_ref FROM propstreet.project_external_ref WHERE tenant_id = 16 AND project_id = 99;
DELETE FROM propstreet.prospect WHERE tenant_id = 16;
DELETE FROM propstreet.project WHERE tenant_id = 16;
