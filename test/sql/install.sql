-- install: the extension and its tables, made by a role that is no superuser; and what the tests after this one share
\set SHOW_CONTEXT never
\pset format unaligned
-- what a run that ended early has left
SET client_min_messages = warning;
DROP ROLE IF EXISTS "regress_Owner", "regress App", regress_stranger;
RESET client_min_messages;
CREATE ROLE "regress_Owner";
CREATE ROLE regress_stranger;
SELECT current_database() AS database \gset
GRANT CREATE ON DATABASE :"database" TO "regress_Owner";

-- not into a schema that somebody else has made
CREATE SCHEMA propstreet AUTHORIZATION regress_stranger;
SET ROLE "regress_Owner";
CREATE EXTENSION propstreet;
RESET ROLE;
DROP SCHEMA propstreet;

-- not where texts are not UTF-8
SELECT :'database' || '_latin1' AS latin1 \gset
CREATE DATABASE :"latin1" ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0;
\connect :"latin1"
CREATE EXTENSION propstreet;
\connect :"database"
DROP DATABASE :"latin1";

-- by somebody who may create objects in the database
SET ROLE "regress_Owner";
CREATE EXTENSION propstreet;
SELECT propstreet.project_get(1);
SET propstreet.tenant_id = '1';
RESET ROLE;
SET propstreet.tenant_id = '1';
SELECT propstreet.project_get(1);
RESET propstreet.tenant_id;
SET ROLE regress_stranger;
SELECT propstreet.install();
RESET ROLE;
SET ROLE "regress_Owner";
SELECT propstreet.install();
SELECT propstreet.install(), propstreet.table_version();
RESET ROLE;
SELECT nspname, nspowner::regrole FROM pg_namespace WHERE nspname = 'propstreet';
SELECT extname, extowner::regrole FROM pg_extension WHERE extname = 'propstreet';

-- the tables belong to who has installed them, and not to the extension
SELECT c.oid::regclass AS relation, c.relkind, c.relowner::regrole AS owner, c.relrowsecurity AS row_security,
	EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = c.oid AND deptype = 'e') AS of_extension
FROM pg_class AS c
WHERE c.relnamespace = 'propstreet'::regnamespace AND c.relkind IN ('r', 'v')
ORDER BY c.relkind, c.relname COLLATE "C";

-- columns: the API's names in snake case, after the tenant; views have the same and two more
SELECT a.attrelid::regclass AS relation, a.attname AS column, format_type(a.atttypid, a.atttypmod) AS type,
	CASE WHEN a.attnotnull THEN 'not null' END AS not_null,
	CASE WHEN a.attidentity <> '' THEN 'identity' ELSE pg_get_expr(d.adbin, d.adrelid) END AS default
FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid LEFT JOIN pg_attrdef AS d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE c.relnamespace = 'propstreet'::regnamespace AND c.relkind = 'r' AND a.attnum > 0
ORDER BY c.relname COLLATE "C", a.attnum;
SELECT v.attrelid::regclass AS view, v.attname AS column, format_type(v.atttypid, v.atttypmod) AS type
FROM pg_attribute AS v JOIN pg_class AS c ON c.oid = v.attrelid
	LEFT JOIN pg_attribute AS t ON t.attrelid = ('propstreet.' || replace(c.relname, '_delta', ''))::regclass AND t.attnum = v.attnum
		AND t.attname = v.attname AND t.atttypid = v.atttypid
WHERE c.relnamespace = 'propstreet'::regnamespace AND c.relkind = 'v' AND v.attnum > 0 AND t.attnum IS NULL
ORDER BY c.relname COLLATE "C", v.attnum;
SELECT t.attrelid::regclass AS table, t.attname AS "column that its view lacks" FROM pg_attribute AS t
WHERE t.attrelid IN ('propstreet.project'::regclass, 'propstreet.prospect'::regclass) AND t.attnum > 0 AND t.attgenerated = '' AND NOT EXISTS (
	SELECT FROM pg_attribute AS v WHERE v.attrelid = (t.attrelid::regclass || '_delta')::regclass AND v.attname = t.attname);

