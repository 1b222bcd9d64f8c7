# The attempts of an application role: granted by grant_to(), pinned to tenant 1, with a schema and temporary objects of its own.
#
# No script contains the words of tenant 2 or of a leak, as errors repeat it: they are put together where it runs.

use strict;
use warnings;

# Shows what the session can read of projects, in every way there is
my $peek = q{
	SELECT name FROM propstreet.project;
	SELECT resource FROM propstreet.project_delta;
	SELECT * FROM propstreet_api.prospects;
	SELECT propstreet.project_list(page_size => 500), propstreet.prospect_list_all();
	SELECT body FROM propstreet.handle('GET', '/api/v1/projects?pageSize=500')};
my $refused = qr/ERROR:  (42501|PT401)/;

sub rows
{
	my ($node, $database, $sql) = @_;

	return map { [ split(/\|/, $_, -1) ] } split(/\n/, $node->safe_psql($database, $sql));
}

# ---- every table and view, for rows of tenant 2 ----

sub on_relations
{
	my ($node, $database) = @_;

	foreach (rows($node, $database, q{
			SELECT c.oid::regclass, c.relkind, max(a.attname) FILTER (WHERE a.attname IN ('id', 'project_id', 'key')), bool_or(a.attname = 'tenant_id')
			FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0
			WHERE c.relnamespace::regnamespace::text ~ '^propstreet' AND c.relkind IN ('r', 'v', 'p') GROUP BY 1, 2 ORDER BY 1::text}))
	{
		my ($relation, $kind, $column, $has_tenant) = @$_;
		my $theirs = $has_tenant eq 't' ? 'WHERE tenant_id = 2' : '';
		my $leak = $has_tenant eq 't' ? q{'LE' || 'AK'} : '1';
		my $temp = q{CREATE FUNCTION pg_temp.leak(text) RETURNS boolean COST 0.0001 LANGUAGE plpgsql AS $$BEGIN RAISE NOTICE '%', $1; RETURN true; END$$;};

		attempt(read => "SELECT from $relation", "SELECT $leak, t FROM $relation AS t $theirs");
		attempt(read => "SELECT columns of $relation", "SELECT row_to_json(t), t::text FROM $relation AS t; TABLE $relation");
		attempt(read => "COPY of $relation", "COPY $relation TO STDOUT; COPY (SELECT * FROM $relation $theirs) TO STDOUT");
		attempt(read => "a cursor on $relation", "BEGIN; DECLARE c SCROLL CURSOR WITH HOLD FOR SELECT * FROM $relation; COMMIT; FETCH ALL FROM c; FETCH BACKWARD ALL FROM c");
		attempt(read => "a cheap function on $relation", "$temp SELECT count(*) FROM $relation AS t WHERE pg_temp.leak(t::text)");
		attempt(read => "a cheap function in an aggregate's filter on $relation", "$temp SELECT count(*) FILTER (WHERE pg_temp.leak(t::text)) FROM $relation AS t");
		attempt(read => "a cheap operator on $relation", "$temp
			CREATE FUNCTION pg_temp.leak_op(text, text) RETURNS boolean COST 0.0001 LANGUAGE plpgsql AS \$\$BEGIN RETURN pg_temp.leak(\$1); END\$\$;
			CREATE OPERATOR pg_temp.<<< (LEFTARG = text, RIGHTARG = text, FUNCTION = pg_temp.leak_op, RESTRICT = pg_catalog.eqsel);
			SELECT count(*) FROM $relation AS t WHERE t::text OPERATOR(pg_temp.<<<) 'x'");
		attempt(read => "a join with an own table on $relation", "$temp CREATE TEMP TABLE j AS SELECT 1 AS x; SELECT count(*) FROM j LEFT JOIN $relation AS t ON pg_temp.leak(t::text)");
		attempt(read => "a view on $relation", "CREATE TEMP VIEW v WITH (security_barrier = off) AS SELECT * FROM $relation; SELECT * FROM pg_temp.v");
		attempt(read => "a materialized view on $relation", "CREATE MATERIALIZED VIEW mine.m AS SELECT * FROM $relation; SELECT * FROM mine.m; DROP MATERIALIZED VIEW mine.m");
		attempt(read => "a sample of $relation", "SELECT * FROM $relation AS t TABLESAMPLE BERNOULLI (100)") if $kind eq 'r';
		attempt(read => "row_security off on $relation", "SET row_security = off; TABLE $relation");
		attempt(read => "statistics of $relation", "SELECT * FROM pg_stats WHERE schemaname || '.' || tablename = '$relation'; SELECT * FROM pg_statistic");
		attempt(read => "\\d of $relation", "\\d+ $relation");
		attempt(read => "a foreign key to $relation", "CREATE TABLE mine.f (tenant_id bigint, id bigint, FOREIGN KEY (tenant_id, id) REFERENCES $relation); DROP TABLE mine.f", qr/ERROR/);
		attempt(read => "inheritance of $relation", "CREATE TABLE mine.i () INHERITS ($relation)", qr/ERROR/);
		attempt(write => "INSERT into $relation", "INSERT INTO $relation (tenant_id, $column) VALUES (2, 1)", qr/ERROR/) if $has_tenant eq 't';
		attempt(write => "INSERT of columns into $relation", "INSERT INTO $relation SELECT * FROM $relation LIMIT 1", qr/ERROR|^$/m);
		attempt(write => "COPY into $relation", "\\copy $relation FROM '/dev/null'\n", $refused);
		attempt(write => "UPDATE of $relation", "UPDATE $relation SET $column = $column $theirs RETURNING $leak");
		attempt(write => "UPDATE of the tenant in $relation", "UPDATE $relation SET tenant_id = 2", qr/ERROR/) if $has_tenant eq 't';
		attempt(write => "DELETE from $relation", "DELETE FROM $relation", qr/ERROR/);
		attempt(write => "MERGE into $relation", "MERGE INTO $relation AS t USING (SELECT 1) AS s ON true WHEN MATCHED THEN DELETE", qr/ERROR/);
		attempt(write => "TRUNCATE of $relation", "TRUNCATE $relation CASCADE", qr/ERROR/);
		attempt(stop => "LOCK of $relation", "BEGIN; LOCK TABLE $relation IN ACCESS EXCLUSIVE MODE NOWAIT", $refused);
		attempt(stop => "row locks on $relation", "BEGIN; SELECT FROM $relation $theirs FOR UPDATE; SELECT FROM $relation $theirs FOR KEY SHARE;\n\\! \$VICTIM", qr/VICTIM WORKS/);
		attempt(escalate => "ALTER of $relation", "ALTER TABLE $relation DISABLE ROW LEVEL SECURITY", $refused);
		attempt(escalate => "OWNER of $relation", "ALTER TABLE $relation OWNER TO app", $refused);
		attempt(escalate => "GRANT on $relation", "GRANT ALL ON $relation TO app; SELECT has_table_privilege('$relation', 'DELETE')", qr/^f$/m);
		attempt(escalate => "a policy on $relation", "CREATE POLICY p ON $relation USING (true)", qr/ERROR/);
		attempt(escalate => "a rule on $relation", "CREATE RULE r AS ON INSERT TO $relation DO ALSO SELECT 1", $refused);
		attempt(escalate => "a trigger on $relation", "CREATE TRIGGER t AFTER INSERT ON $relation EXECUTE FUNCTION pg_catalog.suppress_redundant_updates_trigger()", qr/ERROR/);
		attempt(escalate => "an index on $relation", "CREATE INDEX ON $relation (tenant_id)", qr/ERROR/);
		attempt(escalate => "DROP of $relation", "DROP TABLE IF EXISTS $relation CASCADE", qr/ERROR/);
		attempt(lie => "a table like $relation before it", "CREATE TEMP TABLE " . ($relation =~ s/.*\.//r) . " (LIKE $relation); SET search_path = pg_temp, propstreet; $peek");
	}
	foreach (rows($node, $database, q{SELECT c.oid::regclass FROM pg_class AS c WHERE c.relnamespace::regnamespace::text ~ '^propstreet' AND c.relkind = 'S' ORDER BY 1::text}))
	{
		attempt(write => "setval of $_->[0]", "SELECT setval('$_->[0]', 9223372036854775807)", $refused);
		attempt(stop => "nextval of $_->[0]", "SELECT nextval('$_->[0]')", $refused);
	}
	return;
}

# ---- every column ----

sub on_columns
{
	my ($node, $database) = @_;

	foreach (rows($node, $database, q{
			SELECT c.oid::regclass, a.attname, has_column_privilege('app', c.oid, a.attnum, 'SELECT'), bool_or(a.attname = 'tenant_id') OVER (PARTITION BY c.oid)
			FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
			WHERE c.relnamespace::regnamespace::text ~ '^propstreet' AND c.relkind IN ('r', 'v', 'p') ORDER BY 1::text, a.attnum}))
	{
		my ($relation, $column, $shown, $has_tenant) = @$_;
		my $theirs = $has_tenant eq 't' ? 'WHERE tenant_id = 2' : 'WHERE false';

		attempt(read => "a cast of $relation.$column that shows it", qq{SELECT FROM $relation WHERE ("$column"::text || '!')::bigint = 1});
		attempt(read => "the greatest $relation.$column", qq{SELECT max("$column"::text), min("$column"::text) FROM $relation});
		attempt(write => "UPDATE of $relation.$column", qq{UPDATE $relation SET "$column" = "$column" $theirs RETURNING 'LE' || 'AK'});
		attempt(read => "the secret in $relation.$column", qq{SELECT "$column" FROM $relation}, $refused) if $column =~ /secret/;
		attempt(lie => "setting $relation.$column", qq{UPDATE $relation SET "$column" = DEFAULT}, qr/ERROR/)
			if $column =~ /^(tenant_id|id|\w+_utc|revision|status|teaser_stage|transactions|payload|dropped|failed_in_row|last_error|leased|attempts?|events?)$/;
	}
	return;
}

# ---- every function, with hostile arguments ----

my %values = (
	'bigint' => [ 'NULL', '9223372036854775807', '-9223372036854775808', '0', ':project2', ':prospect2', ':webhook2', '-1', ':project1', ':contact2' ],
	'integer' => [ 'NULL', '2147483647', '-2147483648', '0', '1', '-1' ],
	'double precision' => [ "'NaN'", "'Infinity'", '1e308', 'NULL' ],
	'numeric' => [ "'NaN'", "'Infinity'", '1e1000', 'NULL' ],
	'boolean' => [ 'NULL', 'true', 'false' ],
	'text' => [ 'NULL', "''", q{repeat('x', 1048576)}, q{repeat('é', 400000)}, q{E'\x01\x7f'}, q{'W/"0"'}, q{'../..%00%ff'}, q('{"'), q{$$' OR 1=1 --$$},
		q{'AAAA'}, q{'*'}, q{repeat('W/"a",', 100000)}, q{'project'}, q{encode(convert_to(repeat('9', 60), 'UTF8'), 'base64')}, q{'%n%s%s%s'} ],
	'json' => [ 'NULL', q{'{}'}, q{(repeat('[', 20000) || repeat(']', 20000))}, q{(repeat('{"a":', 3000) || '1' || repeat('}', 3000))}, q{'{"name": "\ud800"}'}, q{'{"name": "\u0000"}'},
		q{'{"name": 1e999999999}'}, q{'{"name": "x", "name": "y"}'}, q{('{"name": "' || repeat('x', 1048576) || '"}')},
		q{(SELECT json_object_agg('k' || i, i)::text FROM generate_series(1, 50000) AS i)}, q{'[null]'}, q{'[[[]]]'}, q{'"x"'}, q{'-0'},
		q{'{"name": "x", "externalRefs": [{"namespace": "a", "id": "\udc00"}]}'}, q{('{"contactId": "' || :contact2 || '"}')},
		q{('{"companyId": "' || :company2 || '"}')}, q{'{"name": "x", "price": {"value": -0e0, "currency": "SEK"}}'},
		q{'{"name": "x", "price": {"value": 1e400000, "currency": "SEK", "scale": "billions"}}'},
		q{'{"url": "https://[::1", "events": ["project.created"]}'}, q{'{"url": "https://a:65536/", "events": ["x"]}'},
		q{'{"url": "https://169.254.169.254/", "events": ["project.created", "project.created"], "tenantId": "2", "secret": "whsec_x"}'},
		q{('[' || repeat('{},', 100000) || '{}]')}, q{('{"items": [{"id": "' || :prospect2 || '", "classification": "bidder"}]}')},
		q{('{"data": [{"contactId": "' || :contact2 || '"}]}')}, q{('[{"webhookId": "' || :webhook2 || '", "deliveryId": "1", "attempt": 1, "status": 200}]')} ],
	'bytea' => [ 'NULL', q{'\x'}, q{'\x00'}, q{'\xff'}, q{convert_to(repeat('[', 20000), 'UTF8')}, q{convert_to(repeat('x', 1048576), 'UTF8')}, q{convert_to('{"name": "\ud800"}', 'UTF8')} ],
	'timestamp with time zone' => [ 'NULL', q{'infinity'}, q{'-infinity'}, q{'4713-01-01 BC'}, q{'294276-12-31'}, 'now()', q{'epoch'} ],
	'interval' => [ 'NULL', q{'-1 day'}, q{'178000000 years'}, q{'0'} ],
	'text[]' => [ 'NULL', q{'{}'}, 'ARRAY[NULL]', q{'{{a,b},{c,d}}'}, q{'[5:6]={a,b}'}, q{array_fill('x'::text, ARRAY[20000])}, q{ARRAY[repeat('x', 1048576)]} ],
	'propstreet.external_ref[]' => [ 'NULL', q{'{}'}, q{'{NULL}'}, q{'{{a:b},{c:d}}'}, q{'[0:1]={a:b,c:d}'}, q{array_fill('a:b'::propstreet.external_ref, ARRAY[1000])} ],
	'propstreet.external_ref' => [ 'NULL', q{'a:b'}, q{('a:' || repeat('x', 255))} ],
	'propstreet.price' => [ 'NULL', q{'1 SEK'}, q{'0 SEK'}, q{'999999999999999999 billions SEK'}, q{'0.01 USD'} ],
	'propstreet.price_range' => [ 'NULL', q{'1..2 SEK'}, q{'..2 SEK'}, q{'1.. USD'} ],
	'propstreet.etag' => [ 'NULL', q{'W/"0123456789abcdef"'}, q{'W/"ffffffffffffffff"'} ],
	'record' => [ 'NULL', 'ROW()', 'ROW(1)', 'ROW(NULL, NULL)', q{ROW(1, 1, 'x')}, q{(SELECT p FROM propstreet.prospect AS p LIMIT 1)}, q{(SELECT p FROM propstreet.contact AS p LIMIT 1)}, q{'x'} ],
	'name' => [ 'NULL', q{'app'}, q{'postgres'}, q{'public'} ],
	'regprocedure' => [ 'NULL', '0' ],
	'cstring' => [ q{'x'}, q{''}, q{'1 SEK'} ],
);
$values{jsonb} = $values{json};
$values{anyelement} = $values{record};
my @otherwise = ('NULL', q{'x'});

sub on_functions
{
	my ($node, $database, $set) = @_;

	foreach (rows($node, $database, q{
			SELECT n.nspname || '.' || quote_ident(p.proname), p.prorettype::regtype, n.nspname = 'propstreet_api', p.proname,
				(SELECT string_agg(format_type(t.type, NULL), ';' ORDER BY t.ordinality) FROM unnest(p.proargtypes) WITH ORDINALITY AS t (type, ordinality))
			FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace
			WHERE n.nspname ~ '^propstreet' ORDER BY 1, 5}))
	{
		my ($name, $returns, $api, $function, $types) = @$_;
		my @types = split(/;/, $types);
		my $times = $api eq 't' ? 3 : @types == 0 ? 1 : (grep { /^(text|json|jsonb|bytea|record|anyelement)$/ } @types) ? 26 : 6;
		my $trusted = $function =~ /^(set_tenant|handle_for|install|grant_to|revoke_from|purge|check|webhook_claim|webhook_record|webhook_next_due)$/;

		foreach my $time (0 .. $times - 1)
		{
			my $position = 0;
			my @arguments = map {
				my $values = $values{$_} // \@otherwise;
				my $value = $values->[ ($time + $position++) % @$values ];
				$_ eq 'record' && $value =~ /^(ROW|\()/ ? $value : "$value\::$_"
			} @types;
			my $call = "$name(" . join(', ', @arguments) . ')';
			$call =~ s/:(\w+[12])\b/$set->{$1}/g;
			attempt($trusted ? 'escalate' : $time % 2 ? 'crash' : 'read', substr($call, 0, 100), "BEGIN; SELECT $call", $trusted && $call !~ /NULL/ ? qr/ERROR/ : undef);
		}
		attempt(escalate => "$name as a trigger of an own table",
			"CREATE TEMP TABLE project (tenant_id bigint, id bigint, name text); CREATE TRIGGER t AFTER INSERT ON pg_temp.project REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION $name();
			INSERT INTO pg_temp.project VALUES (2, 1, 'x')", $refused) if $returns eq 'trigger';
		attempt(escalate => "$name replaced", "CREATE OR REPLACE FUNCTION $name(" . join(', ', @types) . ") RETURNS $returns LANGUAGE sql AS 'SELECT NULL'", qr/ERROR/);
	}
	return;
}

# ---- requests ----

sub on_requests
{
	my ($set) = @_;
	my @paths = ("projects/$set->{project2}", "projects/$set->{project2}/prospects", "projects/$set->{project2}/properties", "projects/$set->{project2}/prospects/$set->{prospect2}",
		"contacts/$set->{contact2}/projects", "companies/$set->{company2}/projects", "webhooks/$set->{webhook2}", "webhooks/$set->{webhook2}/deliveries",
		"projects/external/hubspot/C" . "ANARY-1", 'projects?cursor=AAAA', 'projects?updatedSince=-infinity&includeDeleted=true', "projects/$set->{project2}%00", "projects//$set->{project2}",
		'projects/../webhooks', 'projects/99999999999999999999', 'projects/0x1', 'projects/%2e%2e', 'webhooks', 'events', 'openapi.json');

	foreach my $path (@paths)
	{
		my $shown = $path =~ s/ANARY/.../r;
		foreach my $method ('GET', 'HEAD', 'PUT', 'PATCH', 'POST', 'DELETE', 'OPTIONS', 'TRACE', "GET\\r\\nX: y")
		{
			my $text = $path =~ s/CANARY/C' || 'ANARY/r;
			attempt(($method =~ /GET|HEAD/ ? 'read' : 'write') => "$method $shown",
				qq{BEGIN; SELECT status, headers, body FROM propstreet.handle(E'$method', '/api/v1/$text', '{"Content-Type": "application/json", "X-Tenant-Id": "2", "Authorization": "Bearer x", "If-Match": "*"}', '{"name": "stolen", "classification": "bidder"}')});
		}
	}
	my %headers = (
		'deep' => q{(repeat('[', 5000) || repeat(']', 5000))::json}, 'an array' => q{'[1]'}, 'a null' => 'NULL', 'a number' => q{'{"If-Match": 1}'}, 'nulls in it' => q{'{"If-Match": null}'},
		'a lone surrogate' => q{'{"If-Match": "\ud800"}'}, 'a zero byte' => q{'{"Idempotency-Key": "\u0000"}'}, 'line ends' => q{'{"Idempotency-Key": "a\r\nSet-Cookie: b"}'},
		'1 MB' => q{json_build_object('If-None-Match', repeat('W/"a",', 200000))}, 'many' => q{(SELECT json_object_agg('h' || i, i::text) FROM generate_series(1, 50000) AS i)},
		'twice' => q{'{"if-match": "*", "If-Match": "x"}'}, 'an origin' => q{'{"X-Change-Origin": "\u0001"}'}, 'a length' => q{'{"Content-Length": "-1", "Transfer-Encoding": "chunked"}'});
	foreach my $name (sort keys %headers)
	{
		attempt(($name =~ /1 MB|many/ ? 'stop' : 'crash') => "a header object: $name, $_->[0]",
			"BEGIN; SELECT status, left(headers::text, 1000), left(body, 1000) FROM propstreet.handle('$_->[0]', '$_->[1]', $headers{$name}, '{\"name\": \"x\"}')")
			foreach ([ GET => '/api/v1/projects' ], [ POST => '/api/v1/projects' ], [ PATCH => "/api/v1/projects/$set->{project1}" ]);
	}
	my %targets = (
		'20 MB' => q{'/api/v1/projects?' || repeat('x', 20000000)}, '1 million parameters' => q{'/api/v1/projects?' || repeat('a=b&', 1000000)},
		'2 million percents' => q{'/api/v1/projects?status=' || repeat('%41', 2000000)}, '1 million slashes' => q{repeat('/', 1000000)}, 'bad percents' => q{'/api/v1/projects/' || repeat('%', 100000)},
		'200,000 tags' => q{'/api/v1/prospects?tags=' || repeat('a,', 200000)}, '100,000 times one parameter' => q{'/api/v1/projects?' || repeat('status=open&', 100000)});
	foreach my $name (sort keys %targets)
	{
		attempt(stop => "a target of $name", "SELECT status, left(body, 300) FROM propstreet.handle('GET', $targets{$name})");
	}
	attempt(stop => 'a body of 20 MB of problems', q{BEGIN; SELECT status, length(body) < 1000000 FROM propstreet.handle('POST', '/api/v1/projects', '{"Content-Type": "application/json"}', convert_to((SELECT json_object_agg('k' || i, i)::text FROM generate_series(1, 500000) AS i), 'UTF8'))}, qr/\|t$|ERROR/m);
	attempt(stop => 'a batch of 100,000', qq{BEGIN; SELECT left(propstreet.prospect_add_batch($set->{project1}, json_build_object('data', (SELECT json_agg(json_build_object('contactId', i::text)) FROM generate_series(1, 100000) AS i)))::text, 300)});
	return;
}

# ---- types: text and binary input ----

sub on_types
{
	my ($node, $database, $directory) = @_;
	my @texts = ('', ' ', 'x', '1', '1 SE', '1e5 SEK', '-1 SEK', '1 millions', '1..', '..', '1..2', '2..1 SEK', ':', 'a:', ':b', 'a:b:c', '{', '{"value":1}', '{"value": 1, "currency": "\ud800"}', 'W/', 'W/"', '"', 'W/"zz"',
		'0x1 SEK', 'NaN SEK', 'inf SEK', '1 SEK SEK', "1\\tSEK", "\\x01:\\x02", '99999999999999999999999999999999999999 SEK', '0.00000000000000000000000000000000000001 SEK', '()', '{{}}', '(,,,)', "1 S\\u00cbK");
	my @types = map { $_->[0] } rows($node, $database, q{SELECT format_type(t.oid, NULL) FROM pg_type AS t LEFT JOIN pg_class AS c ON c.oid = t.typrelid
		WHERE t.typnamespace = 'propstreet'::regnamespace AND t.typtype IN ('b', 'c', 'e') AND (t.typtype <> 'c' OR c.relkind = 'c' OR c.relname IN ('project', 'prospect'))
			AND (t.typelem = 0 OR t.typelem IN (SELECT oid FROM pg_type WHERE typname IN ('price', 'price_range', 'external_ref', 'etag'))) ORDER BY 1});

	foreach my $type (@types)
	{
		my $use = 'SELECT v, v::text, v = v, count(*) OVER (PARTITION BY v), to_json(v), max(v::text) OVER () FROM pg_temp.b; SELECT v::json FROM pg_temp.b; SELECT min(v), max(v) FROM pg_temp.b; SELECT v FROM pg_temp.b ORDER BY v; SELECT DISTINCT v FROM pg_temp.b;
			COPY pg_temp.b TO STDOUT (FORMAT binary)';
		foreach my $text (@texts)
		{
			attempt(crash => "$type of '$text'", "SET search_path = propstreet; CREATE TEMP TABLE b (v $type);\nINSERT INTO pg_temp.b VALUES (E'" . ($text =~ s/\\ud/\\\\ud/r) . "');\n" . ($use =~ s/COPY.*//r));
		}
		attempt(stop => "$type of 1 MB of $_", "SELECT left(repeat('$_', 1000000)::$type\::text, 10)") foreach ('1', '[', '{"value":', 'a:', '"', ' ');
		foreach my $length (-2, -1, 0, 1, 7, 8, 15, 16, 17, 32, 300, 2147483647)
		{
			foreach my $fill ("\0", "\xff", 'a', "\x80\0", "\0\0\0\x01\0\0\0\0", "\0\0\0\x01\0\0\0\x01\0\0\x64\0\x7f\xff\xff\xff")
			{
				my $present = $length < 0 || $length > 1000 ? 16 : $length;
				my $bytes = substr($fill x (1 + $present), 0, $present);
				my $file = sprintf('%s/%s_%s_%s', $directory, $type =~ s/\W/_/gr, $length, unpack('H*', $fill));

				open(my $handle, '>:raw', $file) or die $!;
				print $handle "PGCOPY\n\xff\r\n\0", pack('NN', 0, 0), pack('nl>', 1, $length), $length == -1 ? '' : $bytes, pack('n', 0xffff);
				close $handle;
				attempt(crash => "$type received as $length bytes of " . unpack('H*', $fill), "SET search_path = propstreet; CREATE TEMP TABLE b (v $type);\n\\copy pg_temp.b FROM '$file' (FORMAT binary)\n" . ($use =~ s/TO STDOUT/TO STDIN/r =~ s/COPY.*//r));
			}
		}
	}
	return;
}

# ---- rows of changed types ----

sub on_rows
{
	my ($node, $database) = @_;
	my %valid = (
		project => q{"id": 1, "tenant_id": 1, "name": "n", "asset_type": "single", "status": "open", "classification": "draft", "external_refs": [], "created_utc": "2020-01-01Z", "updated_utc": "2020-01-01Z", "revision": 1},
		prospect => q{"id": 1, "tenant_id": 1, "project_id": 1, "contact_id": 1, "classification": "contacted", "tags": ["a"], "external_refs": [], "created_utc": "2020-01-01Z", "updated_utc": "2020-01-01Z", "revision": 1});
	my @to = ('bigint', 'text', 'numeric', 'uuid', 'boolean');
	my %literal = ('bigint' => 99, 'numeric' => '12.5', 'uuid' => '"00000000-0000-0000-0000-000000000063"', 'boolean' => 'true', 'timestamptz' => '"2021-01-01Z"', 'text[]' => '["a"]', 'json' => '[]');

	foreach my $table ('project', 'prospect')
	{
		my @columns = rows($node, $database, "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'propstreet.$table'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum");
		my $list = sub { join(', ', map { "$_->[0] $_->[1]" } @_) };
		my $start = "CREATE TYPE pg_temp.x AS (" . $list->(@columns) . ");
			CREATE FUNCTION pg_temp.make(patch jsonb) RETURNS record LANGUAGE plpgsql AS \$\$
			DECLARE v pg_temp.x; BEGIN
				-- two statements, as the plan of one does not outlive a change of the type
				IF patch = '{}' THEN v := jsonb_populate_record(NULL::pg_temp.x, '{$valid{$table}}'::jsonb);
				ELSE v := jsonb_populate_record(NULL::pg_temp.x, '{$valid{$table}}'::jsonb || patch); END IF;
				RETURN v; END\$\$;";
		my $loop = sub {
			my ($change, $patch) = @_;
			return "$start DO \$\$ DECLARE r record; BEGIN
				FOR i IN 1..3 LOOP
					IF i = 2 THEN $change; END IF;
					r := pg_temp.make(CASE i WHEN 1 THEN '{}' ELSE '{\"x\": 1$patch}' END::jsonb);
					RAISE NOTICE '%', propstreet.${table}_json(r);
				END LOOP; END\$\$";
		};

		foreach my $column (@columns)
		{
			my ($name, $type) = @$column;
			foreach my $to (grep { $_ ne $type } @to)
			{
				my $literal = $literal{$to} // '"x"';
				attempt(($to eq 'bigint' ? 'read' : 'crash') => "$table.$name becomes $to between two calls", $loop->("ALTER TYPE pg_temp.x ALTER ATTRIBUTE $name TYPE $to", qq{, "$name": $literal}));
			}
			attempt(crash => "$table.$name is dropped between two calls", $loop->("ALTER TYPE pg_temp.x DROP ATTRIBUTE $name", ''));
			attempt(crash => "$table.$name is null", "$start SELECT propstreet.${table}_json(pg_temp.make('{\"$name\": null}'::jsonb))");
			attempt(crash => "$table.$name moves to the end between two calls", $loop->("ALTER TYPE pg_temp.x DROP ATTRIBUTE $name; ALTER TYPE pg_temp.x ADD ATTRIBUTE $name $type", ''));
			attempt(crash => "$table.$name is of a domain", "CREATE DOMAIN pg_temp.d AS $type; CREATE TYPE pg_temp.x AS (" . $list->(map { $_ == $column ? [ $name, 'pg_temp.d' ] : $_ } @columns) . ");
				SELECT propstreet.${table}_json(jsonb_populate_record(NULL::pg_temp.x, '{$valid{$table}}'))");
			attempt(crash => "$table without $name", "CREATE TYPE pg_temp.x AS (" . $list->(grep { $_ != $column } @columns) . ");
				SELECT propstreet.${table}_json(jsonb_populate_record(NULL::pg_temp.x, '{$valid{$table}}'))");
			attempt(crash => "$table with $name of a type of the same name", "CREATE DOMAIN pg_temp." . ($type =~ s/.*\.|\[\]|\W.*//gr || 'x') . " AS bigint; CREATE TYPE pg_temp.x AS ("
				. $list->(map { $_ == $column ? [ $name, 'pg_temp.' . ($type =~ s/.*\.|\[\]|\W.*//gr || 'x') ] : $_ } @columns) . ");
				SELECT propstreet.${table}_json(jsonb_populate_record(NULL::pg_temp.x, '{$valid{$table}}'::jsonb || '{\"$name\": 99}'))");
		}
		attempt(crash => "${table}_json of a row of the other table", "SELECT propstreet.${table}_json(t) FROM propstreet." . ($table eq 'project' ? 'prospect' : 'project') . ' AS t');
		attempt(crash => "$table twice, of two types in turn", "$start CREATE TYPE pg_temp.y AS (name bigint, id text);
			DO \$\$ DECLARE r record; BEGIN FOR i IN 1..4 LOOP IF i % 2 = 1 THEN r := pg_temp.make('{}'); ELSE r := ROW(99, 'x')::pg_temp.y; END IF;
				BEGIN RAISE NOTICE '%', propstreet.${table}_json(r); EXCEPTION WHEN OTHERS THEN RAISE NOTICE '%', SQLERRM; END; END LOOP; END\$\$");
		attempt(crash => "$table\: a temporary table's rows after ALTER TABLE", "CREATE TEMP TABLE t (LIKE propstreet.$table); INSERT INTO pg_temp.t SELECT * FROM propstreet.$table LIMIT 1;
			PREPARE q AS SELECT propstreet.${table}_json(t) FROM pg_temp.t AS t; EXECUTE q; ALTER TABLE pg_temp.t ALTER " . ($table eq 'project' ? 'name' : 'tags') . " TYPE bigint USING 99; EXECUTE q; EXECUTE q");
	}
	return;
}

# ---- the tenant ----

sub on_tenant
{
	my ($set) = @_;
	my %ways = (
		'SET' => 'SET propstreet.tenant_id = 2', 'SET LOCAL' => 'BEGIN; SET LOCAL propstreet.tenant_id = 2', 'SET SESSION' => q{SET SESSION propstreet.tenant_id TO '2'},
		'set_config()' => q{SELECT set_config('propstreet.tenant_id', '2', false)}, 'set_config() for the transaction' => q{BEGIN; SELECT set_config('propstreet.tenant_id', '2', true)},
		'RESET' => 'RESET propstreet.tenant_id', 'RESET ALL' => 'RESET ALL', 'DISCARD ALL' => 'DISCARD ALL', 'SET TO DEFAULT' => 'SET propstreet.tenant_id TO DEFAULT',
		'a claim' => q{SET request.jwt.claims = '{"tenant_id": 2, "tenant": "2", "sub": "2"}'; SET propstreet.tenant_claim = 'tenant_id'},
		'a claim by set_config()' => q{SELECT set_config('request.jwt.claims', '{"tenant_id": 2}', false), set_config('propstreet.tenant_claim', 'tenant_id', false)},
		'an old claim setting' => q{SET request.jwt.claim.tenant_id = '2'},
		'ALTER ROLE' => q{ALTER ROLE app SET propstreet.tenant_id = 2}, 'ALTER ROLE in a database' => q{ALTER ROLE app IN DATABASE app SET propstreet.tenant_id = 2},
		'ALTER ROLE RESET' => 'ALTER ROLE app RESET propstreet.tenant_id', 'ALTER ROLE RESET ALL' => 'ALTER ROLE app RESET ALL',
		'ALTER DATABASE' => 'ALTER DATABASE app SET propstreet.tenant_id = 2', 'ALTER SYSTEM' => 'ALTER SYSTEM SET propstreet.tenant_id = 2',
		'SET ROLE' => 'SET ROLE other', 'SET ROLE of the owner' => 'SET ROLE owner', 'SESSION AUTHORIZATION' => 'SET SESSION AUTHORIZATION other', 'SESSION AUTHORIZATION DEFAULT' => 'SET SESSION AUTHORIZATION DEFAULT',
		'set_tenant()' => 'SELECT propstreet.set_tenant(2)', 'handle_for()' => q{SELECT propstreet.handle_for(2, 'GET', '/api/v1/projects')},
		'current_tenant() of an own schema' => q{CREATE FUNCTION pg_temp.current_tenant() RETURNS bigint LANGUAGE sql AS 'SELECT 2::bigint'; SET search_path = pg_temp, propstreet},
		'a function with SET' => q{CREATE FUNCTION pg_temp.f() RETURNS text LANGUAGE sql SET propstreet.tenant_id = 2 AS 'SELECT propstreet.project_list()::text'; SELECT pg_temp.f()},
		'a function with SET of the claim' => q{CREATE FUNCTION pg_temp.f() RETURNS text LANGUAGE sql SET propstreet.tenant_claim = 'x' SET request.jwt.claims = '{"x": 2}' AS 'SELECT propstreet.project_list()::text'; SELECT pg_temp.f()},
		'LOAD' => q{LOAD 'propstreet'; SET propstreet.tenant_id = 2}, 'restore' => 'SET propstreet.restore = on', 'replication' => 'SET session_replication_role = replica', 'events' => 'SET propstreet.events = off',
		'row_security' => 'SET row_security = off', 'a library' => q{SET local_preload_libraries = 'propstreet'; LOAD 'own'}, 'a prefix' => q{SET propstreet.tenant_idd = 2}, 'GRANT SET' => 'GRANT SET ON PARAMETER propstreet.tenant_id TO app',
		'pg_settings' => q{UPDATE pg_settings SET setting = '2' WHERE name = 'propstreet.tenant_id'}, 'a savepoint' => 'BEGIN; SAVEPOINT a; SET LOCAL propstreet.tenant_id = 2; ROLLBACK TO a',
		'an upper case name' => 'SET "PropStreet.TENANT_ID" = 2');

	foreach my $name (sort keys %ways)
	{
		attempt(read => "another tenant by $name", "$ways{$name};\n$peek");
		attempt(write => "write as another tenant by $name", "$ways{$name};\nINSERT INTO propstreet.company (name) VALUES ('forged'); SELECT propstreet.project_create('{\"name\": \"forged\"}'); SELECT propstreet.project_update($set->{project2}, '{\"name\": \"forged\"}')");
		attempt(read => "the same before the library is loaded: $name", "\\connect \"$set->{app}\"\n$ways{$name};\n$peek");
	}
	my %options = (
		'tenant_id' => '-c propstreet.tenant_id=2', 'an upper case name' => '-c PROPSTREET.tenant_id=2', 'a claim' => '-c propstreet.tenant_claim=t -c request.jwt.claims={\"t\":2}', 'no tenant and a claim' => '-c propstreet.tenant_id= -c propstreet.tenant_claim=t -c request.jwt.claims={\"t\":2}',
		'two values' => '-c propstreet.tenant_id=2 -c propstreet.tenant_id=2', 'a role' => '-c role=other', 'restore' => '-c propstreet.restore=on', 'row_security' => '-c row_security=off', 'session_authorization' => '-c session_authorization=other',
		'session_preload_libraries' => '-c session_preload_libraries=propstreet', 'local_preload_libraries' => '-c local_preload_libraries=propstreet -c propstreet.tenant_id=2', 'zero' => '-c propstreet.tenant_id=0', 'a bad one' => '-c propstreet.tenant_id=2x', 'sync_wait' => '-c propstreet.sync_wait=-1',
		'replication' => '-c session_replication_role=replica', 'allow_http' => '-c propstreet.webhook_allow_http=on', 'search_path' => '-c search_path=mine,propstreet');
	foreach my $name (sort keys %options)
	{
		attempt(read => "PGOPTIONS: $name", qq{\\connect "$set->{app} options='} . ($options{$name} =~ s/"/"/gr =~ s/\\//gr =~ s/"/""/gr) . qq{'"\n$peek});
		attempt(write => "PGOPTIONS, writing: $name", qq{\\connect "$set->{app} options='} . ($options{$name} =~ s/\\//gr =~ s/"/""/gr) . qq{'"\nINSERT INTO propstreet.company (name) VALUES ('forged'); SELECT propstreet.project_create('{"name": "forged"}')});
	}
	attempt(escalate => "connecting as $_", qq{\\connect "$set->{app} replication=$_"\nIDENTIFY_SYSTEM}, qr/FATAL/) foreach ('true', 'database');

	# A pool that may set the tenant has the one it has set, and only as long as it was told
	my %pool = (
		'after a transaction' => 'BEGIN; SELECT propstreet.set_tenant(2, true); COMMIT', 'after a rollback' => 'BEGIN; SELECT propstreet.set_tenant(2); ROLLBACK', 'after a savepoint' => 'BEGIN; SELECT propstreet.set_tenant(3, true); SAVEPOINT a; SELECT propstreet.set_tenant(2, true); ROLLBACK TO a',
		'after an error' => q{SELECT propstreet.set_tenant(3); SELECT propstreet.set_tenant(2), 1 / 0}, 'after null' => 'SELECT propstreet.set_tenant(2); SELECT propstreet.set_tenant(3); SELECT propstreet.set_tenant(NULL)',
		'a prepared statement' => 'SELECT propstreet.set_tenant(2, false); PREPARE q AS SELECT * FROM propstreet.project_delta; SELECT propstreet.set_tenant(3, false); EXECUTE q; EXECUTE q; EXECUTE q; EXECUTE q; EXECUTE q; EXECUTE q',
		'DISCARD' => 'SELECT propstreet.set_tenant(2, false); DISCARD ALL', 'RESET' => 'SELECT propstreet.set_tenant(2, false); RESET ALL', 'a zero' => 'SELECT propstreet.set_tenant(3); SELECT propstreet.set_tenant(0)');
	foreach my $name (sort keys %pool)
	{
		attempt(read => "a pool's tenant: $name", qq{\\connect "$set->{pool}"\n$pool{$name};\n$peek});
	}
	return;
}

# ---- names, functions and objects of its own ----

sub on_names
{
	my ($set) = @_;
	my $work = "SELECT propstreet.project_create('{\"name\": \"own\", \"externalRefs\": [{\"namespace\": \"a\", \"id\": \"z\"}]}'); SELECT propstreet.project_list(), propstreet.project_find('a', 'z'); INSERT INTO propstreet.project (name) VALUES ('x'); UPDATE propstreet.contact SET tags = '{b}'; $peek";
	my $caught = q{CREATE TEMP TABLE caught (who name, sess name); GRANT ALL ON pg_temp.caught TO PUBLIC;
		CREATE FUNCTION mine.note() RETURNS void LANGUAGE plpgsql AS $$BEGIN IF current_user <> 'app' THEN RAISE EXCEPTION 'LE%', 'AK: ' || current_user; END IF; END$$;};
	my $undo = "\n;\nROLLBACK";

	foreach my $operator ('=', '<', '>', '<>', '>=', '<=')
	{
		foreach my $type ('bigint', 'text', 'timestamptz', 'propstreet.external_ref', 'propstreet.price', 'anyenum', 'anyarray', 'anyelement')
		{
			foreach my $schema ('mine', 'pg_temp')
			{
				attempt(escalate => "own operator $operator of $type in $schema", "BEGIN; $caught
					CREATE FUNCTION $schema.o($type, $type) RETURNS boolean LANGUAGE plpgsql AS \$\$BEGIN PERFORM mine.note(); RETURN true; END\$\$;
					CREATE OPERATOR $schema.$operator (LEFTARG = $type, RIGHTARG = $type, FUNCTION = $schema.o); SET LOCAL search_path = $schema, mine, pg_catalog, propstreet; $work$undo");
			}
		}
	}
	foreach my $signature ('now() RETURNS timestamptz', 'clock_timestamp() RETURNS timestamptz', 'nextval(regclass) RETURNS bigint', 'unnest(bigint[]) RETURNS SETOF bigint', 'current_tenant() RETURNS bigint', 'count(bigint) RETURNS bigint',
		'project_json(propstreet.project) RETURNS json', 'tags_valid(text[]) RETURNS boolean', 'external_refs_valid(propstreet.external_ref[]) RETURNS boolean', 'lower(text) RETURNS text', 'char_length(text) RETURNS integer', 'array_position(text[], text) RETURNS integer',
		'format(text, text) RETURNS text', 'coalesce2(text) RETURNS text', 'split_part(text, text, integer) RETURNS text', 'jsonb_typeof(jsonb) RETURNS text', 'num_nulls(timestamptz) RETURNS integer', 'pg_notify(text, text) RETURNS void')
	{
		foreach my $schema ('mine', 'pg_temp')
		{
			attempt(escalate => "own function $signature in $schema", "BEGIN; $caught CREATE FUNCTION $schema.$signature LANGUAGE plpgsql AS \$\$BEGIN PERFORM mine.note(); " . ($signature =~ /SETOF|void/ ? 'RETURN' : 'RETURN NULL') . "; END\$\$;
				SET LOCAL search_path = $schema, mine, pg_catalog, propstreet; $work$undo");
		}
	}
	foreach my $table ('project', 'prospect', 'event', 'webhook', 'webhook_delivery', 'contact', 'company', 'project_external_ref', 'prospect_external_ref', 'idempotency_key', 'new_rows', 'old_rows', 'pg_class', 'pg_proc', 'pg_enum', 'pg_trigger', 'pg_namespace')
	{
		attempt(escalate => "a temporary table $table with a trigger", "BEGIN; $caught CREATE TEMP TABLE $table (tenant_id bigint, id bigint, name text, x text);
			CREATE FUNCTION pg_temp.t() RETURNS trigger LANGUAGE plpgsql AS \$\$BEGIN PERFORM mine.note(); RETURN NEW; END\$\$; CREATE TRIGGER t BEFORE INSERT OR UPDATE OR DELETE ON pg_temp.$table FOR EACH ROW EXECUTE FUNCTION pg_temp.t(); GRANT ALL ON pg_temp.$table TO PUBLIC;
			SET LOCAL search_path = pg_temp, propstreet, pg_catalog; $work$undo");
		attempt(escalate => "a temporary view $table with a function", "BEGIN; $caught CREATE FUNCTION pg_temp.v() RETURNS bigint LANGUAGE plpgsql AS \$\$BEGIN PERFORM mine.note(); RETURN 1; END\$\$;
			CREATE TEMP VIEW $table AS SELECT pg_temp.v() AS tenant_id, 1::bigint AS id, 'x'::text AS name; GRANT ALL ON pg_temp.$table TO PUBLIC; SET LOCAL search_path = pg_temp, propstreet, pg_catalog; $work$undo");
	}
	foreach my $type ('bigint', 'json', 'text', 'propstreet.price')
	{
		attempt(escalate => "a cast of an own domain to $type", "BEGIN; $caught CREATE DOMAIN mine.d AS text; CREATE FUNCTION mine.c(mine.d) RETURNS $type LANGUAGE plpgsql AS \$\$BEGIN PERFORM mine.note(); RETURN NULL; END\$\$;
			CREATE CAST (mine.d AS $type) WITH FUNCTION mine.c(mine.d) AS IMPLICIT; SELECT propstreet.project_get('1'::mine.d)$undo", qr/ERROR|WARNING/);
	}
	attempt(escalate => 'a trigger function of its own as SECURITY DEFINER of another', q{CREATE FUNCTION mine.f() RETURNS void LANGUAGE sql SECURITY DEFINER AS 'SELECT'; ALTER FUNCTION mine.f() OWNER TO owner}, qr/ERROR/);
	attempt(escalate => "as the owner: $_", $_, qr/ERROR/) foreach ('ALTER EXTENSION propstreet UPDATE', 'DROP EXTENSION propstreet', 'DROP SCHEMA propstreet CASCADE', 'ALTER SCHEMA propstreet RENAME TO p', 'CREATE TABLE propstreet.x ()', 'CREATE TABLE propstreet_api.x ()', 'CREATE EXTENSION plpython3u',
		'ALTER EXTENSION propstreet ADD SCHEMA mine', 'ALTER ROLE app SUPERUSER', 'CREATE ROLE x', 'COPY mine.x FROM PROGRAM \'id\'', "COPY (SELECT 1) TO '/var/tmp/x'", "SELECT pg_read_file('/etc/passwd')", "SELECT lo_import('/etc/passwd')", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'owner'; SELECT 1/0",
		'SELECT * FROM pg_authid', "SELECT propstreet.install_1(); SELECT propstreet.install()", 'REASSIGN OWNED BY owner TO app', 'DROP OWNED BY owner', 'GRANT owner TO app', 'SECURITY LABEL ON TABLE propstreet.project IS NULL',
		'CREATE PUBLICATION p FOR TABLE propstreet.project', 'CREATE SUBSCRIPTION s CONNECTION \'\' PUBLICATION p', 'CREATE EVENT TRIGGER e ON ddl_command_start EXECUTE FUNCTION mine.f()', 'COMMENT ON TABLE propstreet.project IS \'x\'', 'CREATE STATISTICS mine.s ON name, status FROM propstreet.project', 'CREATE OPERATOR CLASS mine.c DEFAULT FOR TYPE propstreet.price USING btree AS STORAGE bigint',
		'ALTER TYPE propstreet.project_status ADD VALUE \'x\'', 'ALTER TYPE propstreet.price OWNER TO app', 'ALTER FUNCTION propstreet.current_tenant() LEAKPROOF', 'REINDEX TABLE propstreet.project', 'CLUSTER propstreet.project', 'REFRESH MATERIALIZED VIEW propstreet.project_delta');
	attempt(read => 'queries of others', q{SELECT query FROM pg_stat_activity WHERE usename <> 'app' AND query NOT LIKE '<insufficient%'; SELECT * FROM pg_prepared_xacts}, undef);
	attempt(read => 'large objects', 'SELECT lo_get(oid) FROM pg_largeobject_metadata');
	attempt(read => 'notifications', "LISTEN propstreet;\n\\! \$VICTIM\nSELECT 1");
	attempt(lie => 'a forged event', q{INSERT INTO propstreet.event (tenant_id, event, resource_id, created_utc, payload) VALUES (1, 'project.created', 1, now(), '{}')}, $refused);
	attempt(lie => 'a forged delivery', q{INSERT INTO propstreet.webhook_delivery SELECT * FROM propstreet.webhook_delivery LIMIT 1}, $refused);
	attempt(lie => 'a changed body of an event', q{UPDATE propstreet.event SET payload = '{}'}, $refused);
	attempt(lie => "change_origin: $_", "SET propstreet.change_origin = $_", qr/ERROR/) foreach (q{E'a\nb'}, q{'é'}, "'" . ('x' x 101) . "'");
	attempt(lie => 'an id of its own that was given', q{INSERT INTO propstreet.project (tenant_id, id, name, revision, created_utc) OVERRIDING SYSTEM VALUE VALUES (2, 1, 'x', 99, 'epoch')}, qr/ERROR/);
	attempt(lie => "another tenant's contact in a prospect", "INSERT INTO propstreet.prospect (project_id, contact_id) VALUES ($set->{project1}, $set->{contact2})", qr/ERROR/);
	attempt(lie => "another tenant's company in a contact", "UPDATE propstreet.contact SET company_id = $set->{company2}", qr/ERROR/);
	attempt(lie => "another tenant's property in a project", "INSERT INTO propstreet.project_property VALUES (1, $set->{project1}, $set->{property2}); INSERT INTO propstreet.project_property (project_id, property_id) VALUES ($set->{project1}, $set->{property2})", qr/ERROR/);
	attempt(lie => "another tenant's project as an investor's", "INSERT INTO propstreet.prospect (project_id, contact_id) VALUES ($set->{project2}, $set->{contact1})", qr/ERROR/);
	return;
}

# ---- holding others up ----

sub on_others
{
	my ($node, $database, $set) = @_;
	my @locks = ("SELECT pg_advisory_lock(i) FROM generate_series(-50, 50) AS i", "SELECT pg_advisory_lock(c::integer, i) FROM generate_series(0, 30) AS i, unnest(ARRAY['pg_namespace'::regclass, 'propstreet.project'::regclass, 'propstreet.event'::regclass]) AS c",
		"SELECT pg_advisory_lock(i, 2), pg_advisory_lock(i, 3), pg_advisory_lock(3, i) FROM generate_series(0, 30) AS i", "SELECT pg_advisory_xact_lock(3), pg_advisory_xact_lock_shared(2)");

	foreach my $lock (@locks)
	{
		attempt(stop => 'advisory locks: ' . substr($lock, 0, 60), "BEGIN; $lock;\n\\! \$VICTIM", qr/VICTIM WORKS/);
	}
	my %holding = (
		'a write' => q{INSERT INTO propstreet.project (name) VALUES ('held')}, 'an operation' => q{SELECT propstreet.project_create('{"name": "held"}', 'key')}, 'a delta read' => 'SELECT propstreet.sync_barrier()', 'a read' => 'SELECT count(*) FROM propstreet.project',
		'1,000 keys' => q{SELECT count(propstreet.project_create('{"name": "held"}', 'key' || i)) FROM generate_series(1, 200) AS i}, 'references' => q{SELECT propstreet.project_create('{"name": "held", "externalRefs": [{"namespace": "crm", "id": "victim"}]}')},
		'a failed transaction' => 'SELECT 1/0', 'LISTEN' => 'LISTEN propstreet; SELECT 1', 'NOTIFY' => q{NOTIFY propstreet, '{"event": "project.created", "tenantId": "3", "id": "1", "eventId": "1"}'}, 'access share locks' => 'LOCK TABLE propstreet.project, propstreet.event IN ACCESS SHARE MODE',
		'serializable' => 'SET TRANSACTION ISOLATION LEVEL SERIALIZABLE; SELECT count(*) FROM propstreet.project', 'a webhook' => q{SELECT propstreet.webhook_create('{"url": "https://example.com/", "events": ["project.created"]}')});
	foreach my $name (sort keys %holding)
	{
		attempt(stop => "another tenant waits for $name", "BEGIN; $holding{$name};\n\\! \$VICTIM", qr/VICTIM WORKS/);
	}
	attempt(stop => 'an idempotency key of theirs', qq{BEGIN; SELECT propstreet.project_create('{"name": "held"}', 'victim');\n\\! \$VICTIM}, qr/VICTIM WORKS/);
	attempt(stop => 'prepared transactions', qq{BEGIN; INSERT INTO propstreet.project (name) VALUES ('held'); PREPARE TRANSACTION 'p';\n\\! \$VICTIM}, qr/VICTIM WORKS/);

	# What the planner says of others' values: their prices are high, its own are not
	foreach (rows($node, $database, q{
			SELECT o.oid::regoperator::text, o.oprname, a.attname, format_type(o.oprright, NULL)
			FROM pg_operator AS o JOIN pg_attribute AS a ON a.atttypid = o.oprleft AND a.attrelid = 'propstreet.project'::regclass
			WHERE o.oprnamespace = 'propstreet'::regnamespace AND o.oprresult = 'boolean'::regtype AND o.oprrest <> 0 ORDER BY 1}))
	{
		my ($shown, $operator, $column, $type) = @$_;
		my $range = $type =~ /range/ ? '..' : '';
		attempt(read => "EXPLAIN tells of $column $shown", qq{DO \$\$ DECLARE plan json; estimate numeric[]; BEGIN
			FOR i IN 1..2 LOOP
				EXECUTE format('EXPLAIN (FORMAT JSON) SELECT FROM propstreet.project WHERE $column OPERATOR(propstreet.$operator) %L', (ARRAY['9876543' || '150$range SEK', '100$range billions SEK'])[i]) INTO plan;
				estimate[i] := plan#>>'{0,Plan,Plan Rows}';
			END LOOP;
			IF abs(estimate[1] - estimate[2]) > 2 THEN RAISE NOTICE 'LE%', 'AK ' || estimate::text; END IF; END\$\$}) if $type =~ /^propstreet.price/;
	}
	return;
}

sub application
{
	my ($node, $database, $set, $directory) = @_;

	on_relations($node, $database);
	on_columns($node, $database);
	on_functions($node, $database, $set);
	on_requests($set);
	on_types($node, $database, $directory);
	on_rows($node, $database);
	on_tenant($set);
	on_names($set);
	on_others($node, $database, $set);
	return;
}

1;
