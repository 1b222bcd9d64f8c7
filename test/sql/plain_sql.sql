-- plain_sql: every rule holds at the tables, whichever way a row comes
\i test/preamble.sql
SELECT test.begin(6);

-- version and stamps are not the writer's
INSERT INTO propstreet.project (name, created_utc, updated_utc, revision, deleted_utc) VALUES ('a', '2001-01-01', '2001-01-01', 77, NULL)
	RETURNING id, revision, created_utc > '2002-01-01', created_utc = updated_utc;
INSERT INTO propstreet.project (name) VALUES ('b'), ('c');

-- keys stay what they are
SELECT test.try('UPDATE propstreet.project SET id = 99 WHERE tenant_id = 6 AND id = 1');
SELECT test.try('UPDATE propstreet.project SET tenant_id = 99 WHERE tenant_id = 6 AND id = 1');
SELECT test.try('UPDATE propstreet.project SET id = NULL WHERE tenant_id = 6 AND id = 1');
SELECT test.try('INSERT INTO propstreet.project (id, name) VALUES (0, ''x'')');
SELECT test.try('INSERT INTO propstreet.project (tenant_id, name) VALUES (NULL, ''x'')');

-- name, asset
INSERT INTO propstreet.project (id, name) VALUES (4, E'\u2003 two words\n') RETURNING format('<%s>', name);
UPDATE propstreet.project SET name = ' two' WHERE tenant_id = 6 AND id = 4 RETURNING format('<%s>', name);
SELECT test.try(statement) FROM (VALUES
	('INSERT INTO propstreet.project (name) VALUES ('' '')'), ('INSERT INTO propstreet.project (name) VALUES (NULL)'), ('INSERT INTO propstreet.project (name) VALUES (repeat(''x'', 201))'),
	('UPDATE propstreet.project SET property_count = 5 WHERE tenant_id = 6'), ('UPDATE propstreet.project SET asset_type = ''portfolio'', property_count = 0 WHERE tenant_id = 6'),
	('UPDATE propstreet.project SET asset_type = ''portfolio'', property_count = 1000001 WHERE tenant_id = 6'), ('UPDATE propstreet.project SET classification = NULL WHERE tenant_id = 6')) AS v (statement);

-- a withdrawn currency is not for new prices; rows that have one live on
SELECT test.try(statement) FROM (VALUES
	('INSERT INTO propstreet.project (name, price) VALUES (''x'', ''1 HRK'')'), ('INSERT INTO propstreet.project (name, price_range) VALUES (''x'', ''1..2 HRK'')'),
	('UPDATE propstreet.project SET price = ''1 HRK'' WHERE tenant_id = 6 AND id = 1'), ('UPDATE propstreet.project SET price_range = ''1..2 HRK'' WHERE tenant_id = 6 AND id = 1')) AS v (statement);
SET propstreet.restore = on;
INSERT INTO propstreet.project (id, name, price, price_range, created_utc, updated_utc, revision) VALUES (100, 'old', '1 HRK', '1..2 HRK', '2020-01-01', '2020-01-01', 5);
RESET propstreet.restore;
SELECT test.masked(propstreet.project_get(100));
UPDATE propstreet.project SET name = 'older' WHERE tenant_id = 6 AND id = 100 RETURNING price, price_range, revision;
SELECT propstreet.project_update(100, '{"mandate": "other"}')->'price';
SELECT test.try('UPDATE propstreet.project SET price = ''2 HRK'' WHERE tenant_id = 6 AND id = 100');

-- references: those of one resource
SELECT refs, test.try(format('UPDATE propstreet.project SET external_refs = %L WHERE tenant_id = 6 AND id = 1', refs)) FROM (VALUES
	('{a:1,A:2}'), ('{a:1,NULL}'), ('{{a:1,b:1}}'), (NULL), ((SELECT format('{%s}', string_agg('n' || i || ':1', ',')) FROM generate_series(1, 21) AS i))) AS v (refs);

