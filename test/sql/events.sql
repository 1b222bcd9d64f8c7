-- events: what happened is recorded with the change, whichever door it came through
\i test/preamble.sql
SELECT test.begin(501);
INSERT INTO propstreet.company (name, tags) VALUES ('Company', '{c}'), ('Other', '{o}');
INSERT INTO propstreet.contact (name, tags, company_id) VALUES ('Contact', '{a,b}', 1), ('Second', '{}', NULL);

-- Runs a statement, and says which events it made, with what they say besides the resource itself
CREATE FUNCTION pg_temp.events(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	last bigint := coalesce(max(id), 0) FROM propstreet.event WHERE tenant_id = 501;
	result text;
BEGIN
	EXECUTE statement;
	SELECT coalesce(string_agg(concat_ws(' ', event, resource_id, change_origin, payload -> 'data' ->> 'changedFields'), ', ' ORDER BY id), 'none')
	INTO result FROM propstreet.event WHERE tenant_id = 501 AND id > last;
	RETURN result;
END
$$;

-- the guide's payload
SELECT propstreet.project_create('{"name": "Stockholm Office Portfolio", "asset": {"type": "portfolio", "propertyCount": 5}, "externalRefs": [{"namespace": "hubspot", "id": "deal-123456"}]}')->>'id';
SET propstreet.change_origin = 'crm';
SELECT propstreet.teaser_communicate(1, '2100-01-01') ->> 'id';
RESET propstreet.change_origin;
SELECT test.masked(regexp_replace(payload::text, '"timestamp":"20[^"]*Z"', '"timestamp":"<time>"')) FROM propstreet.event WHERE tenant_id = 501 ORDER BY id;
-- an event is of the moment of its change, and its data is the resource as it was read then
SELECT event, e.created_utc = updated_utc AND (payload ->> 'timestamp')::timestamptz = updated_utc AS moment,
	(payload -> 'data')::jsonb - 'changeOrigin' - 'changedFields' = resource::jsonb AS resource
FROM propstreet.event AS e JOIN propstreet.project_delta AS p ON p.tenant_id = e.tenant_id AND p.id = e.resource_id WHERE e.tenant_id = 501 AND e.id = 2;

-- every field, by operations
SELECT operation, pg_temp.events('SELECT propstreet.' || operation) FROM (VALUES
	('project_update(1, ''{"name": "x"}'')'), ('project_update(1, ''{"asset": {"type": "portfolio"}}'')'), ('project_update(1, ''{"asset": {"type": "single"}}'')'),
	('project_update(1, ''{"classification": "active", "mandate": "other"}'')'),
	('project_update(1, ''{"price": {"value": 150, "currency": "SEK"}, "priceRange": {"min": 1, "currency": "SEK"}, "externalRefs": []}'')'),
	('project_update(1, ''{"price": {"value": 150.0, "currency": "SEK"}}'')'), ('project_update(1, ''{}'')'),
	('project_close(1)'), ('project_close(1, ''[{"a": 1}]'')'), ('project_reopen(1)'),
	('project_upsert(''crm'', ''1'', ''{"name": "upserted"}'')'), ('project_upsert(''crm'', ''1'', ''{"name": "upserted"}'')'), ('teaser_advance(2, ''published'')'),
	('prospect_add(1, ''{"contactId": "1"}'')'), ('prospect_add_batch(1, ''{"items": [{"companyId": "1"}, {"contactId": "2"}, {"contactId": "1"}]}'')'),
	('prospect_update(1, 1, ''{"classification": "bidder", "externalRefs": [{"namespace": "crm", "id": "p"}]}'')'), ('prospect_update(1, 1, ''{"classification": "bidder"}'')'),
	('teaser_communicate(1, ''2100-01-01'')'), ('prospect_update_batch(1, ''{"items": [{"id": "2", "classification": "contacted"}, {"id": "3", "classification": "not_contacted"}]}'')'),
	('prospect_remove(1, 2)'), ('project_get(1)'), ('project_list()')) AS v (operation);
-- and by plain SQL; of many rows, of one tenant's own
SELECT statement, pg_temp.events(statement) FROM (VALUES
	('UPDATE propstreet.project SET name = ''y'' WHERE tenant_id = 501'), ('UPDATE propstreet.project SET name = name WHERE tenant_id = 501'),
	('UPDATE propstreet.prospect SET deadline_utc = ''2100-01-01'' WHERE tenant_id = 501 AND id = 1'), ('UPDATE propstreet.prospect SET accepted_utc = ''2050-01-01'' WHERE tenant_id = 501 AND id = 1'),
	('UPDATE propstreet.contact SET tags = ''{n}'', name = ''n'' WHERE tenant_id = 501 AND id = 1'), ('UPDATE propstreet.contact SET name = ''m'' WHERE tenant_id = 501'),
	('UPDATE propstreet.contact SET company_id = 2 WHERE tenant_id = 501 AND id = 1'), ('UPDATE propstreet.company SET tags = ''{n}'' WHERE tenant_id = 501'),
	('INSERT INTO propstreet.project (name, status) VALUES (''born deleted'', ''deleted'')'),
	('INSERT INTO propstreet.project (id, name) VALUES (2, ''x'') ON CONFLICT (tenant_id, id) DO UPDATE SET name = EXCLUDED.name'),
	('WITH p AS (INSERT INTO propstreet.project (name) VALUES (''with'') RETURNING id) UPDATE propstreet.prospect SET classification = ''interested'' WHERE tenant_id = 501 AND id = 1'),
	('UPDATE propstreet.project SET status = ''deleted'', name = ''gone'' WHERE tenant_id = 501 AND id = 2'), ('UPDATE propstreet.project SET name = ''later'' WHERE tenant_id = 501 AND id = 2'),
	('UPDATE propstreet.project SET deleted_utc = NULL WHERE tenant_id = 501 AND id = 2'),
	('SELECT propstreet.project_delete(1)'), ('COPY propstreet.project (name) FROM PROGRAM ''echo one; echo two''')) AS v (statement);

-- a column of the owner's own is no field of the API
ALTER TABLE propstreet.project ADD COLUMN own integer;
SELECT pg_temp.events('UPDATE propstreet.project SET own = 1 WHERE tenant_id = 501 AND id = 2');
ALTER TABLE propstreet.project DROP COLUMN own;

-- nor does it matter what the owner has added to the table of events: all of it is heeded
BEGIN;
ALTER TABLE propstreet.event ADD COLUMN own text NOT NULL DEFAULT 'own';
SELECT pg_temp.events('UPDATE propstreet.project SET name = ''own'' WHERE tenant_id = 501 AND id = 2');
SELECT own FROM propstreet.event WHERE tenant_id = 501 ORDER BY id DESC LIMIT 1;
ALTER TABLE propstreet.event DROP COLUMN own;
SELECT pg_temp.events('UPDATE propstreet.project SET name = ''dropped'' WHERE tenant_id = 501 AND id = 2');
ROLLBACK;
CREATE FUNCTION pg_temp.own() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN NEW.change_origin := 'own'; RETURN NEW; END$$;
CREATE TRIGGER own BEFORE INSERT ON propstreet.event FOR EACH ROW EXECUTE FUNCTION pg_temp.own();
SELECT pg_temp.events('UPDATE propstreet.project SET name = ''trigger'' WHERE tenant_id = 501 AND id = 2');
DROP TRIGGER own ON propstreet.event;
ALTER TABLE propstreet.event ADD CONSTRAINT own CHECK (resource_id <> 2 OR event <> 'project.updated' OR tenant_id <> 501) NOT VALID;
SELECT test.try('UPDATE propstreet.project SET name = ''check'' WHERE tenant_id = 501 AND id = 2');
ALTER TABLE propstreet.event DROP CONSTRAINT own;
CREATE UNIQUE INDEX own ON propstreet.event (tenant_id, event, resource_id) WHERE event = 'project.deleted' AND tenant_id = 501;
SELECT pg_temp.events('UPDATE propstreet.project SET status = ''deleted'' WHERE tenant_id = 501 AND id = 4');
UPDATE propstreet.project SET status = 'open' WHERE tenant_id = 501 AND id = 4;
SELECT test.try('UPDATE propstreet.project SET status = ''deleted'' WHERE tenant_id = 501 AND id = 4');
DROP INDEX propstreet.own;

-- rolled back with the change
SELECT count(*) AS before FROM propstreet.event WHERE tenant_id = 501 \gset
BEGIN;
UPDATE propstreet.project SET name = 'z' WHERE tenant_id = 501;
SELECT count(*) > :before FROM propstreet.event WHERE tenant_id = 501;
ROLLBACK;
SELECT count(*) = :before FROM propstreet.event WHERE tenant_id = 501;

-- more than 1,000 events, and payloads of more bytes than are written with one statement
SELECT test.begin(502);
INSERT INTO propstreet.project (name) SELECT 'p' || g FROM generate_series(1, 2500) AS g;
UPDATE propstreet.project SET classification = 'active' WHERE tenant_id = 502 AND id % 2 = 0;
SELECT event, count(*), count(DISTINCT resource_id), bool_and(payload -> 'data' ->> 'id' = resource_id::text), bool_and(payload ->> 'event' = event)
FROM propstreet.event WHERE tenant_id = 502 GROUP BY event ORDER BY event;
INSERT INTO propstreet.project (name, status, transactions)
SELECT 'closed', 'closed', json_build_array(json_build_object('text', repeat('x', 65000))) FROM generate_series(1, 300);
SELECT count(*), min(length(payload::text)) > 65000 FROM propstreet.event WHERE tenant_id = 502 AND payload -> 'data' ->> 'status' = 'closed';

-- a bulk load can do without, and is told so once a transaction; a restore has none
SELECT test.begin(503);
SET propstreet.events = off;
BEGIN;
INSERT INTO propstreet.project (name) VALUES ('quiet');
UPDATE propstreet.project SET name = 'quiet still' WHERE tenant_id = 503;
COMMIT;
RESET propstreet.events;
SET propstreet.restore = on;
INSERT INTO propstreet.project (id, name, created_utc, updated_utc, revision) VALUES (9, 'restored', now(), now(), 1);
RESET propstreet.restore;
SELECT count(*) FROM propstreet.event WHERE tenant_id = 503;

-- settings
SET propstreet.change_origin = 'naïve';
SET propstreet.change_origin = 'two
lines';
SELECT test.try(format('SET propstreet.change_origin = %L', repeat('x', 101)));
SELECT test.try(format('SET propstreet.change_origin = %L', repeat('x', 100)));
SET propstreet.notify = 'loud';
SET propstreet.change_origin = '"<&>\';
SELECT pg_temp.events('SELECT') , test.masked(propstreet.project_create('{"name": "x"}'));
SELECT payload -> 'data' ->> 'changeOrigin' FROM propstreet.event WHERE tenant_id = 503;
RESET propstreet.change_origin;
CREATE ROLE regress_app;
SELECT propstreet.grant_to('regress_app');
SET ROLE regress_app;
SET propstreet.notify = off;
SET propstreet.events = off;
SET propstreet.change_origin = 'anybody may';
SELECT propstreet.project_create('{"name": "y"}') ->> 'name';
SELECT change_origin FROM propstreet.event ORDER BY id DESC LIMIT 1;
INSERT INTO propstreet.event (event, resource_id, created_utc, payload) VALUES ('project.created', 1, now(), '{}');
RESET ROLE;
RESET propstreet.change_origin;
DROP OWNED BY regress_app;
DROP ROLE regress_app;
