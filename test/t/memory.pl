
# 100,000 failing and succeeding calls in one session: its memory must not grow by 1 MB. Nor does a statement need more of it the
# more rows it changes.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

plan skip_all => 'needs /proc' unless -r "/proc/$$/status";

my $node = PostgreSQL::Test::Cluster->new('memory');
$node->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->append_conf('postgresql.conf', q{
	fsync = off
	autovacuum = off
	shared_buffers = 2MB
	log_min_messages = fatal
	log_min_error_statement = panic
	log_statement = none
});
$node->start;
$node->safe_psql('postgres', q{
	CREATE EXTENSION propstreet;
	SELECT propstreet.install();
	INSERT INTO propstreet.contact (tenant_id, id, name, tags) VALUES (1, 1, 'Ada', '{a}'), (1, 2, 'Bo', '{}');
	INSERT INTO propstreet.project (tenant_id, id, name, external_refs) VALUES (1, 1, 'One', '{crm:one}');
	INSERT INTO propstreet.prospect (tenant_id, id, project_id, contact_id) VALUES (1, 1, 1, 1);
	SELECT setval('propstreet.project_id_seq', 1000);

	-- The same in a subtransaction
	CREATE FUNCTION attempt(statement text) RETURNS boolean LANGUAGE plpgsql
		AS $$BEGIN EXECUTE statement; RETURN true; EXCEPTION WHEN OTHERS THEN RETURN false; END$$;
});

# What a call may look like; %s is its number
my $large = '"externalRefs": [' . join(', ', map { qq({"namespace": "n$_", "id": "%1\$s"}) } (1 .. 20)) . ']';
my $transactions = '[' . join(', ', map { qq({"buyer": "$_", "price": {"value": 1.50, "list": [1, 2, 3]}}) } (1 .. 50)) . ']';
my @calls = (
	# bodies
	'SELECT propstreet.project_create(\'{"name": "Project %s", "price": {"value": 1.5, "currency": "SEK"}}\')',
	"SELECT propstreet.project_create('{\"name\": \"Project %1\$s\", $large}')",
	"SELECT propstreet.project_create('{\"nam\": \"Project %1\$s\", $large, \"price\": {\"value\": -1, \"currency\": \"XXX\"}, \"asset\": []}')",
	'SELECT propstreet.project_create(\'{"name": "x", "name": "y %s"}\')',
	'SELECT propstreet.project_create(\'{"name": "\ud800 %s", "mandate": "\u0000"}\')',
	'SELECT propstreet.project_create(\'' . ('[' x 100) . '%s' . (']' x 100) . '\')',
	'SELECT propstreet.project_create(\'"%s"\')',
	'SELECT propstreet.project_create(\'{"name": "Taken %s", "externalRefs": [{"namespace": "crm", "id": "one"}]}\')',
	'SELECT propstreet.project_create(\'{"name": "Replayed"}\', \'key\')',
	'SELECT propstreet.project_update(1, \'{"name": "Name %s", "priceRange": {"min": 1, "max": %1$s, "currency": "EUR", "scale": "thousands"}}\')',
	'SELECT propstreet.project_update(1, \'{"name": "Name %s"}\', \'W/"nothing", "%1$s"\')',
	'SELECT propstreet.project_update(1, \'{"name": null, "status": "%s"}\')',
	'SELECT propstreet.project_update(-%s, \'{"name": "x"}\')',
	'SELECT propstreet.project_upsert(\'crm\', \'one\', \'{"mandate": "other"}\') /* %s */',
	'SELECT propstreet.project_upsert(\'crm\', \'one\', \'{"externalRefs": [{"namespace": "crm", "id": "%s"}]}\')',
	"SELECT propstreet.project_close(1, '$transactions') /* %s */",
	"SELECT propstreet.project_close(1, '[1, 2, \"%s\"]')",
	'SELECT propstreet.prospect_add(1, \'{"contactId": "1"}\') /* %s */',
	'SELECT propstreet.prospect_add(1, \'{"contactId": "%s", "companyId": "2"}\')',
	'SELECT propstreet.prospect_update(1, 1, \'{"classification": "bidder", "externalRefs": [{"namespace": "crm", "id": "%s"}]}\')',
	'SELECT propstreet.prospect_upsert(1, \'crm\', \'other\', \'{"contactId": "1"}\') /* %s */',
	'SELECT propstreet.prospect_upsert(1, \'x%s\', \'y\', \'{"contactId": "1", "externalRefs": 1}\')',
	# reading
	'SELECT propstreet.project_get(1), propstreet.project_find(\'crm\', \'one\') /* %s */',
	'SELECT propstreet.project_find(\'crm\', \'%s\')',
	'SELECT propstreet.prospect_get(1, %s)',
	'SELECT propstreet.contact_projects(1, page_size => 10) /* %s */',
	'SELECT propstreet.contact_projects(1, cursor => \'%s\')',
	# types
	'SELECT \'{"value": %s.50, "currency": "SEK", "scale": "millions"}\'::json::propstreet.price::json',
	'SELECT \'{"value": "%s", "currency": "sek"}\'::json::propstreet.price',
	'SELECT \'{"value": %s, "currency": "SEK"}\'::propstreet.price',
	'SELECT \'{"value": %s, "value": 2}\'::propstreet.price',
	'SELECT \'{"value": %s\'::propstreet.price',
	'SELECT \'{"min": 1, "max": %s, "currency": "SEK"}\'::json::propstreet.price_range, \'{"min": 1, "currency": "SEK"}\'::propstreet.price_range',
	'SELECT \'{"min": 2, "max": 1, "currency": "SEK", "%s": []}\'::json::propstreet.price_range',
	'SELECT \'{"namespace": "crm", "id": "%s"}\'::json::propstreet.external_ref',
	'SELECT \'{"namespace": "c m", "id": {"%s": 1}}\'::json::propstreet.external_ref',
	'SELECT \'"W/\"%s\""\'::json::propstreet.etag, \'%1$s SEK\'::propstreet.price, \'a:%1$s\'::propstreet.external_ref',
	'SELECT \'[%s]\'::json::propstreet.etag',
	'SELECT propstreet.sum(p) FROM unnest(ARRAY[\'%s SEK\', \'1 SEK\']::propstreet.price[]) AS p',
	# claims
	'SET propstreet.tenant_id = \'\'; SET request.jwt.claims = \'{"tenant": "%s"}\'; SELECT propstreet.current_tenant(); SET propstreet.tenant_id = 1',
	'SET propstreet.tenant_id = \'\'; SET request.jwt.claims = \'{"tenant": ["%s"]}\'; SELECT propstreet.current_tenant()',
	# in a subtransaction
	'SELECT attempt($q$SELECT propstreet.project_create(\'{"nam": %s}\')$q$)',
	'SELECT attempt($q$SELECT propstreet.project_update(1, \'{"name": "%s"}\', \'"x"\')$q$)',
	'SELECT attempt($q$SELECT \'{"value": %s, "currency": "SEK"}\'::json::propstreet.price$q$)',
	'SELECT attempt($q$SELECT \'{"value": %s, "currency": 1}\'::json::propstreet.price$q$)');

