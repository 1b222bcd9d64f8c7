-- hostile_rows: rows whose types or nulls are not what install() made are refused with an error, and nothing is read as what it is not
\i test/preamble.sql
SELECT test.begin(61);
INSERT INTO propstreet.company (id, name, tags) VALUES (1, 'c', '{a}');
INSERT INTO propstreet.contact (id, name, company_id, tags) VALUES (1, 'p', 1, '{a}'), (2, 'q', NULL, '{}');
INSERT INTO propstreet.property (id, profile) VALUES (1, '{"name": "x"}');
INSERT INTO propstreet.investment_strategy (id, contact_id) VALUES (1, 2);
INSERT INTO propstreet.project (id, name, external_refs, price) VALUES (1, 'one', '{a:1}', '1 SEK');
INSERT INTO propstreet.project_property (project_id, property_id) VALUES (1, 1);
INSERT INTO propstreet.prospect (id, project_id, contact_id, external_refs) VALUES (1, 1, 1, '{p:1}');
SELECT propstreet.webhook_create('{"url": "https://example.com/", "events": ["project.updated", "prospect.updated"]}') ->> 'id' AS webhook \gset
SELECT setval(pg_get_serial_sequence('propstreet.' || name, 'id'), 100) > 0 FROM unnest('{project,prospect,contact,company,property,investment_strategy}'::text[]) AS name;

-- a row type that is altered between two calls of one loop: each call sees the type as it is
CREATE ROLE regress_hostile;
SELECT propstreet.grant_to('regress_hostile');
SELECT string_agg(format('%I %s', attname, format_type(atttypid, atttypmod)), ', ' ORDER BY attnum) AS columns
FROM pg_attribute WHERE attrelid = 'propstreet.project'::regclass AND attnum > 0 AND NOT attisdropped \gset
SELECT string_agg(format('%I %s', attname, CASE attname WHEN 'name' THEN 'bigint' ELSE format_type(atttypid, atttypmod) END), ', ' ORDER BY attnum) AS number_columns
FROM pg_attribute WHERE attrelid = 'propstreet.project'::regclass AND attnum > 0 AND NOT attisdropped \gset
SET ROLE regress_hostile;
CREATE TYPE pg_temp.hostile AS (:columns);
CREATE TYPE pg_temp.number AS (:number_columns);
CREATE FUNCTION pg_temp.made(name text) RETURNS pg_temp.hostile LANGUAGE plpgsql AS $$
DECLARE made pg_temp.hostile;
BEGIN
	EXECUTE format('SELECT p.* FROM propstreet.project AS p WHERE id = 1') INTO made;
	EXECUTE format('SELECT jsonb_populate_record($1, jsonb_build_object(''name'', %L))', name) INTO made USING made;
	RETURN made;
