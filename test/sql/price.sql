-- price: reading, writing, comparing, adding
SET search_path = public, propstreet;
SELECT setseed(0.42);

-- text and JSON, with what is tolerated
SELECT input, input::price AS price, input::price::json AS json, amount(input::price), currency(input::price), scale(input::price)
FROM unnest(ARRAY[
	'150 millions SEK', '150 SEK', '150 none SEK', E' \t 150  thousands\nSEK ', '0 EUR', '0.5 billions USD',
	'1.50000 SEK', '0.0001 SEK', '1e3 SEK', '1.5E+3 SEK', '12000e-5 SEK', '0e999999999999999999999 SEK', '0.000e-99 SEK',
	'999999999999999.9999 billions SEK', '1 HRK',
	'{"value": 150, "currency": "SEK", "scale": "millions"}', ' {"currency":"SEK","value":1.5e2}', '{"value":150.0,"currency":"SEK","scale":null}'
]) AS input;
SELECT to_json('150 millions SEK'::price), '{"value":150,"currency":"SEK","scale":"millions"}'::json::price;

-- what is refused
CREATE TEMP TABLE refused (input text);
INSERT INTO refused VALUES
	(''), ('150'), ('SEK'), ('150SEK'), ('SEK 150'), ('150 millions SEK EUR'),
	('abc SEK'), ('NaN SEK'), ('Infinity SEK'), ('.5 SEK'), ('5. SEK'), ('05 SEK'), ('+5 SEK'), ('1e SEK'), ('1,5 SEK'), ('0x1 SEK'),
	('-1 SEK'), ('-0.0001 SEK'), ('-1e-9 SEK'), ('1000000000000000 SEK'), ('0.00001 SEK'), ('1e15 SEK'), ('1e-5 SEK'),
	('1e999999999999999999999 SEK'), ('1e-999999999999999999999 SEK'), ('123456789012345.67891 SEK'),
	('150 Millions SEK'), ('150 M SEK'), ('150 sek'), ('150 XYZ'), ('150 SE'), ('150 SEKK'), ('-1 M sek'),
	('{"value":150,"currency":"SEK"'), ('{}'), ('{"value":"150","currency":"SEK"}'), ('{"value":150,"currency":5,"scale":5}'),
	('{"value":-1,"currency":"SEK"}'), ('{"value":1e15,"currency":"SEK"}'), ('{"value":99999999999999999999999,"currency":"SEK"}'),
	('{"value":null,"currency":null}'), ('{"value":-1,"currency":"sek","scale":"M","unit":1}'),
	('{"value":1,"value":2,"currency":"SEK"}'), ('{"value":[1],"currency":"SEK"}'), ('{"value":NaN,"currency":"SEK"}');
\pset format unaligned
SELECT input, test.error_of(format('SELECT %L::price', input)) FROM refused;
SELECT test.error_of(format('SELECT %L::json::price', input)) FROM unnest(ARRAY['150', 'null', '"150 SEK"', '["150 SEK"]', '{}']) AS input;
\pset format aligned
SELECT '150 sek'::price;
\echo :LAST_ERROR_SQLSTATE
SELECT test.error_of(format('SELECT %L::price', (SELECT json_object_agg('field' || i, i) FROM generate_series(1, 200) AS i)))
	LIKE '%; there are more than 100 problems; the others are not shown.' AS clipped;

-- softly, since version 16
SELECT :SERVER_VERSION_NUM >= 160000 AS soft \gset
\if :soft
SELECT count(*) FILTER (WHERE NOT pg_input_is_valid(input, 'price')) = count(*) AS all_refused FROM refused \gset
\else
\set all_refused t
\endif
SELECT :'all_refused' AS all_refused_softly;

