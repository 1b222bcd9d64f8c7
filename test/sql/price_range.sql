-- price_range: reading, writing, comparing, containment and overlap
SET search_path = public, propstreet;
SELECT setseed(0.42);

-- text and JSON, with what is tolerated
SELECT input, input::price_range AS range, input::price_range::json AS json, lower(input::price_range), upper(input::price_range)
FROM unnest(ARRAY[
	'100..200 millions SEK', '100.. millions SEK', '..200 millions SEK', '100..200 SEK', '1..1 none SEK', '0..0 SEK', E' 1.50 ..\t2.5e1  thousands SEK ', '.. 200 SEK',
	'0.0001..999999999999999.9999 billions SEK', '1.. HRK',
	'{ "min": 100, "max": 200, "currency": "SEK", "scale": "millions" }', '{"currency":"SEK","max":200}', '{"min":1,"max":null,"currency":"SEK","scale":null}'
]) AS input;
SELECT to_json('100..200 millions SEK'::price_range), '{"min":100,"currency":"SEK","scale":"millions"}'::json::price_range;

-- what is refused
CREATE TEMP TABLE refused (input text);
INSERT INTO refused VALUES
	(''), ('..'), ('.. SEK'), ('..200'), ('100 SEK'), ('100-200 SEK'), ('1 2..3 SEK'), ('1..2 3 SEK'), ('1..2 millions SEK EUR'), ('..200SEK'),
	('a..2 SEK'), ('1..-2 SEK'), ('-1..2 SEK'), ('1...5 SEK'), ('1..NaN SEK'), ('1e15.. SEK'), ('..0.00001 SEK'),
	('2..1 SEK'), ('1..2 M SEK'), ('1..2 sek'), ('1..2 XYZ'), ('a..1e99 M sek'),
	('{"currency":"SEK"}'), ('{"min":null,"max":null,"currency":"SEK"}'), ('{"min":2,"max":1,"currency":"SEK"}'), ('{"min":"1","currency":"SEK"}'),
	('{"max":-1,"currency":"SEK"}'), ('{"min":5,"max":-1,"currency":"sek","scale":"M","value":1}'), ('{"min":1,"max":2}'),
	('{"min":{},"currency":"SEK"}'), ('{"min":1,}');
\pset format unaligned
SELECT input, test.error_of(format('SELECT %L::price_range', input)) FROM refused;
SELECT test.error_of(format('SELECT %L::json::price_range', input)) FROM unnest(ARRAY['[1, 2]', '{}']) AS input;
\pset format aligned
SELECT '2..1 SEK'::price_range;
\echo :LAST_ERROR_SQLSTATE

-- softly, since version 16
SELECT :SERVER_VERSION_NUM >= 160000 AS soft \gset
\if :soft
SELECT count(*) FILTER (WHERE NOT pg_input_is_valid(input, 'price_range')) = count(*) AS all_refused FROM refused \gset
\else
\set all_refused t
\endif
SELECT :'all_refused' AS all_refused_softly;

-- 10,000 random ranges: text, JSON and binary give back what was given
CREATE TEMP TABLE random_range AS
SELECT i AS id,
	concat(CASE WHEN i % 3 > 0 THEN least(a, b) END, '..', CASE WHEN i % 3 < 2 THEN greatest(a, b) END,
		   ' ', (ARRAY['none', 'thousands', 'millions', 'billions'])[ceil(random() * 4)], ' ', (ARRAY['EUR', 'SEK', 'USD'])[ceil(random() * 3)])::price_range AS range
FROM (SELECT i, trunc((random() * 10 ^ (random() * 15))::numeric, (random() * 4)::int) AS a,
		trunc((random() * 10 ^ (random() * 15))::numeric, (random() * 4)::int) AS b
	FROM generate_series(1, 10000) AS i) AS r;
SELECT count(DISTINCT price_range_send(range)) > 9000 AS diverse, count(lower(range)) AS with_min, count(upper(range)) AS with_max,
	bool_and(price_range_send(range::text::price_range) = price_range_send(range)) AS text,
	bool_and(price_range_send(range::json::price_range) = price_range_send(range)) AS json,
	bool_and(price_range_send(range::json::text::price_range) = price_range_send(range)) AS json_text