-- unique in the tenant, also within a statement; handed from row to row in one
UPDATE propstreet.project SET external_refs = ARRAY['a:' || id, 'b:' || id]::propstreet.external_ref[] WHERE tenant_id = 6 AND id <= 3;
SELECT test.try('UPDATE propstreet.project SET external_refs = ''{c:9}'' WHERE tenant_id = 6 AND id <= 2');
SELECT test.try('INSERT INTO propstreet.project (name, external_refs) VALUES (''x'', ''{x:1}''), (''y'', ''{A:3,x:2}'')');
SELECT test.try('UPDATE propstreet.project SET external_refs = ''{a:2}'' WHERE tenant_id = 6 AND id = 1');
UPDATE propstreet.project SET external_refs = ARRAY['a:' || id % 3 + 1, 'b:' || 4 - id]::propstreet.external_ref[] WHERE tenant_id = 6 AND id <= 3;
SELECT external_ref, project_id FROM propstreet.project_external_ref WHERE tenant_id = 6 ORDER BY external_ref::text COLLATE "C";
-- from a row that is changed to one that comes new
INSERT INTO propstreet.project (id, name, external_refs) VALUES (1, 'x', '{}'), (5, 'five', '{a:2}')
	ON CONFLICT (tenant_id, id) DO UPDATE SET external_refs = excluded.external_refs RETURNING id, name, revision, external_refs;
SELECT external_ref, project_id FROM propstreet.project_external_ref WHERE tenant_id = 6 ORDER BY external_ref::text COLLATE "C";
SELECT test.try('INSERT INTO propstreet.project (id, name, external_refs) VALUES (1, ''x'', ''{b:2}'') ON CONFLICT (tenant_id, id) DO UPDATE SET external_refs = excluded.external_refs');
MERGE INTO propstreet.project AS t USING (VALUES (2, 'two', '{m:2}'), (6, 'six', '{b:2}')) AS v (id, name, refs) ON t.tenant_id = 6 AND t.id = v.id
	WHEN MATCHED THEN UPDATE SET name = v.name, external_refs = v.refs::propstreet.external_ref[]
	WHEN NOT MATCHED THEN INSERT (id, name, external_refs) VALUES (v.id, v.name, v.refs::propstreet.external_ref[]);
-- rows that go away for good take theirs with them
SELECT project_id, count(*) FROM propstreet.project_external_ref WHERE tenant_id = 6 GROUP BY project_id ORDER BY project_id;
DELETE FROM propstreet.project WHERE tenant_id = 6 AND id IN (2, 3);
SELECT project_id, count(*) FROM propstreet.project_external_ref WHERE tenant_id = 6 GROUP BY project_id ORDER BY project_id;
-- thousands in one statement
INSERT INTO propstreet.project (id, name, external_refs) SELECT 1000 + i, i, ARRAY['many:' || i, 'more:' || i]::propstreet.external_ref[] FROM generate_series(1, 1600) AS i;
UPDATE propstreet.project SET external_refs = ARRAY['many:' || (id - 1000) % 1600 + 1, 'more:' || 2601 - id]::propstreet.external_ref[] WHERE tenant_id = 6 AND id > 1000;
SELECT count(*), count(*) FILTER (WHERE r.project_id = p.id) FROM propstreet.project AS p, unnest(p.external_refs) AS u (ref)
	JOIN propstreet.project_external_ref AS r ON r.tenant_id = 6 AND r.external_ref OPERATOR(propstreet.=) u.ref WHERE p.tenant_id = 6 AND p.id > 1000;
SELECT test.try('UPDATE propstreet.project SET external_refs = ARRAY[''x:'' || id % 1599]::propstreet.external_ref[] WHERE tenant_id = 6 AND id > 1000');
UPDATE propstreet.project SET status = 'deleted' WHERE tenant_id = 6 AND id > 1000;
SELECT project_id, count(*) FROM propstreet.project_external_ref WHERE tenant_id = 6 GROUP BY project_id ORDER BY project_id;