END $$;
CREATE FUNCTION pg_temp.altered(change text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE value record;
BEGIN
	FOR i IN 1..3 LOOP
		IF i = 2 THEN
			EXECUTE change;
		END IF;
		BEGIN
			EXECUTE 'SELECT jsonb_populate_record(NULL::pg_temp.hostile, $1) AS row' INTO value
				USING to_jsonb(pg_temp.project()) || '{"name": "4096", "price": null}';
			RETURN NEXT propstreet.project_json(value.row) ->> 'name';
		EXCEPTION WHEN OTHERS THEN
			RETURN NEXT SQLSTATE || ' ' || SQLERRM;
		END;
	END LOOP;
END $$;
CREATE FUNCTION pg_temp.project() RETURNS propstreet.project LANGUAGE sql AS 'SELECT p FROM propstreet.project AS p WHERE id = 1';
BEGIN;
SELECT pg_temp.altered('ALTER TYPE pg_temp.hostile ALTER ATTRIBUTE name TYPE bigint');
ROLLBACK;
BEGIN;
SELECT pg_temp.altered('ALTER TYPE pg_temp.hostile ALTER ATTRIBUTE price TYPE bigint');
ROLLBACK;
BEGIN;
SELECT pg_temp.altered('ALTER TYPE pg_temp.hostile DROP ATTRIBUTE external_refs');
ROLLBACK;
BEGIN;
SELECT pg_temp.altered('ALTER TYPE pg_temp.hostile ADD ATTRIBUTE more bigint');
ROLLBACK;
-- two of one type that change names: a map of before would fit, and tell one for the other
BEGIN;
CREATE FUNCTION pg_temp.renamed() RETURNS SETOF boolean LANGUAGE plpgsql AS $$
DECLARE value record;
BEGIN
	FOR i IN 1..3 LOOP
		IF i = 2 THEN
			ALTER TYPE pg_temp.hostile RENAME ATTRIBUTE created_utc TO before;
			ALTER TYPE pg_temp.hostile RENAME ATTRIBUTE updated_utc TO created_utc;
			ALTER TYPE pg_temp.hostile RENAME ATTRIBUTE before TO updated_utc;
		END IF;
		EXECUTE 'SELECT jsonb_populate_record(NULL::pg_temp.hostile, $1) AS row' INTO value
			USING to_jsonb(pg_temp.project()) || '{"created_utc": "2026-01-01Z", "updated_utc": "2026-01-02Z"}';
		RETURN NEXT propstreet.project_json(value.row) ->> 'createdUtc' LIKE '2026-01-01%';
	END LOOP;
END $$;
SELECT pg_temp.renamed();
ROLLBACK;

-- a value that is older than its type
CREATE FUNCTION pg_temp.older(change text, type text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	value pg_temp.number := jsonb_populate_record(NULL::pg_temp.number, to_jsonb(pg_temp.project()) || '{"name": 9223372036854775807}');
	other pg_temp.hostile := pg_temp.project();
BEGIN
	EXECUTE change;
	IF type = 'number' THEN
		RETURN propstreet.project_json(value) ->> 'name';
	ELSE
		RETURN propstreet.project_json(other) ->> 'name';
	END IF;
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
SELECT pg_temp.older('ALTER TYPE pg_temp.number ALTER ATTRIBUTE name TYPE text', 'number');
SELECT pg_temp.older('ALTER TYPE pg_temp.hostile ALTER ATTRIBUTE name TYPE bigint', 'hostile');
RESET ROLE;
DROP OWNED BY regress_hostile;
DROP ROLE regress_hostile;

-- types of the same names in another schema propstreet
BEGIN;
ALTER SCHEMA propstreet RENAME TO propstreet_before;
CREATE SCHEMA propstreet;
CREATE DOMAIN propstreet.price AS bigint;
CREATE DOMAIN propstreet.external_ref AS bigint;
CREATE TYPE propstreet.price_range AS (min bigint);
CREATE TYPE propstreet.project_status AS ENUM ('open');
CREATE TABLE propstreet.project (tenant_id bigint, id bigint, price propstreet.price);
SELECT test.try('SELECT propstreet_before.project_get(1)');
SELECT test.try('SELECT propstreet_before.project_json(p) FROM propstreet_before.project AS p');
SELECT test.try('UPDATE propstreet_before.project SET name = ''x'' WHERE id = 1');
SELECT test.try('SELECT propstreet_before.price ''1 SEK''');
ROLLBACK;
-- what is ours but for one thing: a member of the extension, of its kind, as long
BEGIN;
ALTER TYPE propstreet.project_status RENAME TO status_before;
CREATE TYPE propstreet.project_status AS ENUM ('open', 'closed', 'deleted');
SELECT test.try('SELECT propstreet.project_json(p) FROM propstreet.project AS p WHERE id = 1');
ROLLBACK;
BEGIN;
ALTER TYPE propstreet.price RENAME TO price_before;
CREATE DOMAIN propstreet.price AS propstreet.price_before;
ALTER EXTENSION propstreet ADD DOMAIN propstreet.price;
SELECT test.try('SELECT propstreet.project_json(p) FROM propstreet.project AS p WHERE id = 1');
ROLLBACK;
SET client_min_messages = warning;
CREATE FUNCTION pg_temp.like_type(name text, other text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	input text := typinput FROM pg_type WHERE oid = other::regtype;
	output text := typoutput FROM pg_type WHERE oid = other::regtype;
BEGIN
	EXECUTE format('ALTER TYPE propstreet.%I RENAME TO before', name);
	EXECUTE format('CREATE TYPE propstreet.%I', name);
	EXECUTE format('CREATE FUNCTION propstreet.like_in(cstring) RETURNS propstreet.%I LANGUAGE internal IMMUTABLE STRICT AS %L', name, input);
	EXECUTE format('CREATE FUNCTION propstreet.like_out(propstreet.%I) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS %L', name, output);
	EXECUTE format('CREATE TYPE propstreet.%I (INPUT = propstreet.like_in, OUTPUT = propstreet.like_out, LIKE = %s)', name, other);
	EXECUTE format('ALTER EXTENSION propstreet ADD TYPE propstreet.%I', name);
	RETURN test.try('SELECT propstreet.project_json(p) FROM propstreet.project AS p WHERE id = 1');
END $$;
BEGIN;
SELECT pg_temp.like_type('price', 'macaddr8');
ROLLBACK;
BEGIN;
SELECT pg_temp.like_type('external_ref', 'bigint');
ROLLBACK;
RESET client_min_messages;
SELECT propstreet.project_get(1) ->> 'name';

-- every NOT NULL that the owner may drop: a null is an error that names the column, or is not looked at
CREATE FUNCTION test.with_null(relation regclass, attribute name) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	statement text;
	outcome text;
BEGIN
	EXECUTE format('ALTER TABLE %s ALTER COLUMN %I DROP IDENTITY IF EXISTS, ALTER COLUMN %I DROP NOT NULL', relation, attribute, attribute);
	SET LOCAL propstreet.restore = on;
	EXECUTE format('UPDATE %s SET %I = NULL WHERE tenant_id = 61', relation, attribute);
	SET LOCAL propstreet.restore = off;
	FOREACH statement IN ARRAY ARRAY[
		'SELECT propstreet.project_get(1)', 'SELECT propstreet.project_list()', 'SELECT propstreet.project_update(1, ''{"name": "two"}'')',
		'SELECT propstreet.project_find(''a'', ''1'')', 'SELECT propstreet.project_upsert(''a'', ''1'', ''{"name": "x"}'')', 'SELECT propstreet.project_delete(1)',
		'SELECT propstreet.project_close(1)', 'SELECT propstreet.project_properties(1)', 'SELECT propstreet.teaser_communicate(1, ''2126-01-01'')',
		'SELECT propstreet.prospect_get(1, 1)', 'SELECT propstreet.prospect_list(1)', 'SELECT propstreet.prospect_list_all(tags => ''{a}'')',
		'SELECT propstreet.prospect_add(1, ''{"contactId": "2"}'')', 'SELECT propstreet.prospect_update(1, 1, ''{"classification": "bidder"}'')',
		'SELECT propstreet.prospect_add_batch(1, ''{"items": [{"contactId": "2"}, {"companyId": "1"}]}'')',
		'SELECT propstreet.prospect_update_batch(1, ''{"items": [{"id": "1", "classification": "bidder", "externalRefs": []}]}'')',
		'SELECT propstreet.prospect_find(1, ''p'', ''1'')', 'SELECT propstreet.prospect_upsert(1, ''p'', ''1'', ''{"classification": "bidder"}'')',
		'SELECT propstreet.contact_projects(1)', 'SELECT propstreet.company_projects(1)',
		'SELECT count(*) FROM propstreet.project_changes(''-infinity'')', 'SELECT count(*) FROM propstreet.prospect_changes(''-infinity'')',
		'SELECT count(resource::text) FROM propstreet.project_delta', 'SELECT count(resource::text) FROM propstreet.prospect_delta',
		'UPDATE propstreet.project SET name = ''three'' WHERE tenant_id = 61', 'UPDATE propstreet.prospect SET external_refs = ''{p:2}'' WHERE tenant_id = 61',
		'UPDATE propstreet.contact SET tags = ''{z}'' WHERE tenant_id = 61', 'UPDATE propstreet.company SET tags = ''{z}'' WHERE tenant_id = 61',
		'SELECT propstreet.webhook_list()', format('SELECT propstreet.webhook_update(%s, ''{"name": "x"}'')', (SELECT id FROM propstreet.webhook WHERE tenant_id = 61)),
		format('SELECT propstreet.webhook_test(%s)', (SELECT id FROM propstreet.webhook WHERE tenant_id = 61)),
		format('SELECT propstreet.webhook_deliveries(%s)', (SELECT id FROM propstreet.webhook WHERE tenant_id = 61)),
		format('SELECT propstreet.webhook_rotate_secret(%s)', (SELECT id FROM propstreet.webhook WHERE tenant_id = 61)),
		'SELECT count(*) FROM propstreet.webhook_claim(10)', 'SELECT propstreet.webhook_next_due()', 'SELECT count(*) FROM propstreet.webhook_status',
		'SELECT propstreet.project_create(''{"name": "kept"}'', ''key'')', 'SELECT propstreet.purge()', 'SELECT count(*) FROM propstreet.check()'] LOOP
		BEGIN
			EXECUTE statement;
		EXCEPTION WHEN OTHERS THEN
			IF SQLSTATE !~ '^(PT|23)' THEN
				RETURN NEXT format('%s.%s: %s: %s %s', relation, attribute, statement, SQLSTATE, SQLERRM);
			END IF;
		END;
	END LOOP;
	RETURN;
END $$;
SELECT propstreet.project_create('{"name": "kept"}', 'key') ->> 'name';
SELECT propstreet.project_update(1, '{"name": "one more"}') ->> 'name';
SET client_min_messages = warning;
SELECT string_agg(format('BEGIN; SELECT test.with_null(%L, %L); ROLLBACK;', a.attrelid::regclass, a.attname), E'\n' ORDER BY a.attrelid::regclass::text COLLATE "C", a.attnum) AS statements
FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid
WHERE c.relnamespace = 'propstreet'::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND a.attnotnull AND NOT a.attisdropped
	AND NOT EXISTS (SELECT FROM pg_index AS i WHERE i.indrelid = a.attrelid AND i.indisprimary AND a.attnum = ANY (i.indkey)) \gset
:statements
SELECT propstreet.project_get(1) ->> 'name';

-- a view in a table's place
BEGIN;
ALTER TABLE propstreet.property RENAME TO property_before;
CREATE VIEW propstreet.property AS SELECT tenant_id, id, NULL::jsonb AS profile FROM propstreet.property_before;
SELECT test.try('SELECT propstreet.project_properties(1)');
ROLLBACK;
DROP FUNCTION test.with_null;
DELETE FROM propstreet.webhook_delivery WHERE tenant_id = 61;
DELETE FROM propstreet.webhook WHERE tenant_id = 61;
DELETE FROM propstreet.event WHERE tenant_id = 61;