sub quoted
{
	my ($text) = @_;

	$text =~ s/%(?!s|1\$s)/%%/g;
	return "\$c\$$text\$c\$";
}

# Runs calls in turns, each a transaction of its own
sub calls
{
	my ($count) = @_;

	return "SELECT format(c, i) FROM generate_series(1, " . int($count / @calls + 1) . ') AS i, unnest(ARRAY['
	  . join(",\n", map { quoted($_) } @calls) . "]) AS c \\gexec\n";
}

my $measure = q{
	\o
	\echo :calls
	SELECT pg_stat_clear_snapshot();
	SELECT 'contexts ' || sum(total_bytes) FROM pg_backend_memory_contexts;
	SELECT 'process ' || 1024 * substring(pg_read_file('/proc/' || pg_backend_pid() || '/status') FROM 'RssAnon:\s*(\d+) kB')::bigint;
	\o /dev/null
};
my ($stdout, $stderr);
$node->psql('postgres', q{
	\set VERBOSITY sqlstate
	SET propstreet.tenant_claim = 'tenant';
	SET propstreet.tenant_id = '1';
	\o /dev/null
} . $measure . calls(5000) . $measure . calls(100000) . $measure, stdout => \$stdout, stderr => \$stderr, on_error_stop => 0);

my @contexts = $stdout =~ /contexts (\d+)/g;
my @process = $stdout =~ /process (\d+)/g;
my %states;
$states{$_}++ foreach $stderr =~ /ERROR:  (\w+)/g;
note("memory contexts: @contexts; process: @process");
note(join(', ', map { "$_: $states{$_}" } sort keys %states));

is(scalar(@process), 3, 'measured three times');
cmp_ok($states{$_} // 0, '>', 2000, "calls that fail with $_") foreach ('PT400', 'PT401', 'PT404', 'PT409', 'PT412', '22P02');
ok(!grep({ !/^(PT4\d\d|22P02|22003)$/ } keys %states), 'no other errors');
cmp_ok($node->safe_psql('postgres', 'SELECT count(*) FROM propstreet.project'), '>', 4000, 'calls that succeed');
cmp_ok($contexts[2] - $contexts[1], '<', 1024 * 1024, 'memory contexts grow by less than 1 MB');
cmp_ok($process[2] - $process[1], '<', 1024 * 1024, 'the process grows by less than 1 MB');

# Events and deliveries are written while the statement ends: the most memory that was ever in use shows it
my $peaks = $node->safe_psql('postgres', q{
	SET propstreet.tenant_id = '2';
	DO $$BEGIN PERFORM propstreet.webhook_create('{"url": "https://x.example", "events": ["project.updated"]}'); END$$;
	SET propstreet.events = off;
	INSERT INTO propstreet.project (name, external_refs) SELECT 'x', ARRAY[propstreet.external_ref('crm', g::text)] FROM generate_series(1, 120000) AS g;
	RESET propstreet.events;
	CREATE FUNCTION peak() RETURNS bigint LANGUAGE sql
		AS $$SELECT substring(pg_read_file('/proc/' || pg_backend_pid() || '/status') FROM 'VmHWM:\s*(\d+) kB')::bigint$$;
	UPDATE propstreet.project SET name = 'y' WHERE tenant_id = 2 AND id % 6 = 0;
	SELECT peak();
	UPDATE propstreet.project SET name = 'z' WHERE tenant_id = 2;
	SELECT peak();
	SELECT count(*) FROM propstreet.webhook_delivery;
});
my ($few, $many, $deliveries) = split /\n/, $peaks;
note("peak of an update of 20,000 rows: $few kB, of 120,000: $many kB");
is($deliveries, 140000, 'updates with events and deliveries');
cmp_ok($many - $few, '<', 10 * 1024, 'six times as many rows take as much memory');

$node->stop;
done_testing();
