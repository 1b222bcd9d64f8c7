-- cursors: a position as opaque text, and back
SET search_path = public, propstreet;
SET timezone = 'UTC';
SELECT setseed(0.42);

-- the guide's example
SELECT * FROM cursor_decode('eyJ1IjoiMjAyNi0wMS0xNVQxMDowMDowMFoiLCJpIjoxMjN9');
SELECT cursor_encode('2026-01-15T10:00:00Z', 123);

-- 10,000 random positions, and the extremes
CREATE TEMP TABLE random_position AS
SELECT timestamptz '0001-01-01Z' + random() * (timestamptz '9999-12-31Z' - '0001-01-01Z') AS updated_utc, ceil(random() * 10 ^ (random() * 18))::bigint AS id
FROM generate_series(1, 10000)
UNION ALL VALUES ('0001-01-01T00:00:00Z'::timestamptz, 1::bigint), ('9999-12-31T23:59:59.999999Z', 9223372036854775807), ('1999-12-31T23:59:59.999999Z', 1);
SELECT count(*), count(DISTINCT p.updated_utc) > 9000 AS diverse, bool_and((p.updated_utc, p.id) = (d.updated_utc, d.id)) AS same,
	bool_and(cursor ~ '^[A-Za-z0-9]+$') AS unpadded
FROM random_position AS p, cursor_encode(p.updated_utc, p.id) AS cursor, cursor_decode(cursor) AS d;

-- what else decodes: padding, and fractions of up to nine digits, rounded down
CREATE FUNCTION pg_temp.base64(input text) RETURNS text LANGUAGE sql AS $$ SELECT translate(encode(convert_to(input, 'UTF8'), 'base64'), E'\n', '') $$;
SELECT input, pg_temp.base64(input), d.*, d = cursor_decode(rtrim(pg_temp.base64(input), '=')) AS unpadded
FROM unnest(ARRAY['{"u":"2026-01-15T10:00:00.1234567Z","i":123}', '{"u":"2026-01-15T10:00:00.999999999Z","i":1234}', '{"u":"2026-01-15T10:00:00.1Z","i":9223372036854775807}',
	'{"u":"2024-02-29T23:59:59Z","i":1}']) AS input, cursor_decode(pg_temp.base64(input)) AS d;

-- what doesn't
CREATE FUNCTION pg_temp.decodes(cursor text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	PERFORM cursor_decode(cursor);
	RETURN true;
EXCEPTION WHEN SQLSTATE 'PT400' THEN
	RETURN false;
END
$$;
SELECT input, pg_temp.decodes(pg_temp.base64(input))
FROM unnest(ARRAY['', '{}', '[]', '{"u":"2026-01-15T10:00:00Z"}', '{"i":123,"u":"2026-01-15T10:00:00Z"}', '{"u":"2026-01-15T10:00:00Z","i":"123"}', '{"u": "2026-01-15T10:00:00Z","i":123}',
	'{"u":"2026-01-15T10:00:00Z","i":0}', '{"u":"2026-01-15T10:00:00Z","i":-1}', '{"u":"2026-01-15T10:00:00Z","i":01}', '{"u":"2026-01-15T10:00:00Z","i":9223372036854775808}',
	'{"u":"2026-01-15T10:00:00Z","i":}', '{"u":"2026-01-15T10:00:00Z","i":1}x', '{"u":"2026-01-15T10:00:00Z","i":123,"x":1}',
	'{"u":"2026-01-15T10:00:00","i":123}', '{"u":"2026-01-15T10:00:00+00:00","i":123}', '{"u":"2026-01-15 10:00:00Z","i":123}', '{"u":"2026-01-15T10:00:00z","i":123}',
	'{"u":"2026-01-15T10:00Z","i":123}', '{"u":"2026-01-15","i":123}', '{"u":"Z","i":123}', '{"u":"","i":123}', '{"u":"now","i":123}', '{"u":"infinity","i":123}',
	'{"u":"2026-02-29T10:00:00Z","i":123}', '{"u":"1900-02-29T10:00:00Z","i":123}', '{"u":"2026-13-15T10:00:00Z","i":123}', '{"u":"2026-00-15T10:00:00Z","i":123}',
	'{"u":"2026-01-00T10:00:00Z","i":123}', '{"u":"2026-04-31T10:00:00Z","i":123}', '{"u":"2026-01-15T24:00:00Z","i":123}', '{"u":"2026-01-15T10:60:00Z","i":123}',
	'{"u":"2026-01-15T10:00:61Z","i":123}', '{"u":"2026-01-15T10:00:00.Z","i":123}', '{"u":"2026-01-15T10:00:00.1234567890Z","i":123}', '{"u":"0000-01-15T10:00:00Z","i":123}',
	'{"u":"9999-12-31T23:59:60Z","i":123}', '{"u":"10000-01-15T10:00:00Z","i":123}', '{"u":"-001-01-15T10:00:00Z","i":123}', '{"u":"2026-01-15T1x:00:00Z","i":123}']) AS input;
SELECT left(cursor, 60), pg_temp.decodes(cursor)
FROM unnest(ARRAY['', '=', '====', 'x', 'e', 'ey', 'not a cursor', 'eyJ1Ijoi*jAyNi0wMS0xNVQxMDowMDowMFoiLCJpIjoxMjN9', 'eyJ1IjoiMjAyNi0wMS0xNVQxMDowMDowMFoiLCJpIjoxMjN9=',
	'eyJ1IjoiMjAyNi0wMS0xNVQxMDowMDowMFoiLCJpIjoxMjN9====', ' eyJ1IjoiMjAyNi0wMS0xNVQxMDowMDowMFoiLCJpIjoxMjN9', E'eyJ1IjoiMjAyNi0wMS0xNVQxMDowMDowMFoiLCJpIjoxMjN9\n',
	'eyJ1IjoiMjAyNi0wMS0xNVQxMDowMDowMFoiLCJpIjoxMjN9A', repeat('A', 128), 'eyJ1IjoiMjAyNi0wMS0xNVQxMDowMDowMFoiLCJpIjoxMjN9' || repeat('AAAA', 10000)]) AS cursor;
SELECT pg_temp.decodes(encode('{"u":"2026-01-15T10:00:00Z","i":123}\000', 'base64')) AS nul, pg_temp.decodes(encode('{"u":"2026-01-15T10:00:00Z","i":12\377}', 'base64')) AS no_utf8;
SELECT cursor_decode('not a cursor');
\echo :LAST_ERROR_SQLSTATE

-- what no position has
SELECT cursor_encode('infinity', 1);
\echo :LAST_ERROR_SQLSTATE
SELECT cursor_encode('0001-12-31T23:59:59.999999Z BC', 1);
SELECT cursor_encode('10000-01-01T00:00:00Z', 1);
SELECT cursor_encode('2026-01-15T10:00:00Z', 0);
\echo :LAST_ERROR_SQLSTATE
