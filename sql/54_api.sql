-- 54_api.sql: what PostgREST shows (db-schemas = propstreet_api): the REST API as one
-- function, and for its own conventions views and the operations.

CREATE SCHEMA propstreet_api;
COMMENT ON SCHEMA propstreet_api IS 'What PostgREST shows of propstreet
The REST API of the specification is handle(), behind nginx; the rest follows PostgREST''s own conventions.';

CREATE DOMAIN propstreet_api."*/*" AS bytea;
COMMENT ON DOMAIN propstreet_api."*/*" IS 'Tells PostgREST to answer any Accept with the bytes as they are';

-- Not STABLE: PostgREST would run it READ ONLY
CREATE FUNCTION propstreet_api.handle(bytea) RETURNS propstreet_api."*/*"
	LANGUAGE sql VOLATILE AS 'SELECT propstreet.handle_postgrest($1)::propstreet_api."*/*"';
COMMENT ON FUNCTION propstreet_api.handle(bytea) IS 'The REST API of the specification
Called by way of nginx, which tells in X-Original-Method, X-Original-URI and X-Original-Content-Type what the request was.';

-- The operations, with their own signatures
DO $operations$
DECLARE
	operation record;
BEGIN
	FOR operation IN
			SELECT p.oid, p.proname, pg_catalog.pg_get_function_arguments(p.oid) AS arguments, pg_catalog.pg_get_function_result(p.oid) AS result,
				CASE p.provolatile WHEN 's' THEN 'STABLE' ELSE 'VOLATILE' END AS volatile,
				CASE WHEN p.proretset THEN '* FROM ' ELSE '' END AS rows,
				(SELECT pg_catalog.string_agg('$' OPERATOR(pg_catalog.||) i, ', ') FROM pg_catalog.generate_series(1, p.pronargs) AS i) AS parameters
			FROM pg_catalog.pg_proc AS p
			WHERE p.pronamespace OPERATOR(pg_catalog.=) 'propstreet'::pg_catalog.regnamespace AND p.oid OPERATOR(pg_catalog.=) ANY (ARRAY(SELECT propstreet.operations()))
				AND p.proname OPERATOR(pg_catalog.<>) ALL (ARRAY['handle'::pg_catalog.name, 'handle_postgrest']) LOOP
		EXECUTE pg_catalog.format('CREATE FUNCTION propstreet_api.%I(%s) RETURNS %s LANGUAGE sql %s AS %L',
			operation.proname, operation.arguments, operation.result, operation.volatile,
			pg_catalog.format('SELECT %spropstreet.%I(%s)', operation.rows, operation.proname, operation.parameters));
		EXECUTE pg_catalog.format('COMMENT ON FUNCTION propstreet_api.%I(%s) IS %L', operation.proname,
			pg_catalog.pg_get_function_identity_arguments(operation.oid), pg_catalog.format(E'%s\n%s',
				pg_catalog.obj_description(operation.oid, 'pg_proc'),
				'Ids are numbers here. Errors have the status of the specification; details is a JSON array of what is wrong.'));
	END LOOP;
END
$operations$;

-- Views: rows of the session's tenant, by row-level security. Writing follows the rights
-- on the tables: what the API can write.

CREATE VIEW propstreet_api.projects WITH (security_invoker) AS
SELECT p.id, p.name, p.asset_type, p.property_count, p.status, p.classification, p.teaser_stage, p.published_utc, p.verified_utc,
	p.communicated_utc, p.mandate, p.price, p.price_range, p.transactions, p.external_refs, p.created_utc, p.updated_utc
