-- 00_head.sql: what must hold before anything is created.

DO $head$
DECLARE
	extension_owner oid := '@extowner@'::regrole;
BEGIN
	IF pg_catalog.getdatabaseencoding() OPERATOR(pg_catalog.<>) 'UTF8' THEN
		RAISE EXCEPTION 'propstreet requires database encoding UTF8, not %', pg_catalog.getdatabaseencoding()
			USING ERRCODE = 'feature_not_supported', HINT = 'Create a database with encoding UTF8, as JSON texts are UTF-8 (RFC 8259, section 8.1).';
	END IF;
	-- Who owns the schema can put functions in it and drop the tables: not a stranger who
	-- made it beforehand. A superuser has every role, but may only find a schema of the
	-- database's owner, or any while restoring a dump, which turns row_security off.
	IF NOT EXISTS (
			SELECT FROM pg_catalog.pg_namespace AS n, pg_catalog.pg_roles AS owner, pg_catalog.pg_roles AS creator, pg_catalog.pg_database AS d
			WHERE n.nspname OPERATOR(pg_catalog.=) 'propstreet' AND owner.oid OPERATOR(pg_catalog.=) n.nspowner
				AND creator.oid OPERATOR(pg_catalog.=) extension_owner AND d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()
				AND (owner.rolsuper OR owner.oid OPERATOR(pg_catalog.=) creator.oid OR owner.oid OPERATOR(pg_catalog.=) d.datdba
					OR CASE WHEN creator.rolsuper THEN NOT pg_catalog.current_setting('row_security')::boolean
						ELSE pg_catalog.pg_has_role(creator.oid, owner.oid, 'USAGE') END)) THEN
		RAISE EXCEPTION 'schema propstreet belongs to another role'
			USING ERRCODE = 'insufficient_privilege', HINT = 'Drop the schema, or let its owner create the extension.';
	END IF;
END
$head$;