-- currencies: every active code and every withdrawn one, and nothing else
CREATE TEMP TABLE currency (code text PRIMARY KEY, number text, minor_unit text, name text, withdrawn text);
\getenv inputdir PG_ABS_SRCDIR
\set file :inputdir '/../src/types/iso-4217.csv'
\set load '\\copy currency FROM ''' :file ''' (FORMAT csv, HEADER)'
:load
SELECT count(*) FILTER (WHERE withdrawn IS NULL) AS active, count(withdrawn) AS withdrawn, bool_and(currency(('1 ' || code)::price) = code) AS accepted
FROM currency;
SELECT DISTINCT split_part(test.error_of(format('SELECT %L::price', '1 ' || lower(code))), ' ', 1) AS lower_case FROM currency;
SELECT array_agg(code ORDER BY code) = (SELECT array_agg(code ORDER BY code) FROM currency) AS no_other
FROM unnest(string_to_array('A B C D E F G H I J K L M N O P Q R S T U V W X Y Z', ' ')) AS a(a),
	unnest(string_to_array('A B C D E F G H I J K L M N O P Q R S T U V W X Y Z', ' ')) AS b(b),
	unnest(string_to_array('A B C D E F G H I J K L M N O P Q R S T U V W X Y Z', ' ')) AS c(c),
	concat(a, b, c) AS code
WHERE test.error_of(format('SELECT %L::price', '1 ' || code)) = 'none';

-- 10,000 random prices: text, JSON and binary give back what was given
CREATE TEMP TABLE random_price AS
SELECT i AS id,
	concat_ws(' ', trunc((random() * 10 ^ (random() * 15))::numeric, (random() * 4)::int),
			  (ARRAY['none', 'thousands', 'millions', 'billions'])[ceil(random() * 4)],
			  (SELECT code FROM currency OFFSET (i * 7919) % 307 LIMIT 1))::price AS price
FROM generate_series(1, 10000) AS i;
SELECT count(DISTINCT price_send(price)) > 9000 AS diverse,
	bool_and(price_send(price::text::price) = price_send(price)) AS text,
	bool_and(price_send(price::json::price) = price_send(price)) AS json,
	bool_and(price_send(price::json::text::price) = price_send(price)) AS json_text,
	bool_and(split_part(price::text, ' ', 1)::numeric * CASE scale(price) WHEN 'none' THEN 1 WHEN 'thousands' THEN 1e3 WHEN 'millions' THEN 1e6 ELSE 1e9 END
			 = amount(price)) AS amount
FROM random_price;
CREATE TEMP TABLE loaded (id int, price price);
\getenv outputdir PG_ABS_BUILDDIR
\set file :outputdir '/results/price.bin'
\set load '\\copy loaded FROM ''' :file ''' (FORMAT binary)'
COPY random_price TO STDOUT (FORMAT binary) \g :file
:load
SELECT count(*), bool_and(price_send(r.price) = price_send(l.price)) AS "binary" FROM random_price AS r JOIN loaded AS l USING (id);

-- the binary form, and what of it is refused
SELECT price_send('1.5 millions SEK');
\set load '\\copy loaded (price) FROM ''' :file ''' (FORMAT binary)'
COPY (SELECT '\x0000000000003a9853454b02'::bytea) TO STDOUT (FORMAT binary) \g :file
:load
SELECT price FROM loaded WHERE id IS NULL;
COPY (SELECT '\x0000000000003a9853454b'::bytea) TO STDOUT (FORMAT binary) \g :file
:load
COPY (SELECT '\x0000000000003a9853454b0200'::bytea) TO STDOUT (FORMAT binary) \g :file
:load
COPY (SELECT '\x0000000000003a9853454b04'::bytea) TO STDOUT (FORMAT binary) \g :file
:load
COPY (SELECT '\x0000000000003a9873656b02'::bytea) TO STDOUT (FORMAT binary) \g :file
:load
COPY (SELECT '\x8ac7230489e8000053454b02'::bytea) TO STDOUT (FORMAT binary) \g :file
:load

-- order: by currency, then by amount across scales
SELECT '0.15 billions SEK'::price = '150 millions SEK' AS eq, '0.15 billions SEK'::price <> '150 millions SEK' AS ne,
	'1 thousands SEK'::price < '1 millions SEK' AS lt, '1 billions EUR'::price < '1 SEK' AS currency_first,
	'999999999999999.9999 billions SEK'::price > '999999999999999.9999 millions SEK' AS gt,
	'1 SEK'::price <= '1.0 SEK' AS le, '0.001 thousands SEK'::price >= '1 SEK' AS ge;
SELECT count(*) AS out_of_order
FROM (SELECT price, lag(price) OVER (ORDER BY price) AS before FROM random_price) AS ordered
WHERE (currency(price) COLLATE "C", amount(price)) < (currency(before) COLLATE "C", amount(before));
SELECT min(price) = (SELECT price FROM random_price ORDER BY price LIMIT 1) AS min,
	max(price) = (SELECT price FROM random_price ORDER BY price DESC LIMIT 1) AS max FROM random_price;

-- the operator classes agree with a plain scan, and hash equal prices alike
SELECT opcname, amname, amvalidate(o.oid) FROM pg_opclass AS o JOIN pg_am AS a ON a.oid = opcmethod
WHERE opcintype = 'price'::regtype ORDER BY amname;
CREATE TABLE indexed_price AS
SELECT concat_ws(' ', i % 50 * 1000 ^ (i % 3), (ARRAY['billions', 'millions', 'thousands'])[i % 3 + 1], (ARRAY['EUR', 'SEK'])[i % 4 / 2 + 1])::price AS price
FROM generate_series(1, 2000) AS i;
\set eq 'SELECT count(*) FROM indexed_price WHERE price = ''5 billions SEK'''
\set between 'SELECT count(*) FROM indexed_price WHERE price > ''30 billions EUR'' AND price <= ''4000 millions SEK'''
:eq;
:between;
SET enable_seqscan = off;
SET enable_bitmapscan = off;
CREATE INDEX indexed_price_btree ON indexed_price USING btree (price);
EXPLAIN (COSTS OFF) :between;
:eq;
:between;
DROP INDEX indexed_price_btree;
CREATE INDEX indexed_price_hash ON indexed_price USING hash (price);
EXPLAIN (COSTS OFF) :eq;
:eq;
RESET enable_seqscan;
RESET enable_bitmapscan;
SELECT count(*) FROM (SELECT DISTINCT price FROM indexed_price) AS distinct_price;
SET enable_hashagg = off;
SELECT count(*) FROM (SELECT DISTINCT price FROM indexed_price) AS distinct_price;
RESET enable_hashagg;
SELECT bool_and((price_hash(a.price) = price_hash(b.price)) = (a.price = b.price)) AS hash,
	bool_and((price_hash_extended(a.price, 7) = price_hash_extended(b.price, 7)) = (a.price = b.price)) AS hash_extended
