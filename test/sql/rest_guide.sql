-- rest_guide: every request of the guide, in the guide's order, over the REST API, by a role that only got grant_to()
\i test/preamble.sql
SELECT test.begin(601);
CREATE ROLE regress_app;
SELECT propstreet.grant_to('regress_app');
SELECT setval('propstreet.project_id_seq', 122), setval('propstreet.prospect_id_seq', 455);
INSERT INTO propstreet.company (id, name, tags) VALUES (201, 'Company 201', '{}'), (321, 'Company 321', '{nordic}'), (456, 'Company 456', '{}');
INSERT INTO propstreet.contact (id, name, company_id, tags) VALUES (101, 'Contact 101', NULL, '{}'), (102, 'Contact 102', NULL, '{}'),
	(103, 'Contact 103', NULL, '{}'), (789, 'Contact 789', 321, '{tier-1,repeat-buyer}');
INSERT INTO propstreet.investment_strategy (contact_id) VALUES (789);
INSERT INTO propstreet.property (id, profile) VALUES (11, '{"city": "Stockholm"}');
SET ROLE regress_app;

-- Create a Project comes first, as there is none to begin with
SELECT test.ask('POST /api/v1/projects', '{"Authorization": "Bearer x", "Content-Type": "application/json", "Idempotency-Key": "6b7f1e1e-8a5c-4a3e-9d4c-0d6b1c6f5a01"}', '{
"name": "Stockholm Office Portfolio",
"asset": { "type": "portfolio", "propertyCount": 5 },
"mandate": "exclusive",
"price": { "value": 150, "currency": "SEK", "scale": "millions" }
}');

-- How It Works: with curl's own content type; without any; with the tag of the version
SELECT test.ask('PATCH /api/v1/projects/123', '{"If-Match": "W/\"abc123\"", "Content-Type": "application/x-www-form-urlencoded"}', '{"name": "Updated Name"}');
-- Conflict Resolution
SELECT test.ask('PATCH /api/v1/projects/123', '{"If-Match": "W/\"abc123\""}', '{"name": "Updated Name"}');
SELECT test.ask('PATCH /api/v1/projects/123', json_build_object('If-Match', propstreet.project_get(123)->>'etag'), '{"name": "Stockholm Office Portfolio "}');

-- Linked Properties: none, then one
SELECT test.ask('GET /api/v1/projects/123/properties');
INSERT INTO propstreet.project_property (project_id, property_id) VALUES (123, 11);
SELECT test.ask('GET /api/v1/projects/123/properties');

-- List Projects
SELECT test.ask('GET /api/v1/projects?page_size=100', '{"Authorization": "Bearer x"}');

-- Get a Project
SELECT test.ask('GET /api/v1/projects/123', '{"Authorization": "Bearer x"}');

-- Update a Project
SELECT test.ask('PATCH /api/v1/projects/123', json_build_object('Content-Type', 'application/json', 'If-Match', propstreet.project_get(123)->>'etag'), '{
"name": "Updated Project Name",
"asset": { "type": "portfolio", "propertyCount": 3 }
}');

-- Delete a Project
SELECT test.ask('POST /api/v1/projects', '{}', '{"name": "To be deleted"}');
SELECT test.ask('DELETE /api/v1/projects/124', '{"Authorization": "Bearer x"}');
SELECT test.ask('GET /api/v1/projects/124');
SELECT test.ask('GET /api/v1/projects/124?include_deleted=true');

-- List Prospects
SELECT test.ask('GET /api/v1/projects/123/prospects?page_size=100');

-- Add a Prospect
SELECT test.ask('POST /api/v1/projects/123/prospects', '{"Content-Type": "application/json", "Idempotency-Key": "6b7f1e1e-8a5c-4a3e-9d4c-0d6b1c6f5a02"}', '{"contactId": "789"}');
SELECT test.ask('POST /api/v1/projects/123/prospects', '{"Content-Type": "application/json", "Idempotency-Key": "6b7f1e1e-8a5c-4a3e-9d4c-0d6b1c6f5a03"}', '{"companyId": "456"}');

