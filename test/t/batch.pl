# Batches cost the same number of statements whatever their size, and get along with each other.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->append_conf('postgresql.conf', 'log_lock_waits = on');
$node->start;
$node->safe_psql('postgres', q{
	CREATE EXTENSION propstreet;
	SELECT propstreet.install();
	ALTER DATABASE postgres SET propstreet.tenant_id = '1';
});
$node->safe_psql('postgres', q{
	INSERT INTO propstreet.company (id, name) SELECT g, 'Company ' || g FROM generate_series(1, 5) AS g;
	INSERT INTO propstreet.contact (id, company_id, name, blocked) SELECT g, CASE WHEN g % 2 = 0 THEN 1 END, 'Contact ' || g, g > 100 FROM generate_series(1, 105) AS g;
	INSERT INTO propstreet.project (id, name) SELECT g, 'Project ' || g FROM generate_series(1, 100) AS g;

	-- Items for contacts 1 to n: with a reference, or only every third one good
	CREATE FUNCTION items(n integer, kind text) RETURNS json LANGUAGE sql AS $$
		SELECT json_build_object('items', json_agg(CASE kind
			WHEN 'plain' THEN json_build_object('contactId', g::text)
			WHEN 'refs' THEN json_build_object('contactId', g::text, 'externalRefs', json_build_array(json_build_object('namespace', 'crm', 'id', g::text)))
			ELSE json_build_object('contactId', CASE g % 3 WHEN 0 THEN 'x' WHEN 1 THEN g::text ELSE '101' END) END))
		FROM generate_series(1, n) AS g
	$$;
});

# ---- the number of statements ----

# The statements that one runs, those apart that PostgreSQL itself runs for each row to check foreign keys
sub statements
{
	my ($sql) = @_;
	my ($output, $notices) = ('', '');
	my $status = $node->psql('postgres', qq{
		LOAD 'auto_explain';
		SET auto_explain.log_nested_statements = on;
		SET auto_explain.log_level = notice;
		SET auto_explain.log_min_duration = 0;
		$sql;
	}, stdout => \$output, stderr => \$notices);
	die $notices if $status != 0;
	my @texts = $notices =~ /Query Text: (.*)/g;
	my $checks = grep { /^SELECT 1 FROM ONLY .* FOR KEY SHARE OF x$/ } @texts;
	return (scalar(@texts) - $checks, $checks, $output);
}

# Each pair of sizes in projects of their own
my $project = 0;

sub same_number
{
	my ($name, $call) = @_;
	my @numbers;
	for my $n (1, 2, 30, 100)
	{
		$project++;
		my ($number, $checks, $output) = statements($call->($n, $project));
		cmp_ok(length $output, '>', 10, "$name of $n has an answer");
		push @numbers, $number;
	}
	note "$name: $numbers[0] statements";
	is_deeply(\@numbers, [ ($numbers[0]) x @numbers ], "$name: as many statements for 1 item as for 2, 30 and 100");
}

SKIP:
{
	skip 'auto_explain is not installed', 1 if $node->psql('postgres', q{LOAD 'auto_explain'}) != 0;

	# a foreign key is checked for each row that is written, so counting works
	my ($number, $checks) = statements(q{INSERT INTO propstreet.prospect (project_id, contact_id) VALUES (100, 1), (100, 2)});
	cmp_ok($checks, '>=', 2 * 2, 'checks of foreign keys are told apart');

	my @own;
	for my $n (1, 31)
	{
		($number) = statements("INSERT INTO propstreet.prospect (project_id, contact_id) SELECT p, $n + c FROM generate_series(97, 98) AS p, generate_series(1, $n) AS c ORDER BY p");
		push @own, $number;
	}
	is($own[1] - $own[0], 2 * 30, 'a plain INSERT locks the investor of each row, but each project once');

	same_number('add', sub { "SELECT propstreet.prospect_add_batch($_[1], items($_[0], 'plain'))" });
	same_number('add with references', sub { "SELECT propstreet.prospect_add_batch($_[1], items($_[0], 'refs'))" });
	same_number('add with a key', sub { "SELECT propstreet.prospect_add_batch($_[1], items($_[0], 'plain'), 'key $_[1]')" });
	same_number('add, most of it failing', sub { "SELECT propstreet.prospect_add_batch($_[1], items($_[0], 'mixed'))" });
	for my $case ([ 'update', 'NULL' ], [ 'update with references', q{json_build_array(json_build_object('namespace', 'crm', 'id', contact_id::text))} ])
	{
		my ($name, $refs) = @$case;
		same_number($name, sub {
			my ($n, $project) = @_;
			$node->safe_psql('postgres', "SELECT propstreet.prospect_add_batch($project, items($n, 'plain'))");
			my $body = $node->safe_psql('postgres', qq{
				SELECT json_build_object('items', json_agg(json_strip_nulls(json_build_object('id', id::text, 'classification', 'bidder', 'externalRefs', $refs))))
				FROM propstreet.prospect WHERE project_id = $project});
			return "SELECT propstreet.prospect_update_batch($project, '$body')";
		});
	}
}

