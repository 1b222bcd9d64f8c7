-- external_ref: reading, writing, comparing
SET search_path = public, propstreet;
SELECT setseed(0.42);

-- text and JSON; the namespace is folded, the id is not
SELECT input, input::external_ref AS ref, input::external_ref::json AS json, namespace(input::external_ref), external_id(input::external_ref)
FROM unnest(ARRAY['hubspot:deal-123456', 'HubSpot:Deal-123456', 'a.b_c-1:x:y', 'crm: with space ', 'crm:"quoted" \ Öäå', 'crm:{[']) AS input;
SELECT to_json('hubspot:deal-123456'::external_ref), '{ "namespace": "HubSpot", "id": "deal-[123456]" }'::json::external_ref, external_ref('Salesforce', '006XXXXXXXXXXXX');
SELECT length(namespace(ref)), length(external_id(ref)) FROM CAST(repeat('N', 50) || ':' || repeat('東', 255) AS external_ref) AS ref;

-- what is refused
CREATE TEMP TABLE refused (input text);
INSERT INTO refused VALUES
	(''), ('hubspot'), (':x'), ('hubspot:'), ('hub spot:x'), ('hubspöt:x'), (' hubspot:x'), (repeat('n', 51) || ':x'), ('crm:' || repeat('x', 256)),
	(E'crm:a\tb'), (E'crm:a\x01'), (E'crm:\x7f'), (E'crm:\u0080'), (E'crm:\u009f'), (E'hub/spot:\n'), ('{"namespace":"hubspot"}');
\pset format unaligned
SELECT split_part(test.error_of(format('SELECT %L::external_ref', input)), ':', 1) AS message,
	regexp_replace(test.error_of(format('SELECT %L::external_ref', input)), '^.*: The', 'The') AS detail FROM refused;
SELECT input, test.error_of(format('SELECT %L::json::external_ref', input))
FROM unnest(ARRAY['{}', '{"namespace":1,"id":1}', '{"namespace":"","id":"","url":""}', '{"namespace":null,"id":null}', '"hubspot:x"', 'null', '{"namespace":"a","id":"b","id":"c"}']) AS input;
SELECT test.error_of('SELECT external_ref(''a:b'', ''c'')'), test.error_of('SELECT external_ref('''', '''')');
\pset format aligned
SELECT 'hubspot'::external_ref;
\echo :LAST_ERROR_SQLSTATE
SELECT external_id(E'crm:\u00a0')::bytea AS no_break_space;

-- softly, since version 16
SELECT :SERVER_VERSION_NUM >= 160000 AS soft \gset
\if :soft
SELECT count(*) FILTER (WHERE NOT pg_input_is_valid(input, 'external_ref')) = count(*) AS all_refused FROM refused \gset
\else
\set all_refused t
\endif
SELECT :'all_refused' AS all_refused_softly;

-- 10,000 random references: text, JSON and binary give back what was given
CREATE TEMP TABLE random_ref AS
SELECT i AS id,
	external_ref((SELECT string_agg(substr('abcXYZ019._-', ceil(random() * 12)::int, 1), '') FROM generate_series(1, 1 + i % 50)),
				 (SELECT string_agg(chr((ARRAY[33, 161, 913, 19968, 128512])[ceil(random() * 5)] + (random() * 80)::int), '') FROM generate_series(1, 1 + i % 255))) AS ref
FROM generate_series(1, 10000) AS i;
SELECT count(DISTINCT ref) > 9000 AS diverse, max(octet_length(ref::text)) > 600 AS long,
	bool_and(ref::text::external_ref = ref) AS text,
	bool_and(ref::json::external_ref = ref) AS json,
	bool_and(external_ref(upper(namespace(ref)), external_id(ref)) = ref) AS parts
FROM random_ref;
CREATE TEMP TABLE loaded (id int, ref external_ref);
\getenv outputdir PG_ABS_BUILDDIR
\set file :outputdir '/results/external_ref.bin'
\set load '\\copy loaded FROM ''' :file ''' (FORMAT binary)'
COPY random_ref TO STDOUT (FORMAT binary) \g :file
:load
SELECT count(*), bool_and(r.ref = l.ref) AS "binary" FROM random_ref AS r JOIN loaded AS l USING (id);

-- the binary form, and what of it is refused
SELECT convert_from(external_ref_send('hubspot:deal-123456'), 'UTF8');
\set load '\\copy loaded (ref) FROM ''' :file ''' (FORMAT binary)'
COPY (SELECT 'HubSpot:X'::bytea) TO STDOUT (FORMAT binary) \g :file
:load
SELECT ref FROM loaded WHERE id IS NULL;
COPY (SELECT 'hubspot'::bytea) TO STDOUT (FORMAT binary) \g :file
:load
COPY (SELECT 'hubspot:\377'::bytea) TO STDOUT (FORMAT binary) \g :file
:load

-- comparison
SELECT 'HUBSPOT:x'::external_ref = 'hubspot:x' AS eq, 'hubspot:X'::external_ref <> 'hubspot:x' AS ne, 'a:X'::external_ref < 'a:x' AS lt,
	'a:x'::external_ref <= 'a:x' AS le, 'b:x'::external_ref > 'a:y' AS gt, 'a:x'::external_ref >= 'a:x' AS ge;
SELECT opcname, amname, amvalidate(o.oid) FROM pg_opclass AS o JOIN pg_am AS a ON a.oid = opcmethod
WHERE opcintype = 'external_ref'::regtype ORDER BY amname;
SELECT array_agg(ref ORDER BY ref) = array_agg(ref ORDER BY ref::text COLLATE "C") AS bytewise FROM random_ref;
\set eq 'SELECT count(*) FROM random_ref WHERE ref = ''hubspot:x'''
INSERT INTO random_ref SELECT i, 'HubSpot:x' FROM generate_series(1, 3) AS i;
:eq;
SET enable_seqscan = off;
SET enable_bitmapscan = off;
CREATE INDEX random_ref_btree ON random_ref USING btree (ref);
EXPLAIN (COSTS OFF) :eq;
:eq;
DROP INDEX random_ref_btree;
CREATE INDEX random_ref_hash ON random_ref USING hash (ref);
EXPLAIN (COSTS OFF) :eq;
:eq;
RESET enable_seqscan;
RESET enable_bitmapscan;
SELECT count(DISTINCT external_ref_hash(ref)) > 9000 AS hash, count(DISTINCT external_ref_hash_extended(ref, 7)) > 9000 AS hash_extended FROM random_ref;
SELECT 'b:1' = ANY (ARRAY['a:1', 'b:1']::external_ref[]) AS any, ARRAY['a:1', 'b:1']::external_ref[] @> ARRAY['B:1']::external_ref[] AS contains;

-- a JSON object too, so that json_to_recordset reads what the API shows
SELECT '{"namespace": "HubSpot", "id": "a:b"}'::propstreet.external_ref;
SELECT '{"namespace": "hubspot"}'::propstreet.external_ref;
SELECT '{"namespace": "hubspot", "id": "1"'::propstreet.external_ref;
SELECT * FROM json_to_recordset('[{"name": "a", "external_refs": [{"namespace": "hubspot", "id": "d,1"}, "crm:2"]}]') AS r (name text, external_refs propstreet.external_ref[]);
