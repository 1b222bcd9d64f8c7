-- Data of the benchmarks: one tenant with many projects, and investors for batches.
CREATE EXTENSION propstreet;
SELECT propstreet.install();
ALTER DATABASE propstreet_bench SET propstreet.tenant_id = '1';
SELECT propstreet.set_tenant(1);

INSERT INTO propstreet.project (name, asset_type, property_count, classification, mandate, price, external_refs, teaser_stage)
SELECT 'Stockholm Office Portfolio ' || g, 'portfolio', 5,
	(ARRAY['draft', 'active', 'inactive'])[1 + g % 3]::propstreet.project_classification, 'exclusive', '150 millions SEK',
	ARRAY[propstreet.external_ref('hubspot', 'deal-' || g)], CASE WHEN g % 2 = 0 THEN 'published'::propstreet.teaser_stage END
FROM generate_series(1, :rows) AS g;

INSERT INTO propstreet.company (name) SELECT 'Company ' || g FROM generate_series(1, 10) AS g;
INSERT INTO propstreet.contact (name, company_id, tags)
SELECT 'Contact ' || g, 1 + g % 10, ARRAY['tier-1', 'repeat-buyer'] FROM generate_series(1, 100) AS g;
CREATE SEQUENCE bench_project;

-- the same work as prospect_add_batch does, with the same answer, the way it is often written
CREATE FUNCTION bench_loop(project bigint, body json) RETURNS json LANGUAGE plpgsql AS $$
DECLARE
	item json;
	index integer := 0;
	prospect bigint;
	created json[] := '{}';
	failed json[] := '{}';
BEGIN
	FOR item IN SELECT json_array_elements(body -> 'items') LOOP
		BEGIN
			INSERT INTO propstreet.prospect (project_id, contact_id, company_id)
			VALUES (project, (item ->> 'contactId')::bigint, (item ->> 'companyId')::bigint)
			RETURNING id INTO prospect;
			created := created || json_build_object('id', prospect::text, 'contactId', item -> 'contactId');
		EXCEPTION
			WHEN unique_violation THEN
				failed := failed || json_build_object('index', index, 'contactId', item -> 'contactId', 'error', 'duplicate',
					'message', 'Contact already exists as prospect in this project');
			WHEN OTHERS THEN
				failed := failed || json_build_object('index', index, 'contactId', item -> 'contactId', 'error', 'not_added',
					'message', SQLERRM);
		END;
		index := index + 1;
	END LOOP;
	RETURN json_build_object('created', array_to_json(created), 'failed', array_to_json(failed));
END
$$;
CREATE TABLE bench_body (items integer PRIMARY KEY, body json);
INSERT INTO bench_body
SELECT n, json_build_object('items', (SELECT json_agg(json_build_object('contactId', g::text)) FROM generate_series(1, n) AS g))
FROM unnest(ARRAY[1, 10, 100]) AS n;

CREATE TABLE bench_cursor AS
SELECT propstreet.cursor_encode(updated_utc, id) AS cursor FROM propstreet.project ORDER BY updated_utc DESC, id DESC OFFSET 500 LIMIT 1;
VACUUM ANALYZE;
CHECKPOINT;
