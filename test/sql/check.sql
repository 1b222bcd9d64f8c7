-- check: it finds what contradicts the rules in the stored data
\i test/preamble.sql
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
CREATE FUNCTION pg_temp.loose() RETURNS SETOF text LANGUAGE sql AS $$
	SELECT concat_ws(' ', resource || ':', split_part(problem, ', whose search_path is not fixed', 1)) FROM propstreet.check()
	WHERE problem LIKE '%, whose search_path is not fixed to end in pg_temp: it may find the caller''s temporary tables' ORDER BY resource, problem COLLATE "C"
$$;
SELECT * FROM pg_temp.loose();
BEGIN;
CREATE FUNCTION test.loose() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE FUNCTION test.fixed() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS 'BEGIN RETURN NEW; END';
-- temporary tables come first where a path does not name them; an empty path finds nothing else
CREATE FUNCTION test.temporary_first() RETURNS trigger LANGUAGE plpgsql SET search_path = public AS 'BEGIN RETURN NEW; END';
CREATE FUNCTION test.empty_path() RETURNS trigger LANGUAGE plpgsql SET search_path = '' AS 'BEGIN RETURN NEW; END';
CREATE FUNCTION test.text() RETURNS text LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN 1; END';
CREATE FUNCTION test.truth(anyelement) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN true; END';
CREATE TRIGGER loose BEFORE INSERT ON propstreet.company FOR EACH ROW EXECUTE FUNCTION test.loose();
CREATE TRIGGER fixed BEFORE INSERT ON propstreet.company FOR EACH ROW EXECUTE FUNCTION test.fixed();
CREATE TRIGGER temporary_first BEFORE INSERT ON propstreet.company FOR EACH ROW EXECUTE FUNCTION test.temporary_first();
CREATE TRIGGER empty_path BEFORE INSERT ON propstreet.company FOR EACH ROW EXECUTE FUNCTION test.empty_path();
CREATE TRIGGER condition BEFORE INSERT ON propstreet.company FOR EACH ROW WHEN (test.truth(NEW.name)) EXECUTE FUNCTION test.fixed();
ALTER TABLE propstreet.contact ALTER phone SET DEFAULT test.text();
ALTER TABLE propstreet.contact ADD calculated text GENERATED ALWAYS AS (name || test.text()) STORED;
ALTER TABLE propstreet.contact ADD CONSTRAINT loose CHECK (test.truth(name));
CREATE POLICY loose ON propstreet.contact USING (test.text() = '1');
CREATE INDEX loose ON propstreet.event ((event || test.text()));
CREATE INDEX partial ON propstreet.event (event) WHERE test.truth(event);
CREATE STATISTICS propstreet.loose ON (event || test.text()) FROM propstreet.event;
CREATE RULE loose AS ON INSERT TO propstreet.webhook WHERE test.truth(NEW.name) DO ALSO NOTHING;
SELECT * FROM pg_temp.loose();
ROLLBACK;

-- behind operators, operator classes, aggregates, domains, views and other functions
BEGIN;
CREATE FUNCTION test.same(text, text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN true; END';
CREATE FUNCTION test.compare(text, text) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN 0; END';
CREATE OPERATOR test.=== (LEFTARG = text, RIGHTARG = text, FUNCTION = test.same, COMMUTATOR = OPERATOR(test.===));
CREATE OPERATOR CLASS test.own FOR TYPE text USING btree AS OPERATOR 3 test.===, FUNCTION 1 test.compare(text, text);
CREATE INDEX operator ON propstreet.event ((event OPERATOR(test.===) 'a'));
CREATE INDEX class ON propstreet.event (event test.own);
ALTER TABLE propstreet.event ADD CONSTRAINT exclusion EXCLUDE (event test.own WITH OPERATOR(test.===)) WHERE (false);
CREATE FUNCTION test.step(integer, text) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN $1; END';
CREATE AGGREGATE test.steps(text) (SFUNC = test.step, STYPE = integer);
CREATE POLICY aggregate ON propstreet.company USING ((SELECT test.steps(name) FROM propstreet.contact) = 1);
CREATE FUNCTION test.valid(text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN true; END';
CREATE FUNCTION test.usual() RETURNS text LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN 1; END';
CREATE DOMAIN test.word AS text DEFAULT test.usual() CHECK (test.valid(VALUE));
CREATE DOMAIN test.words AS test.word[];
CREATE TYPE test.pair AS (one test.words, other integer);
ALTER TABLE propstreet.company ADD pair test.pair;
CREATE FUNCTION test.inner() RETURNS text LANGUAGE plpgsql AS 'BEGIN RETURN 1; END';
CREATE FUNCTION test.outer() RETURNS text LANGUAGE sql SET search_path = pg_catalog, pg_temp BEGIN ATOMIC SELECT test.inner(); END;
CREATE VIEW test.view AS SELECT test.outer() AS inside;
CREATE POLICY view ON propstreet.webhook USING ((SELECT inside FROM test.view) = '1');
SELECT * FROM pg_temp.loose();
ROLLBACK;

-- in C or internal, only those of the server and of extensions are not looked at; partitions are
BEGIN;
CREATE FUNCTION test.wrapped(text) RETURNS text LANGUAGE internal IMMUTABLE AS 'lower';
CREATE INDEX wrapped ON propstreet.event (test.wrapped(event));
CREATE INDEX server ON propstreet.event (lower(event));
CREATE INDEX ours ON propstreet.project (propstreet.external_refs_valid(external_refs));
CREATE FUNCTION test.loose() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TABLE propstreet.divided (id integer) PARTITION BY LIST (id);
CREATE TABLE test.part PARTITION OF propstreet.divided FOR VALUES IN (1);
CREATE TRIGGER loose BEFORE INSERT ON test.part FOR EACH ROW EXECUTE FUNCTION test.loose();
-- what is read calls no triggers
CREATE TABLE test.read (id integer);
CREATE TRIGGER loose BEFORE INSERT ON test.read FOR EACH ROW EXECUTE FUNCTION test.loose();
CREATE POLICY read ON propstreet.webhook USING (EXISTS (SELECT FROM test.read));
SELECT * FROM pg_temp.loose();
-- members of extensions: any of this one, and those in C or internal of others
CREATE FUNCTION test.member() RETURNS text LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN 1; END';
CREATE INDEX member ON propstreet.event ((event || test.member()));
ALTER EXTENSION plpgsql ADD FUNCTION test.wrapped(text);
ALTER EXTENSION plpgsql ADD FUNCTION test.member();
SELECT * FROM pg_temp.loose();
ALTER EXTENSION plpgsql DROP FUNCTION test.member();
ALTER EXTENSION propstreet ADD FUNCTION test.member();
SELECT * FROM pg_temp.loose();
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