-- deletion: by status or by deleted_utc, the moment is the server's; back again the same ways
UPDATE propstreet.project SET status = 'deleted' WHERE tenant_id = 6 AND id = 4 RETURNING status, deleted_utc = updated_utc;
UPDATE propstreet.project SET status = 'open' WHERE tenant_id = 6 AND id = 4 RETURNING status, deleted_utc;
UPDATE propstreet.project SET deleted_utc = '2001-01-01' WHERE tenant_id = 6 AND id = 4 RETURNING status, deleted_utc = updated_utc;
UPDATE propstreet.project SET deleted_utc = '2002-01-01', name = 'still deleted' WHERE tenant_id = 6 AND id = 4 RETURNING status, deleted_utc < updated_utc, deleted_utc > '2003-01-01';
UPDATE propstreet.project SET deleted_utc = NULL WHERE tenant_id = 6 AND id = 4 RETURNING status, deleted_utc;
INSERT INTO propstreet.project (name, status) VALUES ('dead', 'deleted') RETURNING status, deleted_utc = updated_utc;
INSERT INTO propstreet.project (name, deleted_utc) VALUES ('dead', 'infinity') RETURNING status, deleted_utc = updated_utc;
SELECT propstreet.project_close(4, '[{"price": 1}]')->>'status';
UPDATE propstreet.project SET deleted_utc = now() WHERE tenant_id = 6 AND id = 4 RETURNING status, transactions;
UPDATE propstreet.project SET deleted_utc = NULL WHERE tenant_id = 6 AND id = 4 RETURNING status, transactions;
-- undeleting takes references again, if they are free
UPDATE propstreet.project SET external_refs = '{u:1}' WHERE tenant_id = 6 AND id = 4;
UPDATE propstreet.project SET status = 'deleted' WHERE tenant_id = 6 AND id = 4;
INSERT INTO propstreet.project (id, name, external_refs) VALUES (7, 'seven', '{u:1}');
SELECT test.try('UPDATE propstreet.project SET deleted_utc = NULL WHERE tenant_id = 6 AND id = 4');
UPDATE propstreet.project SET external_refs = '{}' WHERE tenant_id = 6 AND id = 7;
UPDATE propstreet.project SET deleted_utc = NULL WHERE tenant_id = 6 AND id = 4 RETURNING status;
SELECT propstreet.project_find('u', '1')->>'id';

-- status and transactions go together
SELECT test.try(statement) FROM (VALUES
	('UPDATE propstreet.project SET status = ''closed'' WHERE tenant_id = 6 AND id = 1'), ('UPDATE propstreet.project SET transactions = ''[]'' WHERE tenant_id = 6 AND id = 1'),
	('UPDATE propstreet.project SET status = ''closed'', transactions = ''{}'' WHERE tenant_id = 6 AND id = 1'), ('UPDATE propstreet.project SET status = ''closed'', transactions = ''[1]'' WHERE tenant_id = 6 AND id = 1'),
	('UPDATE propstreet.project SET status = ''open'' WHERE tenant_id = 6 AND id = 4')) AS v (statement);
UPDATE propstreet.project SET status = 'closed', transactions = '[{"x":1}]' WHERE tenant_id = 6 AND id = 1 RETURNING status, transactions;

-- the teaser's times are those of its stages
UPDATE propstreet.project SET teaser_stage = 'drafting' WHERE tenant_id = 6 AND id = 5 RETURNING published_utc, verified_utc, communicated_utc;
UPDATE propstreet.project SET teaser_stage = 'verified' WHERE tenant_id = 6 AND id = 5 RETURNING published_utc = updated_utc, verified_utc = updated_utc, communicated_utc;
UPDATE propstreet.project SET teaser_stage = 'communicated' WHERE tenant_id = 6 AND id = 5 RETURNING published_utc < updated_utc, verified_utc < updated_utc, communicated_utc = updated_utc;
INSERT INTO propstreet.project (name, teaser_stage) VALUES ('t', 'communicated') RETURNING published_utc = updated_utc, verified_utc = updated_utc, communicated_utc = updated_utc;
SELECT test.try(statement) FROM (VALUES
	('UPDATE propstreet.project SET teaser_stage = ''verified'' WHERE tenant_id = 6 AND id = 5'), ('UPDATE propstreet.project SET teaser_stage = NULL WHERE tenant_id = 6 AND id = 5'),
	('UPDATE propstreet.project SET published_utc = NULL WHERE tenant_id = 6 AND id = 5'), ('UPDATE propstreet.project SET published_utc = verified_utc + interval ''1 us'' WHERE tenant_id = 6 AND id = 5'),
	('UPDATE propstreet.project SET published_utc = ''-infinity'' WHERE tenant_id = 6 AND id = 5'), ('UPDATE propstreet.project SET published_utc = now() WHERE tenant_id = 6 AND id = 1')) AS v (statement);
