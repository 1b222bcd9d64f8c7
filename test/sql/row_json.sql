-- row_json: rows as the JSON of the API, in delta views and in queries of one's own
\i test/preamble.sql
SELECT test.begin(17);
INSERT INTO propstreet.contact (name, tags) VALUES ('Contact', '{a}');
INSERT INTO propstreet.project (name, external_refs) VALUES ('one "quoted" \ å 🏠', '{a:1}'), ('two', '{}');
INSERT INTO propstreet.prospect (project_id, contact_id) VALUES (1, 1), (2, 1);
SELECT propstreet.project_delete(2);
SELECT propstreet.prospect_remove(1, 1);

-- delta views: every row, deleted ones too, with ETag and resource
SELECT id, etag::text = resource->>'etag', resource::text = propstreet.project_get(id, true)::text, test.masked(resource) FROM propstreet.project_delta WHERE tenant_id = 17 ORDER BY id;
SELECT id, etag::text = resource->>'etag', resource::text = propstreet.prospect_get(project_id, id, true)::text, test.masked(resource) FROM propstreet.prospect_delta WHERE tenant_id = 17 ORDER BY id;

-- of the tables, of views and subqueries, whatever else they have
SELECT test.masked(propstreet.project_json(p)) FROM propstreet.project AS p WHERE tenant_id = 17 AND id = 1;
SELECT test.masked(propstreet.project_json(d)) FROM propstreet.project_delta AS d WHERE tenant_id = 17 AND id = 1;
SELECT test.masked(propstreet.prospect_json(s)) FROM (SELECT 'first' AS extra, p.*, 'last' AS last FROM propstreet.prospect AS p) AS s WHERE tenant_id = 17 AND id = 2;
SELECT propstreet.project_json(p)->>'id', propstreet.prospect_json(r)->>'id' FROM propstreet.project AS p LEFT JOIN propstreet.prospect AS r ON r.tenant_id = p.tenant_id AND r.project_id = p.id AND r.id = 2 WHERE p.tenant_id = 17 ORDER BY p.id;
SELECT propstreet.project_json(NULL) IS NULL, propstreet.project_json(NULL::propstreet.project) IS NULL;

-- what is no such row
SELECT test.try('SELECT propstreet.project_json(ROW(1, 2))');
SELECT test.try('SELECT propstreet.project_json(r) FROM propstreet.prospect AS r WHERE tenant_id = 17');
SELECT test.try('SELECT propstreet.prospect_json(p) FROM propstreet.project AS p WHERE tenant_id = 17');
SELECT test.try('SELECT propstreet.prospect_json(s) FROM (SELECT tenant_id, id, project_id, contact_id, company_id, classification::text, tags, accepted_utc, deadline_utc, external_refs, created_utc, updated_utc, deleted_utc, revision FROM propstreet.prospect) AS s');
-- or a row that lacks what every row has
SELECT test.try(format('SELECT propstreet.project_json(ROW(%s)::propstreet.project)', string_agg('NULL', ', '))) FROM pg_attribute WHERE attrelid = 'propstreet.project'::regclass AND attnum > 0 AND NOT attisdropped;
SELECT attname, test.try(format('SELECT propstreet.project_json(jsonb_populate_record(p, ''{"%s": null}'')) FROM propstreet.project AS p WHERE tenant_id = 17 AND id = 1', attname))
FROM pg_attribute WHERE attrelid = 'propstreet.project'::regclass AND attnum > 0 AND attnotnull ORDER BY attnum;
SELECT attname, test.try(format('SELECT propstreet.prospect_json(jsonb_populate_record(p, ''{"%s": null}'')) FROM propstreet.prospect AS p WHERE tenant_id = 17 AND id = 1', attname))
FROM pg_attribute WHERE attrelid = 'propstreet.prospect'::regclass AND attnum > 0 AND attnotnull ORDER BY attnum;
SELECT test.try('SELECT propstreet.prospect_json(jsonb_populate_record(p, ''{"tags": ["a", null]}'')) FROM propstreet.prospect AS p WHERE tenant_id = 17 AND id = 1');
