-- workflow.sql: the guide's "Typical workflow", for `make demo`. In a new database, as a superuser.
-- An error ends it, but between the lines that say so; what those gave is checked at the end.

\set ON_ERROR_STOP on
\set QUIET on
\set ECHO queries
\pset pager off
\pset footer off
\pset format unaligned
\pset tuples_only on
\set owner :USER

\echo
\echo '--- 1. The code comes with the extension, the tables with install()'
\echo
CREATE EXTENSION propstreet;
SELECT propstreet.install();

\echo
\echo '--- 2. An application role, pinned to tenant 1; and one of another tenant'
\echo
CREATE ROLE agency LOGIN;
SELECT propstreet.grant_to('agency');
ALTER ROLE agency SET propstreet.tenant_id = '1';
ALTER ROLE agency SET search_path = propstreet, public;

CREATE ROLE rival LOGIN;
SELECT propstreet.grant_to('rival');
ALTER ROLE rival SET propstreet.tenant_id = '2';

\connect - agency
\echo
\echo '(connected as agency)'
SELECT current_user, propstreet.current_tenant();

\echo
\echo '--- 3. The network: companies, contacts, and what they invest in'
\echo
INSERT INTO propstreet.company (name, tags) VALUES
  ('Nordic Estates', '{tier-1}'), ('Fjord Capital', '{tier-2}'), ('Baltic Giants', '{}');
INSERT INTO propstreet.contact (company_id, name, email, tags, blocked) VALUES
  (1, 'Anna Berg', 'anna@nordic.example', '{tier-1,repeat-buyer}', false),
  (1, 'Erik Lund', 'erik@nordic.example', '{}', false),
  (NULL, 'Olof Skog', 'olof@skog.example', '{}', true);
INSERT INTO propstreet.investment_strategy (contact_id, company_id, asset_types, budget) VALUES
  (1, NULL, '{portfolio}', '100..200 millions SEK'),
  (3, NULL, NULL, NULL),
  (NULL, 2, NULL, '..0.5 billions SEK'),
  (NULL, 3, '{portfolio}', '1.. billions SEK');

\echo
\echo '--- 4. Create a project'
\echo
SELECT propstreet.project_create('{
  "name": "Stockholm Office Portfolio",
  "asset": { "type": "portfolio", "propertyCount": 5 },
  "mandate": "exclusive",
  "price": { "value": 150, "currency": "SEK", "scale": "millions" }
}');

\echo
\echo '--- 5. Add prospects: a contact, a company whose contact is not known yet, and some in a batch'
\echo
SELECT propstreet.prospect_add(1, '{"contactId": "2"}');
SELECT propstreet.prospect_add(1, '{"companyId": "1"}');
SELECT propstreet.prospect_add_batch(1, '{"items": [{"companyId": "3"}, {"contactId": "2"}]}');

\echo
\echo '--- 6. Classify them'
\echo
SELECT propstreet.prospect_update(1, 1, '{"classification": "interested"}');

\echo
\echo '--- 7. Link the project to a CRM, find it by that reference, and upsert'
\echo
SELECT propstreet.project_update(1, '{"externalRefs": [{"namespace": "HubSpot", "id": "deal-123456"}]}');
SELECT propstreet.project_find('hubspot', 'deal-123456') ->> 'name';
SELECT propstreet.project_upsert('hubspot', 'deal-123456', '{"classification": "active"}');
SELECT propstreet.project_upsert('hubspot', 'deal-123456', '{"classification": "active"}') ->> 'result';

\echo
\echo '--- 8. Communicate the teaser: investors whose strategy fits become prospects, the blocked one does not'
\echo
SELECT propstreet.teaser_communicate(1, now() + interval '30 days');
\t \a
SELECT id, contact_id, company_id, classification, tags, deadline_utc IS NOT NULL AS teaser
FROM propstreet.prospect WHERE project_id = 1 ORDER BY id;
\t \a

\echo
\echo '--- 9. An investor accepts, and may chat from now on'
\echo
SELECT propstreet.teaser_accept(1, 4);

