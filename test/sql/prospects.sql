-- prospects: added, found, removed, added again
\i test/preamble.sql
SELECT test.begin(9);
INSERT INTO propstreet.company (name, tags) VALUES ('Company', '{c,"with \"quotes\", and å"}');
INSERT INTO propstreet.contact (name, company_id, tags) VALUES ('With company', 1, '{tier-1,repeat-buyer}'), ('Without', NULL, '{}'), ('Colleague', 1, '{}');
INSERT INTO propstreet.project (name) VALUES ('one'), ('two');

-- a contact, its company, its colleague: each may be a prospect
SELECT test.masked(propstreet.prospect_add(1, '{"contactId": "1", "classification": "contacted"}'));
SELECT test.masked(propstreet.prospect_add(1, '{"companyId": "1"}'));
SELECT test.masked(propstreet.prospect_add(1, '{"contactId": "3"}'));
SELECT test.masked(propstreet.prospect_add(1, '{"contactId": "2", "externalRefs": [{"namespace": "hubspot", "id": "1"}]}'));
-- and in another project too
SELECT propstreet.prospect_add(2, '{"contactId": "1"}')->>'id';

-- once a project
SELECT test.try('SELECT propstreet.prospect_add(1, ''{"contactId": "1", "classification": "bidder"}'')');
SELECT test.try('SELECT propstreet.prospect_add(1, ''{"companyId": "1"}'')');
SELECT setval('propstreet.prospect_id_seq', 5);

-- got, with its own project only
SELECT test.masked(propstreet.prospect_get(1, 4));
SELECT test.try('SELECT propstreet.prospect_get(2, 4)');
SELECT test.try('SELECT propstreet.prospect_get(2, 4, true)');
SELECT test.try('SELECT propstreet.prospect_get(1, 999)');
SELECT test.try('SELECT propstreet.prospect_get(999, 4)');
SELECT test.try('SELECT propstreet.prospect_get(NULL, 4)');
SELECT test.try('SELECT propstreet.prospect_get(1, NULL)');
SELECT test.try('SELECT propstreet.prospect_update(2, 4, ''{"classification": "bidder"}'')');
SELECT test.try('SELECT propstreet.prospect_remove(2, 4)');

-- If-Match
SELECT propstreet.prospect_get(1, 4)->>'etag' AS stale \gset
SELECT propstreet.prospect_update(1, 4, '{"classification": "bidder"}', :'stale')->>'classification';
SELECT test.try(format('SELECT propstreet.prospect_update(1, 4, ''{"classification": "contacted"}'', %L)', :'stale'));
SELECT test.try(format('SELECT propstreet.prospect_remove(1, 4, %L)', :'stale'));
SELECT test.try('SELECT propstreet.prospect_remove(1, 4, ''4'')');
-- the tag of a project, or of another prospect, is none of it
SELECT test.try('SELECT propstreet.prospect_update(1, 4, ''{}'', propstreet.project_get(1)->>''etag'')');
SELECT test.try('SELECT propstreet.prospect_update(1, 4, ''{}'', propstreet.prospect_get(1, 3)->>''etag'')');
SET propstreet.require_if_match = on;
SELECT test.try('SELECT propstreet.prospect_update(1, 4, ''{}'')');
SELECT test.try('SELECT propstreet.prospect_remove(1, 4)');
SELECT test.try('SELECT propstreet.prospect_remove(999, 4)');
SELECT propstreet.prospect_remove(1, 4, propstreet.prospect_get(1, 4)->>'etag');
RESET propstreet.require_if_match;

-- removed
SELECT test.try('SELECT propstreet.prospect_get(1, 4)');
SELECT test.masked(propstreet.prospect_get(1, 4, true));
SELECT test.try('SELECT propstreet.prospect_update(1, 4, ''{"classification": "bidder"}'')');
SELECT test.try('SELECT propstreet.prospect_remove(1, 4)');
SELECT test.try('SELECT propstreet.teaser_accept(1, 4)');
SELECT test.try('SELECT propstreet.prospect_remove(1, NULL)');
SELECT test.try('SELECT propstreet.prospect_remove(NULL, 4)');

-- added again it is another one
SELECT test.masked(propstreet.prospect_add(1, '{"contactId": "2", "externalRefs": [{"namespace": "hubspot", "id": "1"}]}'));
SELECT propstreet.prospect_get(1, 4, true)->>'id', propstreet.prospect_find(1, 'hubspot', '1')->>'id';

-- tags and company are the investor's of today, those of a removed one the ones it had
UPDATE propstreet.contact SET tags = tags || '{later}', company_id = 1 WHERE tenant_id = 9;
UPDATE propstreet.company SET tags = '{}' WHERE tenant_id = 9;
SELECT propstreet.prospect_get(1, id, true)->'tags', propstreet.prospect_get(1, id, true)->>'companyId' FROM generate_series(1, 6) AS id WHERE id <> 5;

-- blocking later changes nothing
UPDATE propstreet.contact SET blocked = true WHERE tenant_id = 9;
SELECT propstreet.prospect_update(1, 6, '{"classification": "interested"}')->>'classification';
SELECT propstreet.prospect_remove(1, 6);
SELECT test.try('SELECT propstreet.prospect_add(1, ''{"contactId": "2"}'')');

-- under a deleted project there is nothing, but to look at
SELECT propstreet.project_delete(1);
SELECT statement, test.try('SELECT propstreet.' || statement) FROM (VALUES
	('prospect_add(1, ''{"companyId": "1"}'')'), ('prospect_get(1, 1)'), ('prospect_find(1, ''hubspot'', ''1'')'), ('prospect_update(1, 1, ''{}'')'), ('prospect_remove(1, 1)'), ('prospect_upsert(1, ''a'', ''1'', ''{"companyId": "1"}'')'),
	('prospect_list(1)'), ('teaser_advance(1, ''drafting'')'), ('teaser_communicate(1, ''2126-01-01'')'), ('teaser_accept(1, 1)'), ('project_update(1, ''{}'')'), ('project_close(1)'), ('project_reopen(1)'),
	('project_properties(1)'), ('project_delete(1)')) AS v (statement);
SELECT test.masked(propstreet.prospect_get(1, 1, true));
SELECT deleted_utc, revision FROM propstreet.prospect WHERE tenant_id = 9 AND id = 1;
SELECT json_array_length(propstreet.prospect_list(1, include_deleted => true)->'data');
SELECT * FROM propstreet.check() WHERE tenant_id = 9;
