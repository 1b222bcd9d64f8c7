-- project_validation: what the body of a project may say, and what it is told otherwise
\i test/preamble.sql
SELECT test.begin(2);
CREATE FUNCTION pg_temp.create(body text) RETURNS text LANGUAGE sql AS $$SELECT test.try(format('SELECT propstreet.project_create(%L)', body))$$;

-- as psql shows it
SELECT propstreet.project_create('{"name": "", "price": {"value": 150}}');
\echo :LAST_ERROR_SQLSTATE

-- the least, and the most
SELECT pg_temp.create('{"name": "x"}');
SELECT pg_temp.create('{"name": "x", "asset": null, "classification": null, "mandate": null, "price": null, "priceRange": null, "externalRefs": null}');
SELECT pg_temp.create('{
	"externalRefs": [{"id": "Deal/1", "namespace": "HubSpot"}, {"namespace": "a.b_c-9", "id": "å ∂: x"}],
	"priceRange": {"max": 2e2, "scale": "millions", "currency": "SEK"},
	"price": {"value": 1.50, "currency": "EUR"},
	"mandate": "non_exclusive",
	"classification": "inactive",
	"asset": {"propertyCount": 1000000, "type": "portfolio"},
	"name": "  Två ord\t"
}');

-- name: 1 to 200 characters without the white space around them
SELECT input, pg_temp.create(format('{"name": %s}', input)) FROM (VALUES
	('null'), ('5'), ('["x"]'), ('{}'), ('true'), ('""'), ('"  "'), ('" \t\n\u00a0\u2003\u3000 "')) AS v (input);
SELECT label, test.try(format('SELECT char_length(propstreet.project_create(%L)->>''name'')', json_build_object('name', name)))
FROM (VALUES ('200', repeat('x', 200)), ('201', repeat('x', 201)), ('200 in four bytes', repeat('🏠', 200)), ('201 in four bytes', repeat('🏠', 201)),
	('200 between spaces', E'\u2003 ' || repeat('å', 200) || E'\u00a0\n')) AS v (label, name);
SELECT pg_temp.create('{}');

-- asset
SELECT input, pg_temp.create(format('{"name": "x", "asset": %s}', input)) FROM (VALUES
	('"portfolio"'), ('[]'), ('{}'), ('{"type": null}'), ('{"type": "Portfolio"}'), ('{"type": 1}'), ('{"propertyCount": 5}'),
	('{"type": "portfolio"}'), ('{"type": "portfolio", "propertyCount": null}'), ('{"type": "single", "propertyCount": null}'),
	('{"type": "single", "propertyCount": 1}'), ('{"type": "portfolio", "propertyCount": 0}'), ('{"type": "portfolio", "propertyCount": -1}'),
	('{"type": "portfolio", "propertyCount": 1.5}'), ('{"type": "portfolio", "propertyCount": "5"}'), ('{"type": "portfolio", "propertyCount": true}'),
	('{"type": "portfolio", "propertyCount": 1000001}'), ('{"type": "portfolio", "propertyCount": 99999999999999999999}'),
	('{"type": "portfolio", "propertyCount": 5, "size": 1}')) AS v (input);

-- classification, mandate
SELECT input, pg_temp.create(format('{"name": "x", "classification": %1$s, "mandate": %1$s}', input)) FROM (VALUES
	('"archived"'), ('"Draft"'), ('""'), ('5'), ('["draft"]'), (format('"%s"', repeat('x', 100)))) AS v (input);

-- price
SELECT input, pg_temp.create(format('{"name": "x", "price": %s}', input)) FROM (VALUES
	('"150 SEK"'), ('150'), ('[]'), ('{}'), ('{"value": null, "currency": null, "scale": 5}'), ('{"value": "150", "currency": "SEK"}'), ('{"value": 150, "currency": "SEK", "unit": "m2"}'),
	('{"value": -1, "currency": "SEK"}'), ('{"value": 1e15, "currency": "SEK"}'), ('{"value": 0.00001, "currency": "SEK"}'), ('{"value": 1e-5, "currency": "SEK"}'),
	('{"value": 999999999999999.9999, "currency": "SEK", "scale": "billions"}'), ('{"value": 0.0, "currency": "SEK", "scale": null}'),
	('{"value": 1, "currency": "sek"}'), ('{"value": 1, "currency": "XYZ"}'), ('{"value": 1, "currency": "HRK"}'), ('{"value": 1, "currency": "kr"}'), ('{"value": 1, "currency": 752}'),
	('{"value": 1, "currency": "SEK", "scale": "Millions"}'), ('{"value": 1, "currency": "SEK", "scale": ""}')) AS v (input);

