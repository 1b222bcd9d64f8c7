-- 49_rights.sql: what is not for everybody is for the extension's owner to give to others.

-- The schema's owner is somebody else where a superuser restores a dump: rights that the
-- owner has given are restored in the owner's name.
DO $rights$
DECLARE
	function regprocedure;
	schema_owner regrole;
BEGIN
	SELECT n.nspowner INTO STRICT schema_owner FROM pg_catalog.pg_namespace AS n WHERE n.oid OPERATOR(pg_catalog.=) 'propstreet'::regnamespace;
	FOR function IN
			SELECT p.oid FROM pg_catalog.pg_proc AS p
			WHERE p.pronamespace OPERATOR(pg_catalog.=) 'propstreet'::regnamespace
				AND NOT pg_catalog.has_function_privilege('public', p.oid, 'EXECUTE') LOOP
		EXECUTE pg_catalog.format('GRANT EXECUTE ON ROUTINE %s TO %s WITH GRANT OPTION', function, schema_owner);
	END LOOP;
END
$rights$;
