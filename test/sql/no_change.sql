-- no_change: what is no change leaves version, ETag and times alone; whatever is one changes them
\i test/preamble.sql
SELECT test.begin(5);
INSERT INTO propstreet.company (name, tags) VALUES ('Company', '{a}');
INSERT INTO propstreet.contact (name, tags, company_id) VALUES ('Contact', '{a,b}', 1);
SELECT propstreet.project_create('{"name": "x", "asset": {"type": "portfolio", "propertyCount": 5}, "mandate": "other", "price": {"value": 150, "currency": "SEK", "scale": "millions"},
	"priceRange": {"min": 1.5, "currency": "SEK"}, "externalRefs": [{"namespace": "hubspot", "id": "1"}, {"namespace": "a", "id": "2"}]}')->>'id';
SELECT propstreet.prospect_add(1, '{"contactId": "1", "externalRefs": [{"namespace": "hubspot", "id": "1"}]}')->>'id';
SELECT propstreet.prospect_add(1, '{"companyId": "1"}')->>'id';

CREATE FUNCTION pg_temp.versions() RETURNS TABLE (kind text, id bigint, revision bigint, created_utc timestamptz, updated_utc timestamptz, etag text) LANGUAGE sql AS $$
	SELECT 'project', id, revision, created_utc, updated_utc, etag::text FROM propstreet.project_delta WHERE tenant_id = 5
	UNION ALL
	SELECT 'prospect', id, revision, created_utc, updated_utc, etag::text FROM propstreet.prospect_delta WHERE tenant_id = 5
