-- webhook_claim and webhook_record: what is sent when, to whom, and what becomes of it
\i test/preamble.sql
\pset tuples_only off
\set VERBOSITY terse
\pset footer off
-- claims are of all tenants
DELETE FROM propstreet.webhook_delivery;

CREATE FUNCTION pg_temp.webhook(id bigint, secret text DEFAULT 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw') RETURNS void LANGUAGE sql AS $$
	INSERT INTO propstreet.webhook (tenant_id, id, url, events, created_utc, updated_utc, last_success_utc)
	VALUES (511, id, 'https://example.com/' || id, '{project.created}', '2026-01-01Z', '2026-01-01Z', '2026-01-01Z');
	INSERT INTO propstreet.webhook_secret (tenant_id, webhook_id, secret) SELECT 511, id, secret WHERE secret IS NOT NULL
$$;
-- An event and its delivery, due since some moment in the past: the later the greater the id
CREATE FUNCTION pg_temp.queue(webhook bigint, event_id bigint, resource bigint, event text DEFAULT 'project.updated') RETURNS bigint LANGUAGE sql AS $$
	INSERT INTO propstreet.event (tenant_id, id, event, resource_id, created_utc, payload)
	VALUES (511, event_id, event, resource, '2026-01-01Z'::timestamptz + event_id * interval '1 second', json_build_object('n', event_id))
	ON CONFLICT DO NOTHING;
	INSERT INTO propstreet.webhook_delivery (tenant_id, webhook_id, event_id, event, resource_id, created_utc, next_attempt_utc)
	SELECT 511, webhook, e.id, e.event, e.resource_id, e.created_utc, e.created_utc FROM propstreet.event AS e WHERE e.tenant_id = 511 AND e.id = event_id
	RETURNING webhook_delivery.event_id
$$;
-- What a claim takes: webhook/event, and the attempt if it is not the first
CREATE FUNCTION pg_temp.claim(max_deliveries integer DEFAULT 100, lease interval DEFAULT '1 hour', per_webhook integer DEFAULT 8) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(c.webhook_id || '/' || d.event_id || CASE WHEN c.attempt > 1 THEN ' attempt ' || c.attempt ELSE '' END, ', ' ORDER BY c.webhook_id, d.event_id)
	FROM propstreet.webhook_claim(max_deliveries, lease, per_webhook) AS c
		JOIN propstreet.webhook_delivery AS d ON d.tenant_id = c.tenant_id AND d.webhook_id = c.webhook_id AND d.id = c.delivery_id
$$;
-- Record the same outcome of deliveries under way
CREATE FUNCTION pg_temp.record(webhook bigint, outcome text, VARIADIC events bigint[] DEFAULT '{}') RETURNS integer LANGUAGE sql AS $$
	SELECT propstreet.webhook_record(json_agg(jsonb_build_object('tenantId', d.tenant_id::text, 'webhookId', d.webhook_id::text, 'deliveryId', d.id::text,
		'attempt', d.attempts) || outcome::jsonb ORDER BY d.event_id))
	FROM propstreet.webhook_delivery AS d WHERE d.webhook_id = webhook AND (d.event_id = ANY (events) OR events = '{}' AND d.leased)
$$;
CREATE FUNCTION pg_temp.state(webhook bigint) RETURNS TABLE (event_id bigint, status text, attempts integer, due text, leased boolean, response integer, latency integer, error text)
	LANGUAGE sql AS $$
	SELECT d.event_id, d.status, d.attempts, CASE WHEN d.next_attempt_utc IS NULL THEN 'never' WHEN d.next_attempt_utc <= clock_timestamp() THEN 'now' ELSE 'later' END,
		d.leased, d.response_status, d.latency_ms, d.error
	FROM propstreet.webhook_delivery AS d WHERE d.webhook_id = webhook ORDER BY d.event_id
$$;
-- The lease of all that is under way ends, or the time until a retry
CREATE FUNCTION pg_temp.expire(VARIADIC events bigint[] DEFAULT '{}') RETURNS void LANGUAGE sql AS $$
	UPDATE propstreet.webhook_delivery SET next_attempt_utc = clock_timestamp() WHERE event_id = ANY (events) OR events = '{}' AND leased
$$;

-- The signature of the standard's test vector; what is no secret
SELECT propstreet.webhook_signature('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'msg_p5jXN8AQM9LWM0D4loKWxJek', 1614265330, '{"test": 2432232314}');
SELECT propstreet.webhook_signature('', '', 0, '');
SELECT propstreet.webhook_signature('MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', '', 0, '');
SELECT propstreet.webhook_signature('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS', '', 0, '');
SELECT propstreet.webhook_signature('whsec_' || encode('23 bytes are not enough', 'base64'), '', 0, '');
SELECT propstreet.webhook_signature('whsec_' || translate(encode(convert_to(repeat('x', 65), 'UTF8'), 'base64'), E'\n', ''), '', 0, '');

-- An empty queue
SELECT pg_temp.claim(), propstreet.webhook_next_due(), propstreet.webhook_record('[]');

-- A delivery is ready to be sent: one signature, and one of each secret before that is still valid
SELECT pg_temp.webhook(1), pg_temp.queue(1, 1, 10), pg_temp.queue(1, 2, 20);
SELECT propstreet.webhook_next_due();
SELECT tenant_id, webhook_id, attempt, url, body, headers->>'Content-Type' AS type, headers->>'User-Agent' AS agent, headers->>'webhook-id' AS id,
	(headers->>'webhook-timestamp')::bigint - floor(extract(epoch FROM clock_timestamp())) BETWEEN -5 AND 0 AS "timestamp",
	headers->>'webhook-signature' = propstreet.webhook_signature('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', headers->>'webhook-id', (headers->>'webhook-timestamp')::bigint, body) AS signature
FROM propstreet.webhook_claim(1);
INSERT INTO propstreet.webhook_secret (tenant_id, webhook_id, secret, until_utc)
VALUES (511, 1, 'whsec_' || translate(encode(convert_to(repeat('x', 64), 'UTF8'), 'base64'), E'\n', ''), clock_timestamp() + interval '1 hour');
SELECT headers->>'webhook-id' AS id, headers->>'webhook-signature' =
	string_agg(propstreet.webhook_signature(w.secret, headers->>'webhook-id', (headers->>'webhook-timestamp')::bigint, body), ' ' ORDER BY w.until_utc DESC) AS signature
FROM propstreet.webhook_claim(1) AS c JOIN propstreet.webhook_secret AS w ON w.webhook_id = c.webhook_id AND w.tenant_id = c.tenant_id
GROUP BY headers::text, headers->>'webhook-signature', headers->>'webhook-id';
UPDATE propstreet.webhook_secret SET until_utc = clock_timestamp() WHERE until_utc IS NOT NULL;
SELECT pg_temp.expire();
SELECT headers->>'webhook-id' AS id, headers->>'webhook-signature' LIKE '% %' AS two FROM propstreet.webhook_claim() ORDER BY 1;
-- three rotations within a day give four signatures, the current secret's first; purge() deletes those that are over
BEGIN;
SET LOCAL propstreet.tenant_id = '511';
SELECT count(propstreet.webhook_rotate_secret(1)) FROM generate_series(1, 3);
SELECT pg_temp.expire();
SELECT headers->>'webhook-id' AS id, string_to_array(headers->>'webhook-signature', ' ') = (
	SELECT array_agg(propstreet.webhook_signature(s.secret, headers->>'webhook-id', (headers->>'webhook-timestamp')::bigint, body) ORDER BY s.id DESC)
	FROM propstreet.webhook_secret AS s WHERE s.webhook_id = 1 AND (s.until_utc IS NULL OR s.until_utc > clock_timestamp())) AS signatures,
	cardinality(string_to_array(headers->>'webhook-signature', ' ')) AS number
FROM propstreet.webhook_claim() ORDER BY 1;
SELECT count(*) FROM propstreet.webhook_secret WHERE webhook_id = 1;
SELECT propstreet.purge();
SELECT count(*) FROM propstreet.webhook_secret WHERE webhook_id = 1;
ROLLBACK;

-- Under way: nobody gets them again, until the lease ends
SELECT pg_temp.claim(), propstreet.webhook_next_due() > clock_timestamp() AS later;
SELECT pg_temp.expire();
SELECT pg_temp.claim();
-- an outcome of an attempt before counts no more, and none counts twice
SELECT pg_temp.record(1, '{"attempt": 2, "responseStatus": 200}');
SELECT pg_temp.record(1, '{"responseStatus": 204, "latencyMs": 12}', 1);
SELECT pg_temp.record(1, '{"responseStatus": 500}', 1), pg_temp.record(1, '{"responseStatus": 500, "webhookId": 2}', 2);
SELECT propstreet.webhook_record(json_build_array(o, o)) FROM (
	SELECT json_build_object('tenantId', tenant_id, 'webhookId', webhook_id, 'deliveryId', id, 'attempt', attempts, 'responseStatus', 299) AS o
	FROM propstreet.webhook_delivery WHERE event_id = 2) AS o;
SELECT * FROM pg_temp.state(1);
SELECT failed_in_row, last_success_utc > clock_timestamp() - interval '1 minute' AS last_success, last_error_utc, last_error, revision FROM propstreet.webhook WHERE id = 1;
SELECT pg_temp.claim(), propstreet.webhook_next_due();

-- About one resource in order, and only one under way; project 10 and prospect 10 are two
SELECT pg_temp.queue(1, n, 10) AS project_10, pg_temp.queue(1, n + 10, n) AS others FROM generate_series(11, 13) AS n;
SELECT pg_temp.queue(1, 31, 10, 'prospect.updated'), pg_temp.queue(1, 32, 10, 'prospect.deleted');
SELECT pg_temp.claim();
SELECT event_id FROM pg_temp.state(1) WHERE status = 'pending' AND due = 'never';
SELECT pg_temp.claim();
SELECT pg_temp.record(1, '{"responseStatus": 200}', 31), pg_temp.claim();
-- a failure keeps the later ones waiting, until the last attempt
SELECT pg_temp.record(1, '{"responseStatus": 500}', 11), pg_temp.record(1, '{"responseStatus": 200}', 21, 22, 23), pg_temp.claim();
SELECT pg_temp.queue(1, 14, 10), pg_temp.claim(), pg_temp.expire(11);
SELECT pg_temp.claim();
SET propstreet.webhook_retry = '60';
SELECT pg_temp.record(1, '{"responseStatus": 500}', 11), pg_temp.record(1, '{"responseStatus": 200}', 32), pg_temp.claim();
SELECT pg_temp.record(1, '{"responseStatus": 200}', 12), pg_temp.claim();
SELECT pg_temp.record(1, '{"responseStatus": 200}', 13), pg_temp.claim();
SELECT * FROM pg_temp.state(1) WHERE event_id > 10;
RESET propstreet.webhook_retry;

-- Retries: the schedule give or take a tenth, or what Retry-After says if that is later, up to a day
CREATE FUNCTION pg_temp.retry(attempt integer, outcome text) RETURNS numeric LANGUAGE plpgsql AS $$
DECLARE
	delay interval;
BEGIN
	UPDATE propstreet.webhook_delivery SET status = 'pending', attempts = attempt, leased = true WHERE event_id = 1;
	PERFORM pg_temp.record(1, outcome, 1);
	SELECT next_attempt_utc - clock_timestamp() INTO delay FROM propstreet.webhook_delivery WHERE event_id = 1;
	RETURN extract(epoch FROM delay);
END
$$;
SELECT n AS attempt, pg_temp.retry(n, '{"responseStatus": 500}') BETWEEN wait * 0.9 - 1 AND wait * 1.1 AS in_time
FROM unnest(ARRAY[5, 60, 300, 1800, 7200, 18000, 36000, 61200]) WITH ORDINALITY AS w (wait, n_), CAST(n_ AS integer) AS n;
SELECT count(DISTINCT round(pg_temp.retry(8, '{"responseStatus": 500}'))) > 10 AS jitter FROM generate_series(1, 20);
SELECT pg_temp.retry(9, '{"responseStatus": 500}') AS after_the_last;
SELECT round(pg_temp.retry(1, '{"responseStatus": 503, "retryAfter": "100"}')) AS seconds, round(pg_temp.retry(1, '{"responseStatus": 429, "retryAfter": 100}')) AS number,
	round(pg_temp.retry(1, '{"responseStatus": 503, "retryAfter": "1000000000"}')) AS at_most, pg_temp.retry(2, '{"responseStatus": 503, "retryAfter": "1"}') > 50 AS earlier;
SELECT pg_temp.retry(1, jsonb_build_object('responseStatus', 503, 'retryAfter', to_char((clock_timestamp() + interval '1 hour') AT TIME ZONE 'UTC', 'Dy, DD Mon YYYY HH24:MI:SS "GMT"'))::text)
	BETWEEN 3590 AND 3610 AS date;
SELECT text, pg_temp.retry(1, json_build_object('responseStatus', 503, 'retryAfter', text)::text) < 6 AS ignored
FROM unnest(ARRAY['', 'soon', '-5', 'Sun, 06 Nov 1994 08:49:37 GMT', 'Sun, 06 Foo 2094 08:49:37 GMT', 'Sun, 99 Nov 294276 99:99:99 GMT']) AS text;
SET propstreet.webhook_retry = '';
SELECT pg_temp.retry(1, '{"responseStatus": 500}') AS no_retry;
SET propstreet.webhook_retry = ' 1, 2 ,3 ';
SELECT pg_temp.retry(3, '{"error": "timed out"}') < 4 AS third, pg_temp.retry(4, '{}') AS fourth;
SELECT error FROM pg_temp.state(1) WHERE event_id = 1;
\set VERBOSITY default
SET propstreet.webhook_retry = '5,';
SET propstreet.webhook_retry = 'a';
SET propstreet.webhook_retry = '-1';
SET propstreet.webhook_retry = '5 6';
SET propstreet.webhook_retry = '99999999';
\set VERBOSITY terse
RESET propstreet.webhook_retry;
-- an error makes a failure, whatever the status; a redirect is one
SELECT pg_temp.retry(1, '{"responseStatus": 200, "error": "timed out"}') > 4 AS error, pg_temp.retry(1, '{"responseStatus": 301}') > 4 AS redirect;
SELECT last_error, last_error_utc > last_success_utc AS failing FROM propstreet.webhook WHERE id = 1;

-- 410 disables at once, and the delivery stays; ten failures in a row do, with a success between they don't
DELETE FROM propstreet.webhook_delivery;
SELECT pg_temp.webhook(2), pg_temp.webhook(3);
SELECT count(pg_temp.queue(w, n, n)) FROM generate_series(40, 61) AS n, generate_series(2, 3) AS w;
SELECT pg_temp.claim(10, per_webhook => 5);
SELECT pg_temp.record(2, '{"responseStatus": 200}', 40), pg_temp.record(2, '{"responseStatus": 410}', 41), pg_temp.record(2, '{"responseStatus": 200}', 42);
SELECT enabled, disabled_reason, revision, updated_utc > clock_timestamp() - interval '1 minute' AS updated, last_error FROM propstreet.webhook WHERE id = 2;
SET propstreet.webhook_retry = '';
SELECT pg_temp.record(3, '{"responseStatus": 500}'), failed_in_row, enabled FROM propstreet.webhook WHERE id = 3;
SELECT pg_temp.claim(per_webhook => 20);
SELECT pg_temp.record(3, '{"responseStatus": 200}');
SELECT pg_temp.claim(per_webhook => 9);
SELECT pg_temp.record(3, '{"responseStatus": 503}');
SELECT failed_in_row, enabled, revision FROM propstreet.webhook WHERE id = 3;
SELECT pg_temp.claim();
SELECT pg_temp.record(3, '{"error": "timed out"}');
SELECT failed_in_row, enabled, disabled_reason, revision FROM propstreet.webhook WHERE id = 3;
RESET propstreet.webhook_retry;
-- a disabled one keeps collecting, but nothing is due
SELECT pg_temp.queue(2, 70, 40), pg_temp.claim(), propstreet.webhook_next_due() IS NULL AS never;
SELECT status, due, count(*) FROM pg_temp.state(2) GROUP BY 1, 2 ORDER BY 1, 2;

-- So many in all, and to one webhook; a webhook that fails gets one at a time, and the others have their share first
DELETE FROM propstreet.webhook_delivery;
DELETE FROM propstreet.webhook;
SELECT pg_temp.webhook(n) FROM generate_series(1, 4) AS n;
UPDATE propstreet.webhook SET last_error_utc = clock_timestamp() WHERE id >= 3;
SELECT count(pg_temp.queue(w, n, n)) FROM generate_series(100, 110) AS n, generate_series(1, 4) AS w;
SELECT pg_temp.claim(3);
SELECT pg_temp.claim(6, per_webhook => 3);
SELECT propstreet.webhook_next_due(3) > clock_timestamp() AS later, propstreet.webhook_next_due(4) < clock_timestamp() AS now;
SELECT pg_temp.claim(100, per_webhook => 4), pg_temp.claim(100, per_webhook => 4);
SELECT pg_temp.record(3, '{"responseStatus": 200}'), pg_temp.claim(100, per_webhook => 3);

-- Those that must wait are passed over once, however many there are
DELETE FROM propstreet.webhook_delivery;
SELECT count(pg_temp.queue(1, n, 1)) FROM generate_series(1000, 1499) AS n;
SELECT pg_temp.queue(1, 1500, 2), pg_temp.queue(2, 1501, 2);
SELECT pg_temp.claim(), pg_temp.claim();
SELECT due, count(*) FROM pg_temp.state(1) GROUP BY 1;

-- What has no webhook or no event any more is deleted
DELETE FROM propstreet.webhook_delivery;
SELECT pg_temp.queue(1, n, n), pg_temp.queue(2, n, n) FROM generate_series(2000, 2002) AS n;
DELETE FROM propstreet.event WHERE id = 2001;
DELETE FROM propstreet.webhook WHERE id = 2;
SET client_min_messages = log;
SELECT pg_temp.claim();
SELECT webhook_id, event_id FROM propstreet.webhook_delivery ORDER BY event_id;
SELECT pg_temp.record(1, '{"responseStatus": 200}');
-- The deliveries of a webhook that is missing, as while a dump is loaded, wait for it; the log has said so once
SELECT propstreet.webhook_next_due(), pg_temp.claim();
RESET client_min_messages;
SELECT pg_temp.webhook(2);
SELECT propstreet.webhook_next_due() < now() AS due, pg_temp.claim();
SELECT pg_temp.record(2, '{"responseStatus": 200}');

-- A Retry-After of 429 and 503 holds the whole webhook, and no other; it is not taken back by what was under way
DELETE FROM propstreet.webhook_delivery;
UPDATE propstreet.webhook SET hold_until_utc = NULL, last_success_utc = now() WHERE tenant_id = 511;
SELECT pg_temp.queue(1, n, n), pg_temp.queue(2, n, n) FROM generate_series(2100, 2102) AS n;
SELECT pg_temp.claim(per_webhook => 2);
SELECT pg_temp.record(1, '{"responseStatus": 429, "retryAfter": 60}', 2100), pg_temp.record(1, '{"responseStatus": 200}', 2101), pg_temp.record(2, '{"responseStatus": 500, "retryAfter": 60}', 2100);
SELECT pg_temp.record(2, '{"responseStatus": 200}', 2101);
SELECT pg_temp.claim();
SELECT round(extract(epoch FROM propstreet.webhook_next_due() - now())) BETWEEN 50 AND 60 AS held, id, hold_until_utc - now() > '50s' AS until FROM propstreet.webhook WHERE id IN (1, 2) ORDER BY id;
UPDATE propstreet.webhook SET hold_until_utc = now() WHERE id = 1;
SELECT pg_temp.claim();
SELECT pg_temp.record(1, '{"responseStatus": 503, "retryAfter": 60}', 2102), pg_temp.record(2, '{"responseStatus": 200, "retryAfter": 60}', 2102);
SELECT id, hold_until_utc - now() > '50s' AS until FROM propstreet.webhook WHERE id IN (1, 2) ORDER BY id;
UPDATE propstreet.webhook SET hold_until_utc = NULL WHERE tenant_id = 511;

-- Another URL, or enabling it, ends the wait, for what is to be tried again too
DELETE FROM propstreet.webhook_delivery;
SELECT pg_temp.queue(1, 2190, 1);
SELECT pg_temp.claim(), pg_temp.record(1, '{"responseStatus": 503, "retryAfter": 86400}'), pg_temp.queue(1, 2191, 2);
SELECT pg_temp.claim();
BEGIN;
SET LOCAL propstreet.tenant_id = '511';
SELECT propstreet.webhook_update(1, '{"name": "the same URL"}') ->> 'name';
SELECT pg_temp.claim();
SELECT propstreet.webhook_update(1, '{"url": "https://example.com/other"}') ->> 'url';
SELECT pg_temp.claim();
ROLLBACK;
BEGIN;
SET LOCAL propstreet.tenant_id = '511';
SELECT propstreet.webhook_update(1, '{"enabled": false}') ->> 'enabled';
SELECT pg_temp.claim();
SELECT propstreet.webhook_update(1, '{"enabled": true}') ->> 'enabled';
SELECT pg_temp.claim(), pg_temp.record(1, '{"responseStatus": 200}');
SELECT pg_temp.claim();
ROLLBACK;
UPDATE propstreet.webhook SET hold_until_utc = NULL WHERE tenant_id = 511;

-- A webhook that has never succeeded gets one delivery at a time, until it has
DELETE FROM propstreet.webhook_delivery;
UPDATE propstreet.webhook SET last_success_utc = NULL, last_error_utc = NULL WHERE id = 1 AND tenant_id = 511;
SELECT pg_temp.queue(1, n, n) FROM generate_series(2200, 2203) AS n;
SELECT pg_temp.claim();
SELECT pg_temp.claim();
SELECT pg_temp.record(1, '{"responseStatus": 200}');
SELECT pg_temp.claim();

-- However many webhooks of one tenant hang, another tenant's delivery finds a place at once: a tenant has at most 16 places for each that it leaves
DELETE FROM propstreet.webhook_delivery;
CREATE FUNCTION pg_temp.hooks(tenant bigint, count integer, success timestamptz) RETURNS void LANGUAGE sql AS $$
	INSERT INTO propstreet.event (tenant_id, id, event, resource_id, created_utc, payload) VALUES (tenant, 1, 'project.created', 1, '2026-01-01Z', '{}') ON CONFLICT DO NOTHING;
	INSERT INTO propstreet.webhook (tenant_id, id, url, events, created_utc, updated_utc, last_success_utc)
	SELECT tenant, i, 'https://example.com/', '{project.created}', now(), now(), success FROM generate_series(1, count) AS i;
	INSERT INTO propstreet.webhook_secret (tenant_id, webhook_id, secret) SELECT tenant, i, 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw' FROM generate_series(1, count) AS i;
	INSERT INTO propstreet.webhook_delivery (tenant_id, webhook_id, event_id, event, resource_id, created_utc, next_attempt_utc)
	SELECT tenant, i, 1, 'project.created', 1, '2026-01-01Z', '2026-01-01Z' FROM generate_series(1, count) AS i
$$;
CREATE FUNCTION pg_temp.taken(places integer) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(t.tenant_id || ': ' || t.count, ', ' ORDER BY t.tenant_id) FROM (SELECT tenant_id, count(*) FROM propstreet.webhook_claim(places, '1 hour', 8) GROUP BY 1) AS t
$$;
SELECT pg_temp.hooks(513, 400, NULL);
-- half of the places are for slow ones
SELECT pg_temp.taken(256), pg_temp.taken(136);
SELECT pg_temp.hooks(514, 3, NULL), pg_temp.hooks(515, 3, '2026-01-01Z'), pg_temp.hooks(516, 400, '2026-01-01Z');
SELECT pg_temp.taken(136);
SELECT pg_temp.hooks(517, 1, '2026-01-01Z'), pg_temp.hooks(518, 1, NULL);
SELECT pg_temp.taken(10);
-- those with nothing under way come first
DELETE FROM propstreet.webhook_delivery;
DELETE FROM propstreet.webhook WHERE tenant_id BETWEEN 513 AND 518;
DELETE FROM propstreet.webhook_secret WHERE tenant_id BETWEEN 513 AND 518;
SELECT pg_temp.hooks(513, 50, '2026-01-01Z');
SELECT pg_temp.taken(5);
SELECT pg_temp.hooks(514, 50, '2026-01-01Z');
SELECT pg_temp.taken(6);
DELETE FROM propstreet.webhook_delivery;
DELETE FROM propstreet.webhook WHERE tenant_id BETWEEN 513 AND 518;
DELETE FROM propstreet.webhook_secret WHERE tenant_id BETWEEN 513 AND 518;

-- A claim costs what is due, not what exists: it reads nothing of retries whose time has not come, and next_due() the first of them
SELECT pg_temp.hooks(513, 3000, '2026-01-01Z'), pg_temp.hooks(514, 1, '2026-01-01Z');
UPDATE propstreet.webhook_delivery SET waiting = true, next_attempt_utc = '2126-01-01Z' WHERE tenant_id = 513;
CREATE FUNCTION pg_temp.read() RETURNS bigint LANGUAGE sql AS $$
	SELECT sum(seq_tup_read + idx_tup_fetch) FROM pg_stat_xact_user_tables WHERE relid IN ('propstreet.webhook_delivery'::regclass, 'propstreet.webhook'::regclass)
$$;
BEGIN;
SELECT pg_temp.read() AS before \gset
SELECT pg_temp.taken(10), propstreet.webhook_next_due() < now() + interval '2 hours' AS end_of_lease, pg_temp.read() - :before < 50 AS few;
ROLLBACK;
DELETE FROM propstreet.webhook_delivery WHERE tenant_id = 514;
DELETE FROM propstreet.webhook WHERE tenant_id = 514;
DELETE FROM propstreet.webhook_secret WHERE tenant_id = 514;
BEGIN;
SELECT pg_temp.read() AS before \gset
SELECT pg_temp.taken(10), propstreet.webhook_next_due(), pg_temp.read() - :before < 50 AS few;
ROLLBACK;
-- of many webhooks it looks at some, by a share for each tenant, others each time
UPDATE propstreet.webhook_delivery SET waiting = false, next_attempt_utc = '2026-01-01Z' WHERE tenant_id = 513;
SELECT pg_temp.hooks(514, 1, '2026-01-01Z');
BEGIN;
SELECT pg_temp.read() AS before \gset
SELECT pg_temp.taken(5), pg_temp.read() - :before < 2000 AS not_all;
ROLLBACK;
DO $$BEGIN
	FOR i IN 1 .. 30 LOOP
		PERFORM propstreet.webhook_claim(400, '1 hour', 8);
		DELETE FROM propstreet.webhook_delivery WHERE leased;
	END LOOP;
END$$;
SELECT count(*) FROM propstreet.webhook_delivery;
-- while those that are slow have all the places they may have, a claim looks at the others only
SELECT pg_temp.hooks(516, 3000, NULL);
UPDATE propstreet.webhook_delivery SET waiting = true, next_attempt_utc = '2126-01-01Z' WHERE webhook_id IN (5, 2999);
SELECT pg_temp.taken(256);
UPDATE propstreet.webhook_delivery SET waiting = false, next_attempt_utc = '2026-01-01Z' WHERE webhook_id IN (5, 2999);
UPDATE propstreet.webhook SET last_success_utc = now() WHERE tenant_id = 516 AND id IN (5, 2999);
BEGIN;
SELECT pg_temp.read() AS before \gset
SELECT pg_temp.taken(10) IS NOT NULL AS taken, pg_temp.read() - :before < 1000 AS few;
SELECT webhook_id FROM propstreet.webhook_delivery WHERE leased AND webhook_id IN (5, 2999) ORDER BY 1;
ROLLBACK;
DELETE FROM propstreet.webhook_delivery;
-- where some that were not looked at may be due, next_due() is soon, even if all that were are held
SELECT pg_temp.hooks(515, 1100, '2026-01-01Z');
UPDATE propstreet.webhook SET hold_until_utc = '2126-01-01Z' WHERE tenant_id = 515;
SELECT pg_temp.taken(10), propstreet.webhook_next_due() < now() + interval '1 hour' AS soon;
DELETE FROM propstreet.webhook_delivery WHERE webhook_id > 1000;
SELECT pg_temp.taken(10), propstreet.webhook_next_due() AS hold;
DELETE FROM propstreet.webhook_delivery;
DELETE FROM propstreet.webhook WHERE tenant_id BETWEEN 513 AND 518;
DELETE FROM propstreet.webhook_secret WHERE tenant_id BETWEEN 513 AND 518;

-- A secret that was spoilt, or is missing, disables its webhook, and nobody else's
DELETE FROM propstreet.webhook_delivery;
SELECT pg_temp.webhook(5, 'whsec_?'), pg_temp.queue(5, 2010, 1), pg_temp.webhook(6, NULL), pg_temp.queue(6, 2010, 1), pg_temp.queue(1, 2010, 1);
SELECT pg_temp.claim();
SELECT enabled, disabled_reason, revision FROM propstreet.webhook WHERE id IN (5, 6);

-- Arguments
SELECT propstreet.webhook_claim(0);
SELECT propstreet.webhook_claim(NULL);
SELECT propstreet.webhook_claim(1, '0');
SELECT propstreet.webhook_claim(1, '2 days');
SELECT propstreet.webhook_claim(1, NULL);
SELECT propstreet.webhook_claim(1, '1 minute', 0);
SELECT propstreet.webhook_record(NULL);
SELECT propstreet.webhook_record('{}');
\set VERBOSITY default
SELECT propstreet.webhook_record('[{"tenantId": "1", "webhookId": 1, "deliveryId": "01", "attempt": 0, "responseStatus": "200", "latencyMs": -1, "error": 1, "retryAfter": {}, "x": 1}, {}]');
\set VERBOSITY terse
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT pg_temp.claim();
ROLLBACK;

-- Two changes of a resource in one statement: the outer one is the earlier, though its event is written last
DELETE FROM propstreet.webhook_delivery;
DELETE FROM propstreet.event WHERE tenant_id = 511;
SET propstreet.tenant_id = '511';
UPDATE propstreet.webhook SET events = '{project.updated}', enabled = true, filter_namespace = NULL WHERE id = 1;
DELETE FROM propstreet.webhook WHERE id <> 1;
INSERT INTO propstreet.project (id, name) VALUES (511001, 'Twice');
WITH a AS (UPDATE propstreet.project SET name = 'first' WHERE tenant_id = 511 AND id = 511001 RETURNING id)
SELECT propstreet.project_update(id, '{"name": "second"}') ->> 'name' AS name FROM a;
SELECT name FROM propstreet.project WHERE tenant_id = 511 AND id = 511001;
SELECT body::json->'data'->>'name' AS name FROM propstreet.webhook_claim();
SELECT pg_temp.record(1, '{"responseStatus": 200}');
SELECT body::json->'data'->>'name' AS name FROM propstreet.webhook_claim();
SELECT pg_temp.record(1, '{"responseStatus": 200}');

-- Replay while a later change is under way: that one is sent once more, last; what comes of the attempt counts for nothing
SELECT propstreet.project_update(511001, '{"name": "third"}') ->> 'name' AS name;
SELECT body::json->'data'->>'name' AS name, attempt FROM propstreet.webhook_claim();
SELECT json_agg(json_build_object('tenantId', tenant_id, 'webhookId', webhook_id, 'deliveryId', id, 'attempt', attempts, 'responseStatus', 200)) AS outcome
FROM propstreet.webhook_delivery WHERE leased \gset
SELECT propstreet.webhook_replay(1, '-infinity');
SELECT propstreet.webhook_record(:'outcome');
SELECT body::json->'data'->>'name' AS name, attempt FROM propstreet.webhook_claim();
SELECT pg_temp.record(1, '{"responseStatus": 200}');
SELECT body::json->'data'->>'name' AS name, attempt FROM propstreet.webhook_claim();
SELECT pg_temp.record(1, '{"responseStatus": 200}');
SELECT propstreet.webhook_record(:'outcome');
SELECT body::json->'data'->>'name' AS name, attempt FROM propstreet.webhook_claim();
SELECT pg_temp.record(1, '{"responseStatus": 200}');

-- What is under way when it is too old stays, with its event; if it fails, it is dropped with the next purge, and what waits goes
DELETE FROM propstreet.webhook_delivery;
DELETE FROM propstreet.event WHERE tenant_id = 511;
SELECT propstreet.project_update(511001, '{"name": "old"}') ->> 'name' AS name;
UPDATE propstreet.event SET created_utc = created_utc - interval '31 days' WHERE tenant_id = 511;
UPDATE propstreet.webhook_delivery SET created_utc = created_utc - interval '31 days';
SELECT propstreet.project_update(511001, '{"name": "new"}') ->> 'name' AS name;
SELECT body::json->'data'->>'name' AS name FROM propstreet.webhook_claim();
SELECT propstreet.purge();
SELECT payload->'data'->>'name' AS name FROM propstreet.event WHERE tenant_id = 511 ORDER BY created_utc;
SELECT pg_temp.record(1, '{"responseStatus": 500}');
SELECT propstreet.purge();
SELECT dropped FROM propstreet.webhook WHERE id = 1;
SELECT body::json->'data'->>'name' AS name FROM propstreet.webhook_claim();
SELECT pg_temp.record(1, '{"responseStatus": 500}');
-- an event that the owner has deleted takes its delivery along, and lets go what waits for it
SELECT propstreet.project_update(511001, '{"name": "newer"}') ->> 'name' AS name;
SELECT pg_temp.claim(), pg_temp.expire(VARIADIC array_agg(event_id)) FROM propstreet.webhook_delivery WHERE attempts = 1;
DELETE FROM propstreet.event WHERE tenant_id = 511 AND payload->'data'->>'name' = 'new';
SELECT body::json->'data'->>'name' AS name FROM propstreet.webhook_claim();
SELECT pg_temp.record(1, '{"responseStatus": 200}');

-- Another test gives up the one before, so as not to wait for its retries
SELECT propstreet.webhook_test(1) ->> 'deliveryId' IS NOT NULL AS test;
SELECT count(*) FROM propstreet.webhook_claim();
SELECT pg_temp.record(1, '{"responseStatus": 404}');
SELECT propstreet.webhook_test(1) ->> 'deliveryId' IS NOT NULL AS test;
SELECT status, attempts, response FROM pg_temp.state(1) WHERE event_id IN (SELECT id FROM propstreet.event WHERE event = 'webhook.test');
SELECT count(*) FROM propstreet.webhook_claim();
SELECT pg_temp.record(1, '{"responseStatus": 410}');

-- Why it was disabled stays known, until it is enabled
SELECT propstreet.webhook_update(1, '{"name": "x"}') -> 'disabledReason' AS reason;
SELECT propstreet.webhook_update(1, '{"enabled": true}') -> 'disabledReason' AS reason;

-- Whoever keeps to one snapshot can't change a webhook
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT propstreet.webhook_update(1, '{"name": "y"}');
ROLLBACK;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT status, body FROM propstreet.handle('PATCH', '/api/v1/webhooks/1', '{}', '{"name": "y"}');
ROLLBACK;
SELECT propstreet.webhook_claim(1, '1000000 years');
RESET propstreet.tenant_id;

-- So many tenants have something due that a claim looks at one webhook of each: all have their turn, also those that come closely after others
DELETE FROM propstreet.webhook_delivery;
INSERT INTO propstreet.webhook (tenant_id, id, url, events, created_utc, updated_utc, last_success_utc, hold_until_utc)
SELECT h.tenant_id, h.id, 'https://example.com/', '{project.created}', now(), now(), now(), now() + interval '1 day'
FROM (SELECT 100000 + n, n FROM generate_series(1, 1100) AS n UNION ALL SELECT 511, n FROM unnest(ARRAY[110, 111, 112, 113, 1000000000]) AS n) AS h (tenant_id, id);
UPDATE propstreet.webhook SET hold_until_utc = NULL WHERE tenant_id = 511 AND id IN (112, 113);
INSERT INTO propstreet.webhook_secret (tenant_id, webhook_id, secret) VALUES (511, 112, 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'), (511, 113, 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw');
INSERT INTO propstreet.event (tenant_id, id, event, resource_id, created_utc, payload) VALUES (511, 900, 'project.created', 1, now(), '{}');
INSERT INTO propstreet.webhook_delivery (tenant_id, webhook_id, event_id, event, resource_id, created_utc, next_attempt_utc)
SELECT tenant_id, id, 900, 'project.created', 1, now(), now() FROM propstreet.webhook WHERE tenant_id > 100000 OR id >= 110;
DO $$BEGIN FOR n IN 1..6 LOOP PERFORM propstreet.webhook_claim(); END LOOP; END$$;
SELECT webhook_id, leased FROM propstreet.webhook_delivery WHERE tenant_id = 511 ORDER BY 1;
DELETE FROM propstreet.webhook WHERE tenant_id > 100000 OR id >= 110;

-- Not for everybody
CREATE ROLE regress_nobody;
GRANT USAGE ON SCHEMA propstreet TO regress_nobody;
SET ROLE regress_nobody;
SELECT propstreet.webhook_claim();
SELECT propstreet.webhook_record('[]');
SELECT propstreet.webhook_next_due();
RESET ROLE;
DROP OWNED BY regress_nobody;
DROP ROLE regress_nobody;
DELETE FROM propstreet.webhook_delivery;
DELETE FROM propstreet.webhook;
DELETE FROM propstreet.event WHERE tenant_id = 511;
DELETE FROM propstreet.project WHERE tenant_id = 511 AND id = 511001;
