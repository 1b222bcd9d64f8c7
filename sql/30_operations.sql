-- 30_operations.sql: the operations. They run with the rights of the tables' owner, for
-- the session's tenant: the right to execute one is the permission, given by grant_to().

CREATE FUNCTION propstreet.project_create(body json, idempotency_key text DEFAULT NULL) RETURNS json
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'propstreet_project_create';
COMMENT ON FUNCTION propstreet.project_create(json, text) IS
	'Create a project; the project as JSON';

CREATE FUNCTION propstreet.project_get(id bigint, include_deleted boolean DEFAULT false) RETURNS json
	LANGUAGE c STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'propstreet_project_get';
COMMENT ON FUNCTION propstreet.project_get(bigint, boolean) IS
	'A project as JSON';

CREATE FUNCTION propstreet.project_find(namespace text, external_id text) RETURNS json
	LANGUAGE c STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'propstreet_project_find';
COMMENT ON FUNCTION propstreet.project_find(text, text) IS
	'The project that has an external reference, as JSON';

CREATE FUNCTION propstreet.project_update(id bigint, patch json, if_match text DEFAULT NULL) RETURNS json
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'propstreet_project_update';
COMMENT ON FUNCTION propstreet.project_update(bigint, json, text) IS
	'Change a project; the project as JSON';

CREATE FUNCTION propstreet.project_delete(id bigint, if_match text DEFAULT NULL) RETURNS void
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'propstreet_project_delete';
COMMENT ON FUNCTION propstreet.project_delete(bigint, text) IS
	'Delete a project softly';

CREATE FUNCTION propstreet.project_upsert(namespace text, external_id text, body json, if_match text DEFAULT NULL,
		if_none_match text DEFAULT NULL) RETURNS json
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'propstreet_project_upsert';
COMMENT ON FUNCTION propstreet.project_upsert(text, text, json, text, text) IS
	'Create or change the project that has an external reference; the project as JSON with result';

CREATE FUNCTION propstreet.project_properties(id bigint, include_deleted boolean DEFAULT false) RETURNS json
	LANGUAGE c STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'propstreet_project_properties';
COMMENT ON FUNCTION propstreet.project_properties(bigint, boolean) IS
	'The property profiles linked to a project, as JSON';

CREATE FUNCTION propstreet.project_close(id bigint, transactions json DEFAULT '[]') RETURNS json
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'propstreet_project_close';
COMMENT ON FUNCTION propstreet.project_close(bigint, json) IS
	'Close a project with its transactions; the project as JSON';

CREATE FUNCTION propstreet.project_reopen(id bigint) RETURNS json
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'propstreet_project_reopen';
COMMENT ON FUNCTION propstreet.project_reopen(bigint) IS
	'Open a closed project again; the project as JSON';

CREATE FUNCTION propstreet.teaser_advance(project_id bigint, stage text) RETURNS json
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'propstreet_teaser_advance';
COMMENT ON FUNCTION propstreet.teaser_advance(bigint, text) IS
	'Move a project''s teaser to a later stage; the project as JSON';

CREATE FUNCTION propstreet.teaser_communicate(project_id bigint, deadline timestamptz) RETURNS json
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'propstreet_teaser_communicate';
COMMENT ON FUNCTION propstreet.teaser_communicate(bigint, timestamptz) IS
	'Send the teaser: matching investors become prospects with this deadline; the project as JSON';

CREATE FUNCTION propstreet.teaser_accept(project_id bigint, prospect_id bigint) RETURNS json
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'propstreet_teaser_accept';
COMMENT ON FUNCTION propstreet.teaser_accept(bigint, bigint) IS
	'Accept the teaser for a prospect, before its deadline; the prospect as JSON';

CREATE FUNCTION propstreet.prospect_add(project_id bigint, body json, idempotency_key text DEFAULT NULL) RETURNS json
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'propstreet_prospect_add';
COMMENT ON FUNCTION propstreet.prospect_add(bigint, json, text) IS
	'Add a contact or company to a project; the prospect as JSON';

CREATE FUNCTION propstreet.prospect_add_batch(project_id bigint, body json, idempotency_key text DEFAULT NULL) RETURNS json
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'propstreet_prospect_add_batch';
COMMENT ON FUNCTION propstreet.prospect_add_batch(bigint, json, text) IS
	'Add up to 100 contacts and companies to a project; what was created and what failed, as JSON';

CREATE FUNCTION propstreet.prospect_update_batch(project_id bigint, body json) RETURNS json
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'propstreet_prospect_update_batch';
COMMENT ON FUNCTION propstreet.prospect_update_batch(bigint, json) IS
	'Change up to 100 prospects of a project; what was updated and what failed, as JSON';

CREATE FUNCTION propstreet.prospect_get(project_id bigint, id bigint, include_deleted boolean DEFAULT false) RETURNS json
	LANGUAGE c STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'propstreet_prospect_get';
COMMENT ON FUNCTION propstreet.prospect_get(bigint, bigint, boolean) IS
	'A prospect as JSON';

CREATE FUNCTION propstreet.prospect_find(project_id bigint, namespace text, external_id text, include_deleted boolean DEFAULT false) RETURNS json
	LANGUAGE c STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'propstreet_prospect_find';
COMMENT ON FUNCTION propstreet.prospect_find(bigint, text, text, boolean) IS
	'The prospect of a project that has an external reference, as JSON';

