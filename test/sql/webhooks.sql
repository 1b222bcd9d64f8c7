-- webhooks: subscriptions, what they are sent, and what becomes of what can't be delivered
\i test/preamble.sql
SELECT test.begin(511);

-- An answer without its secret, if it is of the right form
CREATE FUNCTION pg_temp.masked(answer json) RETURNS text LANGUAGE sql AS $$
	SELECT regexp_replace(test.masked(answer), '"secret":"whsec_[A-Za-z0-9+/]{43}="', '"secret":"<secret>"')
$$;
-- What is queued since the last look: webhook, event, resource, and the fields that changed
CREATE FUNCTION pg_temp.queued(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	last bigint := coalesce(max(id), 0) FROM propstreet.webhook_delivery WHERE tenant_id = 511;
	result text;
BEGIN
	EXECUTE statement;
	SELECT coalesce(string_agg(concat_ws(' ', webhook_id, event, resource_id), ', ' ORDER BY webhook_id, id), 'nothing')
	INTO result FROM propstreet.webhook_delivery WHERE tenant_id = 511 AND id > last;
	RETURN result;
END
$$;

-- the guide's example, and every field; the secret is shown once
SELECT pg_temp.masked(propstreet.webhook_create('{"url": "https://your-system.com/webhooks/propstreet", "events": ["project.updated", "prospect.updated"], "filter": {"externalRef.namespace": "HubSpot"}}'));
SELECT pg_temp.masked(propstreet.webhook_create('{"name": " CRM ", "url": "https://crm.example:8443/in?x=1", "events": ["project.created", "project.updated", "project.deleted", "prospect.created", "prospect.updated", "prospect.deleted"],
	"filter": null, "excludeOrigin": "crm", "enabled": true}'));
SELECT pg_temp.masked(propstreet.webhook_create('{"url": "https://x.example", "events": ["prospect.created"], "enabled": false}'));
SELECT test.masked(propstreet.webhook_get(1));
SELECT test.masked(propstreet.webhook_list());
SELECT webhook_id, secret ~ '^whsec_', count(*) OVER (PARTITION BY secret) FROM propstreet.webhook_secret WHERE tenant_id = 511 ORDER BY 1;

-- what is wrong with a body
SELECT body, test.try(format('SELECT propstreet.webhook_create(%L)', body)) FROM (VALUES
	('{}'), ('[]'), ('{"url": "http://x.example", "events": ["project.created"]}'), ('{"url": "ftp://x.example", "events": ["project.created"]}'), ('{"url": "https://", "events": ["project.created"]}'),
	('{"url": "https://:443/", "events": ["project.created"]}'), ('{"url": "https://user:secret@x.example/", "events": ["project.created"]}'), ('{"url": "https://x.example/ä", "events": ["project.created"]}'),
	('{"url": "https://x.example/#a", "events": ["project.created"]}'), ('{"url": "https://x.example/a b", "events": ["project.created"]}'), ('{"url": 1, "events": "project.created"}'),
	('{"url": "https://x.example", "events": []}'), ('{"url": "https://x.example", "events": ["project.created", "webhook.test", "project.created", 1]}'), ('{"url": null, "events": null}'),
	('{"url": "https://x.example", "events": ["project.created"], "filter": {"namespace": "x"}, "name": "", "excludeOrigin": "", "enabled": "yes", "secret": "whsec_x", "id": "1", "other": 1}'),
	('{"url": "https://x.example", "events": ["project.created"], "filter": {"externalRef.namespace": "a b"}, "name": 1, "excludeOrigin": "ä", "enabled": 1}')) AS v (body);
SELECT test.try(format('SELECT propstreet.webhook_create(%L)', json_build_object('url', 'https://x.example/' || repeat('x', 2000), 'events', json_build_array('project.created'))));
-- a URL that can't be called, whatever there is, and some that may be
SELECT url, test.try(format('SELECT propstreet.webhook_create(%L)', json_build_object('url', url, 'events', json_build_array('project.created'))))
FROM unnest(ARRAY['https://x.example:0/', 'https://x.example:65536', 'https://x.example:99999999999999999999', 'https://x.example:4x', 'https://[::1', 'https://[::1]x', 'https://[::1]:0', 'https://[]',
	'https://[1::2::3]', 'https://a..b', 'https://.', 'https://a{b', 'https://x.example/%', 'https://x.example/a%2', 'https://x.example/%zz', 'https://%41.example', 'https://?a', 'https://x.example:443:443']) AS url;
BEGIN;
SELECT propstreet.webhook_create(json_build_object('url', url, 'events', json_build_array('project.created'))) ->> 'url'
FROM unnest(ARRAY['https://x.example:65535', 'https://x.example:?a=%2F', 'https://[::1]:1/', 'https://[2001:db8::1]', 'https://1.2.3.4', 'https://a_b.x-y.example.:0443']) AS url;
ROLLBACK;
SET propstreet.webhook_allow_http = on;
SELECT test.try($$SELECT propstreet.webhook_create('{"url": "http://", "events": ["project.created"]}')$$), test.try($$SELECT propstreet.webhook_create('{"url": "gopher://x", "events": ["project.created"]}')$$);
BEGIN;
SELECT propstreet.webhook_create('{"url": "HTTP://x.example", "events": ["project.created"]}') ->> 'url';
ROLLBACK;
RESET propstreet.webhook_allow_http;

-- which events are queued for whom
INSERT INTO propstreet.contact (name) VALUES ('Ada'), ('Bea');
SELECT statement, pg_temp.queued(statement) FROM (VALUES
	($$SELECT propstreet.project_create('{"name": "one"}')$$), ($$SELECT propstreet.project_update(1, '{"name": "two"}')$$), ($$SELECT propstreet.project_update(1, '{"name": "two"}')$$),
	($$SELECT propstreet.project_update(1, '{"externalRefs": [{"namespace": "HUBSPOT", "id": "1"}]}')$$), ($$SELECT propstreet.project_update(1, '{"externalRefs": []}')$$), ($$SELECT propstreet.project_update(1, '{"name": "3"}')$$),
	($$SELECT propstreet.prospect_add(1, '{"contactId": "1", "externalRefs": [{"namespace": "hubspot", "id": "p"}]}')$$), ($$SELECT propstreet.prospect_update(1, 1, '{"classification": "bidder"}')$$),
	($$INSERT INTO propstreet.project (name, external_refs) SELECT 'many', ARRAY['hubspot:m' || g]::propstreet.external_ref[] FROM generate_series(1, 2) AS g$$), ($$UPDATE propstreet.project SET classification = 'active' WHERE tenant_id = 511$$)) AS v (statement);
SET propstreet.change_origin = 'crm';
SELECT pg_temp.queued($$SELECT propstreet.prospect_add(1, '{"contactId": "2"}')$$), pg_temp.queued($$SELECT propstreet.prospect_update(1, 1, '{"classification": "interested"}')$$);
RESET propstreet.change_origin;
-- nobody else's
SELECT propstreet.set_tenant(512);
SELECT pg_temp.queued($$SELECT propstreet.project_create('{"name": "theirs"}')$$);
SELECT test.try(format('SELECT propstreet.%s', call)) FROM (VALUES ('webhook_get(1)'), ('webhook_list()'), ('webhook_update(1, ''{"name": "x"}'')'), ('webhook_delete(1)'), ('webhook_rotate_secret(1)'), ('webhook_deliveries(1)'), ('webhook_test(1)'),
	('webhook_replay(1, now())')) AS v (call);
SELECT propstreet.set_tenant(511);

-- changing one
SELECT test.masked(propstreet.webhook_update(1, '{"name": "First", "filter": {"externalRef.namespace": "salesforce"}, "events": ["project.deleted"]}'));
SELECT revision FROM propstreet.webhook WHERE tenant_id = 511 AND id = 1;
SELECT test.masked(propstreet.webhook_update(1, '{"name": "First", "filter": {"externalRef.namespace": "SalesForce"}}'));
SELECT revision FROM propstreet.webhook WHERE tenant_id = 511 AND id = 1;
SELECT test.masked(propstreet.webhook_update(1, '{"name": null, "filter": null, "excludeOrigin": "x"}'));
SELECT propstreet.webhook_get(1) ->> 'etag' AS tag \gset
SELECT test.masked(propstreet.webhook_update(1, '{"excludeOrigin": null, "enabled": null}', :'tag'));
SELECT test.try(format('SELECT propstreet.webhook_update(1, ''{"name": "x"}'', %L)', :'tag')), test.try('SELECT propstreet.webhook_update(1, ''{"name": "x"}'', ''W/'')'),
	test.try('SELECT propstreet.webhook_update(1, ''{"url": null, "createdUtc": "x"}'')'), test.try('SELECT propstreet.webhook_update(NULL, ''{}'')'), test.try('SELECT propstreet.webhook_update(1, NULL)');
SET propstreet.require_if_match = on;
SELECT test.try('SELECT propstreet.webhook_update(1, ''{"name": "x"}'')');
RESET propstreet.require_if_match;

-- a new secret; the old one signs along for a day
CREATE TEMP TABLE secret AS SELECT id, secret FROM propstreet.webhook_secret WHERE tenant_id = 511 AND webhook_id = 1;
SELECT pg_temp.masked(propstreet.webhook_rotate_secret(1));
SELECT w.id = s.id, w.secret = s.secret, until_utc IS NULL, until_utc BETWEEN now() + interval '23 hours 59 minutes' AND now() + interval '24 hours 1 minute'
FROM propstreet.webhook_secret AS w, secret AS s WHERE tenant_id = 511 AND webhook_id = 1 ORDER BY w.id;
SELECT revision FROM propstreet.webhook WHERE tenant_id = 511 AND id = 1;
-- whatever the owner adds to either table, no error shows a secret
ALTER TABLE propstreet.webhook ADD CONSTRAINT not_this CHECK (name <> 'not this');
ALTER TABLE propstreet.webhook_secret ADD CONSTRAINT no_more CHECK (webhook_id <> 1) NOT VALID;
CREATE FUNCTION pg_temp.shown(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	message text; detail text; context text;
BEGIN
	EXECUTE statement;
	RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, context = PG_EXCEPTION_CONTEXT;
	RETURN message || CASE WHEN concat(message, detail, context) ~ 'whsec' THEN ', with a secret' ELSE '' END;
END
$$;
SELECT pg_temp.shown($$UPDATE propstreet.webhook SET name = 'not this' WHERE tenant_id = 511 AND id = 1$$);
SELECT pg_temp.shown($$SELECT propstreet.webhook_create('{"name": "not this", "url": "https://x.example", "events": ["prospect.created"]}')$$);
SELECT pg_temp.shown('SELECT propstreet.webhook_rotate_secret(1)');
ALTER TABLE propstreet.webhook DROP CONSTRAINT not_this;
ALTER TABLE propstreet.webhook_secret DROP CONSTRAINT no_more;

-- so many a tenant
SET propstreet.max_webhooks = 3;
SELECT test.try($$SELECT propstreet.webhook_create('{"url": "https://x.example", "events": ["prospect.created"]}')$$);
RESET propstreet.max_webhooks;

-- a test, and the log, newest first
SELECT propstreet.webhook_test(2), test.try('SELECT propstreet.webhook_test(3)');
SELECT event, resource_id, test.masked(regexp_replace(payload::text, '"timestamp":"20[^"]*Z"', '"timestamp":"<time>"')) FROM propstreet.event WHERE tenant_id = 511 ORDER BY id DESC LIMIT 1;
CREATE FUNCTION pg_temp.log(page json) RETURNS text LANGUAGE sql AS $$
	SELECT regexp_replace(test.masked(page), '"(nextAttempt|lastAttempt)Utc":"20[^"]*Z"', '"\1Utc":"<time>"', 'g')
$$;
SELECT pg_temp.log(propstreet.webhook_deliveries(2, page_size => 2));
SELECT (SELECT string_agg(d ->> 'eventId', ' ') FROM json_array_elements(page -> 'data') AS d), page -> 'page' ->> 'hasMore'
FROM propstreet.webhook_deliveries(2, page_size => 3, cursor => propstreet.webhook_deliveries(2, page_size => 2) -> 'page' ->> 'nextCursor') AS page;
SELECT regexp_replace(test.try(format('SELECT propstreet.webhook_deliveries(2%s)', arguments)), '"nextAttemptUtc":"20[^"]*Z"', '"nextAttemptUtc":"<time>"') FROM (VALUES (', ''lost'''), (', page_size => 0'), (', page_size => 501'), (', cursor => ''x'''), (', ''pending'', page_size => 1')) AS v (arguments);
SELECT test.try('SELECT propstreet.webhook_deliveries(NULL)'), test.try('SELECT propstreet.webhook_deliveries(99)');

-- sent by a worker: one succeeds, one is refused for good, the others are on their way
SET propstreet.webhook_retry = '';
-- one that has never succeeded gets one at a time
UPDATE propstreet.webhook SET last_success_utc = created_utc;
SELECT count(*) FROM propstreet.webhook_claim(per_webhook => 100);
SELECT propstreet.webhook_record((SELECT json_agg(json_build_object('tenantId', tenant_id::text, 'webhookId', webhook_id::text, 'deliveryId', id::text, 'attempt', 1, 'responseStatus', CASE id % 2 WHEN 0 THEN 200 ELSE 500 END, 'latencyMs', 5))
	FROM propstreet.webhook_delivery WHERE tenant_id = 511 AND webhook_id = 2 AND leased)) > 0;
SELECT pg_temp.log(propstreet.webhook_deliveries(2, 'failed', 1)), pg_temp.log(propstreet.webhook_deliveries(2, 'delivered', 1));
SELECT id, name, enabled, backlog > 0, oldest_undelivered_utc <= now(), last_success_utc <= now(), last_error, last_error_utc <= now(), dropped FROM propstreet.webhook_status WHERE tenant_id = 511 AND id = 2;
-- replay: what failed; everything since a time; to be sent in the order of events again
SELECT propstreet.webhook_replay(2, now() - interval '1 hour', true) ->> 'queued' AS queued \gset
SELECT count(*) = :queued AND count(*) > 0 FROM propstreet.webhook_delivery WHERE tenant_id = 511 AND webhook_id = 2 AND attempts = 0 AND last_attempt_utc IS NOT NULL;
SELECT count(*) FROM propstreet.webhook_delivery WHERE tenant_id = 511 AND webhook_id = 2 AND status = 'failed';
SELECT propstreet.webhook_replay(2, '-infinity') ->> 'queued' <> '0', propstreet.webhook_replay(2, '-infinity'), propstreet.webhook_replay(2, 'infinity');
SELECT count(*), bool_and(status = 'pending' AND attempts = 0 OR leased) FROM propstreet.webhook_delivery WHERE tenant_id = 511 AND webhook_id = 2;
SELECT test.try('SELECT propstreet.webhook_replay(2, NULL)'), test.try('SELECT propstreet.webhook_replay(NULL, now())');

-- disabled: it collects; enabled again: it goes out, in order, and what was wrong is forgotten
SELECT propstreet.webhook_update(2, '{"enabled": false}') ->> 'enabled';
UPDATE propstreet.webhook SET disabled_reason = 'gone', failed_in_row = 7 WHERE tenant_id = 511 AND id = 2;
SELECT test.masked(propstreet.webhook_get(2));
SELECT pg_temp.queued($$SELECT propstreet.project_update(1, '{"name": "while disabled"}')$$);
UPDATE propstreet.webhook_delivery SET leased = false, next_attempt_utc = now(), attempts = 0 WHERE tenant_id = 511 AND leased;
SELECT count(*) FROM propstreet.webhook_claim(1000, per_webhook => 1000);
SELECT count(*) FROM propstreet.webhook_delivery WHERE tenant_id = 511 AND webhook_id = 2 AND next_attempt_utc IS NOT NULL;
SELECT test.masked(propstreet.webhook_update(2, '{"enabled": true}'));
SELECT failed_in_row FROM propstreet.webhook WHERE tenant_id = 511 AND id = 2;
SELECT d.event, d.resource_id, d.event_id = (SELECT min(o.event_id) FROM propstreet.webhook_delivery AS o WHERE o.tenant_id = 511 AND o.webhook_id = 2 AND o.resource_id = d.resource_id AND left(o.event, 5) = left(d.event, 5))
FROM propstreet.webhook_claim(1000, per_webhook => 1000) AS c JOIN propstreet.webhook_delivery AS d ON d.tenant_id = c.tenant_id AND d.webhook_id = c.webhook_id AND d.id = c.delivery_id ORDER BY d.event, d.resource_id;

-- what was not delivered in time is dropped, visibly; what it held up goes on; what is over is deleted
UPDATE propstreet.webhook_delivery SET leased = false, next_attempt_utc = now() WHERE tenant_id = 511 AND leased;
UPDATE propstreet.event SET created_utc = now() - interval '31 days' WHERE tenant_id = 511 AND id <= 4;
UPDATE propstreet.webhook_delivery SET created_utc = now() - interval '31 days' WHERE tenant_id = 511 AND event_id <= 4;
SELECT count(*) AS old FROM propstreet.webhook_delivery WHERE tenant_id = 511 AND event_id <= 4 AND webhook_id = 2 \gset
SELECT propstreet.purge() >= 4 + :old;
SELECT count(*), min(event_id) > 4 FROM propstreet.webhook_delivery WHERE tenant_id = 511;
SELECT min(id) FROM propstreet.event WHERE tenant_id = 511;
SELECT id, dropped = :old, last_error = format('%s deliveries that were not made within propstreet.keep_undelivered were dropped', :old) FROM propstreet.webhook_status WHERE tenant_id = 511 AND id = 2;
SELECT count(*) FROM propstreet.webhook_delivery AS d WHERE tenant_id = 511 AND webhook_id = 2 AND next_attempt_utc IS NULL AND NOT EXISTS (
	SELECT FROM propstreet.webhook_delivery AS o WHERE o.tenant_id = 511 AND o.webhook_id = 2 AND o.resource_id = d.resource_id AND left(o.event, 5) = left(d.event, 5) AND o.event_id < d.event_id AND o.status = 'pending');
SELECT propstreet.purge();
SET propstreet.keep_undelivered = '1s';
SELECT pg_sleep(1.1);
SELECT propstreet.purge() > 0;
SELECT count(*) FROM propstreet.event WHERE tenant_id = 511;
SELECT count(*) FROM propstreet.webhook_delivery WHERE tenant_id = 511;
RESET propstreet.keep_undelivered;
RESET propstreet.webhook_retry;

-- the end of a subscription
SELECT pg_temp.queued($$SELECT propstreet.project_update(1, '{"name": "last"}')$$);
SELECT propstreet.webhook_delete(2);
SELECT count(*) FROM propstreet.webhook_delivery WHERE tenant_id = 511;
SELECT count(*) FROM propstreet.webhook_secret WHERE tenant_id = 511 AND webhook_id = 2;
SELECT test.try('SELECT propstreet.webhook_delete(2)'), test.try('SELECT propstreet.webhook_get(2)');

-- what an application role may: the operations, and to see everything but secrets
CREATE ROLE regress_app;
SELECT propstreet.grant_to('regress_app');
SET ROLE regress_app;
SELECT propstreet.webhook_create('{"url": "https://x.example", "events": ["project.created"]}') ->> 'url';
SELECT id, url FROM propstreet.webhook_status;
SELECT count(*) FROM propstreet.webhook_delivery;
SELECT secret FROM propstreet.webhook_secret;
SET propstreet.max_webhooks = 1000;
UPDATE propstreet.webhook SET enabled = true;
SELECT count(*) FROM propstreet.webhook_claim();
SELECT propstreet.webhook_record('[]');
SELECT propstreet.purge();
RESET ROLE;
DROP OWNED BY regress_app;
DROP ROLE regress_app;
DELETE FROM propstreet.webhook WHERE tenant_id = 511;
