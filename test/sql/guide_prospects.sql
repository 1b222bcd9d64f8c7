-- guide_prospects: the specification's examples of prospects, by everyone who may: a superuser, the tables' owner, a role that only got grant_to()
\i test/preamble.sql
SELECT test.begin(111);
CREATE ROLE regress_app;
SELECT propstreet.grant_to('regress_app');
SELECT setval('propstreet.project_id_seq', 122), setval('propstreet.prospect_id_seq', 455), setval('propstreet.contact_id_seq', 788), setval('propstreet.company_id_seq', 320);

-- the network is kept by plain SQL
SELECT test.try_as_everyone($$INSERT INTO propstreet.company (name, tags) VALUES ('Nordic Capital', '{nordic}') RETURNING id$$);
SELECT test.try_as_everyone($$INSERT INTO propstreet.contact (name, email, company_id, tags) VALUES ('Anna', 'anna@example.com', 321, '{tier-1,repeat-buyer}') RETURNING id$$);
SELECT setval('propstreet.company_id_seq', 455);
SELECT test.try_as_everyone($$INSERT INTO propstreet.company (name) VALUES ('Placeholder AB') RETURNING id$$);
SELECT test.try_as_everyone($$SELECT propstreet.project_create('{"name": "Stockholm Office Portfolio"}')$$);

-- Add a Prospect
SELECT test.try_as_everyone($$SELECT propstreet.prospect_add(123, '{"contactId": "789"}')$$);
SELECT test.try_as_everyone($$SELECT propstreet.prospect_add(123, '{"companyId": "456"}')$$);

-- Get a Prospect
SELECT test.try_as_everyone('SELECT propstreet.prospect_get(123, 456)');

-- Update a Prospect
SELECT test.try_as_everyone($$SELECT propstreet.prospect_update(123, 456, '{"classification": "bidder"}', propstreet.prospect_get(123, 456)->>'etag')$$);
SELECT test.try_as_everyone($$SELECT propstreet.prospect_update(123, 456, '{"externalRefs": [{"namespace": "salesforce", "id": "006XXXXXXXXXXXX"}]}', propstreet.prospect_get(123, 456)->>'etag')$$);
SELECT test.try_as_everyone($$SELECT propstreet.prospect_update(123, 456, '{"classification": "bidder"}', 'W/"def456"')$$);

-- Communicate the teaser, monitor responses
SELECT test.try_as_everyone('INSERT INTO propstreet.investment_strategy (contact_id) VALUES (789) RETURNING id');
SELECT test.try_as_everyone($$SELECT propstreet.teaser_communicate(123, '2126-02-15T23:59:59Z')$$);
SELECT test.try_as_everyone('SELECT propstreet.prospect_get(123, 456)');
SELECT test.try_as_everyone('SELECT propstreet.teaser_accept(123, 456)');
SELECT test.try_as_everyone($$SELECT propstreet.prospect_update(123, 456, '{"classification": "interested"}')$$);

-- the prospect of List Prospects
SELECT test.try_as_everyone('SELECT propstreet.prospect_get(123, 456)') = replace(test.masked(test.compact('{
"id": "456",
"projectId": "123",
"contactId": "789",
"companyId": "321",
"classification": "interested",
"capabilities": ["chat"],
"tags": ["tier-1", "repeat-buyer"],
"externalRefs": [{ "namespace": "salesforce", "id": "006XXXXXXXXXXXX" }],
"teaser": {
"acceptedUtc": "2026-01-20T14:30:00Z",
"deadlineUtc": "2026-02-15T23:59:59Z"
},
"createdUtc": "2026-01-15T10:00:00Z",
"updatedUtc": "2026-01-20T14:30:00Z",
"etag": "W/\"def456\""
}')), '2026-02-15T23:59:59Z', '2126-02-15T23:59:59Z') AS as_in_the_guide;

-- Remove a Prospect
SELECT test.try_as_everyone('SELECT propstreet.prospect_remove(123, 456)');
SELECT test.try_as_everyone('SELECT propstreet.prospect_get(123, 456)');
SELECT test.try_as_everyone('SELECT propstreet.prospect_get(123, 456, include_deleted => true)');

-- Error Handling: the investor already exists as a prospect
SELECT test.try_as_everyone($$SELECT propstreet.prospect_add(123, '{"companyId": "456"}')$$);

-- List Prospects, to the letter
SELECT test.begin(114);
INSERT INTO propstreet.company (id, name) VALUES (321, 'Nordic Capital');
INSERT INTO propstreet.contact (id, name, company_id, tags) VALUES (789, 'Anna', 321, '{tier-1,repeat-buyer}');
INSERT INTO propstreet.project (id, name) VALUES (123, 'Stockholm Office Portfolio');
SET propstreet.restore = on;
INSERT INTO propstreet.prospect (id, project_id, contact_id, company_id, classification, tags, external_refs, accepted_utc, deadline_utc, created_utc, updated_utc, revision)
VALUES (456, 123, 789, 321, 'interested', '{tier-1,repeat-buyer}', '{salesforce:006XXXXXXXXXXXX}', '2026-01-20T14:30:00Z', '2026-02-15T23:59:59Z',
	'2026-01-15T10:00:00Z', '2026-01-20T14:30:00Z', 7);
RESET propstreet.restore;
SELECT regexp_replace(propstreet.prospect_list(123, page_size => 100)::text, '"nextCursor":"[^"]*"(.*),"syncedUtc":"[^"]*"', '"nextCursor":"..."\1') = replace(test.compact('{
"data": [
{
"id": "456",
"projectId": "123",
"contactId": "789",
"companyId": "321",
"classification": "interested",
"capabilities": ["chat"],
"tags": ["tier-1", "repeat-buyer"],
"externalRefs": [{ "namespace": "salesforce", "id": "006XXXXXXXXXXXX" }],
"teaser": {
"acceptedUtc": "2026-01-20T14:30:00Z",
"deadlineUtc": "2026-02-15T23:59:59Z"
},
"createdUtc": "2026-01-15T10:00:00Z",
"updatedUtc": "2026-01-20T14:30:00Z",
"etag": "W/\"def456\""
}
],
"page": {
"nextCursor": "...",
"pageSize": 100,
"hasMore": false
}
}'), 'W/\"def456\"', replace(propstreet.prospect_get(123, 456)->>'etag', '"', '\"')) AS as_in_the_guide;

DROP OWNED BY regress_app;
DROP ROLE regress_app;