-- Get a Prospect
SELECT test.ask('GET /api/v1/projects/123/prospects/456');

-- Update a Prospect
SELECT test.ask('PATCH /api/v1/projects/123/prospects/456', json_build_object('Content-Type', 'application/json', 'If-Match', propstreet.prospect_get(123, 456)->>'etag'), '{"classification": "bidder"}');
SELECT test.ask('PATCH /api/v1/projects/123/prospects/456', json_build_object('Content-Type', 'application/json', 'If-Match', propstreet.prospect_get(123, 456)->>'etag'), '{"externalRefs": [{"namespace": "salesforce", "id": "006XXXXXXXXXXXX"}]}');

-- Remove a Prospect
SELECT test.ask('DELETE /api/v1/projects/123/prospects/457');
SELECT test.ask('GET /api/v1/projects/123/prospects/457');

-- the teaser is communicated and accepted, which no request does
SELECT propstreet.teaser_communicate(123, '2126-02-15T23:59:59Z')->'teaser'->>'stage', propstreet.teaser_accept(123, 456)->>'capabilities';
SELECT test.ask('GET /api/v1/projects/123/prospects?page_size=100');

-- List Projects for a Contact, for a Company
SELECT test.ask('GET /api/v1/network/contacts/789/projects?page_size=100');
SELECT test.ask('GET /api/v1/network/companies/321/projects?page_size=100');

-- Create with External Refs
SELECT test.ask('POST /api/v1/projects', '{"Content-Type": "application/json", "Idempotency-Key": "6b7f1e1e-8a5c-4a3e-9d4c-0d6b1c6f5a04"}', '{
"name": "Stockholm Office Portfolio",
"externalRefs": [
{ "namespace": "hubspot", "id": "deal-123456" }
]
}');

-- Update External Refs
SELECT test.ask('PATCH /api/v1/projects/123', '{"Content-Type": "application/json"}', '{
"externalRefs": [
{ "namespace": "salesforce", "id": "006XXXXXXXXXXXX" },
{ "namespace": "pipedrive", "id": "12345" }
]
}');
SELECT test.ask('PATCH /api/v1/projects/123', '{"Content-Type": "application/json"}', '{"externalRefs": []}');

-- Lookup by External Ref
SELECT test.ask('GET /api/v1/projects/external/hubspot/deal-123456');
SELECT test.ask('GET /api/v1/projects/external/HubSpot/deal-123456') = test.ask('GET /api/v1/projects/external/hubspot/deal-123456') AS any_case;
SELECT test.ask('GET /api/v1/projects/external/hubspot/deal-000000');
SELECT test.ask('GET /api/v1/projects/123/prospects/external/salesforce/006XXXXXXXXXXXX');

-- CRM Sync with External Refs: the requests of sync_from_crm, for a deal that is there, and for one that is not
SELECT test.ask('PATCH /api/v1/projects/125', '{"Content-Type": "application/json"}', '{"name": "Deal"}');
SELECT test.ask('POST /api/v1/projects', '{"Content-Type": "application/json"}', '{"name": "New deal", "externalRefs": [{"namespace": "hubspot", "id": "deal-2"}]}');

-- Batch Add Prospects; the last contact is a prospect already
SELECT test.ask('POST /api/v1/projects/123/prospects', '{}', '{"contactId": "103"}');
SELECT test.ask('POST /api/v1/projects/123/prospects:batch', '{"Content-Type": "application/json"}', '{
"items": [
{ "contactId": "101" },
{ "contactId": "102", "externalRefs": [{ "namespace": "hubspot", "id": "deal-789" }] },
{ "companyId": "201" },
{ "contactId": "103" }
]
}');

