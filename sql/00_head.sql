-- 00_head.sql: what must hold before anything is created.

DO $head$
BEGIN
	IF pg_catalog.getdatabaseencoding() OPERATOR(pg_catalog.<>) 'UTF8' THEN
		RAISE EXCEPTION 'propstreet needs a database with encoding UTF8, this one has %', pg_catalog.getdatabaseencoding()
			USING ERRCODE = 'feature_not_supported', HINT = 'JSON texts are UTF-8 (RFC 8259, section 8.1).';
	END IF;
	-- CREATE EXTENSION runs this script with the rights of a superuser: a schema that a
	-- stranger made beforehand would let them own the tables
	IF NOT EXISTS (SELECT FROM pg_catalog.pg_namespace AS n, pg_catalog.pg_roles AS r
				   WHERE n.nspname OPERATOR(pg_catalog.=) 'propstreet' AND r.oid OPERATOR(pg_catalog.=) n.nspowner
					 AND (r.rolsuper OR pg_catalog.pg_has_role('@extowner@'::pg_catalog.regrole, r.oid, 'USAGE'))) THEN
		RAISE EXCEPTION 'schema propstreet belongs to another role'
			USING ERRCODE = 'insufficient_privilege', HINT = 'Drop it, or have its owner create the extension.';
	END IF;
END
$head$;