UPDATE propstreet.project SET published_utc = '2026-01-01T00:00:00Z' WHERE tenant_id = 6 AND id = 5 RETURNING propstreet.project_json(project)->'teaser'->'publishedUtc';

-- the network
SELECT test.try(statement) FROM (VALUES
	('INSERT INTO propstreet.company (name) VALUES ('''')'), ('INSERT INTO propstreet.company (name, tags) VALUES (''x'', ''{a,NULL}'')'), ('INSERT INTO propstreet.contact (name, tags) VALUES (''x'', ''{a,""}'')'),
	('INSERT INTO propstreet.contact (name, tags) VALUES (''x'', ''{{a},{b}}'')'), ('INSERT INTO propstreet.contact (name) VALUES ('''')'), ('INSERT INTO propstreet.contact (name, company_id) VALUES (''x'', 999)'),
	('INSERT INTO propstreet.investment_strategy DEFAULT VALUES'), ('INSERT INTO propstreet.investment_strategy (contact_id, company_id) VALUES (1, 1)'), ('INSERT INTO propstreet.investment_strategy (contact_id) VALUES (999)'),
	('INSERT INTO propstreet.property (profile) VALUES (''[]'')'), ('INSERT INTO propstreet.project_property (project_id, property_id) VALUES (1, 999)')) AS v (statement);
