-- tenancy: nothing crosses from one tenant to another
\i test/preamble.sql

-- Two tenants with the same ids and references, and some of the second tenant that the first has not: 5555; 6666 has nobody
SELECT test.begin(15);
INSERT INTO propstreet.company (id, name, tags) VALUES (1, 'theirs', '{theirs}'), (5555, 'theirs', '{theirs}');
INSERT INTO propstreet.contact (id, name, company_id, tags) VALUES (1, 'theirs', 1, '{theirs}'), (5555, 'theirs', 5555, '{theirs}');
INSERT INTO propstreet.investment_strategy (id, contact_id) VALUES (1, 1), (5555, 5555);
INSERT INTO propstreet.property (id, profile) VALUES (1, '{"name": "theirs"}'), (5555, '{"name": "theirs"}');
INSERT INTO propstreet.project (id, name, external_refs) VALUES (1, 'theirs', '{a:1}'), (5555, 'theirs', '{a:5555}');
INSERT INTO propstreet.project_property (project_id, property_id) VALUES (1, 1), (5555, 5555), (1, 5555);
INSERT INTO propstreet.prospect (id, project_id, contact_id, external_refs) VALUES (1, 1, 1, '{p:1}'), (5555, 5555, 5555, '{p:5555}'), (5556, 1, 5555, '{p:5556}');
SELECT test.begin(14);
INSERT INTO propstreet.company (id, name, tags) VALUES (1, 'ours', '{ours}');
INSERT INTO propstreet.contact (id, name, company_id, tags) VALUES (1, 'ours', 1, '{ours}');
INSERT INTO propstreet.property (id, profile) VALUES (1, '{"name": "ours"}');
INSERT INTO propstreet.project (id, name, external_refs) VALUES (1, 'ours', '{a:1}');
INSERT INTO propstreet.project_property (project_id, property_id) VALUES (1, 1);
INSERT INTO propstreet.prospect (id, project_id, contact_id, external_refs) VALUES (1, 1, 1, '{p:1}');
SELECT count(setval(oid::regclass, 100)) > 0 FROM pg_class WHERE relnamespace = 'propstreet'::regnamespace AND relkind = 'S';
CREATE ROLE regress_app;
SELECT propstreet.grant_to('regress_app');

-- What is the answer for an id of theirs, and is it the same as for one that nobody has?
CREATE FUNCTION pg_temp.theirs(statement text) RETURNS text LANGUAGE sql AS $$
	SELECT theirs || CASE WHEN replace(theirs, '5555', '6666') = nobodys THEN '' ELSE E'\nNOT THE SAME: ' || nobodys END
	FROM (SELECT test.try(format(statement, 5555)), test.try(format(statement, 6666))) AS t (theirs, nobodys)
$$;

SET ROLE regress_app;
-- operations
SELECT operation, pg_temp.theirs('SELECT propstreet.' || operation) FROM (VALUES
	('project_get(%s)'), ('project_get(%s, true)'), ('project_update(%s, ''{"name": "x"}'')'), ('project_update(%s, ''{}'', ''*'')'), ('project_delete(%s)'), ('project_close(%s)'), ('project_reopen(%s)'), ('project_properties(%s)'),
	('project_find(''a'', ''%s'')'), ('teaser_advance(%s, ''drafting'')'), ('teaser_communicate(%s, ''2126-01-01'')'), ('teaser_accept(%1$s, %1$s)'), ('teaser_accept(1, %s)'),
	('prospect_add(%s, ''{"contactId": "1"}'')'), ('prospect_add(1, ''{"contactId": "%s"}'')'), ('prospect_add(1, ''{"companyId": "%s"}'')'), ('prospect_get(%1$s, %1$s)'), ('prospect_get(1, %s)'), ('prospect_get(1, %s, true)'),
	('prospect_find(%s, ''p'', ''1'')'), ('prospect_find(1, ''p'', ''%s'')'), ('prospect_update(1, %s, ''{}'')'), ('prospect_update(%s, 1, ''{}'')'), ('prospect_remove(1, %s)'), ('prospect_upsert(%s, ''p'', ''1'', ''{"contactId": "1"}'')'),
	('prospect_upsert(1, ''p'', ''%s'', ''{}'')'), ('prospect_upsert(1, ''x'', ''1'', ''{"contactId": "%s"}'')'), ('prospect_list(%s)'), ('contact_projects(%s)'), ('company_projects(%s)')) AS v (operation);