-- the tenant comes first in every primary key, unique index and foreign key
SELECT conrelid::regclass AS relation, conname
FROM pg_constraint
WHERE connamespace = 'propstreet'::regnamespace AND contype IN ('p', 'u', 'f')
	AND (conkey[1] <> 1 OR contype = 'f' AND confkey[1] <> 1)
UNION ALL
SELECT indrelid::regclass, indexrelid::regclass::text
FROM pg_index JOIN pg_class AS c ON c.oid = indrelid
WHERE c.relnamespace = 'propstreet'::regnamespace AND indisunique AND indkey[0] <> 1;

-- policies
SELECT tablename, policyname, permissive, roles, cmd, qual, with_check FROM pg_policies WHERE schemaname = 'propstreet' ORDER BY tablename COLLATE "C";

-- functions that PUBLIC can't execute: the operations, then those for owners
SELECT p.oid IN (SELECT propstreet.operations()) AS operation, p.proname, pg_get_function_arguments(p.oid) AS arguments, pg_get_function_result(p.oid) AS result,
	p.provolatile AS volatile, p.proparallel AS parallel
FROM pg_proc AS p
WHERE p.pronamespace = 'propstreet'::regnamespace AND NOT has_function_privilege('regress_stranger', p.oid, 'EXECUTE')
ORDER BY operation DESC, p.proname COLLATE "C";
-- and others that are not of the types
SELECT p.proname, pg_get_function_arguments(p.oid) AS arguments, pg_get_function_result(p.oid) AS result, p.provolatile AS volatile, p.proparallel AS parallel
FROM pg_proc AS p
WHERE p.pronamespace = 'propstreet'::regnamespace AND has_function_privilege('regress_stranger', p.oid, 'EXECUTE')
	AND p.proname !~ '^(price|price_range|external_ref|etag|cursor)_(?!refs_valid)' AND p.prokind = 'f'
ORDER BY p.proname COLLATE "C";

-- nothing is SECURITY DEFINER; what is not C and trusts a search_path is a constant
SELECT p.oid::regprocedure AS function, p.prosecdef
FROM pg_proc AS p JOIN pg_language AS l ON l.oid = p.prolang
WHERE p.pronamespace = 'propstreet'::regnamespace AND (p.prosecdef OR l.lanname NOT IN ('c', 'internal') AND p.proconfig IS NULL);

-- everything has a comment
SELECT pg_describe_object(d.classid, d.objid, 0) AS without_comment
FROM pg_depend AS d
WHERE d.refclassid = 'pg_extension'::regclass AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'propstreet') AND d.deptype = 'e'
	AND d.classid NOT IN ('pg_amop'::regclass, 'pg_amproc'::regclass)
	AND NOT EXISTS (SELECT FROM pg_type AS t WHERE d.classid = 'pg_type'::regclass AND t.oid = d.objid AND t.typcategory = 'A')
	AND obj_description(d.objid, (SELECT relname FROM pg_class WHERE oid = d.classid)) IS NULL
UNION ALL
SELECT pg_describe_object('pg_class'::regclass, oid, 0)
FROM pg_class WHERE relnamespace = 'propstreet'::regnamespace AND relkind IN ('r', 'v') AND obj_description(oid, 'pg_class') IS NULL
UNION ALL
SELECT pg_describe_object('pg_trigger'::regclass, t.oid, 0)
FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid
WHERE c.relnamespace = 'propstreet'::regnamespace AND NOT t.tgisinternal AND obj_description(t.oid, 'pg_trigger') IS NULL
UNION ALL
SELECT pg_describe_object('pg_policy'::regclass, p.oid, 0)
FROM pg_policy AS p JOIN pg_class AS c ON c.oid = p.polrelid
WHERE c.relnamespace = 'propstreet'::regnamespace AND obj_description(p.oid, 'pg_policy') IS NULL
UNION ALL
SELECT pg_describe_object('pg_proc'::regclass, p.oid, 0)
FROM pg_proc AS p WHERE p.pronamespace = 'propstreet'::regnamespace AND obj_description(p.oid, 'pg_proc') IS NULL;

