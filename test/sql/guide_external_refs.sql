-- guide_external_refs: the specification's examples of external references, by everyone who may
\i test/preamble.sql
SELECT test.begin(131);
CREATE ROLE regress_app;
SELECT propstreet.grant_to('regress_app');
SELECT setval('propstreet.project_id_seq', 122);

-- Create with External Refs
SELECT test.try_as_everyone($$SELECT propstreet.project_create('{
"name": "Stockholm Office Portfolio",
"externalRefs": [
{ "namespace": "hubspot", "id": "deal-123456" }
]
}')$$);

-- External Ref Structure
SELECT test.try_as_everyone($$SELECT propstreet.project_update(123, '{
"externalRefs": [
{ "namespace": "hubspot", "id": "deal-123456" },
{ "namespace": "salesforce", "id": "006XXXXXXXXXXXX" }
]
}')$$);

-- Lookup by External Ref
SELECT test.try_as_everyone($$SELECT propstreet.project_find('hubspot', 'deal-123456')$$);
SELECT test.try_as_everyone($$SELECT propstreet.project_find('HubSpot', 'deal-123456')->>'id'$$);
SELECT test.try_as_everyone($$SELECT propstreet.project_find('HUBSPOT', 'deal-654321')$$);

-- Update External Refs
SELECT test.try_as_everyone($$SELECT propstreet.project_update(123, '{
"externalRefs": [
{ "namespace": "salesforce", "id": "006XXXXXXXXXXXX" },
{ "namespace": "pipedrive", "id": "12345" }
]
}')$$);
SELECT test.try_as_everyone($$SELECT propstreet.project_find('hubspot', 'deal-123456')$$);
SELECT test.try_as_everyone($$SELECT propstreet.project_find('pipedrive', '12345')->>'id'$$);
SELECT test.try_as_everyone($$SELECT propstreet.project_update(123, '{"externalRefs": []}')->'externalRefs'$$);
SELECT test.try_as_everyone($$SELECT propstreet.project_find('pipedrive', '12345')$$);

-- Find a prospect within a project
SELECT test.try_as_everyone($$INSERT INTO propstreet.contact (name) VALUES ('Anna') RETURNING id$$);
SELECT test.try_as_everyone($$SELECT propstreet.prospect_add(123, '{"contactId": "1", "externalRefs": [{"namespace": "salesforce", "id": "006XXXXXXXXXXXX"}]}')$$);
SELECT test.try_as_everyone($$SELECT propstreet.prospect_find(123, 'salesforce', '006XXXXXXXXXXXX')$$);
SELECT test.try_as_everyone($$SELECT propstreet.prospect_find(123, 'salesforce', '006')$$);

-- CRM Sync with External Refs, and the same as one operation
SELECT test.try_as_everyone($$SELECT propstreet.project_find('hubspot', '42')$$);
SELECT test.try_as_everyone($$SELECT propstreet.project_create('{"name": "Deal", "externalRefs": [{"namespace": "hubspot", "id": "42"}]}')$$);
SELECT test.try_as_everyone($$SELECT propstreet.project_update((propstreet.project_find('hubspot', '42')->>'id')::bigint, '{"name": "Renamed deal"}')$$);
SELECT test.try_as_everyone($$SELECT propstreet.project_upsert('hubspot', '42', '{"name": "Deal"}')$$);
SELECT test.try_as_everyone($$SELECT propstreet.project_upsert('hubspot', '43', '{"name": "Another deal"}')$$);

DROP OWNED BY regress_app;
DROP ROLE regress_app;