-- references of theirs are free here
SELECT test.masked(propstreet.project_update(1, '{"externalRefs": [{"namespace": "a", "id": "5555"}]}'));
SELECT test.masked(propstreet.prospect_update(1, 1, '{"externalRefs": [{"namespace": "p", "id": "5556"}]}'));
SELECT propstreet.project_upsert('a', '1', '{"name": "upserted"}')->>'result';
-- what is of both is ours
SELECT propstreet.project_find('a', '5555')->>'name', propstreet.project_properties(1), propstreet.prospect_get(1, 1)->'tags', propstreet.prospect_find(1, 'p', '5556')->>'id';
SELECT p->>'name', p->>'prospectCount' FROM json_array_elements(propstreet.contact_projects(1)->'data') AS p;
SELECT p->>'name', p->>'prospectCount' FROM json_array_elements(propstreet.company_projects(1)->'data') AS p;
SELECT p->>'name' FROM json_array_elements(propstreet.project_list()->'data') AS p;
SELECT p->>'id' FROM json_array_elements(propstreet.prospect_list(1)->'data') AS p;
SELECT p->>'id' FROM json_array_elements(propstreet.prospect_list_all()->'data') AS p;
SELECT p->>'id' FROM json_array_elements(propstreet.prospect_list_all(tags => '{theirs}')->'data') AS p;
SELECT resource->>'name' FROM propstreet.project_changes(NULL);
SELECT id FROM propstreet.prospect_changes('-infinity');
-- a teaser goes to our investors
INSERT INTO propstreet.investment_strategy (contact_id) VALUES (1);
SELECT propstreet.teaser_communicate(1, '2126-01-01')->'teaser'->>'stage';
SELECT contact_id, deadline_utc IS NOT NULL FROM propstreet.prospect;

-- tables and views
SELECT relation, test.try('SELECT string_agg(DISTINCT tenant_id::text, '' '') FROM propstreet.' || relation)
FROM unnest(ARRAY['company', 'contact', 'investment_strategy', 'property', 'project', 'project_property', 'prospect', 'project_delta', 'prospect_delta']) AS relation;
SELECT statement, pg_temp.theirs(statement) FROM (VALUES
	('INSERT INTO propstreet.contact (name, company_id) VALUES (''x'', %s)'), ('UPDATE propstreet.contact SET company_id = %s'), ('INSERT INTO propstreet.investment_strategy (contact_id) VALUES (%s)'),
	('INSERT INTO propstreet.investment_strategy (company_id) VALUES (%s)'), ('INSERT INTO propstreet.project_property (project_id, property_id) VALUES (%s, 1)'), ('INSERT INTO propstreet.project_property (project_id, property_id) VALUES (1, %s)'),
	('INSERT INTO propstreet.prospect (project_id, contact_id) VALUES (%s, 1)'), ('INSERT INTO propstreet.prospect (project_id, contact_id) VALUES (1, %s)'), ('INSERT INTO propstreet.prospect (project_id, company_id) VALUES (1, %s)'),
	('UPDATE propstreet.project SET name = ''x'' WHERE id = %s RETURNING id'), ('UPDATE propstreet.project_property SET property_id = %s')) AS v (statement);
UPDATE propstreet.company SET name = 'ours too';
UPDATE propstreet.contact SET tags = '{ours,too}', name = 'ours too';
UPDATE propstreet.property SET profile = '{"name": "ours too"}';
UPDATE propstreet.project SET mandate = 'exclusive';
RESET ROLE;

-- even who may write all columns writes rows of the session's tenant only
GRANT ALL ON propstreet.company, propstreet.contact, propstreet.investment_strategy, propstreet.property, propstreet.project, propstreet.project_property, propstreet.prospect,
	propstreet.project_external_ref, propstreet.prospect_external_ref TO regress_app;