-- priceRange
SELECT input, pg_temp.create(format('{"name": "x", "priceRange": %s}', input)) FROM (VALUES
	('"100..200 SEK"'), ('[100, 200]'), ('{}'), ('{"currency": "SEK"}'), ('{"min": null, "max": null, "currency": "SEK"}'), ('{"min": 200, "max": 100, "currency": "SEK"}'),
	('{"min": 100, "max": 100, "currency": "SEK"}'), ('{"min": 100, "currency": "SEK"}'), ('{"max": 0, "currency": "SEK"}'), ('{"min": -1, "max": "2", "currency": "HRK", "scale": "k"}'),
	('{"min": 1, "max": 2}'), ('{"min": 1, "value": 2, "currency": "SEK"}')) AS v (input);

-- externalRefs
SELECT input, pg_temp.create(format('{"name": "x", "externalRefs": %s}', input)) FROM (VALUES
	('"hubspot:1"'), ('{"namespace": "hubspot", "id": "1"}'), ('[null]'), ('["hubspot:1"]'), ('[[]]'), ('[{}]'), ('[{"namespace": null, "id": null}]'), ('[{"namespace": 1, "id": 1}]'),
	('[{"namespace": "", "id": ""}]'), ('[{"namespace": "hub spot", "id": "1"}, {"namespace": "hub:spot", "id": "1"}, {"namespace": "hübspot", "id": "1"}]'),
	('[{"namespace": "a", "id": "1\n"}, {"namespace": "b", "id": "\u007f"}, {"namespace": "c", "id": "\u0085"}]'),
	('[{"namespace": "hubspot", "id": "1"}, {"namespace": "HUBSPOT", "id": "2"}, {"namespace": "x", "id": "1"}, {"namespace": "hubspot", "id": "1"}]'),
	('[{"namespace": "a", "id": "1", "url": "x"}]'), ('[{"namespace": "a", "id": "1"}, 5]')) AS v (input);
SELECT label, left(pg_temp.create(format('{"name": "x", "externalRefs": %s}', refs)), 250)
FROM (VALUES ('namespace of 50', json_build_array(json_build_object('namespace', repeat('n', 50), 'id', '1'))),
	('namespace of 51', json_build_array(json_build_object('namespace', repeat('n', 51), 'id', '1'))),
	('id of 255', json_build_array(json_build_object('namespace', 'a', 'id', repeat('å', 255)))),
	('id of 256', json_build_array(json_build_object('namespace', 'a', 'id', repeat('å', 256)))),
	('20', (SELECT json_agg(json_build_object('namespace', 'n' || i, 'id', '1')) FROM generate_series(1, 20) AS i)),
	('21', (SELECT json_agg(json_build_object('namespace', 'm' || i, 'id', '1')) FROM generate_series(1, 21) AS i))) AS v (label, refs);

-- fields that clients don't write, and such that there are not
SELECT pg_temp.create('{"name": "x", "id": "1", "status": "open", "teaser": {"stage": "drafting"}, "transactions": [], "createdUtc": "2026-01-15T10:00:00Z",
	"updatedUtc": null, "deletedUtc": null, "etag": "W/\"abc123\""}');
SELECT pg_temp.create('{"name": "x", "Name": "x", "": 1, "a/b~c": 1, "å b": 1, "\"\\": 1, "line\nbreak": 1, "50%": 1}');

-- all problems at once
SELECT pg_temp.create('{"asset": {"type": "portfolio", "propertyCount": 0, "x": 1}, "price": {"value": -1}, "priceRange": {}, "externalRefs": [{"id": ""}], "status": "open", "color": "red"}');
SELECT pg_temp.create('{"asset": {"propertyCount": 5}, "priceRange": {"min": 2, "max": 1, "currency": "HRK"}}');
SELECT json_array_length(problems), problems->99, problems->100
FROM (SELECT right(pg_temp.create((SELECT json_object_agg('field' || i, i) FROM generate_series(1, 150) AS i)::text), -length('PT400 '))::json AS problems) AS p;
-- what the input says is clipped, and has no line breaks
SELECT pg_temp.create(format('{"name": "x", "mandate": "%s"}', repeat('å', 100)));
SELECT pg_temp.create('{"name": "x", "mandate": "a\r\nb\u001b\u007f\"c\""}');

