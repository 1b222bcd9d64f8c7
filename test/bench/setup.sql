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

INSERT INTO propstreet.company (name) SELECT 'Company ' || g FROM generate_series(1, 1000) AS g;
INSERT INTO propstreet.contact (name, company_id, tags)
SELECT 'Contact ' || g, 1 + g % 1000, ARRAY['tier-1', 'repeat-buyer'] FROM generate_series(1, 10000) AS g;
CREATE SEQUENCE bench_project;

-- The same work as prospect_add_batch does for contacts, with the same answer, the way it is often written by hand.
CREATE FUNCTION bench_loop(project bigint, body json) RETURNS json LANGUAGE plpgsql AS $$
DECLARE
	item json;
	index integer := -1;
	contact bigint;
	is_blocked boolean;
	prospect bigint;
	error text;
	message text;
	created json[] := '{}';
	failed json[] := '{}';
BEGIN
	PERFORM FROM propstreet.project AS p WHERE p.tenant_id = 1 AND p.id = project AND p.deleted_utc IS NULL;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'Project % was not found', project;
	END IF;
	FOR item IN SELECT json_array_elements(body -> 'items') LOOP
		index := index + 1;
		error := NULL;
		prospect := NULL;
		BEGIN
			contact := item ->> 'contactId';
			SELECT c.blocked INTO is_blocked FROM propstreet.contact AS c WHERE c.tenant_id = 1 AND c.id = contact;
			IF NOT FOUND OR is_blocked THEN
				error := 'not_added';
				message := format('Contact %s was not found or is blocked', contact);
			ELSE
				SELECT p.id INTO prospect FROM propstreet.prospect AS p
				WHERE p.tenant_id = 1 AND p.project_id = project AND p.contact_id = contact AND p.deleted_utc IS NULL;
				IF FOUND THEN
					error := 'duplicate';
					message := 'Contact already exists as prospect in this project';
				ELSE
					INSERT INTO propstreet.prospect (project_id, contact_id) VALUES (project, contact) RETURNING id INTO prospect;
				END IF;
			END IF;
		EXCEPTION
			WHEN unique_violation THEN
				error := 'duplicate';
				message := 'Contact already exists as prospect in this project';
			WHEN invalid_text_representation THEN
				error := 'invalid_id';
				message := SQLERRM;
		END;
		IF error IS NULL THEN
			created := created || json_build_object('id', prospect::text, 'contactId', item -> 'contactId');
		ELSE
			failed := failed || json_strip_nulls(json_build_object('index', index, 'contactId', item -> 'contactId', 'error', error,
				'message', message, 'prospectId', prospect::text));
		END IF;
	END LOOP;
	RETURN json_build_object('created', array_to_json(created), 'failed', array_to_json(failed));
END
$$;
-- The shortest such loop: the checks are left to the table, and what fails is told by its message.
CREATE FUNCTION bench_short_loop(project bigint, body json) RETURNS json LANGUAGE plpgsql AS $$
DECLARE
	item json;
	index integer := 0;
	prospect bigint;
	created json[] := '{}';
	failed json[] := '{}';
BEGIN
	FOR item IN SELECT json_array_elements(body -> 'items') LOOP
		BEGIN
			INSERT INTO propstreet.prospect (project_id, contact_id) VALUES (project, (item ->> 'contactId')::bigint) RETURNING id INTO prospect;
			created := created || json_build_object('id', prospect::text, 'contactId', item -> 'contactId');
		EXCEPTION
			WHEN unique_violation THEN
				failed := failed || json_build_object('index', index, 'contactId', item -> 'contactId', 'error', 'duplicate',
					'message', 'Contact already exists as prospect in this project');
			WHEN OTHERS THEN
				failed := failed || json_build_object('index', index, 'contactId', item -> 'contactId', 'error', 'not_added', 'message', SQLERRM);
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
