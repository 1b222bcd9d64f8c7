-- teaser: its stages, whom it is communicated to, who accepts
\i test/preamble.sql
SELECT test.begin(10);
INSERT INTO propstreet.project (name) VALUES ('one'), ('two');

-- stage after stage
SELECT stage, test.masked(propstreet.teaser_advance(1, stage)) FROM unnest(ARRAY['property_added', 'drafting', 'drafting', 'published', 'verified', 'communicated', 'communicated']) AS stage;
SELECT published_utc < verified_utc AND verified_utc < communicated_utc FROM propstreet.project WHERE tenant_id = 10 AND id = 1;
-- backwards it does not go
SELECT stage, test.try(format('SELECT propstreet.teaser_advance(1, %L)', stage)) FROM unnest(ARRAY['verified', 'property_added']) AS stage;
-- the stages skipped get the same moment
SELECT test.masked(propstreet.teaser_advance(2, 'verified'));
SELECT published_utc = verified_utc FROM propstreet.project WHERE tenant_id = 10 AND id = 2;
SELECT test.try('SELECT propstreet.teaser_advance(2, ''published'')');
-- what is none
SELECT stage, test.try(format('SELECT propstreet.teaser_advance(2, %L)', stage)) FROM (VALUES (NULL), (''), ('Communicated'), ('sent'), (repeat('x', 100))) AS v (stage);
SELECT test.try('SELECT propstreet.teaser_advance(NULL, ''drafting'')');
SELECT test.try('SELECT propstreet.teaser_advance(999, ''drafting'')');
SELECT test.try('SELECT propstreet.teaser_advance(999, ''sent'')');

-- whom it is communicated to: by asset type, budget, range before price
INSERT INTO propstreet.project (id, name, asset_type, price, price_range) VALUES
	(11, 'single, neither', 'single', NULL, NULL), (12, 'portfolio, 150 M', 'portfolio', '150 millions SEK', NULL), (13, 'single, 150 M', 'single', '0.15 billions SEK', NULL),
	(14, 'single, range', 'single', NULL, '100..200 millions SEK'), (15, 'single, range over price', 'single', '900 millions SEK', '100..200 millions SEK'),
	(16, 'single, from', 'single', NULL, '100.. millions SEK'), (17, 'single, EUR', 'single', '150 millions EUR', NULL);
INSERT INTO propstreet.company (id, name) VALUES (1, 'company of c1'), (2, 'with a strategy'), (3, 'blocked, with a strategy'), (4, 'without');
UPDATE propstreet.company SET blocked = true WHERE tenant_id = 10 AND id = 3;
INSERT INTO propstreet.contact (id, name, company_id, blocked) VALUES
	(1, 'any', 1, false), (2, 'single', NULL, false), (3, 'portfolio', NULL, false), (4, 'both types', NULL, false), (5, 'no type', NULL, false),
	(6, '..100 M', NULL, false), (7, '100.. M', NULL, false), (8, '150 M only', NULL, false), (9, '200..300 M', NULL, false), (10, '150 M EUR', NULL, false), (11, '..99.9999 M', NULL, false), (12, '150 M in thousands', NULL, false),
	(13, 'blocked', NULL, true), (14, 'of a blocked company', 3, false), (15, 'inactive', NULL, false), (16, 'inactive and active', NULL, false), (17, 'two that fit', NULL, false), (18, 'one of two', NULL, false), (19, 'none', NULL, false);
INSERT INTO propstreet.investment_strategy (contact_id, asset_types, budget, active) VALUES
	(1, NULL, NULL, true), (2, '{single}', NULL, true), (3, '{portfolio}', NULL, true), (4, '{portfolio,single}', NULL, true), (5, '{}', NULL, true),
	(6, NULL, '..100 millions SEK', true), (7, NULL, '100.. millions SEK', true), (8, NULL, '150..150 millions SEK', true), (9, NULL, '200..300 millions SEK', true), (10, NULL, '150..150 millions EUR', true), (11, NULL, '..99.9999 millions SEK', true), (12, NULL, '150000..150000 thousands SEK', true),
	(13, NULL, NULL, true), (14, NULL, NULL, true), (15, NULL, NULL, false), (16, NULL, NULL, false), (16, NULL, NULL, true), (17, NULL, NULL, true), (17, '{single}', NULL, true), (18, '{portfolio}', NULL, true), (18, NULL, '..1 SEK', true);
INSERT INTO propstreet.investment_strategy (company_id, asset_types) VALUES (2, '{single}'), (3, NULL);
SELECT id, name, propstreet.teaser_communicate(id, '2126-02-15T23:59:59Z')->'teaser'->>'stage',
	(SELECT string_agg(coalesce(contact_id::text, 'company ' || company_id), ' ' ORDER BY contact_id, company_id) FROM propstreet.prospect AS p WHERE p.tenant_id = 10 AND p.project_id = t.id) AS before
FROM propstreet.project AS t WHERE tenant_id = 10 AND id > 10 ORDER BY id;
SELECT t.id, t.name, string_agg(coalesce(p.contact_id::text, 'company ' || p.company_id), ' ' ORDER BY p.contact_id, p.company_id)
FROM propstreet.project AS t LEFT JOIN propstreet.prospect AS p ON p.tenant_id = 10 AND p.project_id = t.id
WHERE t.tenant_id = 10 AND t.id > 10 GROUP BY t.id, t.name ORDER BY t.id;
SELECT test.masked(propstreet.prospect_get(p.project_id, p.id)) FROM propstreet.prospect AS p WHERE p.tenant_id = 10 AND p.project_id = 11 AND (contact_id = 1 OR contact_id IS NULL) ORDER BY contact_id;