FROM random_range;
CREATE TEMP TABLE loaded (id int, range price_range);
\getenv outputdir PG_ABS_BUILDDIR
\set file :outputdir '/results/price_range.bin'
\set load '\\copy loaded FROM ''' :file ''' (FORMAT binary)'
COPY random_range TO STDOUT (FORMAT binary) \g :file
:load
SELECT count(*), bool_and(price_range_send(r.range) = price_range_send(l.range)) AS "binary" FROM random_range AS r JOIN loaded AS l USING (id);

-- the binary form, and what of it is refused
SELECT price_range_send('100..200 millions SEK'), price_range_send('100.. SEK'), price_range_send('..100 SEK');
\set load '\\copy loaded (range) FROM ''' :file ''' (FORMAT binary)'
COPY (SELECT '\x0300000000000f424000000000001e848053454b02'::bytea) TO STDOUT (FORMAT binary) \g :file
:load
SELECT range FROM loaded WHERE id IS NULL;
COPY (SELECT '\x0300000000000f424000000000001e8480'::bytea) TO STDOUT (FORMAT binary) \g :file
:load
COPY (SELECT '\x0053454b02'::bytea) TO STDOUT (FORMAT binary) \g :file
:load
COPY (SELECT '\x0400000000000f424053454b02'::bytea) TO STDOUT (FORMAT binary) \g :file
:load
COPY (SELECT '\x0300000000001e848000000000000f424053454b02'::bytea) TO STDOUT (FORMAT binary) \g :file
:load
COPY (SELECT '\x02ffffffffffffffff53454b02'::bytea) TO STDOUT (FORMAT binary) \g :file
:load
COPY (SELECT '\x0100000000000f424053454bff'::bytea) TO STDOUT (FORMAT binary) \g :file
:load
COPY (SELECT '\x0100000000000f4240ffffff00'::bytea) TO STDOUT (FORMAT binary) \g :file
:load

-- order: by currency, then min (absent first), then max (absent last), by amount
SELECT array_agg(range ORDER BY range)
FROM unnest(ARRAY['1..2 SEK', '..2 SEK', '0..2 SEK', '1.. SEK', '1..3 SEK', '0.002..0.003 thousands SEK', '5.. EUR', '0.. SEK', '..1 SEK']::price_range[]) AS range;
SELECT '100..200 millions SEK'::price_range = '0.1..0.2 billions SEK' AS eq, '1.. SEK'::price_range <> '1..1 SEK' AS ne,
	'..1 SEK'::price_range <> '0..1 SEK' AS absent_is_not_0, '1..2 SEK'::price_range < '1.. SEK' AS lt, '1..2 SEK'::price_range <= '1..2 SEK' AS le,
	'1..2 SEK'::price_range >= '1..2 SEK' AS ge, '1 .. SEK'::price_range > '..9 SEK' AS gt;

-- the operator classes agree with a plain scan, and hash equal ranges alike
SELECT opcname, amname, amvalidate(o.oid) FROM pg_opclass AS o JOIN pg_am AS a ON a.oid = opcmethod
WHERE opcintype = 'price_range'::regtype ORDER BY amname;
CREATE TEMP TABLE indexed_range AS
SELECT concat(CASE WHEN i % 5 > 0 THEN i % 10 * 1000 ^ (i % 2) END, '..', CASE WHEN i % 5 < 4 THEN 20 * 1000 ^ (i % 2) END,
			  (ARRAY[' millions SEK', ' thousands SEK'])[i % 2 + 1])::price_range AS range
FROM generate_series(1, 1000) AS i;
\set eq 'SELECT count(*) FROM indexed_range WHERE range = ''0.003..0.02 billions SEK'''
:eq;
SET enable_seqscan = off;
SET enable_bitmapscan = off;
CREATE INDEX indexed_range_btree ON indexed_range USING btree (range);
EXPLAIN (COSTS OFF) :eq;
:eq;
DROP INDEX indexed_range_btree;
CREATE INDEX indexed_range_hash ON indexed_range USING hash (range);
EXPLAIN (COSTS OFF) :eq;
:eq;
RESET enable_seqscan;
RESET enable_bitmapscan;
SELECT bool_and((price_range_hash(a.range) = price_range_hash(b.range)) = (a.range = b.range)) AS hash,
	bool_and((price_range_hash_extended(a.range, 7) = price_range_hash_extended(b.range, 7)) = (a.range = b.range)) AS hash_extended
FROM (SELECT range FROM indexed_range LIMIT 200) AS a, (SELECT range FROM indexed_range LIMIT 200) AS b;

-- containment: bounds included, across scales, in one currency
SELECT range, price, range @> price AS contains, price <@ range AS contained
FROM (VALUES
	('100..200 millions SEK'::price_range, '0.1 billions SEK'::price), ('100..200 millions SEK', '200000 thousands SEK'), ('100..200 millions SEK', '99999999.9999 SEK'),
	('100..200 millions SEK', '200000000.0001 SEK'), ('100..200 millions SEK', '150 millions EUR'), ('..200 SEK', '0 SEK'), ('..200 SEK', '201 SEK'),
	('100.. SEK', '999999999999999.9999 billions SEK'), ('100.. SEK', '99 SEK')) AS v (range, price);

-- overlap
SELECT a, b, a && b AS overlaps, b && a AS commuted
FROM (VALUES
	('100..200 millions SEK'::price_range, '0.2..0.3 billions SEK'::price_range), ('100..200 millions SEK', '200000000.0001.. SEK'), ('100..200 SEK', '120..130 SEK'),
	('100..200 SEK', '..100 SEK'), ('100..200 SEK', '..99.9999 SEK'), ('100.. SEK', '5.. billions SEK'), ('..100 SEK', '..0 SEK'), ('100..200 SEK', '100..200 EUR')) AS v (a, b);
