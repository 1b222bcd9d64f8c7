-- lists: filters, parameters, pages and cursors of the five lists
\i test/preamble.sql
\pset tuples_only off
SET propstreet.tenant_id = '310';

-- what a statement fails with
CREATE FUNCTION pg_temp.error_of(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	detail text;
BEGIN
	EXECUTE statement;
	RETURN 'none';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
	RETURN SQLSTATE || ' ' || detail;
END
$$;

-- a page: its ids, and its page object less the time in it
CREATE FUNCTION pg_temp.ids(list json) RETURNS text LANGUAGE sql AS $$
SELECT coalesce(string_agg(r->>'id', ' ' ORDER BY n), 'none') FROM json_array_elements(list->'data') WITH ORDINALITY AS e (r, n)
$$;
CREATE FUNCTION pg_temp.show(list json) RETURNS text LANGUAGE sql AS $$
SELECT pg_temp.ids(list) || ' ' || regexp_replace(list->>'page', '"syncedUtc":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[.]?\d*Z"', '"syncedUtc"')
$$;

-- all pages of a list from first to last, which must be without a flaw: the ids in them
CREATE FUNCTION pg_temp.walk(operation text, arguments text, size integer) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	list json;
	page json;
	count integer;
	last json;
	cursor text;
	ids text[];
BEGIN
	LOOP
		EXECUTE format('SELECT propstreet.%s(%s)', operation,
			concat_ws(', ', nullif(arguments, ''), format('page_size => %s, cursor => %L', size, cursor))) INTO list;
		page := list->'page';
		count := json_array_length(list->'data');
		last := list->'data'->(count - 1);
		ASSERT (page->>'pageSize')::integer = size AND count <= size;
		ASSERT (page->>'syncedUtc')::timestamptz BETWEEN transaction_timestamp() AND clock_timestamp();
		ASSERT count = size OR page->>'hasMore' = 'false';
		ASSERT count > 0 OR cursor IS NULL, 'hasMore was true, and there is nothing more';
		ASSERT page->>'nextCursor' IS NOT DISTINCT FROM propstreet.cursor_encode((last->>'updatedUtc')::timestamptz, (last->>'id')::bigint);
		cursor := page->>'nextCursor';
		ids := ids || ARRAY(SELECT r->>'id' FROM json_array_elements(list->'data') WITH ORDINALITY AS e (r, n) ORDER BY n);
		EXIT WHEN page->>'hasMore' = 'false';
	END LOOP;
	RETURN array_to_string(ids, ' ');
END
$$;

-- Rows with given stamps, the same in two tenants. Three projects have the same time; those with higher ids are older.
SET propstreet.restore = on;
CREATE TEMP VIEW tenant AS SELECT unnest(ARRAY[310, 311]) AS tenant_id, timestamptz '2020-01-01Z' AS start;
CREATE FUNCTION pg_temp.tags_of(n integer) RETURNS text[] LANGUAGE sql AS $$
SELECT CASE n / 20 % 5 WHEN 0 THEN '{}'::text[] WHEN 1 THEN '{vip}' WHEN 2 THEN '{vip,nordic}' WHEN 3 THEN '{VIP,310:vip}' ELSE '{tier-1}' END
$$;
INSERT INTO propstreet.company (tenant_id, id, name, tags)
SELECT tenant_id, 1 + n / 10, 'company', pg_temp.tags_of(n) FROM tenant, generate_series(0, 90, 10) AS n;
INSERT INTO propstreet.contact (tenant_id, id, company_id, name, tags)
SELECT tenant_id, 1 + n, nullif((1 + n) % 8, 0), 'contact', pg_temp.tags_of(n) FROM tenant, generate_series(0, 100) AS n;
-- open: 1 to 18, closed: 19 to 36, deleted: 37 to 54
INSERT INTO propstreet.project (tenant_id, id, name, status, classification, teaser_stage, published_utc, verified_utc, communicated_utc,
	transactions, created_utc, updated_utc, deleted_utc, revision)
SELECT tenant_id, id, 'project ' || id, status, classification, stage,
	CASE WHEN stage >= 'published' THEN start END, CASE WHEN stage >= 'verified' THEN start END, CASE WHEN stage >= 'communicated' THEN start END,
	CASE WHEN status = 'closed' THEN '[]'::json END, start, start + (54 - id) / 3 * interval '1 hour', CASE WHEN status = 'deleted' THEN start END, 1
FROM tenant, (
	SELECT row_number() OVER (ORDER BY status, classification, stage) AS id, status, classification, stage
	FROM unnest(enum_range(NULL::propstreet.project_status)) AS status, unnest(enum_range(NULL::propstreet.project_classification)) AS classification,
		unnest(enum_range(NULL::propstreet.teaser_stage) || ARRAY[NULL::propstreet.teaser_stage]) AS stage) AS state;
-- a hundred prospects in each of four projects, two open ones, a closed and a deleted one; every tenth has no contact
INSERT INTO propstreet.prospect (tenant_id, id, project_id, contact_id, company_id, classification, tags, accepted_utc, deadline_utc,
	created_utc, updated_utc, deleted_utc, revision)
SELECT tenant_id, n, (ARRAY[1, 18, 19, 37])[n / 100 + 1], contact, CASE WHEN contact IS NULL THEN 1 + n % 100 / 10 ELSE nullif(contact % 8, 0) END,
	(enum_range(NULL::propstreet.prospect_classification))[1 + n % 5],
	pg_temp.tags_of(n), CASE WHEN n / 5 % 2 = 1 THEN start END, CASE WHEN n / 5 % 2 = 1 OR n % 3 = 0 THEN start END,
	start, start + (400 - n) / 3 * interval '1 hour', CASE WHEN n / 10 % 2 = 1 THEN start END, 1
FROM tenant, generate_series(0, 399) AS n, CAST(CASE WHEN n % 10 > 0 THEN 1 + n % 100 END AS bigint) AS contact
WHERE n > 0;
RESET propstreet.restore;
SELECT * FROM propstreet.check() WHERE tenant_id IN (310, 311);
ANALYZE propstreet.project, propstreet.prospect;

-- A list has the resources themselves
\pset tuples_only on
SELECT propstreet.project_list(page_size => 1)->'data';
SELECT propstreet.prospect_list(18, capability => 'chat', classification => 'not_contacted', page_size => 1)->'data';
SELECT propstreet.contact_projects(3)->'data'->0;
SELECT propstreet.company_projects(3)->'data'->0;
\pset tuples_only off
SELECT count(*), bool_and(r::text = propstreet.project_get((r->>'id')::bigint, true)::text) AS same
FROM json_array_elements(propstreet.project_list(include_deleted => true)->'data') AS r;
SELECT count(*), bool_and(r::text = propstreet.prospect_get((r->>'projectId')::bigint, (r->>'id')::bigint, true)::text) AS same
FROM json_array_elements(propstreet.prospect_list_all(include_deleted => true)->'data') AS r;

-- Projects: every combination of filters, in pages of 1, 2, 7 and 500, against plain SQL
CREATE FUNCTION pg_temp.projects(updated_since timestamptz, include_deleted boolean, status text, classification text, teaser_stage text)
RETURNS text LANGUAGE sql AS $$
SELECT coalesce(string_agg(id::text, ' ' ORDER BY updated_utc, id), '') FROM propstreet.project AS t
WHERE tenant_id = 310 AND (t.updated_utc >= $1 OR $1 IS NULL)
	AND (t.deleted_utc IS NULL OR $2 IS TRUE OR $3 IS NOT DISTINCT FROM 'deleted')
	AND (t.status::text = $3 OR $3 IS NULL) AND (t.classification::text = $4 OR $4 IS NULL) AND (t.teaser_stage::text = $5 OR $5 IS NULL)
$$;
SELECT size, count(*) AS lists, sum(cardinality(string_to_array(expected, ' '))) AS rows, count(*) FILTER (WHERE expected = '') AS empty,
	count(*) FILTER (WHERE pg_temp.walk('project_list', concat_ws(', ', format('updated_since => %L, include_deleted => %L', since, deleted),
		format('status => %L, classification => %L, teaser_stage => %L', status, classification, stage)), size) IS DISTINCT FROM expected) AS wrong
FROM unnest(ARRAY[1, 2, 7, 500]) AS size,
	unnest(ARRAY[NULL, timestamptz '2020-01-01 09:00Z']) AS since, unnest(ARRAY[NULL, false, true]) AS deleted,
	unnest(enum_range(NULL::propstreet.project_status)::text[] || ARRAY[NULL]) AS status,
	unnest(enum_range(NULL::propstreet.project_classification)::text[] || ARRAY[NULL]) AS classification,
	unnest(enum_range(NULL::propstreet.teaser_stage)::text[] || ARRAY[NULL]) AS stage,
	pg_temp.projects(since, deleted, status, classification, stage) AS expected
GROUP BY size ORDER BY size;

-- Prospects likewise, of each project and of all; the deleted project's only with include_deleted, given or implied by updated_since
CREATE FUNCTION pg_temp.prospects(project bigint, updated_since timestamptz, include_deleted boolean, capability text, classification text, tags text[])
RETURNS text LANGUAGE sql AS $$
SELECT coalesce(string_agg(t.id::text, ' ' ORDER BY t.updated_utc, t.id), '')
FROM propstreet.prospect AS t JOIN propstreet.project AS p ON p.tenant_id = t.tenant_id AND p.id = t.project_id
WHERE t.tenant_id = 310 AND (t.project_id = $1 OR $1 IS NULL) AND (t.updated_utc >= $2 OR $2 IS NULL)
	AND (coalesce($3, $2 IS NOT NULL) OR t.deleted_utc IS NULL AND p.deleted_utc IS NULL)
	AND ($4 IS NULL OR t.accepted_utc IS NOT NULL) AND (t.classification::text = $5 OR $5 IS NULL)
	AND (cardinality($6) = 0 OR $6 IS NULL OR EXISTS (SELECT FROM unnest(t.tags) AS tag WHERE tag = ANY ($6)))
$$;
SELECT size, count(*) AS lists, sum(cardinality(string_to_array(expected, ' '))) AS rows, count(*) FILTER (WHERE expected = '') AS empty,
	count(*) FILTER (WHERE pg_temp.walk(CASE WHEN project > 0 THEN 'prospect_list' ELSE 'prospect_list_all' END,
		concat_ws(', ', project, format('updated_since => %L, include_deleted => %L', since, deleted),
			format('capability => %L, classification => %L, tags => %L', capability, classification, tags)), size) IS DISTINCT FROM expected) AS wrong
FROM unnest(ARRAY[7, 500]) AS size, unnest(ARRAY[NULL, 1, 19, 37]) AS project,
	unnest(ARRAY[NULL, timestamptz '2020-01-03Z']) AS since, unnest(ARRAY[NULL, false, true]) AS deleted,
	unnest(ARRAY[NULL, 'chat']) AS capability, unnest(ARRAY[NULL, 'contacted', 'bidder']) AS classification,
	(VALUES (NULL::text[]), ('{}'), ('{vip}'), ('{vip,nordic,vip}'), ('{VIP}'), ('{310:vip,unknown}'), ('{unknown}'), ('{NULL}')) AS filter (tags),
	pg_temp.prospects(project, since, deleted, capability, classification, tags) AS expected
WHERE project IS DISTINCT FROM 37 OR coalesce(deleted, since IS NOT NULL)
GROUP BY size ORDER BY size;
SELECT size, count(*) AS lists, count(*) FILTER (WHERE pg_temp.walk('prospect_list_all', arguments, size)
	IS DISTINCT FROM pg_temp.walk('prospect_list_all', arguments, 500)) AS wrong
FROM unnest(ARRAY[1, 2]) AS size, unnest(ARRAY['', 'include_deleted => true', 'capability => ''chat''', 'classification => ''bidder''', 'tags => ''{vip}''']) AS arguments
GROUP BY size;
SELECT pg_temp.error_of('SELECT propstreet.prospect_list(37)'), pg_temp.error_of('SELECT propstreet.prospect_list(37, ''2020-01-03Z'', false)');

-- Associated projects: a company's own prospect, else the lowest id, chosen after the filter
CREATE FUNCTION pg_temp.associated(contact bigint, company bigint, status text, classification text) RETURNS text LANGUAGE sql AS $$
SELECT coalesce(string_agg(format('%s/%s', project_id, prospect_id), ' ' ORDER BY updated_utc, project_id), '')
FROM (
	SELECT p.id AS project_id, p.updated_utc, (array_agg(t.id ORDER BY t.contact_id IS NULL DESC, t.id))[1] AS prospect_id
	FROM propstreet.prospect AS t JOIN propstreet.project AS p ON p.tenant_id = t.tenant_id AND p.id = t.project_id
	WHERE t.tenant_id = 310 AND t.deleted_utc IS NULL AND p.deleted_utc IS NULL AND (t.contact_id = $1 OR t.company_id = $2)
		AND (p.status::text = $3 OR $3 IS NULL) AND (t.classification::text = $4 OR $4 IS NULL)
	GROUP BY p.id, p.updated_utc) AS project
$$;
CREATE FUNCTION pg_temp.associated_ids(list json) RETURNS text LANGUAGE sql AS $$
SELECT coalesce(string_agg(format('%s/%s', r->>'id', r->>'prospectId'), ' ' ORDER BY n), '') FROM json_array_elements(list->'data') WITH ORDINALITY AS e (r, n)
$$;
SELECT count(*) AS lists, count(*) FILTER (WHERE of_contact = '' AND of_company = '') AS empty,
	count(*) FILTER (WHERE of_contact <> pg_temp.associated_ids(propstreet.contact_projects(investor, status, classification))) AS wrong_contact,
	count(*) FILTER (WHERE of_company <> pg_temp.associated_ids(propstreet.company_projects(company, status, classification))) AS wrong_company,
	count(*) FILTER (WHERE regexp_replace(of_company, '/\d+', '', 'g') <> pg_temp.walk('company_projects',
		format('%s, %L, %L', company, status, classification), size)) AS wrong_pages
FROM unnest(ARRAY[1, 2, 7]) AS size, generate_series(1, 101) AS investor, CAST(1 + investor % 10 AS bigint) AS company,
	unnest(ARRAY[NULL, 'open', 'closed']) AS status, unnest(enum_range(NULL::propstreet.prospect_classification)::text[] || ARRAY[NULL]) AS classification,
	pg_temp.associated(investor, NULL, status, classification) AS of_contact, pg_temp.associated(NULL, company, status, classification) AS of_company;
SELECT bool_and((r->>'prospectCount')::bigint = (SELECT count(*) FROM propstreet.prospect WHERE tenant_id = 310 AND project_id = (r->>'id')::bigint AND deleted_utc IS NULL))
FROM json_array_elements(propstreet.company_projects(3)->'data') AS r;

-- The page object: a cursor on an empty page only if one came in
SELECT pg_temp.show(propstreet.project_list(page_size => 2));
SELECT pg_temp.show(propstreet.project_list(page_size => 36)) LIKE '%"hasMore":false%' AS exactly_all, pg_temp.show(propstreet.project_list(page_size => 35)) LIKE '%"hasMore":true%' AS one_less;
SELECT pg_temp.show(propstreet.project_list('2030-01-01Z'));
SELECT pg_temp.show(propstreet.project_list(cursor => propstreet.cursor_encode('2030-01-01Z', 5)));
SELECT pg_temp.show(propstreet.prospect_list(2)), pg_temp.show(propstreet.contact_projects(101)), pg_temp.show(propstreet.company_projects(9, page_size => 1));
SELECT pg_temp.show(propstreet.contact_projects(101, cursor => propstreet.cursor_encode('2020-01-01Z', 5)));
SELECT propstreet.project_list(page_size => 1)::text ~ '^{"data":\[{.*}\],"page":{"nextCursor":"\w+","pageSize":1,"hasMore":true,"syncedUtc":"[^"]+Z"}}$' AS page,
	propstreet.project_list('2030-01-01Z')::text ~ '^{"data":\[\],"page":{"pageSize":500,"hasMore":false,"syncedUtc":"[^"]+Z"}}$' AS empty;

-- updated_since means at or after, to the microsecond; together with a cursor the later one counts
SELECT pg_temp.ids(propstreet.project_list('2020-01-01T17:00:00Z')) AS at, pg_temp.ids(propstreet.project_list('2020-01-01T17:00:00.000001Z')) AS after,
	pg_temp.ids(propstreet.project_list('2020-01-01T16:59:59.999999Z')) AS before, pg_temp.ids(propstreet.project_list('2020-01-01T19:00:00+02:00')) AS offset;
SELECT pg_temp.ids(propstreet.project_list(since, cursor => propstreet.cursor_encode('2020-01-01T17:00:00Z', 2)))
FROM (VALUES ('2020-01-01T16:00:00Z'::timestamptz), ('2020-01-01T17:00:00Z'), ('2020-01-01T17:00:00.000001Z'), ('infinity'), ('-infinity')) AS v (since);

-- Page sizes; null is the default
SELECT call, pg_temp.error_of(format('SELECT propstreet.%s, page_size => %s)', call, coalesce(size::text, 'NULL')))
FROM unnest(ARRAY['project_list(NULL', 'prospect_list(1', 'prospect_list_all(NULL', 'contact_projects(1', 'company_projects(1']) AS call, unnest(ARRAY[0, 1, 500, 501, NULL]) AS size;
SELECT pg_temp.error_of('SELECT propstreet.project_list(page_size => -2147483648)');
SELECT propstreet.project_list()->'page'->>'pageSize' AS projects, propstreet.prospect_list(1, page_size => NULL)->'page'->>'pageSize' AS prospects,
	propstreet.prospect_list_all()->'page'->>'pageSize' AS "all", propstreet.contact_projects(1)->'page'->>'pageSize' AS contact, propstreet.company_projects(1, page_size => NULL)->'page'->>'pageSize' AS company;

-- Cursors: the guide's, padded, URL-safe, with seven digits; anything else is an error
SELECT pg_temp.ids(propstreet.project_list(cursor => 'eyJ1IjoiMjAyNi0wMS0xNVQxMDowMDowMFoiLCJpIjoxMjN9'));
SELECT json, count(DISTINCT pg_temp.ids(propstreet.project_list(page_size => 4, cursor => form))) AS lists, min(pg_temp.ids(propstreet.project_list(page_size => 4, cursor => form)))
FROM (VALUES ('{"u":"2020-01-01T17:00:00Z","i":1}'), ('{"u":"2020-01-01T16:59:59.9999999Z","i":99}'), ('{"u":"2020-01-01T15:00:00.0000009Z","i":7}')) AS v (json),
	translate(encode(convert_to(json, 'UTF8'), 'base64'), E'\n', '') AS base64, unnest(ARRAY[base64, rtrim(base64, '='), translate(base64, '+/', '-_')]) AS form
GROUP BY json;
SELECT cursor, pg_temp.error_of(format('SELECT propstreet.project_list(cursor => %L)', cursor)) FROM unnest(ARRAY['', 'x', 'e30', '1', 'eyJ1IjoibmV2ZXIiLCJpIjoxfQ']) AS cursor;
SELECT call, pg_temp.error_of(format('SELECT propstreet.%s, cursor => ''x'')', call))
FROM unnest(ARRAY['prospect_list(1', 'prospect_list_all(NULL', 'contact_projects(1', 'company_projects(1']) AS call;

-- A cursor is a position, and nothing else: wherever it comes from, it never changes which rows are read
SELECT propstreet.project_list(page_size => 20)->'page'->>'nextCursor' AS mine \gset
SET propstreet.tenant_id = '311';
SELECT propstreet.project_list(page_size => 20)->'page'->>'nextCursor' = :'mine' AS same_position,
	propstreet.prospect_list(19, page_size => 20)->'page'->>'nextCursor' AS others \gset
SELECT :'same_position' AS same_position, r->>'id' AS id, r->>'etag' = propstreet.etag('project', 311, (r->>'id')::bigint, 1, (r->>'updatedUtc')::timestamptz)::text AS own
FROM json_array_elements(propstreet.project_list(cursor => :'mine', page_size => 1)->'data') AS r;
SET propstreet.tenant_id = '310';
SELECT pg_temp.ids(propstreet.prospect_list(18, cursor => :'others')) = pg_temp.ids(propstreet.prospect_list(18)) AS all_of_project,
	bool_and(r->>'etag' = propstreet.etag('prospect', 310, (r->>'id')::bigint, 1, (r->>'updatedUtc')::timestamptz)::text) AS own
FROM json_array_elements(propstreet.prospect_list(18, cursor => :'others')->'data') AS r;

-- Filters may change between pages
SELECT propstreet.project_list(status => 'closed', page_size => 3)->'page'->>'nextCursor' AS cursor \gset
SELECT pg_temp.show(propstreet.project_list(status => 'open', page_size => 3, cursor => :'cursor'));
SELECT pg_temp.show(propstreet.project_list(include_deleted => true, classification => 'draft', page_size => 3, cursor => :'cursor'));

-- Filters take one exact value
SELECT call, pg_temp.error_of('SELECT propstreet.' || call)
FROM unnest(ARRAY['project_list(status => ''Open'')', 'project_list(status => '''')', 'project_list(classification => ''bidder'')', 'project_list(teaser_stage => ''none'')',
	'prospect_list(1, classification => ''draft'')', 'prospect_list_all(capability => ''Chat'')', 'prospect_list(1, capability => '''')',
	'contact_projects(1, ''deleted'')', 'company_projects(1, ''deleted'')', 'contact_projects(1, ''OPEN'')', 'company_projects(1, NULL, ''active'')']) AS call;
-- all that is wrong is said at once
SELECT pg_temp.error_of('SELECT propstreet.project_list(status => ''x'', classification => ''y'', teaser_stage => ''z'', page_size => 0, cursor => ''c'')');
SELECT pg_temp.error_of('SELECT propstreet.prospect_list(1, capability => ''x'', classification => ''y'', tags => array_fill(''t''::text, ARRAY[51]), page_size => 0, cursor => ''c'')');

-- tags: up to 50; exact case is in the comparison above
SELECT pg_temp.error_of(format('SELECT propstreet.%s, tags => array_fill(''t''::text, ARRAY[%s]))', call, count)) FROM unnest(ARRAY['prospect_list(1', 'prospect_list_all(NULL']) AS call, unnest(ARRAY[50, 51]) AS count;
SELECT pg_temp.ids(propstreet.prospect_list(1, tags => array_fill('t'::text, ARRAY[49]) || ARRAY['nordic'])), pg_temp.ids(propstreet.prospect_list(1, tags => ARRAY[ARRAY['x', 'nordic'], ARRAY['y', 'z']]));

-- Who is not there; and 404 comes after 400
SELECT call, pg_temp.error_of('SELECT propstreet.' || call)
FROM unnest(ARRAY['prospect_list(99)', 'prospect_list(99, include_deleted => true)', 'prospect_list(NULL)', 'prospect_list(99, page_size => 0)', 'prospect_list(-1)',
	'contact_projects(102)', 'contact_projects(NULL)', 'company_projects(11)', 'company_projects(0)', 'company_projects(11, ''deleted'')']) AS call;
SET propstreet.tenant_id = '312';
SELECT pg_temp.show(propstreet.project_list(include_deleted => true)), pg_temp.show(propstreet.prospect_list_all(include_deleted => true)), pg_temp.show(propstreet.prospect_list_all(tags => '{vip}'));
SELECT call, pg_temp.error_of('SELECT propstreet.' || call) FROM unnest(ARRAY['prospect_list(1)', 'contact_projects(1)', 'company_projects(1)']) AS call;
RESET propstreet.tenant_id;
SELECT call, pg_temp.error_of('SELECT propstreet.' || call) FROM unnest(ARRAY['project_list()', 'prospect_list(1)', 'prospect_list_all()', 'contact_projects(1)', 'company_projects(1)', 'project_list(page_size => 0)']) AS call;
