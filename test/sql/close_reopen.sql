-- close_reopen: closed projects have transactions
\i test/preamble.sql
SELECT test.begin(11);
INSERT INTO propstreet.project (name) VALUES ('one'), ('two');
CREATE FUNCTION pg_temp.close(transactions text) RETURNS text LANGUAGE sql AS $$SELECT left(test.try(format('SELECT propstreet.project_close(1, %L)', transactions)), 500)$$;

-- none, some, others; as they were given
SELECT test.masked(propstreet.project_close(1));
SELECT transactions, pg_temp.close(transactions) FROM (VALUES
	('[{"id":1,"price":{"value":1.50}}]'), (' [ {"b" : 1 , "a":2} ,{}]'), ('[{"dots": "\u2026…", "big": 123456789012345678901234567890.5e-3}]'), ('[]'), (NULL)) AS v (transactions);
-- closed ones stay writable
SELECT propstreet.project_update(1, '{"name": "One"}')->'transactions';

-- what they can't be
SELECT transactions, pg_temp.close(transactions) FROM (VALUES
	('{}'), ('null'), ('"x"'), ('[1, {}, null, [], "x"]'), ('[{"a": 1, "a": 2}]'), ('[{"a": {"b": [{"c": "\u0000"}]}}]'), ('[{"\ud800": 1}]'), ('[{"a": [1e200000]}]'), ('[{"a": 1e131071}, {"a": 1e131072}]')) AS v (transactions);
SELECT label, test.try(format('SELECT json_array_length(propstreet.project_close(1, %L)->''transactions'')', transactions)) FROM (VALUES
	('100', (SELECT json_agg('{}'::json) FROM generate_series(1, 100))::text), ('101', (SELECT json_agg('{}'::json) FROM generate_series(1, 101))::text),
	('65536 bytes', format('[{"a":"%s"}]', repeat('x', 65536 - 10))), ('65537 bytes', format('[{"a":"%s"}]', repeat('x', 65537 - 10))), ('65537 bytes in fewer characters', format('[{"a":"x%s"}]', repeat('å', (65536 - 10) / 2))),
	('64 levels', format('[{"a":%s%s}]', repeat('[', 62), repeat(']', 62))), ('65 levels', format('[{"a":%s%s}]', repeat('[', 63), repeat(']', 63)))) AS v (label, transactions);
SELECT left(test.try('SELECT propstreet.project_close(1, ''[{]'')'), 5);

-- what is stored is readable as jsonb, whichever way it came
SELECT test.try($$UPDATE propstreet.project SET status = 'closed', transactions = '[{"a": 1e200000}]' WHERE tenant_id = 11 AND id = 1$$),
	test.try($$UPDATE propstreet.project SET status = 'closed', transactions = '[{"a": "\u0000"}]' WHERE tenant_id = 11 AND id = 1$$),
	test.try($$INSERT INTO propstreet.property (profile) VALUES ('{"a": 1e200000}')$$), test.try($$INSERT INTO propstreet.property (profile) VALUES ('{"a": "\u0000"}')$$);
SELECT count(transactions::jsonb) FROM propstreet.project WHERE tenant_id = 11;

-- open again
SELECT test.masked(propstreet.project_reopen(1));
SELECT test.masked(propstreet.project_reopen(1));
SELECT transactions IS NULL FROM propstreet.project WHERE tenant_id = 11 AND id = 1;

-- deleted while closed: kept, not shown
SELECT propstreet.project_close(1, '[{"x":1}]')->'transactions';
SELECT propstreet.project_delete(1);
SELECT test.masked(propstreet.project_get(1, true));
SELECT transactions FROM propstreet.project WHERE tenant_id = 11 AND id = 1;

-- not there
SELECT test.try('SELECT propstreet.project_close(1)');
SELECT test.try('SELECT propstreet.project_reopen(1)');
SELECT test.try('SELECT propstreet.project_close(999, ''[1]'')');
SELECT test.try('SELECT propstreet.project_close(999)');
SELECT test.try('SELECT propstreet.project_close(NULL)');
SELECT test.try('SELECT propstreet.project_reopen(NULL)');
