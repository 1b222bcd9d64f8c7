-- project_update: a patch changes what it names, under the conditions of If-Match
\i test/preamble.sql
SELECT test.begin(4);
SELECT test.masked(propstreet.project_create('{"name": "First", "asset": {"type": "portfolio", "propertyCount": 5}, "classification": "active", "mandate": "exclusive",
	"price": {"value": 150, "currency": "SEK", "scale": "millions"}, "priceRange": {"min": 100, "max": 200, "currency": "SEK", "scale": "millions"},
	"externalRefs": [{"namespace": "hubspot", "id": "1"}, {"namespace": "salesforce", "id": "2"}]}'));

-- one field after another
SELECT patch, test.masked(propstreet.project_update(1, patch)) FROM (VALUES
	('{"name": " Second "}'::json), ('{"asset": {"type": "portfolio", "propertyCount": 3}}'), ('{"asset": {"type": "portfolio"}}'), ('{"classification": "inactive"}'), ('{"mandate": "other"}'),
	('{"price": {"value": 20, "currency": "EUR"}}'), ('{"priceRange": {"min": 10, "currency": "EUR"}}'), ('{"externalRefs": [{"namespace": "pipedrive", "id": "3"}]}')) AS v (patch);

-- null clears what is optional
SELECT patch, test.masked(propstreet.project_update(1, patch)) FROM (VALUES
	('{"asset": null}'::json), ('{"classification": null}'), ('{"mandate": null}'), ('{"price": null}'), ('{"priceRange": null}'), ('{"externalRefs": null}')) AS v (patch);

-- all at once
SELECT test.masked(propstreet.project_update(1, '{"name": "Third", "asset": {"type": "portfolio", "propertyCount": 7}, "classification": "active", "mandate": "non_exclusive",
	"price": {"value": 1, "currency": "SEK"}, "priceRange": {"max": 2, "currency": "SEK"}, "externalRefs": [{"namespace": "hubspot", "id": "1"}]}'));

-- If-Match: the tag, weak or not, in a list or not, or *
\pset null <null>
SELECT if_match, test.try(format('SELECT propstreet.project_update(1, ''{"classification": "draft"}'', %L)->>''name''', if_match))
FROM (SELECT propstreet.project_get(1)->>'etag') AS p (etag),
	LATERAL (VALUES (1, NULL), (2, '*'), (3, '  * ')) AS v (number, if_match)
ORDER BY number;
SELECT label, test.try(format('SELECT propstreet.project_update(1, ''{}'', %L)->>''name''', if_match))
FROM (SELECT propstreet.project_get(1)->>'etag') AS p (etag),
	LATERAL (VALUES (1, 'weak', etag), (2, 'strong', substr(etag, 3)), (3, 'list', '"a", ' || etag || ' , W/"b"'), (4, 'list, no spaces', 'W/"a",,' || etag || ','), (5, 'tab', E'\t' || etag || E'\t')) AS v (number, label, if_match)
ORDER BY number;
-- another version's tag
SELECT label, test.try(format('SELECT propstreet.project_update(1, ''{"name": "x"}'', %L)->>''name''', if_match))
FROM (SELECT propstreet.project_get(1)->>'etag') AS p (etag),
	LATERAL (VALUES (1, 'none such', 'W/"abc123"'), (2, 'empty tag', '""'), (3, 'list', '"a", W/"b"'), (4, 'longer', left(etag, -1) || '0"'), (5, 'shorter', left(etag, -2) || '"')) AS v (number, label, if_match)
ORDER BY number;
SELECT propstreet.project_get(1)->>'etag' AS stale \gset
SELECT propstreet.project_update(1, '{"name": "Fourth"}', :'stale')->>'name';
SELECT test.try(format('SELECT propstreet.project_update(1, ''{"name": "Fifth"}'', %L)', :'stale'));
SELECT test.try(format('SELECT propstreet.project_delete(1, %L)', :'stale'));
-- what is no list of tags
SELECT if_match, test.try(format('SELECT propstreet.project_update(1, ''{"name": "x"}'', %L)', if_match)) FROM (VALUES
	(''), (' '), (','), ('abc123'), ('W/abc123'), ('w/"abc123"'), ('W/ "abc123"'), ('"abc123'), ('abc123"'), ('"a" "b"'), ('"a b"'), ('"a"b'), ('*, "a"'), ('"a", *'), ('**'), (E'"a\n"')) AS v (if_match);
-- what is malformed comes first, then that there is no such project, then the condition
SELECT test.try('SELECT propstreet.project_update(999, ''{"name": null}'', ''abc'')');
SELECT test.try('SELECT propstreet.project_update(999, ''{}'', ''"abc"'')');
SELECT test.try('SELECT propstreet.project_update(1, ''{"externalRefs": [{"namespace": "hubspot", "id": "taken"}]}'', ''"abc"'')');

-- where If-Match has to be there
SET propstreet.require_if_match = on;
SELECT test.try('SELECT propstreet.project_update(1, ''{"name": "x"}'')');
SELECT test.try('SELECT propstreet.project_update(1, ''{}'')');
SELECT test.try('SELECT propstreet.project_delete(1)');
SELECT test.try('SELECT propstreet.project_update(999, ''{"name": "x"}'')');
SELECT test.try('SELECT propstreet.project_update(1, ''{"name": "Fifth"}'', ''*'')->>''name''');
SELECT propstreet.project_update(1, '{"name": "Sixth"}', propstreet.project_get(1)->>'etag')->>'name';
SELECT propstreet.project_delete(1, propstreet.project_get(1)->>'etag');
RESET propstreet.require_if_match;

-- deleted is not found
SELECT test.try('SELECT propstreet.project_update(1, ''{"name": "x"}'')');
SELECT test.try('SELECT propstreet.project_delete(1)');
SELECT test.try('SELECT propstreet.project_get(1)');
SELECT test.try('SELECT propstreet.project_get(1, NULL)');
SELECT test.masked(propstreet.project_get(1, true));
SELECT test.try('SELECT propstreet.project_get(NULL)');
SELECT test.try('SELECT propstreet.project_get(0)');
SELECT test.try('SELECT propstreet.project_get(-1)');
SELECT test.try('SELECT propstreet.project_delete(NULL)');
SELECT test.try('SELECT propstreet.project_delete(999)');
