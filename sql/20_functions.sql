-- 20_functions.sql: the functions that tables, policies, triggers and views use. Their
-- names and signatures are a frozen interface: tables of an older version call them too.

CREATE FUNCTION propstreet.current_tenant() RETURNS bigint
	LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'propstreet_current_tenant';
COMMENT ON FUNCTION propstreet.current_tenant() IS
	'Tenant of this session: the setting propstreet.tenant_id, else the JWT claim named by propstreet.tenant_claim; PT401 without either';

CREATE FUNCTION propstreet.set_tenant(tenant_id bigint, is_local boolean DEFAULT false) RETURNS void
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'propstreet_set_tenant';
REVOKE ALL ON FUNCTION propstreet.set_tenant(bigint, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION propstreet.set_tenant(bigint, boolean) TO @extowner@ WITH GRANT OPTION;
COMMENT ON FUNCTION propstreet.set_tenant(bigint, boolean) IS
	'Set the tenant of this session, or of this transaction if is_local; for trusted connection pools, the right to execute it is the permission';

CREATE FUNCTION propstreet.external_refs_valid(external_refs propstreet.external_ref[]) RETURNS boolean
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'propstreet_external_refs_valid';
COMMENT ON FUNCTION propstreet.external_refs_valid(propstreet.external_ref[]) IS
	'Are these the references of one resource: at most 20, none null, each namespace once?';

CREATE FUNCTION propstreet.transactions_valid(transactions json) RETURNS boolean
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'propstreet_transactions_valid';
COMMENT ON FUNCTION propstreet.transactions_valid(json) IS
	'Are these the transactions of a closed project: an array of at most 100 objects, 64 kB in all?';

CREATE FUNCTION propstreet.tags_valid(tags text[]) RETURNS boolean
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'propstreet_tags_valid';
COMMENT ON FUNCTION propstreet.tags_valid(text[]) IS
	'Are these the tags of a contact or company: one dimension, each of 1 to 255 characters?';

CREATE FUNCTION propstreet.tag_keys(tenant_id bigint, tags text[]) RETURNS text[]
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'propstreet_tag_keys';
COMMENT ON FUNCTION propstreet.tag_keys(bigint, text[]) IS
	'Tags as keys of an index over all tenants: each with its tenant in front';

CREATE FUNCTION propstreet.project_json(project record) RETURNS json
	LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'propstreet_project_json';
COMMENT ON FUNCTION propstreet.project_json(record) IS
	'A row of propstreet.project as the JSON of the API';

CREATE FUNCTION propstreet.prospect_json(prospect record) RETURNS json
	LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'propstreet_prospect_json';
COMMENT ON FUNCTION propstreet.prospect_json(record) IS
	'A row of propstreet.prospect as the JSON of the API';

-- Trigger functions: they act as the owner of the table that fires them, so a stranger
-- must not attach them to a table of their own.
CREATE FUNCTION propstreet.project_stamp() RETURNS trigger
	LANGUAGE c AS 'MODULE_PATHNAME', 'propstreet_project_stamp';
COMMENT ON FUNCTION propstreet.project_stamp() IS
	'BEFORE trigger of project: created_utc, updated_utc, revision, teaser times, deletion; keys stay as they are';
CREATE FUNCTION propstreet.prospect_stamp() RETURNS trigger
	LANGUAGE c AS 'MODULE_PATHNAME', 'propstreet_prospect_stamp';
COMMENT ON FUNCTION propstreet.prospect_stamp() IS
	'BEFORE trigger of prospect: created_utc, updated_utc, revision, copies of tags and company; keys stay as they are';
CREATE FUNCTION propstreet.project_changed() RETURNS trigger
	LANGUAGE c AS 'MODULE_PATHNAME', 'propstreet_project_changed';
COMMENT ON FUNCTION propstreet.project_changed() IS
	'AFTER statement trigger of project: keeps project_external_ref';
CREATE FUNCTION propstreet.tags_stamp() RETURNS trigger
	LANGUAGE c AS 'MODULE_PATHNAME', 'propstreet_tags_stamp';
COMMENT ON FUNCTION propstreet.tags_stamp() IS
	'BEFORE trigger of contact and company: tags are stored with lower bound 1';
CREATE FUNCTION propstreet.prospect_changed() RETURNS trigger
	LANGUAGE c AS 'MODULE_PATHNAME', 'propstreet_prospect_changed';
COMMENT ON FUNCTION propstreet.prospect_changed() IS
	'AFTER statement trigger of prospect: keeps prospect_external_ref';
CREATE FUNCTION propstreet.contact_changed() RETURNS trigger
	LANGUAGE c AS 'MODULE_PATHNAME', 'propstreet_contact_changed';
COMMENT ON FUNCTION propstreet.contact_changed() IS
	'AFTER statement trigger of contact: keeps tags and company_id of its live prospects current';
CREATE FUNCTION propstreet.company_changed() RETURNS trigger
	LANGUAGE c AS 'MODULE_PATHNAME', 'propstreet_company_changed';
COMMENT ON FUNCTION propstreet.company_changed() IS
	'AFTER statement trigger of company: keeps tags of its live prospects current';
CREATE FUNCTION propstreet.events_valid(events text[]) RETURNS boolean
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'propstreet_events_valid';
COMMENT ON FUNCTION propstreet.events_valid(text[]) IS
	'Are these events that a webhook can ask for, at least one?';
CREATE FUNCTION propstreet.project_event() RETURNS trigger
	LANGUAGE c AS 'MODULE_PATHNAME', 'propstreet_project_event';
COMMENT ON FUNCTION propstreet.project_event() IS
	'AFTER statement trigger of project: writes event and webhook_delivery, and NOTIFY';
CREATE FUNCTION propstreet.prospect_event() RETURNS trigger
	LANGUAGE c AS 'MODULE_PATHNAME', 'propstreet_prospect_event';
COMMENT ON FUNCTION propstreet.prospect_event() IS
	'AFTER statement trigger of prospect: writes event and webhook_delivery, and NOTIFY';
CREATE FUNCTION propstreet.notifications_left_out() RETURNS bigint
	LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'propstreet_notifications_left_out';
COMMENT ON FUNCTION propstreet.notifications_left_out() IS
	'How many notifications this session has left out, as the queue was filled above propstreet.notify_queue_limit';
REVOKE ALL ON FUNCTION propstreet.project_stamp(), propstreet.prospect_stamp(), propstreet.tags_stamp(), propstreet.project_changed(),
	propstreet.prospect_changed(), propstreet.contact_changed(), propstreet.company_changed(),
	propstreet.project_event(), propstreet.prospect_event() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION propstreet.project_stamp(), propstreet.prospect_stamp(), propstreet.tags_stamp(), propstreet.project_changed(),
	propstreet.prospect_changed(), propstreet.contact_changed(), propstreet.company_changed(),
	propstreet.project_event(), propstreet.prospect_event()
	TO @extowner@ WITH GRANT OPTION;