FROM propstreet.project AS p
WHERE p.deleted_utc IS NULL;
COMMENT ON VIEW propstreet_api.projects IS 'Projects
Real-estate transactions that are not deleted. Written rows get the same checks, versions and events as through the operations.';
COMMENT ON COLUMN propstreet_api.projects.status IS 'Lifecycle: open or closed; set by project_close and project_reopen';
COMMENT ON COLUMN propstreet_api.projects.price IS 'Asking price: {"value": 150, "currency": "SEK", "scale": "millions"}; null: not given';
COMMENT ON COLUMN propstreet_api.projects.price_range IS 'Lowest price, highest price or both: {"min": 100, "max": 200, "currency": "SEK", "scale": "millions"}; null: not given';
COMMENT ON COLUMN propstreet_api.projects.external_refs IS 'References in other systems: [{"namespace": "hubspot", "id": "deal-123456"}]; unique in the tenant';

CREATE VIEW propstreet_api.prospects WITH (security_invoker) AS
SELECT p.id, p.project_id, p.contact_id, p.company_id, p.classification, p.tags, p.accepted_utc, p.deadline_utc, p.external_refs,
	p.created_utc, p.updated_utc
FROM propstreet.prospect AS p
WHERE p.deleted_utc IS NULL;
COMMENT ON VIEW propstreet_api.prospects IS 'Prospects
Investors of projects that are not removed. Written rows get the same checks, versions and events as through the operations.';
COMMENT ON COLUMN propstreet_api.prospects.external_refs IS 'References in other systems: [{"namespace": "salesforce", "id": "006XXXXXXXXXXXX"}]; unique in the project';

CREATE VIEW propstreet_api.project_delta WITH (security_invoker) AS
SELECT d.id, d.etag, d.updated_utc, d.deleted_utc, d.resource FROM propstreet.project_delta AS d;
COMMENT ON VIEW propstreet_api.project_delta IS 'Changes of projects
Deleted ones included, each with its ETag and JSON. A delta read that misses nothing is the function project_changes.';
COMMENT ON COLUMN propstreet_api.project_delta.etag IS 'ETag of this version of the project';
COMMENT ON COLUMN propstreet_api.project_delta.resource IS 'The project as JSON';

CREATE VIEW propstreet_api.prospect_delta WITH (security_invoker) AS
SELECT d.id, d.etag, d.updated_utc, d.deleted_utc, d.resource FROM propstreet.prospect_delta AS d;
COMMENT ON VIEW propstreet_api.prospect_delta IS 'Changes of prospects
Removed ones included, each with its ETag and JSON. A delta read that misses nothing is the function prospect_changes.';
COMMENT ON COLUMN propstreet_api.prospect_delta.etag IS 'ETag of this version of the prospect';
COMMENT ON COLUMN propstreet_api.prospect_delta.resource IS 'The prospect as JSON';

-- A column without a comment of its own has that of the column it shows
DO $comments$
DECLARE
	shown record;
BEGIN
	FOR shown IN
			SELECT w.view, v.attname, pg_catalog.col_description(s.attrelid, s.attnum) AS comment
			FROM (VALUES ('propstreet.project_delta'::pg_catalog.regclass, 'propstreet.project'::pg_catalog.regclass),
					('propstreet.prospect_delta', 'propstreet.prospect'), ('propstreet.webhook_status', 'propstreet.webhook'),
					('propstreet_api.projects', 'propstreet.project'), ('propstreet_api.prospects', 'propstreet.prospect'),
					('propstreet_api.project_delta', 'propstreet.project'), ('propstreet_api.prospect_delta', 'propstreet.prospect')
				) AS w (view, source)
				JOIN pg_catalog.pg_attribute AS v ON v.attrelid OPERATOR(pg_catalog.=) w.view
				JOIN pg_catalog.pg_attribute AS s ON s.attrelid OPERATOR(pg_catalog.=) w.source AND s.attname OPERATOR(pg_catalog.=) v.attname
			WHERE v.attnum OPERATOR(pg_catalog.>) 0 AND s.attnum OPERATOR(pg_catalog.>) 0
				AND pg_catalog.col_description(v.attrelid, v.attnum) IS NULL LOOP
		EXECUTE pg_catalog.format('COMMENT ON COLUMN %s.%I IS %L', shown.view, shown.attname, shown.comment);
	END LOOP;
END
$comments$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA propstreet_api FROM PUBLIC;