-- prospects that are there already get the teaser, unless they have it; removed ones stay removed
INSERT INTO propstreet.project (id, name) VALUES (21, 'with prospects');
INSERT INTO propstreet.prospect (id, project_id, contact_id) VALUES (1001, 21, 1), (1002, 21, 2), (1003, 21, 15);
INSERT INTO propstreet.prospect (id, project_id, company_id) VALUES (1004, 21, 1), (1005, 21, 2);
UPDATE propstreet.prospect SET deleted_utc = now() WHERE tenant_id = 10 AND id IN (1002, 1005);
UPDATE propstreet.investment_strategy SET active = coalesce(contact_id IN (1, 2, 4), company_id = 2) WHERE tenant_id = 10;
SELECT propstreet.teaser_communicate(21, '2126-02-15T23:59:59Z')->>'id';
SELECT contact_id, company_id, deadline_utc AT TIME ZONE 'UTC', deleted_utc IS NOT NULL AS removed, revision FROM propstreet.prospect WHERE tenant_id = 10 AND project_id = 21 ORDER BY contact_id, company_id;
-- again: new matches come, no deadline moves
UPDATE propstreet.investment_strategy SET active = true WHERE tenant_id = 10 AND contact_id IN (3, 4, 5, 15);
UPDATE propstreet.investment_strategy SET asset_types = NULL WHERE tenant_id = 10 AND contact_id IN (3);
SELECT test.try('SELECT propstreet.teaser_communicate(21, ''2020-01-01T00:00:00Z'')');
SELECT propstreet.teaser_communicate(21, '2127-02-15T23:59:59Z')->'teaser'->>'stage';
SELECT contact_id, company_id, deadline_utc AT TIME ZONE 'UTC', deleted_utc IS NOT NULL AS removed, revision FROM propstreet.prospect WHERE tenant_id = 10 AND project_id = 21 ORDER BY contact_id, company_id;
-- removed since, and added by hand since
UPDATE propstreet.prospect SET deleted_utc = now() WHERE tenant_id = 10 AND project_id = 21 AND contact_id = 4;
SELECT propstreet.prospect_add(21, '{"contactId": "2"}')->'teaser';
SELECT propstreet.teaser_communicate(21, '2128-02-15T23:59:59Z')->'teaser'->>'stage';
SELECT contact_id, company_id, deadline_utc AT TIME ZONE 'UTC', deleted_utc IS NOT NULL AS removed FROM propstreet.prospect WHERE tenant_id = 10 AND project_id = 21 AND contact_id IN (2, 4) ORDER BY contact_id, id;
-- blocked later, or the strategy gone: no prospect changes
UPDATE propstreet.contact SET blocked = true WHERE tenant_id = 10;
DELETE FROM propstreet.investment_strategy WHERE tenant_id = 10;
SELECT propstreet.teaser_communicate(21, '2128-02-15T23:59:59Z')->>'id';
SELECT count(*) FROM propstreet.prospect WHERE tenant_id = 10 AND project_id = 21 AND deadline_utc IS NOT NULL AND deleted_utc IS NULL;

-- what is no deadline
SELECT deadline, test.try(format('SELECT propstreet.teaser_communicate(21, %L)', deadline)) FROM (VALUES (NULL), ('infinity'), ('-infinity'), ('10000-01-01 00:00:00Z'), ('0001-12-31 00:00:00Z BC')) AS v (deadline);
SELECT test.try('SELECT propstreet.teaser_communicate(NULL, ''2126-01-01'')');
SELECT test.try('SELECT propstreet.teaser_communicate(999, ''2126-01-01'')');

-- accepted before the deadline, once
SELECT id AS prospect FROM propstreet.prospect WHERE tenant_id = 10 AND project_id = 21 AND contact_id = 1 \gset
SELECT test.masked(propstreet.teaser_accept(21, :prospect));
SELECT propstreet.prospect_get(21, :prospect)->'capabilities', test.masked(propstreet.prospect_get(21, :prospect)->'teaser');
SELECT propstreet.prospect_get(21, :prospect)->>'etag' AS etag \gset
SELECT propstreet.teaser_accept(21, :prospect)->>'etag' = :'etag' AS unchanged;
UPDATE propstreet.prospect SET deadline_utc = '2001-01-01' WHERE tenant_id = 10 AND project_id = 21 AND deadline_utc IS NOT NULL;
SELECT propstreet.teaser_accept(21, :prospect)->'capabilities';
-- after it, or where there is none
SELECT test.try(format('SELECT propstreet.teaser_accept(21, %s)', id)) FROM propstreet.prospect WHERE tenant_id = 10 AND project_id = 21 AND contact_id = 3;
SELECT test.try(format('SELECT propstreet.teaser_accept(21, %s)', 1004));
SELECT test.try('SELECT propstreet.teaser_accept(21, 999)');
SELECT test.try('SELECT propstreet.teaser_accept(999, 1001)');
SELECT test.try('SELECT propstreet.teaser_accept(11, 1001)');
SELECT test.try('SELECT propstreet.teaser_accept(NULL, 1001)');
SELECT test.try('SELECT propstreet.teaser_accept(21, NULL)');

-- closed projects stay writable
SELECT propstreet.project_close(2)->>'status';
SELECT test.masked(propstreet.teaser_communicate(2, '2126-01-01')->'teaser');
