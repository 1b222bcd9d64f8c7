-- owner_changes: what the tables' owner may do to them neither crashes the server nor lets an operation hang
\i test/preamble.sql
SELECT test.begin(45);
INSERT INTO propstreet.contact (id, name) VALUES (1, 'p');
INSERT INTO propstreet.project (id, name, external_refs) VALUES (1, 'one', '{a:1}');

-- a trigger function attached in another way
BEGIN;
CREATE TRIGGER other AFTER INSERT ON propstreet.contact REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION propstreet.contact_changed();
SELECT test.try('INSERT INTO propstreet.contact (id, name) VALUES (2, ''z'')');
ROLLBACK;

-- triggers that leave rows out
BEGIN;
CREATE FUNCTION pg_temp.skip() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER a_skip BEFORE INSERT OR UPDATE ON propstreet.project FOR EACH ROW EXECUTE FUNCTION pg_temp.skip();
CREATE TRIGGER a_skip BEFORE INSERT OR UPDATE ON propstreet.prospect FOR EACH ROW EXECUTE FUNCTION pg_temp.skip();
SELECT test.try('SELECT propstreet.project_create(''{"name": "a"}'')');
SELECT test.try('SELECT propstreet.project_update(1, ''{"name": "b"}'')');
SELECT test.try('SELECT propstreet.prospect_add(1, ''{"contactId": "1"}'')');
SELECT test.try('SELECT propstreet.prospect_upsert(1, ''a'', ''b'', ''{"contactId": "1"}'')');
ROLLBACK;

-- a trigger that changes a setting which our statements change as well: the session's stays
SET jit = on;
BEGIN;
CREATE FUNCTION pg_temp.set_jit() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN PERFORM set_config('jit', 'off', true); RETURN NULL; END$$;
CREATE TRIGGER set_jit AFTER UPDATE ON propstreet.project FOR EACH STATEMENT EXECUTE FUNCTION pg_temp.set_jit();
SELECT propstreet.project_update(1, '{"name": "b"}') ->> 'name';
SHOW jit;
ROLLBACK;
SHOW jit;
BEGIN;
UPDATE propstreet.project SET name = 'c' WHERE tenant_id = 45 AND id = 1;
SHOW jit;
ROLLBACK;
RESET jit;

-- a unique index of the owner's: its violation is told, not taken for a race
BEGIN;
INSERT INTO propstreet.project (id, name) VALUES (2, 'two');
INSERT INTO propstreet.prospect (project_id, contact_id) VALUES (1, 1);
CREATE UNIQUE INDEX one_project ON propstreet.prospect (tenant_id, contact_id) WHERE deleted_utc IS NULL AND tenant_id = 45;
SELECT left(test.try('SELECT propstreet.prospect_add(2, ''{"contactId": "1"}'')'), 80);
ROLLBACK;

-- a column of another type, and more references than the constraint allows
BEGIN;
DROP VIEW propstreet.project_delta, propstreet_api.project_delta, propstreet_api.projects;
ALTER TABLE propstreet.project DROP CONSTRAINT project_name_check, DROP CONSTRAINT project_external_refs_check, ALTER COLUMN name TYPE bigint USING 4096;
SELECT propstreet.project_get(1) ->> 'name';
ROLLBACK;
BEGIN;
ALTER TABLE propstreet.project DROP CONSTRAINT project_external_refs_check;
UPDATE propstreet.project SET external_refs = (SELECT array_agg(propstreet.external_ref('n' || g, '1')) FROM generate_series(1, 5000) AS g) WHERE tenant_id = 45 AND id = 1;
SELECT count(*) FROM propstreet.project_external_ref WHERE tenant_id = 45;
ROLLBACK;

-- a new label: lists with filters know it in the same session
SELECT json_array_length(propstreet.project_list(status => 'open') -> 'data');
ALTER TYPE propstreet.project_classification ADD VALUE 'on_hold';
UPDATE propstreet.project SET classification = 'on_hold' WHERE tenant_id = 45 AND id = 1;
SELECT json_array_length(propstreet.project_list(status => 'open') -> 'data');

-- everybody is no application; too many keys for one transaction; a tag that no index could hold
SELECT test.try('SELECT propstreet.grant_to(''public'')');
SELECT test.try('DO $$BEGIN FOR i IN 1 .. 1001 LOOP PERFORM propstreet.prospect_add_batch(1, ''{"items": [{"contactId": "1"}]}'', ''k'' || i); END LOOP; END$$');
SELECT left(test.try('INSERT INTO propstreet.contact (name, tags) VALUES (''z'', ARRAY[repeat(''x'', 256)])'), 80);

-- many escapes that no text can hold
SELECT left(test.try(format('SELECT propstreet.project_create(%L)', '{"name": [' || repeat('"\u0000",', 20000) || '"x"]}')), 120);