INSERT INTO propstreet.company (id, name, tags) VALUES (1, 'C1', '{c1}'), (2, 'C2', '{c2}'), (3, 'C3', '{}');
INSERT INTO propstreet.contact (id, name, tags, company_id) VALUES (1, 'P1', '{p1,vip}', 1), (2, 'P2', '{p2}', NULL), (3, 'P3', '{}', 2);
SELECT test.try(statement) FROM (VALUES
	('INSERT INTO propstreet.investment_strategy (contact_id, company_id) VALUES (1, 1)'), ('INSERT INTO propstreet.investment_strategy (contact_id, asset_types) VALUES (1, ''{single,NULL}'')'),
	('UPDATE propstreet.contact SET id = 9 WHERE tenant_id = 6 AND id = 2'), ('UPDATE propstreet.company SET tenant_id = 99 WHERE tenant_id = 6 AND id = 3'), ('UPDATE propstreet.contact SET name = '''' WHERE tenant_id = 6')) AS v (statement);

-- a prospect has exactly one of contact and company, that exist and are not blocked, and a project that is there
UPDATE propstreet.contact SET blocked = true WHERE tenant_id = 6 AND id = 3;
SELECT test.try('INSERT INTO propstreet.prospect (project_id, contact_id, company_id) VALUES ' || v) FROM (VALUES
	('(1, NULL, NULL)'), ('(1, 1, 1)'), ('(1, 999, NULL)'), ('(1, NULL, 999)'), ('(1, 3, NULL)'), ('(999, 1, NULL)'), ('(1001, 1, NULL)'), ('(NULL, 1, NULL)'), ('(1, 1, NULL), (1001, 2, NULL)'), ('(1, 1, NULL), (NULL, 2, NULL)')) AS v (v);
SELECT test.try('INSERT INTO propstreet.prospect (tenant_id, project_id, contact_id) VALUES (6, 1, 1), (99, 1, 1)');
-- it gets its investor's tags, and company, whatever the writer says
INSERT INTO propstreet.prospect (id, project_id, contact_id, tags) VALUES (1, 1, 1, '{mine}'), (2, 1, 2, NULL) RETURNING id, contact_id, company_id, tags, revision, created_utc = updated_utc;
INSERT INTO propstreet.prospect (id, project_id, company_id, tags) VALUES (3, 1, 1, '{mine}'), (4, 1, 2, '{}') RETURNING id, contact_id, company_id, tags;
UPDATE propstreet.prospect SET tags = '{mine}', company_id = 2, classification = 'bidder' WHERE tenant_id = 6 AND id = 1 RETURNING company_id, tags, classification;
SELECT test.try(statement) FROM (VALUES
	('UPDATE propstreet.prospect SET id = 99 WHERE tenant_id = 6 AND id = 1'), ('UPDATE propstreet.prospect SET tenant_id = 99 WHERE tenant_id = 6 AND id = 1'), ('UPDATE propstreet.prospect SET project_id = 5 WHERE tenant_id = 6 AND id = 1'),
	('UPDATE propstreet.prospect SET contact_id = 2 WHERE tenant_id = 6 AND id = 1'), ('UPDATE propstreet.prospect SET contact_id = NULL WHERE tenant_id = 6 AND id = 1'),
	('UPDATE propstreet.prospect SET company_id = 2 WHERE tenant_id = 6 AND id = 3'), ('UPDATE propstreet.prospect SET contact_id = 1 WHERE tenant_id = 6 AND id = 3'),
	('UPDATE propstreet.prospect SET external_refs = ''{a:1,A:2}'' WHERE tenant_id = 6 AND id = 1'), ('UPDATE propstreet.prospect SET accepted_utc = now() WHERE tenant_id = 6 AND id = 1'),
	('UPDATE propstreet.prospect SET deadline_utc = ''infinity'' WHERE tenant_id = 6 AND id = 1'),
	('INSERT INTO propstreet.prospect (project_id, contact_id) VALUES (1, 1)'), ('INSERT INTO propstreet.prospect (project_id, company_id) VALUES (1, 1)')) AS v (statement);
INSERT INTO propstreet.prospect (project_id, contact_id, classification) VALUES (1, 1, 'interested')
	ON CONFLICT (tenant_id, contact_id, project_id) WHERE deleted_utc IS NULL AND contact_id IS NOT NULL DO UPDATE SET classification = excluded.classification
	RETURNING id, classification, tags, company_id, revision;

-- changes of investors are carried over, but not to prospects that were removed
UPDATE propstreet.prospect SET deleted_utc = '2001-01-01' WHERE tenant_id = 6 AND id = 4 RETURNING deleted_utc = updated_utc;
UPDATE propstreet.contact SET tags = tags || '{new}', company_id = 2 WHERE tenant_id = 6;
UPDATE propstreet.company SET tags = tags || '{new}' WHERE tenant_id = 6;
SELECT id, contact_id, company_id, tags, revision FROM propstreet.prospect WHERE tenant_id = 6 ORDER BY id;
-- until they come back
UPDATE propstreet.company SET blocked = true WHERE tenant_id = 6 AND id = 2;
UPDATE propstreet.prospect SET deleted_utc = NULL WHERE tenant_id = 6 AND id = 4 RETURNING company_id, tags, deleted_utc;
UPDATE propstreet.prospect SET deleted_utc = now() WHERE tenant_id = 6 AND id = 1;
UPDATE propstreet.contact SET company_id = NULL, tags = '{}' WHERE tenant_id = 6 AND id = 1;
UPDATE propstreet.prospect SET deleted_utc = NULL, tags = '{mine}', company_id = 2 WHERE tenant_id = 6 AND id = 1 RETURNING company_id, tags;
UPDATE propstreet.prospect SET deleted_utc = now() WHERE tenant_id = 6 AND id = 1;
INSERT INTO propstreet.prospect (id, project_id, contact_id) VALUES (5, 1, 1);
SELECT test.try('UPDATE propstreet.prospect SET deleted_utc = NULL WHERE tenant_id = 6 AND id = 1');

-- references of prospects: unique in the project, handed from row to row
INSERT INTO propstreet.prospect (id, project_id, contact_id, external_refs) VALUES (6, 5, 1, '{a:1}'), (7, 5, 2, '{a:2}');
INSERT INTO propstreet.prospect (id, project_id, contact_id, external_refs) VALUES (8, 7, 1, '{a:1}');
SELECT test.try('INSERT INTO propstreet.prospect (project_id, company_id, external_refs) VALUES (5, 1, ''{A:1}'')');
SELECT test.try('UPDATE propstreet.prospect SET external_refs = ''{b:1}'' WHERE tenant_id = 6 AND project_id = 5');
UPDATE propstreet.prospect SET external_refs = ARRAY['a:' || 3 - contact_id]::propstreet.external_ref[] WHERE tenant_id = 6 AND project_id = 5 RETURNING id, external_refs;
UPDATE propstreet.prospect SET deleted_utc = now() WHERE tenant_id = 6 AND project_id = 5 AND contact_id = 1;
SELECT project_id, external_ref, prospect_id FROM propstreet.prospect_external_ref WHERE tenant_id = 6 ORDER BY prospect_id;
INSERT INTO propstreet.prospect (id, project_id, company_id, external_refs) VALUES (9, 5, 1, '{a:2}');
SELECT test.try('UPDATE propstreet.prospect SET deleted_utc = NULL WHERE tenant_id = 6 AND project_id = 5 AND contact_id = 1');

-- thousands of investors and prospects
INSERT INTO propstreet.contact (id, name) SELECT 1000 + i, i FROM generate_series(1, 1200) AS i;
INSERT INTO propstreet.prospect (project_id, contact_id, external_refs) SELECT 7, id, ARRAY['many:' || id]::propstreet.external_ref[] FROM propstreet.contact WHERE tenant_id = 6 AND id > 1000;
UPDATE propstreet.contact SET tags = ARRAY['tag ' || id] WHERE tenant_id = 6 AND id > 1000;
SELECT count(*), count(DISTINCT tags) FROM propstreet.prospect WHERE tenant_id = 6 AND project_id = 7 AND tags = ARRAY['tag ' || contact_id] AND revision = 2;

-- COPY, as anything else
COPY propstreet.project (id, name, external_refs) FROM STDIN;
8	copied	{copy:1}
9	 copied too	{copy:2}
\.
COPY propstreet.project (name, external_refs) FROM STDIN;
copied three	{copy:1}
\.
SELECT name, revision, created_utc = updated_utc FROM propstreet.project WHERE tenant_id = 6 AND name LIKE 'copied%' ORDER BY name;
SELECT * FROM propstreet.check() WHERE tenant_id = 6;

-- a role that only got grant_to() writes what clients can
CREATE ROLE regress_app;
SELECT propstreet.grant_to('regress_app');
SET ROLE regress_app;
INSERT INTO propstreet.project (name, asset_type, property_count, classification, mandate, price, price_range, external_refs)
	VALUES ('app', 'portfolio', 5, 'active', 'other', '1 SEK', '1..2 SEK', '{app:1}') RETURNING id > 0, status, revision;
UPDATE propstreet.project SET name = 'App', external_refs = '{}' WHERE name = 'app' RETURNING revision;
INSERT INTO propstreet.contact (name, company_id) VALUES ('App contact', 1) RETURNING tags;
INSERT INTO propstreet.prospect (project_id, contact_id) VALUES (7, (SELECT id FROM propstreet.contact WHERE name = 'App contact')) RETURNING company_id, tags;
UPDATE propstreet.contact SET tags = '{app}' WHERE name = 'App contact';
SELECT tags FROM propstreet.prospect WHERE contact_id = (SELECT id FROM propstreet.contact WHERE name = 'App contact');
SELECT statement, test.try(statement) FROM (VALUES
	('UPDATE propstreet.project SET status = ''deleted'''), ('UPDATE propstreet.project SET deleted_utc = now()'), ('UPDATE propstreet.project SET teaser_stage = ''published'''),
	('UPDATE propstreet.project SET revision = -1'), ('UPDATE propstreet.project SET id = 1'), ('UPDATE propstreet.project SET tenant_id = 1'), ('DELETE FROM propstreet.project'), ('TRUNCATE propstreet.project'),
	('INSERT INTO propstreet.project (id, name) VALUES (1, ''x'')'), ('INSERT INTO propstreet.project (tenant_id, name) VALUES (6, ''x'')'), ('UPDATE propstreet.prospect SET deleted_utc = now()'),
	('UPDATE propstreet.prospect SET accepted_utc = now()'), ('UPDATE propstreet.prospect SET contact_id = 1'), ('DELETE FROM propstreet.prospect'), ('DELETE FROM propstreet.contact'),
	('SELECT * FROM propstreet.project_external_ref'), ('DELETE FROM propstreet.prospect_external_ref')) AS v (statement);
RESET ROLE;
DROP OWNED BY regress_app;
DROP ROLE regress_app;