-- so has every relation and column, for PostgREST also those of propstreet_api
SELECT c.oid::regclass AS relation, a.attname AS column_without_comment
FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid
WHERE c.relnamespace IN ('propstreet'::regnamespace, 'propstreet_api'::regnamespace) AND c.relkind IN ('r', 'v') AND a.attnum > 0 AND NOT a.attisdropped
	AND (obj_description(c.oid, 'pg_class') IS NULL OR col_description(c.oid, a.attnum) IS NULL);

-- the tables keep the extension
\set VERBOSITY terse
SET ROLE "regress_Owner";
DROP EXTENSION propstreet;
\set VERBOSITY default
RESET ROLE;

-- grant_to: what an application role gets
CREATE ROLE "regress App";
SET ROLE "regress_Owner";
SELECT propstreet.grant_to('regress App');
SELECT propstreet.grant_to('regress App');
RESET ROLE;
SELECT c.relname AS relation, has_table_privilege('regress App', c.oid, 'SELECT') AS "select",
	(SELECT string_agg(attname, ', ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND has_column_privilege('regress App', c.oid, attnum, 'INSERT')) AS "insert",
	(SELECT string_agg(attname, ', ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND has_column_privilege('regress App', c.oid, attnum, 'UPDATE')) AS "update",
	has_table_privilege('regress App', c.oid, 'DELETE, TRUNCATE, REFERENCES, TRIGGER') AS other
FROM pg_class AS c
WHERE c.relnamespace = 'propstreet'::regnamespace AND c.relkind IN ('r', 'v')
ORDER BY c.relkind, c.relname COLLATE "C";
SELECT bool_and(has_function_privilege('regress App', o, 'EXECUTE')) AS all_operations FROM propstreet.operations() AS o;
SELECT p.oid::regprocedure AS not_executable
FROM pg_proc AS p WHERE p.pronamespace = 'propstreet'::regnamespace AND NOT has_function_privilege('regress App', p.oid, 'EXECUTE')
ORDER BY p.proname COLLATE "C";
SET ROLE "regress App";
SELECT propstreet.grant_to('regress_stranger');
SELECT propstreet.check();
SELECT propstreet.set_tenant(1);
RESET ROLE;
SELECT propstreet.grant_to('regress_nobody');
SET ROLE regress_stranger;
SELECT propstreet.current_tenant();
RESET ROLE;
-- who has granted takes it away
SET client_min_messages = error;
SET ROLE "regress_Owner";
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA propstreet FROM "regress App";
RESET ROLE;
RESET client_min_messages;
DROP OWNED BY "regress App";
DROP ROLE "regress App", regress_stranger;

-- What the tests after this one share

CREATE SCHEMA test;
GRANT USAGE ON SCHEMA test TO PUBLIC;

-- From here on this session is of a tenant, and ids count from 1
CREATE FUNCTION test.begin(tenant bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	sequence regclass;
BEGIN
	FOR sequence IN SELECT oid FROM pg_class WHERE relnamespace = 'propstreet'::regnamespace AND relkind = 'S' LOOP
		EXECUTE format('ALTER SEQUENCE %s RESTART', sequence);
	END LOOP;
	PERFORM set_config('propstreet.tenant_id', tenant::text, false);
END
$$;

-- An answer without what differs from run to run, if it is of the right form: times the server has set, ETags, cursors
CREATE FUNCTION test.masked(answer text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
	SELECT regexp_replace(regexp_replace(regexp_replace(answer,
		'"(created|updated|deleted|published|verified|communicated|accepted|synced)Utc":"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{0,5}[1-9])?Z"', '"\1Utc":"<time>"', 'g'),
		'W/\\"[0-9a-f]{6,16}\\"', 'W/\"<tag>\"', 'g'),
		'"nextCursor":"eyJ1Ijoi[A-Za-z0-9_-]+"', '"nextCursor":"<cursor>"', 'g')
$$;
CREATE FUNCTION test.masked(answer json) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT test.masked(answer::text)';

-- A JSON text without white space between its tokens
CREATE FUNCTION test.compact(document text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
	SELECT regexp_replace(document, '("(?:[^"\\]|\\.)*")|\s+', '\1', 'g')
$$;

-- What a statement fails with
CREATE FUNCTION test.error_of(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	detail text;
BEGIN
	EXECUTE statement;
	RETURN 'none';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
	RETURN format('%s %s: %s', SQLSTATE, SQLERRM, detail);
END
$$;

-- The answer of a statement, masked; or what it fails with: SQLSTATE and the problems, else message, detail and hint
CREATE FUNCTION test.try(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	answer text;
	detail text;
	hint text;
	message text;
BEGIN
	IF statement ~* '^(SELECT|WITH|VALUES)|\mRETURNING\M' THEN
		EXECUTE statement INTO answer;
	ELSE
		EXECUTE statement;
		answer := 'done';
	END IF;
	RETURN test.masked(answer);
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	IF SQLSTATE NOT LIKE 'PT%' THEN
		RETURN concat_ws(' | ', SQLSTATE || ' ' || SQLERRM, nullif(regexp_replace(detail, '^Failing row .*', ''), ''), nullif(hint, ''));
	END IF;
	-- the message is the first problem, and how many more there are; it is shown if it says anything else
	message := concat(coalesce(detail::json->0->>'pointer', detail::json->0->>'parameter') || ': ', detail::json->0->>'detail',
		CASE WHEN json_array_length(detail::json) > 1 THEN format(' (and %s more)', json_array_length(detail::json) - 1) END);
	RETURN concat_ws(' | ', SQLSTATE || ' ' || detail, nullif(SQLERRM, message), nullif(hint, ''));
END
$$;

-- The same, as a superuser, as the tables' owner and as a role that only got grant_to(), each in a tenant of its own:
-- what all of them get
CREATE FUNCTION test.try_as_everyone(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	tenant bigint := current_setting('propstreet.tenant_id');
	roles name[] := ARRAY[session_user, 'regress_Owner', 'regress_app'];
	sequences regclass[];
	positions bigint[];
	answers text[];
BEGIN
	SELECT array_agg(oid::regclass ORDER BY oid), array_agg(pg_sequence_last_value(oid) ORDER BY oid) INTO sequences, positions
	FROM pg_class WHERE relnamespace = 'propstreet'::regnamespace AND relkind = 'S';
	FOR i IN 1 .. 3 LOOP
		-- all of them get the same ids
		PERFORM setval(sequence, coalesce(position, 1), position IS NOT NULL) FROM unnest(sequences, positions) AS s (sequence, position);
		PERFORM set_config('propstreet.tenant_id', (tenant + i - 1)::text, true);
		EXECUTE format('SET LOCAL ROLE %I', roles[i]);
		answers := answers || test.try(statement);
		RESET ROLE;
	END LOOP;
	PERFORM set_config('propstreet.tenant_id', tenant::text, true);
	RETURN CASE WHEN answers[1] = ALL (answers) THEN answers[1] ELSE array_to_string(answers, E'\n') END;
END
$$;

-- A request to the REST API, 'GET /api/v1/projects': status and headers of the answer, then its body, masked as above
CREATE FUNCTION test.ask(request text, headers json DEFAULT '{}', body text DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
	SELECT concat_ws(E'\n', r.status || coalesce(' | ' || (
			SELECT string_agg(h.key || ': ' || regexp_replace(regexp_replace(h.value, 'W/"[0-9a-f]{16}"', 'W/"<tag>"'), 'cursor=eyJ1Ijoi[A-Za-z0-9_-]+', 'cursor=<cursor>'),
				' | ' ORDER BY e.ordinality)
			FROM json_array_elements(r.headers) WITH ORDINALITY AS e (header, ordinality), json_each_text(e.header) AS h), ''),
		test.masked(r.body))
	FROM propstreet.handle(split_part(request, ' ', 1), substr(request, strpos(request, ' ') + 1), headers, convert_to(body, 'UTF8')) AS r
$$;