\echo
\echo '--- 10. Where is this investor active?'
\echo
SELECT propstreet.contact_projects(1);

\echo
\echo '--- 11. Plain SQL keeps every rule: an UPDATE makes a new version, new tags reach the prospects'
\echo
\t \a
SELECT revision, etag, price FROM propstreet.project_delta WHERE id = 1;
\set ECHO none
\gset old_
\set ECHO queries
UPDATE propstreet.project SET price = '0.16 billions SEK' WHERE id = 1;
SELECT revision, etag, price, price > '150 millions SEK' AS dearer FROM propstreet.project_delta WHERE id = 1;

UPDATE propstreet.contact SET tags = '{tier-1,nordic}' WHERE id = 1;
SELECT id, revision, tags FROM propstreet.prospect WHERE contact_id = 1;

\echo
\echo '--- 12. Sync: everything that changed since a moment, and the moment to ask from next time'
\echo
SELECT id, updated_utc, resource ->> 'classification' AS classification, synced_utc
FROM propstreet.prospect_changes(since => now() - interval '1 hour');
\t \a

\echo
\echo '--- 13. Webhooks: a subscription, and what a change queues for it; the worker, where it is loaded, sends it'
\echo
SELECT propstreet.webhook_create('{"url": "https://crm.example/hooks", "events": ["project.updated"]}') ->> 'secret';
SET propstreet.change_origin = 'demo';
UPDATE propstreet.project SET classification = 'inactive' WHERE id = 1;
SELECT propstreet.webhook_deliveries(1);
SELECT payload FROM propstreet.event ORDER BY id DESC LIMIT 1;

\echo
\echo '--- 14. The REST API of the guide is one function'
\echo
SELECT status, headers, body FROM propstreet.handle('GET', '/api/v1/projects/1');
SELECT status, body FROM propstreet.handle('PATCH', '/api/v1/projects/1', '{"If-Match": "W/\"abc123\""}', '{"name": "Stale"}');

\echo
\echo '--- 15. What is refused: a bad body, with all its problems at once; a stale ETag; another tenant'
\echo
\set ON_ERROR_STOP off
SELECT propstreet.project_create('{"nam": "Gothenburg Hotel", "price": {"value": -1, "currency": "EURO"}}');
\set bad_body :SQLSTATE
\echo 'SQLSTATE:' :bad_body
\echo
SELECT propstreet.project_update(1, '{"name": "Stockholm Offices"}', if_match => :'old_etag');
\set stale :SQLSTATE
\echo 'SQLSTATE:' :stale
\echo
SET propstreet.tenant_id = '2';
\set switched :SQLSTATE
\echo 'SQLSTATE:' :switched
\set ON_ERROR_STOP on

\connect - rival
\echo
\echo '--- 16. The other tenant sees nothing of it'
\echo
\echo '(connected as rival)'
SELECT current_user, propstreet.current_tenant();
SELECT count(*) FROM propstreet.project;
\set ECHO none
\gset foreign_
\set ECHO queries
\set ON_ERROR_STOP off
SELECT propstreet.project_get(1);
\set foreign :SQLSTATE
\echo 'SQLSTATE:' :foreign
\set ON_ERROR_STOP on

\connect - :owner
\echo
\echo '--- 17. Does anything stored contradict the rules? No rows: no'
\echo
SELECT * FROM propstreet.check();

-- Fails unless all went as the headings say
\set ECHO none
SELECT ARRAY[:'bad_body', :'stale', :'switched', :'foreign'] = '{PT400,PT412,42501,PT404}' AND :'foreign_count' = 0
	AND array_agg(deadline_utc IS NOT NULL ORDER BY id) = '{f,f,f,t,t}' AND count(accepted_utc) = 1
	AND NOT EXISTS (SELECT FROM propstreet.check()) AS as_expected
FROM propstreet.prospect
\gset
\if :as_expected
	\echo 'That was all of it.'
	\echo
\else
	DO $$ BEGIN RAISE EXCEPTION 'the answers are not those that the headings promise'; END $$;
\endif
