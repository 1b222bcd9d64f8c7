-- etag: reading, writing, comparing, and the tags of versions
SET search_path = public, propstreet;
SELECT setseed(0.42);

-- text and JSON: weak or strong, it is the same tag
SELECT input, input::etag AS etag, input::etag::json AS json
FROM unnest(ARRAY['W/"abc123"', '"abc123"', '""', 'W/"a,b!#\~"', '"ö"']) AS input;
SELECT to_json('W/"abc123"'::etag), '"W/\"abc123\""'::json::etag, '"\"abc123\""'::json::etag;

-- what is refused
CREATE TEMP TABLE refused (input text);
INSERT INTO refused VALUES
	(''), ('abc123'), ('w/"abc123"'), ('W/abc123'), ('"abc123'), ('abc123"'), ('"a"b"'), ('"a b"'), (E'"a\tb"'), (E'"\x7f"'), (' "abc123"'), ('"abc123" '),
	('"a", "b"'), ('*'), ('W/ "a"');
SELECT count(*), count(*) FILTER (WHERE test.error_of(format('SELECT %L::etag', input)) LIKE
	'22P02 invalid input syntax for type etag: "%": The text must be an entity tag: %.') AS refused FROM refused;
\pset format unaligned
SELECT input, test.error_of(format('SELECT %L::json::etag', input)) FROM unnest(ARRAY['5', 'null', '"abc"', '["W/\"a\""]']) AS input;
\pset format aligned
SELECT 'abc123'::etag;
\echo :LAST_ERROR_SQLSTATE

-- softly, since version 16
SELECT :SERVER_VERSION_NUM >= 160000 AS soft \gset
\if :soft
SELECT count(*) FILTER (WHERE NOT pg_input_is_valid(input, 'etag')) = count(*) AS all_refused FROM refused \gset
\else
\set all_refused t
\endif
SELECT :'all_refused' AS all_refused_softly;

-- 10,000 random tags: text, JSON and binary give back what was given
CREATE TEMP TABLE random_etag AS
SELECT i AS id,
	format('W/"%s"', (SELECT string_agg(chr((ARRAY[35, 161, 19968])[ceil(random() * 3)] + (random() * 90)::int), '') FROM generate_series(1, i % 100)))::etag AS etag
FROM generate_series(1, 10000) AS i;
SELECT count(DISTINCT etag) > 9000 AS diverse, bool_and(etag::text::etag = etag) AS text, bool_and(etag::json::etag = etag) AS json FROM random_etag;
CREATE TEMP TABLE loaded (id int, etag etag);
\getenv outputdir PG_ABS_BUILDDIR
\set file :outputdir '/results/etag.bin'
\set load '\\copy loaded FROM ''' :file ''' (FORMAT binary)'
COPY random_etag TO STDOUT (FORMAT binary) \g :file
:load
SELECT count(*), bool_and(r.etag = l.etag) AS "binary" FROM random_etag AS r JOIN loaded AS l USING (id);

-- the binary form, and what of it is refused
SELECT convert_from(etag_send('"abc123"'), 'UTF8');
\set load '\\copy loaded (etag) FROM ''' :file ''' (FORMAT binary)'
COPY (SELECT 'abc123'::bytea) TO STDOUT (FORMAT binary) \g :file
:load
COPY (SELECT '"\377"'::bytea) TO STDOUT (FORMAT binary) \g :file
:load

-- comparison
SELECT '"x"'::etag = 'W/"x"' AS eq, '"X"'::etag <> '"x"' AS ne, '"a"'::etag < 'W/"b"' AS lt, '"a"'::etag <= '"a"' AS le, '"b"'::etag > 'W/"a"' AS gt, '"a"'::etag >= '"a"' AS ge;
SELECT opcname, amname, amvalidate(o.oid) FROM pg_opclass AS o JOIN pg_am AS a ON a.oid = opcmethod
WHERE opcintype = 'etag'::regtype ORDER BY amname;
\set eq 'SELECT count(*) FROM random_etag WHERE etag = ''"abc123"'''
INSERT INTO random_etag SELECT i, 'W/"abc123"' FROM generate_series(1, 3) AS i;
:eq;
SET enable_seqscan = off;
SET enable_bitmapscan = off;
CREATE INDEX random_etag_btree ON random_etag USING btree (etag);
EXPLAIN (COSTS OFF) :eq;
:eq;
DROP INDEX random_etag_btree;
CREATE INDEX random_etag_hash ON random_etag USING hash (etag);
EXPLAIN (COSTS OFF) :eq;
:eq;
RESET enable_seqscan;
RESET enable_bitmapscan;

-- tags of versions: the same everywhere and always, another for any difference
SELECT etag('project', 1, 123, 1, '2026-01-15T10:00:00Z'), etag('project', -1, -123, -1, '1999-01-15T10:00:00Z');
SELECT count(DISTINCT etag)
FROM (VALUES
	(etag('project', 1, 123, 1, '2026-01-15T10:00:00Z')), (etag('prospect', 1, 123, 1, '2026-01-15T10:00:00Z')), (etag('webhook', 1, 123, 1, '2026-01-15T10:00:00Z')),
	(etag('project', 2, 123, 1, '2026-01-15T10:00:00Z')), (etag('project', 1, 124, 1, '2026-01-15T10:00:00Z')), (etag('project', 1, 123, 2, '2026-01-15T10:00:00Z')),
	(etag('project', 1, 123, 1, '2026-01-15T10:00:00.000001Z')), (etag('project', 123, 1, 1, '2026-01-15T10:00:00Z')), (etag('project', 1, 1, 123, '2026-01-15T10:00:00Z')),
	(etag('project', 4294967296, 123, 1, '2026-01-15T10:00:00Z'))) AS v (etag);
SELECT count(DISTINCT etag('project', 1, id, revision, '2026-01-15T10:00:00Z')) FROM generate_series(1, 1000) AS id, generate_series(1, 10) AS revision;
SELECT etag('company', 1, 123, 1, '2026-01-15T10:00:00Z');
\echo :LAST_ERROR_SQLSTATE