SET ROLE regress_app;
SELECT statement, test.try(statement) FROM (VALUES
	('INSERT INTO propstreet.project (tenant_id, name) VALUES (15, ''x'')'), ('INSERT INTO propstreet.project (tenant_id, id, name) VALUES (15, 1, ''x'')'), ('UPDATE propstreet.project SET tenant_id = 15 WHERE id = 1'),
	('INSERT INTO propstreet.project (tenant_id, id, name) VALUES (15, 5555, ''x'') ON CONFLICT DO NOTHING'), ('INSERT INTO propstreet.project (tenant_id, name, external_refs) VALUES (15, ''x'', ''{a:5555}'')'),
	('INSERT INTO propstreet.prospect (tenant_id, project_id, contact_id) VALUES (15, 1, 1)'), ('INSERT INTO propstreet.prospect (tenant_id, project_id, contact_id) VALUES (15, 5555, 5555)'),
	('INSERT INTO propstreet.prospect (tenant_id, project_id, contact_id) VALUES (15, 6666, 6666)'), ('UPDATE propstreet.prospect SET tenant_id = 15'), ('INSERT INTO propstreet.contact (tenant_id, name) VALUES (15, ''x'')'),
	('UPDATE propstreet.contact SET tenant_id = 15 WHERE id = 1'), ('INSERT INTO propstreet.company (tenant_id, id, name) VALUES (15, 1, ''x'')'), ('INSERT INTO propstreet.project_external_ref (tenant_id, external_ref, project_id) VALUES (15, ''a:9'', 1)')) AS v (statement);
UPDATE propstreet.project SET name = name || '!';
DELETE FROM propstreet.project_property;
DELETE FROM propstreet.investment_strategy;
RESET ROLE;

-- theirs are as they were
SELECT p.id, p.name, p.mandate, p.external_refs, p.revision, r.id, r.tags, r.external_refs, r.deadline_utc, r.revision
FROM propstreet.project AS p JOIN propstreet.prospect AS r ON r.tenant_id = 15 AND r.project_id = p.id WHERE p.tenant_id = 15 ORDER BY p.id, r.id;
SELECT c.name, c.tags, k.name, y.profile FROM propstreet.company AS c JOIN propstreet.contact AS k USING (tenant_id, id) JOIN propstreet.property AS y USING (tenant_id, id) WHERE tenant_id = 15 ORDER BY id;
SELECT count(*) FROM propstreet.project_property WHERE tenant_id = 15;
SELECT * FROM propstreet.check() WHERE tenant_id IN (14, 15);

-- what the planner knows of their values it tells nobody: theirs are high, ours are not
CREATE FUNCTION pg_temp.estimates_differ() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
	compared record;
	plan json;
	estimates integer[];
BEGIN
	FOR compared IN
		SELECT a.attname, o.oid::regoperator AS operator, o.oprname, CASE WHEN o.oprright = 'propstreet.price'::regtype THEN '' ELSE '..' END AS range
		FROM pg_operator AS o JOIN pg_attribute AS a ON a.atttypid = o.oprleft AND a.attrelid = 'propstreet.project'::regclass
		WHERE o.oprright IN ('propstreet.price'::regtype, 'propstreet.price_range'::regtype) AND o.oprrest <> 0
		ORDER BY a.attname, o.oid::regoperator::text COLLATE "C"
	LOOP
		FOR i IN 1..2 LOOP
			EXECUTE format('EXPLAIN (FORMAT JSON) SELECT FROM propstreet.project WHERE %I OPERATOR(propstreet.%s) %L', compared.attname, compared.oprname,
				(ARRAY['2', '900000000000'])[i] || compared.range || ' SEK') INTO plan;
			estimates[i] := plan #>> '{0,Plan,Plan Rows}';
		END LOOP;
		IF estimates[1] <> estimates[2] THEN
			result := concat_ws(', ', result, compared.attname || ' ' || compared.oprname || compared.range);
		END IF;
	END LOOP;
	RETURN coalesce(result, 'no');
END
$$;
BEGIN;
INSERT INTO propstreet.project (tenant_id, name, price, price_range)
SELECT t.tenant_id, 'x', (i * t.unit || ' SEK')::propstreet.price, (i * t.unit || '.. SEK')::propstreet.price_range
FROM (VALUES (14, 0.001), (15, 1000000000)) AS t (tenant_id, unit), generate_series(1, 1000) AS i;
ANALYZE propstreet.project;
SELECT pg_temp.estimates_differ() LIKE '%price >,%' AS owner;
SET LOCAL ROLE regress_app;
SELECT pg_temp.estimates_differ();
ROLLBACK;

