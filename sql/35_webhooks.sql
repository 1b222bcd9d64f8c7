-- 35_webhooks.sql: delivering events to webhooks. The worker uses these, and so can anybody's own.

CREATE FUNCTION propstreet.webhook_claim(max_deliveries integer DEFAULT 100, lease interval DEFAULT '1 minute', per_webhook integer DEFAULT 8)
	RETURNS TABLE (tenant_id bigint, webhook_id bigint, delivery_id bigint, attempt integer, url text, headers json, body text)
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'propstreet_webhook_claim';
COMMENT ON FUNCTION propstreet.webhook_claim(integer, interval, integer) IS
	'Take due deliveries of all tenants, ready to be sent; nobody else gets them before the lease ends';

CREATE FUNCTION propstreet.webhook_record(outcomes json) RETURNS integer
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'propstreet_webhook_record';
COMMENT ON FUNCTION propstreet.webhook_record(json) IS
	'Record what came of claimed deliveries; how many were still leased for that attempt';

CREATE FUNCTION propstreet.webhook_next_due(per_webhook integer DEFAULT 8) RETURNS timestamptz
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'propstreet_webhook_next_due';
COMMENT ON FUNCTION propstreet.webhook_next_due(integer) IS
	'The earliest moment at which webhook_claim() may find something if nothing happens before; null: never';

REVOKE ALL ON FUNCTION propstreet.webhook_claim(integer, interval, integer), propstreet.webhook_record(json),
	propstreet.webhook_next_due(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION propstreet.webhook_claim(integer, interval, integer), propstreet.webhook_record(json),
	propstreet.webhook_next_due(integer) TO @extowner@ WITH GRANT OPTION;

CREATE FUNCTION propstreet.webhook_signature(secret text, id text, "timestamp" bigint, body text) RETURNS text
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'propstreet_webhook_signature';
COMMENT ON FUNCTION propstreet.webhook_signature(text, text, bigint, text) IS
	'The header webhook-signature of a body, as Standard Webhooks define it';
