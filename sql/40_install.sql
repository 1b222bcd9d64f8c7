-- 40_install.sql: installing the tables, rights on them, and checking them.

CREATE FUNCTION propstreet.routed_operations() RETURNS SETOF name
	LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'propstreet_routed_operations';
COMMENT ON FUNCTION propstreet.routed_operations() IS 'Names of the operations that have a route in the REST API';

CREATE FUNCTION propstreet.operations() RETURNS SETOF regprocedure
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $operations$
	SELECT p.oid::regprocedure
	FROM pg_proc AS p
	WHERE p.pronamespace = 'propstreet'::regnamespace
		AND (p.proname IN (SELECT propstreet.routed_operations())
			OR p.proname IN ('project_close', 'project_reopen', 'teaser_advance', 'teaser_communicate', 'teaser_accept',
				'project_changes', 'prospect_changes', 'sync_barrier', 'handle', 'handle_postgrest'))
$operations$;
COMMENT ON FUNCTION propstreet.operations() IS 'The operations: functions whose execute right is the permission';

DO $rights$
DECLARE
	operation regprocedure;
BEGIN
	FOR operation IN SELECT propstreet.operations() LOOP
		EXECUTE pg_catalog.format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', operation);
		EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION %s TO %s WITH GRANT OPTION', operation, '@extowner@');
	END LOOP;
END
$rights$;

CREATE FUNCTION propstreet.install() RETURNS integer
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $function$
DECLARE
	version integer;
	schema_owner name;
	role_before text := current_setting('role');
BEGIN
	PERFORM pg_advisory_xact_lock('pg_namespace'::regclass::integer, 'propstreet'::regnamespace::integer);
	-- Read, not called: the schema's owner could have made it, and the caller may be a superuser
	version := coalesce(substring(pg_get_functiondef(to_regprocedure('propstreet.table_version()')) FROM 'SELECT (\d+)'), '0');
	IF version < 1 THEN
		IF to_regclass('propstreet.company') IS NOT NULL THEN
			RAISE EXCEPTION 'tables in schema propstreet are incomplete'
				USING ERRCODE = 'object_not_in_prerequisite_state',
					DETAIL = 'DROP EXTENSION propstreet CASCADE leaves tables without some columns, and without triggers and policies.',
					HINT = 'Run DROP SCHEMA propstreet, propstreet_api CASCADE, then create the extension again, and restore a dump if there is one.';
		END IF;
		IF to_regnamespace('propstreet_api') IS NOT NULL THEN
			RAISE EXCEPTION 'schema propstreet_api exists, but the tables of propstreet do not'
				USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Run DROP SCHEMA propstreet_api CASCADE.';
		END IF;
		-- The owner of the schema can drop what is in it, and put something else in its place
		SELECT pg_get_userbyid(nspowner) INTO schema_owner FROM pg_namespace WHERE oid = 'propstreet'::regnamespace;
		IF schema_owner <> current_user THEN
			IF NOT pg_has_role(current_user, schema_owner, 'MEMBER') THEN
				RAISE EXCEPTION 'schema propstreet belongs to role "%"', schema_owner
					USING ERRCODE = 'insufficient_privilege', HINT = 'Call install() as that role.';
			END IF;
			EXECUTE format('SET LOCAL ROLE %I', schema_owner);
		END IF;
		EXECUTE propstreet.install_1();
		IF schema_owner <> session_user OR role_before <> 'none' THEN
			EXECUTE format('SET LOCAL ROLE %s', CASE WHEN role_before = 'none' THEN 'NONE' ELSE quote_ident(role_before) END);
		END IF;
		version := 1;
	END IF;
	RETURN version;
END
$function$;
COMMENT ON FUNCTION propstreet.install() IS
	'Create the tables, which belong to the owner of schema propstreet, or upgrade them; without effect where they are up to date. The version of the tables';

CREATE FUNCTION propstreet.grant_to(role name) RETURNS void
	LANGUAGE plpgsql STRICT SET search_path = pg_catalog, pg_temp AS $function$
DECLARE
	operation regprocedure;
	writable record;