$$;
-- Runs a statement and says which projects and prospects have changed, by how many versions; and what else about them is not as it has to be
CREATE FUNCTION pg_temp.effect(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	effect text;
BEGIN
	CREATE TEMP TABLE before ON COMMIT DROP AS SELECT * FROM pg_temp.versions();
	EXECUTE statement;
	SELECT coalesce(string_agg(concat_ws(' ', a.kind, a.id, '+' || a.revision - b.revision,
			CASE WHEN a.created_utc <> b.created_utc THEN 'other created_utc' END, CASE WHEN a.updated_utc <= b.updated_utc THEN 'same or earlier updated_utc' END,
			CASE WHEN a.etag = b.etag THEN 'same etag' END), ', ' ORDER BY a.kind, a.id), 'no change')
	INTO effect
	FROM before AS b JOIN pg_temp.versions() AS a USING (kind, id)
	WHERE a <> b;
	DROP TABLE before;
	RETURN effect;
END
$$;

-- patches that say what is there already
SELECT patch, pg_temp.effect(format('SELECT propstreet.project_update(1, %L)', patch)) FROM (VALUES
	('{}'), ('{"name": "x"}'), ('{"name": " x\u00a0"}'), ('{"asset": {"propertyCount": 5, "type": "portfolio"}}'), ('{"classification": "draft"}'), ('{"classification": null}'), ('{"mandate": "other"}'),
	('{"price": {"value": 150.00, "currency": "SEK", "scale": "millions"}}'), ('{"price": {"scale": "millions", "value": 1.5e2, "currency": "SEK"}}'),
	('{"priceRange": {"min": 1.50, "max": null, "currency": "SEK", "scale": null}}'), ('{"externalRefs": [{"id": "1", "namespace": "HubSpot"}, {"namespace": "A", "id": "2"}]}')) AS v (patch);
SELECT patch, pg_temp.effect(format('SELECT propstreet.prospect_update(1, 1, %L)', patch)) FROM (VALUES
	('{}'), ('{"classification": "not_contacted"}'), ('{"classification": null}'), ('{"externalRefs": [{"namespace": "HUBSPOT", "id": "1"}]}')) AS v (patch);

-- and such that don't, however little
SELECT patch, pg_temp.effect(format('SELECT propstreet.project_update(1, %L)', patch)) FROM (VALUES
	('{"name": "X"}'), ('{"price": {"value": 0.15, "currency": "SEK", "scale": "billions"}}'), ('{"priceRange": {"min": 0.0015, "currency": "SEK", "scale": "thousands"}}'),
	('{"asset": {"type": "portfolio"}}'), ('{"externalRefs": [{"namespace": "a", "id": "2"}, {"namespace": "hubspot", "id": "1"}]}'), ('{"mandate": null}')) AS v (patch);
SELECT patch, pg_temp.effect(format('SELECT propstreet.prospect_update(1, 1, %L)', patch)) FROM (VALUES
	('{"classification": "contacted"}'), ('{"externalRefs": []}')) AS v (patch);

-- plain SQL: the same
SELECT statement, pg_temp.effect(statement) FROM (VALUES
	('UPDATE propstreet.project SET name = name, price = price WHERE tenant_id = 5'), ('UPDATE propstreet.project SET name = '' X '' WHERE tenant_id = 5'),
	('UPDATE propstreet.project SET price = ''0.1500 billions SEK'' WHERE tenant_id = 5'), ('UPDATE propstreet.project SET external_refs = ''{A:2,HUBSPOT:1}'' WHERE tenant_id = 5'),
	('UPDATE propstreet.prospect SET classification = ''contacted'' WHERE tenant_id = 5 AND id = 1'),
	-- stamps and copies are not for writers
	('UPDATE propstreet.project SET created_utc = ''2001-01-01'', updated_utc = ''2001-01-01'', revision = 99 WHERE tenant_id = 5'),
	('UPDATE propstreet.prospect SET created_utc = ''2001-01-01'', updated_utc = ''2001-01-01'', revision = 99, tags = ''{mine}'' WHERE tenant_id = 5'),
	('UPDATE propstreet.prospect SET company_id = NULL WHERE tenant_id = 5 AND id = 1'),
	('UPDATE propstreet.project SET name = ''Y'' WHERE tenant_id = 5'), ('UPDATE propstreet.project SET price = ''150 millions SEK'' WHERE tenant_id = 5'),
	('UPDATE propstreet.project SET name = ''Z'', created_utc = ''2001-01-01'', updated_utc = ''2001-01-01'', revision = 99 WHERE tenant_id = 5'),
	('UPDATE propstreet.prospect SET classification = ''bidder'' WHERE tenant_id = 5')) AS v (statement);

-- a change of a prospect is none of its project, and the other way round; a change of an investor is one of its prospects if it changes a copy
SELECT statement, pg_temp.effect(statement) FROM (VALUES
	('UPDATE propstreet.contact SET name = ''New name'', email = ''a@example.com'', blocked = true WHERE tenant_id = 5'), ('UPDATE propstreet.contact SET tags = tags, company_id = company_id WHERE tenant_id = 5'),
	('UPDATE propstreet.contact SET tags = ''{b,a}'' WHERE tenant_id = 5'), ('UPDATE propstreet.contact SET company_id = NULL WHERE tenant_id = 5'), ('UPDATE propstreet.contact SET company_id = 1 WHERE tenant_id = 5'),
	('UPDATE propstreet.company SET name = ''New name'', blocked = true WHERE tenant_id = 5'), ('UPDATE propstreet.company SET tags = ''{b}'' WHERE tenant_id = 5'),
	('SELECT propstreet.project_close(1)'), ('SELECT propstreet.project_close(1)'), ('SELECT propstreet.project_close(1, ''[ ]'')'), ('SELECT propstreet.project_reopen(1)'), ('SELECT propstreet.project_reopen(1)'),
	('SELECT propstreet.teaser_advance(1, ''drafting'')'), ('SELECT propstreet.teaser_advance(1, ''drafting'')'), ('SELECT propstreet.teaser_communicate(1, ''2126-01-01'')'), ('SELECT propstreet.teaser_communicate(1, ''2126-01-02'')')) AS v (statement);

-- arrays are compared by their elements, and stored with lower bound 1
SELECT statement, pg_temp.effect(statement) FROM (VALUES
	('UPDATE propstreet.project SET external_refs = ''{a:1,b:2}'' WHERE tenant_id = 5'), ('UPDATE propstreet.project SET external_refs = ''[2:3]={a:1,b:2}'' WHERE tenant_id = 5'),
	('UPDATE propstreet.project SET external_refs = (''{a:1,b:2,NULL}''::propstreet.external_ref[])[1:2] WHERE tenant_id = 5'),
	('UPDATE propstreet.project SET external_refs = ''[0:1]={b:2,a:1}'' WHERE tenant_id = 5'), ('SELECT propstreet.project_update(1, ''{"externalRefs": [{"namespace": "b", "id": "2"}, {"namespace": "a", "id": "1"}]}'')'),
	('UPDATE propstreet.prospect SET external_refs = ''{a:1}'' WHERE tenant_id = 5 AND id = 1'), ('UPDATE propstreet.prospect SET external_refs = ''[5:5]={a:1}'' WHERE tenant_id = 5 AND id = 1'),
	('UPDATE propstreet.contact SET tags = ''{x,y}'' WHERE tenant_id = 5'), ('UPDATE propstreet.contact SET tags = ''[0:1]={x,y}'' WHERE tenant_id = 5'),
	('UPDATE propstreet.company SET tags = ''[0:1]={x,y}'' WHERE tenant_id = 5')) AS v (statement);
BEGIN;
INSERT INTO propstreet.contact (id, name, tags) VALUES (999, 'Contact', '[0:1]={x,y}');
INSERT INTO propstreet.prospect (project_id, contact_id, external_refs) VALUES (1, 999, '[7:7]={c:1}');
INSERT INTO propstreet.project (name, external_refs) VALUES ('Bounds', '[7:7]={c:1}');
SELECT array_dims(external_refs), array_dims(tags) FROM propstreet.prospect WHERE tenant_id = 5 AND contact_id = 999;
SELECT array_lower(external_refs, 1) FROM propstreet.project WHERE tenant_id = 5 AND external_refs <> '{}';
INSERT INTO propstreet.company (id, name, tags) VALUES (999, 'Company', '[0:1]={x,y}');
UPDATE propstreet.contact SET tags = '[3:4]={y,z}' WHERE tenant_id = 5 AND id = 999;
SELECT 'contact' AS table, tags FROM propstreet.contact WHERE tenant_id = 5 AND id = 999 UNION ALL SELECT 'company', tags FROM propstreet.company WHERE tenant_id = 5 AND id = 999 ORDER BY 1;
SELECT * FROM propstreet.check() WHERE tenant_id = 5;
ROLLBACK;

-- a user's own column counts, the answers don't show it
ALTER TABLE propstreet.project ADD COLUMN regress_note text, ADD COLUMN regress_length int GENERATED ALWAYS AS (char_length(name)) STORED;
SELECT statement, pg_temp.effect(statement) FROM (VALUES
	('UPDATE propstreet.project SET regress_note = ''n'' WHERE tenant_id = 5'), ('UPDATE propstreet.project SET regress_note = ''n'' WHERE tenant_id = 5'), ('UPDATE propstreet.project SET name = name WHERE tenant_id = 5'),
	('SELECT propstreet.project_update(1, ''{"name": "Z"}'')'), ('SELECT propstreet.project_update(1, ''{"name": "ZZ"}'')')) AS v (statement);
SELECT regress_note, regress_length FROM propstreet.project WHERE tenant_id = 5;
SELECT test.masked(propstreet.project_get(1));
SELECT count(*) FROM information_schema.columns WHERE table_schema = 'propstreet' AND table_name = 'project_delta' AND column_name LIKE 'regress%';
ALTER TABLE propstreet.project DROP COLUMN regress_note, DROP COLUMN regress_length;
SELECT pg_temp.effect('UPDATE propstreet.project SET name = name WHERE tenant_id = 5'), pg_temp.effect('SELECT propstreet.project_update(1, ''{"name": "ZZZ"}'')');

-- updated_utc grows, even within a transaction, and where the clock has not
BEGIN;
SELECT pg_temp.effect('UPDATE propstreet.project SET name = ''1'' WHERE tenant_id = 5'), pg_temp.effect('UPDATE propstreet.project SET name = ''2'' WHERE tenant_id = 5');
COMMIT;
SET propstreet.restore = on;
UPDATE propstreet.project SET updated_utc = '2101-01-01' WHERE tenant_id = 5;
RESET propstreet.restore;
SELECT pg_temp.effect('UPDATE propstreet.project SET name = ''3'' WHERE tenant_id = 5');
SELECT updated_utc AT TIME ZONE 'UTC', created_utc < now() FROM propstreet.project WHERE tenant_id = 5;
