-- guide_projects: the specification's examples of projects, by everyone who may: a superuser, the tables' owner, a role that only got grant_to()
\i test/preamble.sql
SELECT test.begin(101);
CREATE ROLE regress_app;
SELECT propstreet.grant_to('regress_app');
SELECT setval('propstreet.project_id_seq', 122);

-- Create a Project
SELECT test.try_as_everyone($$SELECT propstreet.project_create('{
"name": "Stockholm Office Portfolio",
"asset": { "type": "portfolio", "propertyCount": 5 },
"mandate": "exclusive",
"price": { "value": 150, "currency": "SEK", "scale": "millions" }
}')$$);

-- Get a Project
SELECT test.try_as_everyone('SELECT propstreet.project_get(123)');

-- the project of List Projects
SELECT test.try_as_everyone($$SELECT propstreet.project_update(123,
	'{"classification": "active", "externalRefs": [{ "namespace": "hubspot", "id": "deal-123456" }]}')$$);
SELECT test.try_as_everyone($$SELECT propstreet.teaser_advance(123, 'published')$$);
SELECT test.try_as_everyone('SELECT propstreet.project_get(123)') = test.masked(test.compact('{
"id": "123",
"name": "Stockholm Office Portfolio",
"asset": { "type": "portfolio", "propertyCount": 5 },
"status": "open",
"classification": "active",
"teaser": {
"stage": "published",
"publishedUtc": "2026-01-14T09:00:00Z"
},
"mandate": "exclusive",
"price": { "value": 150, "currency": "SEK", "scale": "millions" },
"externalRefs": [{ "namespace": "hubspot", "id": "deal-123456" }],
"createdUtc": "2026-01-15T10:00:00Z",
"updatedUtc": "2026-01-15T10:00:00Z",
"etag": "W/\"abc123\""
}')) AS as_in_the_guide;

-- Teaser Object
SELECT test.try_as_everyone($$SELECT propstreet.teaser_communicate(123, '2126-02-15T23:59:59Z')$$);
SELECT test.try_as_everyone('SELECT propstreet.project_get(123)->''teaser''') = test.masked(test.compact('{
"stage": "communicated",
"publishedUtc": "2026-01-10T10:00:00Z",
"verifiedUtc": "2026-01-12T14:00:00Z",
"communicatedUtc": "2026-01-15T09:00:00Z"
}')) AS as_in_the_guide;

-- How It Works, Update a Project
SELECT test.try_as_everyone($$SELECT propstreet.project_update(123, '{"name": "Updated Name"}', propstreet.project_get(123)->>'etag')$$);
SELECT test.try_as_everyone($$SELECT propstreet.project_update(123, '{
"name": "Updated Project Name",
"asset": { "type": "portfolio", "propertyCount": 3 }
}', propstreet.project_get(123)->>'etag')$$);

-- Conflict Resolution
SELECT test.try_as_everyone($$SELECT propstreet.project_update(123, '{"name": "Updated Name"}', 'W/"abc123"')$$);

-- Asset Object, Price Range Object
SELECT test.try_as_everyone($$SELECT propstreet.project_update(123,
	'{"asset": { "type": "single" }, "priceRange": { "min": 100, "max": 200, "currency": "SEK", "scale": "millions" }}')$$);

-- Delete a Project
SELECT test.try_as_everyone('SELECT propstreet.project_delete(123)');
SELECT test.try_as_everyone('SELECT propstreet.project_get(123)');
SELECT test.try_as_everyone('SELECT propstreet.project_get(123, include_deleted => true)');
SELECT test.try_as_everyone('SELECT propstreet.project_delete(123)');

-- List Projects, to the letter
SELECT test.begin(104);
SET propstreet.restore = on;
INSERT INTO propstreet.project (id, name, asset_type, property_count, classification, teaser_stage, published_utc, mandate, price, external_refs,
	created_utc, updated_utc, revision)
VALUES (123, 'Stockholm Office Portfolio', 'portfolio', 5, 'active', 'published', '2026-01-14T09:00:00Z', 'exclusive', '150 millions SEK', '{hubspot:deal-123456}',
	'2026-01-15T10:00:00Z', '2026-01-15T10:00:00Z', 1),
	(124, 'Another', 'single', NULL, 'draft', NULL, NULL, NULL, NULL, '{}', '2026-01-15T10:00:00Z', '2026-01-15T10:00:00.000001Z', 1);
RESET propstreet.restore;
SELECT regexp_replace(propstreet.project_list(page_size => 1)::text, ',"syncedUtc":"[^"]*"', '') = replace(test.compact('{
"data": [
{
"id": "123",
"name": "Stockholm Office Portfolio",
"asset": { "type": "portfolio", "propertyCount": 5 },
"status": "open",
"classification": "active",
"teaser": {
"stage": "published",
"publishedUtc": "2026-01-14T09:00:00Z"
},
"mandate": "exclusive",
"price": { "value": 150, "currency": "SEK", "scale": "millions" },
"externalRefs": [{ "namespace": "hubspot", "id": "deal-123456" }],
"createdUtc": "2026-01-15T10:00:00Z",
"updatedUtc": "2026-01-15T10:00:00Z",
"etag": "W/\"abc123\""
}
],
"page": {
"nextCursor": "eyJ1IjoiMjAyNi0wMS0xNVQxMDowMDowMFoiLCJpIjoxMjN9",
"pageSize": 1,
"hasMore": true
}
}'), 'W/\"abc123\"', replace(propstreet.project_get(123)->>'etag', '"', '\"')) AS as_in_the_guide;

DROP OWNED BY regress_app;
DROP ROLE regress_app;
