-- check: it finds what contradicts the rules in the stored data
\set SHOW_CONTEXT never
\pset format unaligned
\pset tuples_only on
SELECT test.begin(18);
SELECT * FROM propstreet.check();
INSERT INTO propstreet.company (id, name, tags) VALUES (1, 'c', '{c}'), (2, 'd', '{d}');
INSERT INTO propstreet.contact (id, name, company_id, tags) VALUES (1, 'p', 1, '{p}'), (2, 'q', NULL, '{q}');
INSERT INTO propstreet.project (id, name, external_refs) VALUES (1, 'one', '{a:1,b:1}'), (2, 'two', '{a:2}'), (3, 'three', '{a:3}');
INSERT INTO propstreet.prospect (id, project_id, contact_id, external_refs) VALUES (1, 1, 1, '{a:1,b:1}'), (2, 1, 2, '{a:2}'), (3, 2, 1, '{a:3}');
INSERT INTO propstreet.prospect (id, project_id, company_id) VALUES (4, 1, 1), (5, 1, 2);
SELECT * FROM propstreet.check();
CREATE FUNCTION pg_temp.problems() RETURNS SETOF text LANGUAGE sql AS $$
	SELECT concat_ws(' ', tenant_id, resource, id || ':', problem) FROM propstreet.check() ORDER BY resource, id, problem COLLATE "C"
$$;

-- references: missing, too many, another's, of deleted ones
BEGIN;
SET LOCAL propstreet.restore = on;
UPDATE propstreet.project SET external_refs = '{b:1,c:1}' WHERE tenant_id = 18 AND id = 1;
UPDATE propstreet.project SET status = 'deleted', deleted_utc = now() WHERE tenant_id = 18 AND id = 2;
UPDATE propstreet.project_external_ref SET project_id = 1 WHERE tenant_id = 18 AND project_id = 3;
UPDATE propstreet.prospect SET external_refs = '{b:1,c:1}' WHERE tenant_id = 18 AND id = 1;
UPDATE propstreet.prospect SET deleted_utc = now() WHERE tenant_id = 18 AND id = 2;
UPDATE propstreet.prospect_external_ref SET project_id = 3 WHERE tenant_id = 18 AND prospect_id = 3;
SELECT * FROM pg_temp.problems();
-- writing such a row again repairs it, or fails, but does not hang
SET LOCAL propstreet.restore = off;
UPDATE propstreet.project SET external_refs = '{a:1,b:1,c:1}' WHERE tenant_id = 18 AND id = 1;
UPDATE propstreet.prospect SET external_refs = '{a:1,b:1,c:1}' WHERE tenant_id = 18 AND id = 1;
SELECT test.try('UPDATE propstreet.project SET external_refs = ''{d:3,a:3}'' WHERE tenant_id = 18 AND id = 3');
SELECT * FROM pg_temp.problems();
ROLLBACK;

-- copies of investors that are not theirs
BEGIN;
SET LOCAL propstreet.restore = on;
UPDATE propstreet.prospect SET tags = '{x}' WHERE tenant_id = 18 AND id = 1;
UPDATE propstreet.prospect SET company_id = 2 WHERE tenant_id = 18 AND id = 2;
UPDATE propstreet.prospect SET company_id = NULL WHERE tenant_id = 18 AND id = 3;
UPDATE propstreet.company SET tags = '{x}' WHERE tenant_id = 18 AND id = 1;
SELECT * FROM pg_temp.problems();
-- not of removed ones
UPDATE propstreet.prospect SET deleted_utc = now(), external_refs = '{}' WHERE tenant_id = 18;
DELETE FROM propstreet.prospect_external_ref WHERE tenant_id = 18;
SELECT * FROM pg_temp.problems();
ROLLBACK;

-- what enforces the rules is off
BEGIN;
ALTER TABLE propstreet.project DISABLE TRIGGER propstreet_stamp;
ALTER TABLE propstreet.contact DISABLE TRIGGER propstreet_update;
ALTER TABLE propstreet.prospect DISABLE ROW LEVEL SECURITY;
DROP TRIGGER propstreet_insert ON propstreet.prospect;
DROP POLICY propstreet_tenant ON propstreet.company;
SELECT * FROM pg_temp.problems();
ROLLBACK;

-- functions of the owner's that look for names in the caller's path
BEGIN;
CREATE FUNCTION test.loose() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE FUNCTION test.fixed() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS 'BEGIN RETURN NEW; END';
CREATE FUNCTION test.text() RETURNS text LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN 1; END';
CREATE TRIGGER loose BEFORE INSERT ON propstreet.company FOR EACH ROW EXECUTE FUNCTION test.loose();
CREATE TRIGGER fixed BEFORE INSERT ON propstreet.company FOR EACH ROW EXECUTE FUNCTION test.fixed();
ALTER TABLE propstreet.contact ALTER phone SET DEFAULT test.text();
CREATE POLICY loose ON propstreet.contact USING (test.text() = '1');
CREATE INDEX loose ON propstreet.event ((event || test.text()));
SELECT * FROM pg_temp.problems() WHERE problems LIKE '%search_path%';
ROLLBACK;

-- a view in the place of a table is not read
BEGIN;
ALTER TABLE propstreet.company RENAME TO company_of_old;
CREATE VIEW propstreet.company AS SELECT * FROM propstreet.company_of_old;
SELECT * FROM propstreet.check();
ROLLBACK;

-- by the tables' owner, without a tenant
RESET propstreet.tenant_id;
SET ROLE "regress_Owner";
SELECT * FROM pg_temp.problems();
SELECT * FROM propstreet.check();
RESET ROLE;