CREATE FUNCTION propstreet.prospect_update(project_id bigint, id bigint, patch json, if_match text DEFAULT NULL) RETURNS json
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'propstreet_prospect_update';
COMMENT ON FUNCTION propstreet.prospect_update(bigint, bigint, json, text) IS
	'Change a prospect; the prospect as JSON';

CREATE FUNCTION propstreet.prospect_remove(project_id bigint, id bigint, if_match text DEFAULT NULL) RETURNS void
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'propstreet_prospect_remove';
COMMENT ON FUNCTION propstreet.prospect_remove(bigint, bigint, text) IS
	'Remove a prospect from its project softly';

CREATE FUNCTION propstreet.prospect_upsert(project_id bigint, namespace text, external_id text, body json, if_match text DEFAULT NULL,
		if_none_match text DEFAULT NULL) RETURNS json
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'propstreet_prospect_upsert';
COMMENT ON FUNCTION propstreet.prospect_upsert(bigint, text, text, json, text, text) IS
	'Create or change the prospect of a project that has an external reference; the prospect as JSON with result';

CREATE FUNCTION propstreet.contact_projects(contact_id bigint, status text DEFAULT NULL, classification text DEFAULT NULL, page_size integer DEFAULT 100, cursor text DEFAULT NULL) RETURNS json
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'propstreet_contact_projects';
COMMENT ON FUNCTION propstreet.contact_projects(bigint, text, text, integer, text) IS
	'A page of the projects in which a contact is a prospect, as JSON';

CREATE FUNCTION propstreet.company_projects(company_id bigint, status text DEFAULT NULL, classification text DEFAULT NULL, page_size integer DEFAULT 100, cursor text DEFAULT NULL) RETURNS json
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'propstreet_company_projects';
COMMENT ON FUNCTION propstreet.company_projects(bigint, text, text, integer, text) IS
	'A page of the projects in which a company or one of its contacts is a prospect, as JSON';

-- Lists and delta reads (doc/design.md, "Time, versions and sync"). They wait for
-- writers and take a new snapshot, so they are volatile.

CREATE FUNCTION propstreet.project_list(updated_since timestamptz DEFAULT NULL, include_deleted boolean DEFAULT false,
		status text DEFAULT NULL, classification text DEFAULT NULL, teaser_stage text DEFAULT NULL,
		page_size integer DEFAULT 500, cursor text DEFAULT NULL) RETURNS json
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'propstreet_project_list';
COMMENT ON FUNCTION propstreet.project_list(timestamptz, boolean, text, text, text, integer, text) IS
	'A page of projects in the order (updatedUtc, id), as JSON';

CREATE FUNCTION propstreet.prospect_list(project_id bigint, updated_since timestamptz DEFAULT NULL, include_deleted boolean DEFAULT NULL,
		capability text DEFAULT NULL, classification text DEFAULT NULL, tags text[] DEFAULT NULL,
		page_size integer DEFAULT 500, cursor text DEFAULT NULL) RETURNS json
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'propstreet_prospect_list';
COMMENT ON FUNCTION propstreet.prospect_list(bigint, timestamptz, boolean, text, text, text[], integer, text) IS
	'A page of a project''s prospects in the order (updatedUtc, id), as JSON';

CREATE FUNCTION propstreet.prospect_list_all(updated_since timestamptz DEFAULT NULL, include_deleted boolean DEFAULT NULL,
		capability text DEFAULT NULL, classification text DEFAULT NULL, tags text[] DEFAULT NULL,
		page_size integer DEFAULT 500, cursor text DEFAULT NULL) RETURNS json
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'propstreet_prospect_list_all';
COMMENT ON FUNCTION propstreet.prospect_list_all(timestamptz, boolean, text, text, text[], integer, text) IS
	'A page of the prospects of all projects in the order (updatedUtc, id), as JSON';

CREATE FUNCTION propstreet.project_changes(since timestamptz, OUT id bigint, OUT etag propstreet.etag, OUT updated_utc timestamptz,
		OUT deleted_utc timestamptz, OUT resource json, OUT synced_utc timestamptz) RETURNS SETOF record
	LANGUAGE c VOLATILE ROWS 1000 AS 'MODULE_PATHNAME', 'propstreet_project_changes';
COMMENT ON FUNCTION propstreet.project_changes(timestamptz) IS
	'Projects changed at or after a moment, deleted ones included; synced_utc is the moment to ask from next time';

CREATE FUNCTION propstreet.prospect_changes(since timestamptz, OUT id bigint, OUT etag propstreet.etag, OUT updated_utc timestamptz,
		OUT deleted_utc timestamptz, OUT resource json, OUT synced_utc timestamptz) RETURNS SETOF record
	LANGUAGE c VOLATILE ROWS 1000 AS 'MODULE_PATHNAME', 'propstreet_prospect_changes';
COMMENT ON FUNCTION propstreet.prospect_changes(timestamptz) IS
	'Prospects changed at or after a moment, removed ones included; synced_utc is the moment to ask from next time';

CREATE FUNCTION propstreet.sync_barrier() RETURNS timestamptz
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'propstreet_sync_barrier';
COMMENT ON FUNCTION propstreet.sync_barrier() IS
	'A moment before which nothing of the session''s tenant changes any more, for a SELECT in the next statement';
