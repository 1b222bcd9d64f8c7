-- associated: the projects in which a contact, or a company and its contacts, are prospects
\i test/preamble.sql
SELECT test.begin(13);
INSERT INTO propstreet.company (name) VALUES ('C1'), ('C2');
INSERT INTO propstreet.contact (name, company_id) VALUES ('P1', 1), ('P2', 1), ('P3', 2), ('P4', NULL);
INSERT INTO propstreet.project (name) SELECT 'project ' || i FROM generate_series(1, 8) AS i;
-- project 1: P1, P2, C1; 2: P2, P1; 3: P1; 4: C1; 5: P1, removed; 6: P1, deleted; 7: P3 and C2; 8: nobody
INSERT INTO propstreet.prospect (id, project_id, contact_id, company_id, classification) VALUES
	(11, 1, 1, NULL, 'contacted'), (12, 1, 2, NULL, 'bidder'), (13, 1, NULL, 1, 'interested'),
	(21, 2, 2, NULL, 'contacted'), (22, 2, 1, NULL, 'bidder'),
	(31, 3, 1, NULL, 'contacted'), (41, 4, NULL, 1, 'contacted'), (51, 5, 1, NULL, 'contacted'), (61, 6, 1, NULL, 'contacted'), (71, 7, 3, NULL, 'bidder'), (72, 7, NULL, 2, 'contacted');
UPDATE propstreet.prospect SET deleted_utc = now() WHERE tenant_id = 13 AND id = 51;
UPDATE propstreet.project SET status = 'deleted' WHERE tenant_id = 13 AND id = 6;
SELECT propstreet.project_close(3, '[{"x":1}]')->>'status';

-- Project, prospect, its classification and the project's number of prospects, and whether there are more
CREATE FUNCTION pg_temp.page(list json) RETURNS text LANGUAGE sql AS $$
	SELECT concat_ws(' ', (SELECT string_agg(concat_ws('/', p->>'id', p->>'prospectId', p->>'prospectClassification', p->>'prospectCount'), ' ' ORDER BY number)
		FROM json_array_elements(list->'data') WITH ORDINALITY AS e (p, number)), CASE WHEN (list->'page'->>'hasMore')::boolean THEN '...' END)
$$;

-- a contact's
SELECT test.masked(propstreet.contact_projects(1));
SELECT pg_temp.page(propstreet.contact_projects(2));
SELECT pg_temp.page(propstreet.contact_projects(3));
SELECT test.masked(propstreet.contact_projects(4));
-- a company's: one row a project, its own prospect first, else the one with the lowest id
SELECT pg_temp.page(propstreet.company_projects(1));
SELECT pg_temp.page(propstreet.company_projects(2));

-- filters come before that choice
SELECT classification, pg_temp.page(propstreet.contact_projects(1, classification => classification)), pg_temp.page(propstreet.company_projects(1, classification => classification)), pg_temp.page(propstreet.company_projects(2, classification => classification))
FROM unnest(enum_range(NULL::propstreet.prospect_classification)::text[]) AS classification;
SELECT status, pg_temp.page(propstreet.contact_projects(1, status => status)), pg_temp.page(propstreet.company_projects(1, status => status)) FROM unnest(ARRAY['open', 'closed']) AS status;
SELECT pg_temp.page(propstreet.company_projects(1, 'open', 'contacted'));

-- in the order of the projects' changes; counts are those of today
SELECT propstreet.project_update(1, '{"mandate": "other"}')->>'id';
SELECT propstreet.prospect_remove(2, 22);
SELECT pg_temp.page(propstreet.company_projects(1)), pg_temp.page(propstreet.contact_projects(1));
-- a contact that leaves takes its prospects along
UPDATE propstreet.contact SET company_id = 2 WHERE tenant_id = 13 AND id = 2;
SELECT pg_temp.page(propstreet.company_projects(1)), pg_temp.page(propstreet.company_projects(2));
UPDATE propstreet.contact SET company_id = 1 WHERE tenant_id = 13 AND id = 2;

-- page after page
SELECT propstreet.company_projects(1, page_size => 3) AS page \gset
SELECT pg_temp.page(:'page'), test.masked((:'page'::json)->'page'), (:'page'::json)->'page'->>'nextCursor' AS cursor \gset page_
\echo :page_page :page_masked
SELECT propstreet.company_projects(1, page_size => 3, cursor => :'page_cursor') AS page \gset
SELECT pg_temp.page(:'page'), test.masked((:'page'::json)->'page'), (:'page'::json)->'page'->>'nextCursor' AS cursor \gset page_
\echo :page_page :page_masked
SELECT propstreet.company_projects(1, page_size => 3, cursor => :'page_cursor') AS page \gset
SELECT pg_temp.page(:'page'), (:'page'::json)->'page'->>'nextCursor' = :'page_cursor' AS same_cursor, (:'page'::json)->'page'->>'hasMore';
-- the cursor is a position: other filters go on from there, and what has changed meanwhile comes again
SELECT (propstreet.contact_projects(1, page_size => 1)->'page'->>'nextCursor') AS cursor \gset
SELECT pg_temp.page(propstreet.contact_projects(1, cursor => :'cursor')), pg_temp.page(propstreet.contact_projects(1, 'open', cursor => :'cursor')), pg_temp.page(propstreet.contact_projects(2, cursor => :'cursor'));
SELECT propstreet.project_update(2, '{"mandate": "other"}')->>'id';
SELECT pg_temp.page(propstreet.contact_projects(1, cursor => :'cursor')), pg_temp.page(propstreet.contact_projects(2, cursor => :'cursor'));
SELECT propstreet.contact_projects(1, page_size => 500)->'page'->>'pageSize', propstreet.contact_projects(1, page_size => NULL)->'page'->>'pageSize', propstreet.company_projects(1)->'page'->>'pageSize';

-- what is refused
SELECT arguments, test.try(format('SELECT propstreet.contact_projects(%s)', arguments)), test.try(format('SELECT propstreet.company_projects(%s)', arguments)) FROM (VALUES
	('999'), ('0'), ('NULL'), ('1, status => ''deleted'''), ('1, status => ''Open'''), ('1, status => '''''), ('1, classification => ''hot'''), ('1, classification => ''draft'''),
	('1, page_size => 0'), ('1, page_size => 501'), ('1, page_size => -1'), ('1, cursor => ''x'''), ('1, cursor => '''''), ('999, ''x'', ''y'', 0, ''z''')) AS v (arguments);

-- a page that goes on has to be exact: not where this transaction has written itself
BEGIN;
UPDATE propstreet.contact SET name = 'New name' WHERE tenant_id = 13 AND id = 1;
SELECT propstreet.contact_projects(1)->'page'->>'syncedUtc' IS NULL;
SELECT test.try(format('SELECT propstreet.contact_projects(1, cursor => %L)', :'cursor'));
ROLLBACK;