-- Filter by External Ref
SELECT regexp_replace(test.ask('POST /api/v1/webhooks', '{"Content-Type": "application/json"}', '{
"url": "https://your-system.com/webhooks/propstreet",
"events": ["project.updated", "prospect.updated"],
"filter": {
"externalRef.namespace": "hubspot"
}
}'), '"whsec_[A-Za-z0-9+/]{32,}=*"', '"whsec_<secret>"');

-- Initial Sync: two projects a page, until hasMore is false
SELECT test.ask('GET /api/v1/projects?page_size=2');
SELECT test.ask('GET /api/v1/projects?page_size=2&cursor=' || ((SELECT body FROM propstreet.handle('GET', '/api/v1/projects?page_size=2'))::json->'page'->>'nextCursor'));

-- Delta Sync: toISOString() of JavaScript, isoformat() of Python
SELECT (SELECT body FROM propstreet.handle('GET', '/api/v1/projects'))::json->'page'->>'syncedUtc' AS since \gset
SELECT test.ask('DELETE /api/v1/projects/126');
SELECT test.ask('GET /api/v1/projects?updated_since=' || replace(:'since', ':', '%3A') || '&include_deleted=true');
SELECT test.ask('GET /api/v1/projects?updated_since=' || replace(replace(:'since', ':', '%3A'), 'Z', '%2B00%3A00') || '&include_deleted=true')
	= test.ask('GET /api/v1/projects?updated_since=' || replace(:'since', 'Z', '+00:00') || '&include_deleted=TRUE') AS same;
SELECT test.ask('GET /api/v1/projects/123/prospects?updated_since=2026-01-15T10%3A00%3A00.000Z&page_size=1');

-- Filtering Prospects
SELECT test.ask('GET /api/v1/projects/123/prospects?capability=chat');
SELECT test.ask('GET /api/v1/projects/123/prospects?classification=interested');
SELECT test.ask('GET /api/v1/projects/123/prospects?tags=tier-1') = test.ask('GET /api/v1/projects/123/prospects?capability=chat') AS the_same_one;
SELECT test.ask('GET /api/v1/projects/123/prospects?tags=vip&tags=tier-1') = test.ask('GET /api/v1/projects/123/prospects?capability=chat') AS the_same_one;

-- ours: all prospects, upserts, update of a batch
SELECT test.ask('GET /api/v1/prospects?page_size=1');
SELECT test.ask('PUT /api/v1/projects/external/hubspot/deal-3', '{}', '{"name": "Upserted"}');
SELECT test.ask('PUT /api/v1/projects/external/hubspot/deal-3', '{}', '{"mandate": "other"}');
SELECT test.ask('PUT /api/v1/projects/123/prospects/external/crm/a%2Fb', '{}', '{"contactId": "789"}');
SELECT test.ask('PATCH /api/v1/projects/123/prospects:batch', '{}', '{"items": [{"id": "456", "classification": "contacted"}, {"id": "1"}]}');

-- webhooks
SELECT test.ask('GET /api/v1/webhooks');
SELECT test.ask('PATCH /api/v1/webhooks/1', '{"If-Match": "*"}', '{"excludeOrigin": "crm"}');
SELECT test.ask('GET /api/v1/webhooks/1');
SELECT regexp_replace(test.ask('POST /api/v1/webhooks/1/rotate-secret'), '"whsec_[A-Za-z0-9+/]{32,}=*"', '"whsec_<secret>"');
SELECT regexp_replace(test.ask('POST /api/v1/webhooks/1/test'), '"\d+"', '"<id>"');
SELECT test.ask('POST /api/v1/webhooks/1/replay', '{}', '{"since": "2026-01-01T00:00:00Z"}');
SELECT regexp_replace(test.ask('GET /api/v1/webhooks/1/deliveries?page_size=1'), '"(id|eventId)":"\d+"|"nextAttemptUtc":"[^"]+"', '"\1":<>', 'g');
SELECT test.ask('DELETE /api/v1/webhooks/1');
SELECT test.ask('GET /api/v1/webhooks/1');

RESET ROLE;
DROP OWNED BY regress_app;
DROP ROLE regress_app;