BEGIN
	IF role = 'public' THEN
		RAISE EXCEPTION 'cannot grant to "public", which stands for all roles' USING ERRCODE = 'invalid_parameter_value', HINT = 'Name the role of an application.';
	END IF;
	EXECUTE format('GRANT USAGE ON SCHEMA propstreet TO %I', role);
	FOR operation IN SELECT propstreet.operations() LOOP
		EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %I', operation, role);
	END LOOP;
	EXECUTE format('GRANT SELECT ON propstreet.company, propstreet.contact, propstreet.investment_strategy, propstreet.property,
		propstreet.project, propstreet.project_property, propstreet.prospect, propstreet.event, propstreet.webhook, propstreet.webhook_delivery, propstreet.webhook_status, propstreet.project_delta, propstreet.prospect_delta TO %I', role);
	EXECUTE format('GRANT USAGE ON SCHEMA propstreet_api TO %I', role);
	EXECUTE format('GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA propstreet_api TO %I', role);
	EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA propstreet_api TO %I', role);
	FOR writable IN SELECT * FROM (VALUES
			('company', 'name, tags, blocked', 'name, tags, blocked'),
			('contact', 'company_id, name, email, phone, tags, blocked', 'company_id, name, email, phone, tags, blocked'),
			('investment_strategy', 'contact_id, company_id, asset_types, budget, active', 'contact_id, company_id, asset_types, budget, active'),
			('property', 'profile', 'profile'),
			('project_property', 'project_id, property_id', 'project_id, property_id'),
			('project', 'name, asset_type, property_count, classification, mandate, price, price_range, external_refs',
				'name, asset_type, property_count, classification, mandate, price, price_range, external_refs'),
			('prospect', 'project_id, contact_id, company_id, classification, external_refs', 'classification, external_refs')
		) AS w (name, to_insert, to_update) LOOP
		EXECUTE format('GRANT INSERT (%s), UPDATE (%s) ON propstreet.%I TO %I',
			writable.to_insert, writable.to_update, writable.name, role);
		IF writable.name IN ('project', 'prospect') THEN
			EXECUTE format('GRANT INSERT (%s), UPDATE (%s) ON propstreet_api.%I TO %I',
				writable.to_insert, writable.to_update, writable.name || 's', role);
		END IF;
	END LOOP;
END
$function$;
COMMENT ON FUNCTION propstreet.grant_to(name) IS
	'Give an application role the operations, SELECT on the public tables and views, and INSERT and UPDATE of the columns the API can write; no DELETE';

CREATE FUNCTION propstreet.check_rows() RETURNS TABLE (tenant_id bigint, resource text, id bigint, problem text)
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $function$
#variable_conflict use_column
BEGIN
	-- The owner's code, in a type or view in a table's place, must not run with a superuser's rights
	IF (SELECT u.rolsuper AND NOT o.rolsuper FROM pg_roles AS u, pg_class AS c JOIN pg_roles AS o ON o.oid = c.relowner
			WHERE u.rolname = current_user AND c.oid = to_regclass('propstreet.project')) THEN
		RAISE EXCEPTION 'check_rows() cannot be called by a superuser on tables whose owner is not a superuser'
			USING ERRCODE = 'insufficient_privilege', HINT = 'Call propstreet.check() instead.';
	END IF;

	RETURN QUERY
	WITH wanted AS (
		SELECT t.tenant_id, t.id, r.ref FROM propstreet.project AS t, unnest(t.external_refs) AS r (ref) WHERE t.deleted_utc IS NULL
	)
	SELECT coalesce(w.tenant_id, i.tenant_id), 'project', coalesce(w.id, i.project_id),
		format('external reference %s is %s project_external_ref', coalesce(w.ref, i.external_ref),
			CASE WHEN w.id IS NULL THEN 'only in' ELSE 'missing in' END)
	FROM wanted AS w FULL JOIN propstreet.project_external_ref AS i
		ON i.tenant_id = w.tenant_id AND i.project_id = w.id AND i.external_ref OPERATOR(propstreet.=) w.ref
	WHERE w.id IS NULL OR i.project_id IS NULL;

	RETURN QUERY
	WITH wanted AS (
		SELECT t.tenant_id, t.project_id, t.id, r.ref FROM propstreet.prospect AS t, unnest(t.external_refs) AS r (ref) WHERE t.deleted_utc IS NULL
	)
	SELECT coalesce(w.tenant_id, i.tenant_id), 'prospect', coalesce(w.id, i.prospect_id),
		format('external reference %s is %s prospect_external_ref', coalesce(w.ref, i.external_ref),
			CASE WHEN w.id IS NULL THEN 'only in' ELSE 'missing in' END)
	FROM wanted AS w FULL JOIN propstreet.prospect_external_ref AS i
		ON i.tenant_id = w.tenant_id AND i.project_id = w.project_id AND i.prospect_id = w.id
			AND i.external_ref OPERATOR(propstreet.=) w.ref
	WHERE w.id IS NULL OR i.prospect_id IS NULL;

	RETURN QUERY
	SELECT t.tenant_id, 'prospect', t.id, 'tags or company_id are not those of the contact'
	FROM propstreet.prospect AS t JOIN propstreet.contact AS c ON c.tenant_id = t.tenant_id AND c.id = t.contact_id
	WHERE t.deleted_utc IS NULL AND (t.tags <> c.tags[:] OR t.company_id IS DISTINCT FROM c.company_id);

	RETURN QUERY
	SELECT t.tenant_id, 'prospect', t.id, 'tags are not those of the company'
	FROM propstreet.prospect AS t JOIN propstreet.company AS c ON c.tenant_id = t.tenant_id AND c.id = t.company_id
	WHERE t.deleted_utc IS NULL AND t.contact_id IS NULL AND t.tags <> c.tags[:];

	RETURN QUERY
	SELECT NULL::bigint, w.relation, NULL::bigint, format('trigger %s is %s', w.name, CASE WHEN t.tgname IS NULL THEN 'missing' ELSE 'disabled' END)
	FROM (VALUES ('project', 'propstreet_stamp'), ('project', 'propstreet_insert'), ('project', 'propstreet_update'),
			('project', 'propstreet_insert_event'), ('project', 'propstreet_update_event'),
			('prospect', 'propstreet_insert_event'), ('prospect', 'propstreet_update_event'),
			('prospect', 'propstreet_stamp'), ('prospect', 'propstreet_insert'), ('prospect', 'propstreet_update'),
			('contact', 'propstreet_update'), ('company', 'propstreet_update')) AS w (relation, name)
		LEFT JOIN pg_trigger AS t ON t.tgrelid = to_regclass('propstreet.' || w.relation) AND t.tgname = w.name
	WHERE t.tgname IS NULL OR t.tgenabled NOT IN ('O', 'A');

	RETURN QUERY
	SELECT NULL::bigint, w.relation, NULL::bigint, CASE WHEN p.polname IS NULL THEN 'policy propstreet_tenant is missing' ELSE 'row-level security is disabled' END
	FROM unnest(ARRAY['company', 'contact', 'investment_strategy', 'property', 'project', 'project_property', 'project_external_ref',
			'prospect', 'prospect_external_ref', 'idempotency_key', 'event', 'webhook', 'webhook_secret', 'webhook_delivery']) AS w (relation)
		JOIN pg_class AS c ON c.oid = to_regclass('propstreet.' || w.relation)
		LEFT JOIN pg_policy AS p ON p.polrelid = c.oid AND p.polname = 'propstreet_tenant'
	WHERE p.polname IS NULL OR NOT c.relrowsecurity;

	-- What a table uses by itself, and what is attached to it, uses functions; what leads to them is in pg_depend
	RETURN QUERY
	WITH RECURSIVE ours AS (
		SELECT c.oid, c.relname FROM pg_class AS c WHERE c.relnamespace = 'propstreet'::regnamespace AND c.relkind IN ('r', 'p', 'f', 'v')
		UNION
		SELECT c.oid, c.relname FROM ours AS o JOIN pg_inherits AS i ON i.inhparent = o.oid JOIN pg_class AS c ON c.oid = i.inhrelid
	), used (relname, what, classid, objid) AS (
		SELECT o.relname, pg_describe_object(d.classid, d.objid, 0), d.classid, d.objid
		FROM ours AS o JOIN pg_depend AS d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = o.oid
		WHERE d.deptype IN ('a', 'i', 'P', 'S') AND d.objid NOT IN (SELECT w.oid FROM ours AS w)
		UNION
		SELECT o.relname, pg_describe_object(d.classid, d.objid, d.objsubid), d.refclassid, d.refobjid
		FROM ours AS o JOIN pg_depend AS d ON d.classid = 'pg_class'::regclass AND d.objid = o.oid
		WHERE d.refclassid NOT IN ('pg_class'::regclass, 'pg_namespace'::regclass)
		UNION
		SELECT u.relname, u.what, n.classid, n.objid
		FROM used AS u CROSS JOIN LATERAL (
			-- what it uses: of relations views alone, as others call nothing when they are read
			SELECT d.refclassid, d.refobjid FROM pg_depend AS d
			WHERE d.classid = u.classid AND d.objid = u.objid AND d.deptype NOT IN ('e', 'x')
				AND d.refclassid NOT IN ('pg_namespace'::regclass, 'pg_language'::regclass, 'pg_am'::regclass)
				AND (d.refclassid <> 'pg_class'::regclass OR EXISTS (SELECT FROM pg_class AS v WHERE v.oid = d.refobjid AND v.relkind = 'v'))
			UNION ALL
			-- what is part of it: constraints of domains, functions and operators of operator classes, indexes of constraints
			SELECT d.classid, d.objid FROM pg_depend AS d
			WHERE d.refclassid = u.classid AND d.refobjid = u.objid AND d.deptype IN ('a', 'i', 'P', 'S')) AS n (classid, objid)
	)
	SELECT NULL::bigint, u.relname::text, NULL::bigint,
		format('%s calls %s, whose search_path is not fixed to end in pg_temp: it may find the caller''s temporary tables', u.what, p.oid::regprocedure)
	FROM used AS u JOIN pg_proc AS p ON u.classid = 'pg_proc'::regclass AND p.oid = u.objid JOIN pg_language AS l ON l.oid = p.prolang
		-- 16384: the first object that is not the server's own
	WHERE p.oid >= 16384 AND p.prokind <> 'a'
		AND NOT EXISTS (SELECT FROM unnest(p.proconfig) AS s (setting) WHERE s.setting ~ '^search_path=(""|.*, *"?pg_temp"?)$')
		AND NOT EXISTS (SELECT FROM pg_depend AS e JOIN pg_extension AS x ON x.oid = e.refobjid
			WHERE e.classid = 'pg_proc'::regclass AND e.objid = p.oid AND e.refclassid = 'pg_extension'::regclass AND e.deptype = 'e'
				AND (x.extname = 'propstreet' OR l.lanname IN ('c', 'internal')));
END
$function$;
COMMENT ON FUNCTION propstreet.check_rows() IS
	'What check() gives; it calls this as the tables'' owner';

CREATE FUNCTION propstreet.check() RETURNS TABLE (tenant_id bigint, resource text, id bigint, problem text)
	LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'propstreet_check';
COMMENT ON FUNCTION propstreet.check() IS
	'What contradicts the rules in the stored data of all tenants, and what on the tables calls functions whose search_path is not fixed to end in pg_temp; no rows if all is well. Not looked at are functions of the server and of this extension, and those in C or internal of other extensions. Runs as the tables'' owner';

CREATE FUNCTION propstreet.purge(max_rows bigint = NULL) RETURNS bigint
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'propstreet_purge';
COMMENT ON FUNCTION propstreet.purge(bigint) IS
	'Delete what is over, of all tenants: idempotency keys after 24 hours, events and deliveries after propstreet.keep_undelivered; the number of rows, at most max_rows. To be called now and then';

CREATE PROCEDURE propstreet.purge_in_batches(batch_rows bigint = 10000) LANGUAGE plpgsql AS $$
BEGIN
	-- committed one by one, so that deliveries go on between them
	WHILE propstreet.purge(batch_rows) OPERATOR(pg_catalog.>) 0 LOOP
		COMMIT;
	END LOOP;
END $$;
COMMENT ON PROCEDURE propstreet.purge_in_batches(bigint) IS
	'Do as purge() does, batch_rows at a time, and commit between: deliveries go on meanwhile';

REVOKE ALL ON FUNCTION propstreet.install(), propstreet.grant_to(name), propstreet.check(), propstreet.check_rows(), propstreet.purge(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION propstreet.install(), propstreet.grant_to(name), propstreet.check(), propstreet.check_rows(), propstreet.purge(bigint)
	TO @extowner@ WITH GRANT OPTION;
REVOKE ALL ON PROCEDURE propstreet.purge_in_batches(bigint) FROM PUBLIC;
GRANT EXECUTE ON PROCEDURE propstreet.purge_in_batches(bigint) TO @extowner@ WITH GRANT OPTION;