-- bodies that are no object
SELECT propstreet.project_create(NULL);
SELECT body, pg_temp.create(body) FROM (VALUES ('null'), ('[]'), ('"x"'), ('5'), ('true'), ('[{"name": "x"}]')) AS v (body);

-- the server's type json refuses what is no JSON
SELECT body, left(pg_temp.create(body), 5) FROM (VALUES (''), ('{'), ('{"name": NaN}'), ('{"name": Infinity}'), ('{''name'': ''x''}'), ('{name: "x"}'), ('{"name": "x",}'), ('{"name": "x"} {}'),
	('{"name": "x"} // comment'), (E'{"name": "a\nb"}'), ('{"name": "x", "asset": {"type": "portfolio", "propertyCount": 05}}'), ('{"name": "\x"}')) AS v (body);

-- duplicate names, however they are written
SELECT body, pg_temp.create(body) FROM (VALUES
	('{"name": "x", "name": "x"}'), ('{"name": "x", "\u006eame": "y", "name": "z"}'), ('{"name": "x", "a": 1, "b": 1, "a": 2, "b": 2, "a": 3}'),
	('{"name": "x", "price": {"value": 1, "currency": "SEK", "value": 1}, "externalRefs": [{}, {"id": "1", "id": "2"}]}'), ('{"name": "x", "": 1, "": 2}')) AS v (body);

-- text that can't be: half of a surrogate pair, \u0000
SELECT body, pg_temp.create(body) FROM (VALUES
	('{"name": "a\u0000b"}'), ('{"name": "\ud83c"}'), ('{"name": "\udfe0"}'), ('{"name": "\udfe0\ud83c"}'), ('{"name": "\ud83c\ud83c\udfe0"}'), ('{"name": "\ud83cx"}'),
	('{"name": "x", "\u0000": 1}'), ('{"name": "x", "externalRefs": [{"namespace": "a", "id": "1"}, {"namespace": "b", "id": "\u0000"}]}'),
	('{"name": "\u0000", "mandate": "\ud800", "name": "x"}'), ('{"name": "\"\\", "mandate": "\" \\\\ \u0000 \""}'), ('{"name": "\ud83c\udfe0 \\u0000 \\\\"}')) AS v (body);

-- depth
SELECT depth, left(pg_temp.create(format('{"name": %s%s}', repeat('[', depth), repeat(']', depth))), 200) FROM (VALUES (63), (64), (6000)) AS v (depth);

-- a patch: the same, but that nothing is required
SELECT propstreet.project_create('{"name": "y", "mandate": "other"}')->>'id' AS id \gset
CREATE FUNCTION pg_temp.update(id bigint, patch text) RETURNS text LANGUAGE sql AS $$SELECT test.try(format('SELECT propstreet.project_update(%s, %L)', id, patch))$$;
SELECT patch, pg_temp.update(:id, patch) FROM (VALUES
	('{}'), ('{"name": null}'), ('{"name": " "}'), ('{"asset": {"propertyCount": 5}}'), ('{"asset": {"type": null}}'), ('{"price": {"value": 5}}'), ('{"priceRange": {"scale": "none"}}'),
	('{"externalRefs": [{"id": "5"}]}'), ('{"status": "closed", "id": "5", "etag": null}'), ('{"name": 5, "mandate": 5, "classification": 5, "asset": 5, "price": 5, "priceRange": 5, "externalRefs": 5, "x": 5}'),
	('[]'), ('null'), ('{"name": "a", "name": "b"}'), ('{"name": "\u0000"}')) AS v (patch);
SELECT test.try('SELECT propstreet.project_update(NULL, ''{}'')');
SELECT test.try(format('SELECT propstreet.project_update(%s, NULL)', :id));
-- the body is looked at first
SELECT pg_temp.update(999, '{"name": null}');
SELECT pg_temp.update(999, '{}');
-- and nothing was changed
SELECT test.masked(propstreet.project_get(:id));