FROM (SELECT price FROM indexed_price LIMIT 300) AS a, (SELECT price FROM indexed_price LIMIT 300) AS b;

-- addition: in the finest scale if it fits, else the coarsest that is exact
SELECT '1 millions SEK'::price + '1 SEK' AS finest, '999999999999999.9999 SEK'::price + '0.0001 SEK' AS coarsest,
	'999999999999999 SEK'::price + '1000 SEK' AS exact;
SELECT '1 SEK'::price + '1 EUR';
\echo :LAST_ERROR_SQLSTATE
SELECT '999999999999999.9999 SEK'::price + '0.0002 SEK';
\echo :LAST_ERROR_SQLSTATE
SELECT '999999999999999.9999 billions SEK'::price + '0.0001 billions SEK';

-- sum: exact, whatever the order, in parallel as well
SELECT sum(price) FROM indexed_price WHERE false;
SELECT sum(price ORDER BY price), sum(price ORDER BY price DESC)
FROM (VALUES ('999999999999999.9999 SEK'::price), (NULL), ('1.0001 SEK'), ('999 SEK')) AS v (price);
SELECT sum(price) FROM (VALUES ('1 EUR'::price), ('1 SEK')) AS v (price);
SELECT sum(price) FROM (VALUES ('999999999999999.9999 billions SEK'::price), ('0.0001 SEK')) AS v (price);
SELECT currency(price), sum(price), amount(sum(price)) = sum(amount(price)) AS exact FROM indexed_price GROUP BY 1 ORDER BY 1;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
EXPLAIN (COSTS OFF) SELECT sum(price), min(price), max(price) FROM indexed_price WHERE currency(price) = 'SEK';
SELECT sum(price) FILTER (WHERE currency(price) = 'SEK'), min(price) = '0 EUR' AS min, max(price) = '49 billions SEK' AS max FROM indexed_price;
\set SHOW_CONTEXT never
SELECT sum(price) FROM indexed_price;
DROP TABLE indexed_price;

-- -0 is 0, however it is written
SELECT zero, format('%s SEK', zero)::propstreet.price AS price, format('%s millions SEK', zero)::propstreet.price AS scaled, format('{"value": %s, "currency": "SEK"}', zero)::json::propstreet.price AS of_json,
	format('%s..1 SEK', zero)::propstreet.price_range AS price_range, format('{"max": %s, "currency": "SEK"}', zero)::json::propstreet.price_range AS range_of_json,
	format('%s SEK', zero)::propstreet.price = '0 SEK' AS same
FROM unnest(ARRAY['0', '-0', '-0.0', '-0e0', '-0.0000000E-99']) AS zero;
