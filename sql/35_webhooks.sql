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

-- Subscriptions, for the session's tenant.

CREATE FUNCTION propstreet.webhook_create(body json) RETURNS json
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'propstreet_webhook_create';
COMMENT ON FUNCTION propstreet.webhook_create(json) IS
	'Subscribe to events; the webhook as JSON, with its secret, which is shown only this once';

CREATE FUNCTION propstreet.webhook_get(id bigint) RETURNS json
	LANGUAGE c STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'propstreet_webhook_get';
COMMENT ON FUNCTION propstreet.webhook_get(bigint) IS
	'A webhook as JSON';

CREATE FUNCTION propstreet.webhook_list() RETURNS json
	LANGUAGE c STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'propstreet_webhook_list';
COMMENT ON FUNCTION propstreet.webhook_list() IS
	'All webhooks, as JSON';

CREATE FUNCTION propstreet.webhook_update(id bigint, patch json, if_match text DEFAULT NULL) RETURNS json
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'propstreet_webhook_update';
COMMENT ON FUNCTION propstreet.webhook_update(bigint, json, text) IS
	'Change a webhook, or enable or disable it; the webhook as JSON';

CREATE FUNCTION propstreet.webhook_delete(id bigint, if_match text DEFAULT NULL) RETURNS void
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'propstreet_webhook_delete';
COMMENT ON FUNCTION propstreet.webhook_delete(bigint, text) IS
	'End a subscription, and delete what it was sent';

CREATE FUNCTION propstreet.webhook_rotate_secret(id bigint) RETURNS json
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'propstreet_webhook_rotate_secret';
COMMENT ON FUNCTION propstreet.webhook_rotate_secret(bigint) IS
	'Give a webhook a new secret, while those that were current in the last 24 hours sign along; the webhook as JSON, with the new secret';

CREATE FUNCTION propstreet.webhook_deliveries(id bigint, status text DEFAULT NULL, page_size integer DEFAULT 100, cursor text DEFAULT NULL) RETURNS json
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'propstreet_webhook_deliveries';
COMMENT ON FUNCTION propstreet.webhook_deliveries(bigint, text, integer, text) IS
	'A page of what a webhook was sent, or is to be, newest first, as JSON';

CREATE FUNCTION propstreet.webhook_test(id bigint) RETURNS json
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'propstreet_webhook_test';
COMMENT ON FUNCTION propstreet.webhook_test(bigint) IS
	'Send a webhook the event webhook.test; the id of the delivery, as JSON';

CREATE FUNCTION propstreet.webhook_replay(id bigint, since timestamptz, failed_only boolean DEFAULT false) RETURNS json
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'propstreet_webhook_replay';
COMMENT ON FUNCTION propstreet.webhook_replay(bigint, timestamptz, boolean) IS
	'Send a webhook again what happened since a moment, or what of it failed; how many deliveries, as JSON';