# ---- many at once ----

# Every client adds a random 20 of 30 investors, in a random order and some with references, to one project after another
$node->safe_psql('postgres', q{
	INSERT INTO propstreet.project (id, name) SELECT g, 'Project ' || g FROM generate_series(1001, 1040) AS g;
	CREATE TABLE tally (project bigint, created integer, failed integer, told_apart boolean);

	CREATE FUNCTION add_some(project bigint) RETURNS void LANGUAGE plpgsql AS $$
	DECLARE
		items json := (SELECT json_agg(json_strip_nulls(json_build_object(CASE WHEN i <= 25 THEN 'contactId' ELSE 'companyId' END, CASE WHEN i <= 25 THEN i ELSE i - 25 END::text,
				'externalRefs', CASE WHEN random() < 0.3 THEN json_build_array(json_build_object('namespace', 'crm', 'id', ceil(random() * 10)::text)) END)))
			FROM (SELECT i FROM generate_series(1, 30) AS i ORDER BY random() LIMIT 20) AS i);
		answer json := propstreet.prospect_add_batch(project, json_build_object('items', items));
	BEGIN
		INSERT INTO tally SELECT project, json_array_length(answer->'created'), json_array_length(answer->'failed'), (
			SELECT array_agg(DISTINCT coalesce('c' || (i->>'companyId'), i->>'contactId')) = (SELECT array_agg(DISTINCT coalesce('c' || (g->>'companyId'), g->>'contactId')) FROM json_array_elements(items) AS g)
			FROM (SELECT json_array_elements(answer->'created') UNION ALL SELECT json_array_elements(answer->'failed')) AS r (i));
	END
	$$;
	CREATE FUNCTION update_some(project bigint) RETURNS void LANGUAGE sql AS $$
		SELECT propstreet.prospect_update_batch(project, json_build_object('items', json_agg(json_build_object('id', id::text, 'classification', (ARRAY['contacted', 'bidder'])[ceil(random() * 2)],
			'externalRefs', json_build_array(json_build_object('namespace', 'crm', 'id', ceil(random() * 20)::text))))))
		FROM (SELECT id FROM propstreet.prospect WHERE project_id = project ORDER BY random() LIMIT 20) AS p
	$$;
});
my $clients = 8;
my $projects = 40;

# All clients go through the projects in the same order, so they often meet
sub run_clients
{
	my ($function, $name) = @_;
	my $script = PostgreSQL::Test::Utils::tempdir . '/script';
	append_to_file($script, "\\set n :n + 1\nSELECT $function(:n);\n");
	my $all = $clients * $projects;
	$node->command_like([ 'pgbench', '--no-vacuum', '--client', $clients, '--jobs', 2, '--transactions', $projects, '--define', 'n=1000', '--file', $script ],
		qr{actually processed: $all/$all}, "$name: no deadlock, nor any other error");
}

run_clients('add_some', 'batches that add');
is($node->safe_psql('postgres', 'SELECT count(*), bool_and(created + failed = 20), bool_and(told_apart) FROM tally'),
	$clients * $projects . '|t|t', 'every item was created or failed, and only one of it');
is($node->safe_psql('postgres', q{
	SELECT count(*) FROM (SELECT project, sum(created) AS created FROM tally GROUP BY project) AS t
	WHERE created <> (SELECT count(*) FROM propstreet.prospect WHERE project_id = project)}), 0, 'what was said to be created is there, and no more');
is($node->safe_psql('postgres', 'SELECT count(*) FROM (SELECT FROM propstreet.prospect WHERE project_id > 1000 GROUP BY project_id HAVING count(*) >= 27) AS p'),
	$projects, 'of so many tries for an investor one succeeds');

run_clients('update_some', 'batches that update');
is($node->safe_psql('postgres', 'SELECT * FROM propstreet.check()'), '', 'nothing stored contradicts the rules');

$node->stop;
done_testing();