-- whose tenant: the setting, else the claim, else none
RESET propstreet.tenant_id;
SELECT test.try('SELECT propstreet.current_tenant()');
SELECT test.try('SELECT propstreet.project_list()');
SELECT test.try('INSERT INTO propstreet.project (name) VALUES (''x'')');
SELECT tenant, test.try(format('SELECT set_config(''propstreet.tenant_id'', %L, true)', tenant)) FROM (VALUES ('-1'), ('01'), ('x'), (' 1'), ('9223372036854775808')) AS v (tenant);
SET request.jwt.claims = '{"tenant": "14"}';
SELECT test.try('SELECT propstreet.current_tenant()');
SET propstreet.tenant_claim = 'tenant';
SELECT claims, substring(test.try(format('SELECT propstreet.current_tenant() FROM set_config(''request.jwt.claims'', %L, true)', claims)), '\w+') FROM (VALUES
	('{"tenant": "14"}'), ('{"tenant": 15}'), ('{"role": "x", "tenant": "14", "nested": {"tenant": "15"}}'), ('{"tenant": "9223372036854775807"}'), ('{"tenant": "14"}'),
	('{"tenant": 15.0}'), ('{"tenant": "15 "}'), ('{"tenant": "015"}'), ('{"tenant": 0}'), ('{"tenant": -15}'), ('{"tenant": "9223372036854775808"}'), ('{"tenant": 9223372036854775808}'), ('{"tenant": null}'), ('{"tenant": ["15"]}'), ('{"tenant": true}'),
	('{"Tenant": "15"}'), ('{"nested": {"tenant": "15"}}'), ('{"tenant": "14", "tenant": "15"}'), ('[{"tenant": "15"}]'), ('"15"'), ('15'), (''), ('{'), ('{"tenant": "15"'), ('{"tenant": 15, "x": NaN}')) AS v (claims);
SELECT propstreet.current_tenant();
SET propstreet.tenant_claim = 'org';
SELECT test.try('SELECT propstreet.current_tenant()');
SET propstreet.tenant_claim = 'tenant';
SET propstreet.tenant_id = '14';
SET request.jwt.claims = '{"tenant": "15"}';
SELECT propstreet.current_tenant();
RESET request.jwt.claims;
RESET propstreet.tenant_claim;

-- a role does not choose
SET SESSION AUTHORIZATION regress_app;
SET propstreet.tenant_id = '15';
RESET propstreet.tenant_id;
SELECT set_config('propstreet.tenant_id', '15', true);
SET propstreet.tenant_claim = 'tenant';
SET propstreet.restore = on;
SET propstreet.require_if_match = on;
SET propstreet.other = 'x';
SELECT propstreet.set_tenant(15);
RESET ALL;
SELECT propstreet.current_tenant();
RESET SESSION AUTHORIZATION;
-- nor with a setting made before the library is there
\connect
\set SHOW_CONTEXT never
SET SESSION AUTHORIZATION regress_app;
SET propstreet.tenant_id = '15';
SELECT propstreet.current_tenant();
SET propstreet.tenant_id = '15';
RESET SESSION AUTHORIZATION;
-- but by who has the right
GRANT EXECUTE ON FUNCTION propstreet.set_tenant(bigint, boolean) TO regress_app;
SET SESSION AUTHORIZATION regress_app;
SELECT propstreet.set_tenant(14);
SELECT propstreet.current_tenant(), propstreet.project_get(1)->>'name';
BEGIN;
SELECT propstreet.set_tenant(15, true);
SELECT propstreet.current_tenant(), propstreet.project_get(1)->>'name';
COMMIT;
SELECT propstreet.current_tenant();
BEGIN;
SELECT propstreet.set_tenant(15);
ROLLBACK;
SELECT propstreet.current_tenant();
SELECT tenant, test.try(format('SELECT propstreet.set_tenant(%s)', tenant)) FROM (VALUES ('0'), ('-1'), ('NULL'), ('NULL, true'), ('9223372036854775807, true')) AS v (tenant);
SELECT propstreet.set_tenant(15, NULL);
SELECT propstreet.current_tenant();
RESET SESSION AUTHORIZATION;
GRANT SET ON PARAMETER propstreet.tenant_id TO regress_app;
SET SESSION AUTHORIZATION regress_app;
SET propstreet.tenant_id = '14';
SELECT propstreet.current_tenant();
RESET SESSION AUTHORIZATION;

DROP OWNED BY regress_app;
DROP ROLE regress_app;
