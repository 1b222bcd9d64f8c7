-- 52_policies.sql: row-level security. A role sees and writes the rows of its own tenant.

DO $policies$
DECLARE
	name text;
BEGIN
	FOREACH name IN ARRAY ARRAY['company', 'contact', 'investment_strategy', 'property', 'project', 'project_property',
			'project_external_ref', 'prospect', 'prospect_external_ref', 'idempotency_key', 'event', 'webhook', 'webhook_secret', 'webhook_delivery'] LOOP
		EXECUTE format('ALTER TABLE propstreet.%I ENABLE ROW LEVEL SECURITY', name);
		EXECUTE format('CREATE POLICY propstreet_tenant ON propstreet.%I
			USING (tenant_id OPERATOR(pg_catalog.=) propstreet.current_tenant())', name);
		EXECUTE format('COMMENT ON POLICY propstreet_tenant ON propstreet.%I IS %L', name, 'Rows of the session''s own tenant');
	END LOOP;
END
$policies$;
