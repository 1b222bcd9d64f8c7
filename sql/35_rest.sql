-- 35_rest.sql: the REST API. The right to execute handle() is the permission for all of it.

CREATE TYPE propstreet.response AS (status integer, headers json, body text);
COMMENT ON TYPE propstreet.response IS
	'Answer of the REST API: status, headers as an array of objects of one member each, body (null: none)';

CREATE FUNCTION propstreet.handle(method text, target text, headers json DEFAULT '{}', body bytea DEFAULT NULL) RETURNS propstreet.response
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'propstreet_handle';
COMMENT ON FUNCTION propstreet.handle(text, text, json, bytea) IS
	'Answer a request of the REST API; to be called in FROM. Errors are answers, their work rolled back';

CREATE FUNCTION propstreet.handle_for(tenant_id bigint, method text, target text, headers json DEFAULT '{}', body bytea DEFAULT NULL) RETURNS propstreet.response
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'propstreet_handle_for';
REVOKE ALL ON FUNCTION propstreet.handle_for(bigint, text, text, json, bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION propstreet.handle_for(bigint, text, text, json, bytea) TO @extowner@ WITH GRANT OPTION;
COMMENT ON FUNCTION propstreet.handle_for(bigint, text, text, json, bytea) IS
	'The same for a given tenant; for trusted connection pools, the right to execute it is the permission';

CREATE FUNCTION propstreet.handle_postgrest(body bytea) RETURNS bytea
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'propstreet_handle_postgrest';
COMMENT ON FUNCTION propstreet.handle_postgrest(bytea) IS
	'The same for a request that is in the settings that PostgREST makes, and so are status and headers of the answer; for propstreet_api.handle';
