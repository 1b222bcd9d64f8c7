# 200 clients send the same request with one Idempotency-Key at once: it is done once, and everybody gets that answer or PT409.

use strict;
use warnings;

use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $clients = 200;
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->append_conf('postgresql.conf', 'max_connections = 250');
$node->start;
$node->safe_psql('postgres', q{
	CREATE EXTENSION propstreet;
	SELECT propstreet.install();
	ALTER DATABASE postgres SET propstreet.tenant_id = '1';
});
$node->safe_psql('postgres', q{
	INSERT INTO propstreet.contact (id, name) SELECT g, 'Contact ' || g FROM generate_series(1, 3) AS g;
	INSERT INTO propstreet.project (id, name) VALUES (1001, 'pipeline');
	CREATE TABLE outcome (request text, answer text);

	-- What a client gets; PT409 is null
	CREATE FUNCTION ask(request text) RETURNS void LANGUAGE plpgsql AS $$
	DECLARE
		answer text;
	BEGIN
		BEGIN
			EXECUTE format('SELECT propstreet.%s', request) INTO answer;
		EXCEPTION WHEN SQLSTATE 'PT409' THEN
			IF SQLERRM !~ 'still running' THEN
				RAISE;
			END IF;
		END;
		INSERT INTO outcome VALUES (request, answer);
	END
	$$;
});

sub ask_all
{
	my ($name, $request, $created) = @_;
	my $ask = "SELECT ask(\$ask\$$request\$ask\$)";
	my ($output, $errors) = ('', '');

	# they wait for each other at a lock
	my $gate = $node->background_psql('postgres');
	$gate->query_safe('SELECT pg_advisory_lock(1)');
	my $script = PostgreSQL::Test::Utils::tempdir . '/script';
	append_to_file($script, "SELECT pg_advisory_lock_shared(1);\n$ask;\n");
	my $pgbench = IPC::Run::start([ 'pgbench', '--no-vacuum', '--client', $clients, '--transactions', 1, '--file', $script, '-h', $node->host, '-p', $node->port, 'postgres' ],
		'>', \$output, '2>', \$errors);
	ok($node->poll_query_until('postgres', "SELECT count(*) = $clients FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"), "$name: all clients are there");
	$gate->quit;
	$pgbench->finish;
	like($output, qr{actually processed: $clients/$clients}, "$name: all clients have got through") or diag $errors;

	my $of_request = "FROM outcome WHERE request = \$ask\$$request\$ask\$";
	note "$name: ", $node->safe_psql('postgres', "SELECT count(*) - count(answer) $of_request"), ' times PT409';
	is($node->safe_psql('postgres', "SELECT count(*), count(DISTINCT answer) $of_request"), "$clients|1", "$name: one answer, or PT409");
	is($node->safe_psql('postgres', "SELECT $created"), '1', "$name: done once");
	$node->safe_psql('postgres', $ask);
	is($node->safe_psql('postgres', "SELECT count(*) - count(answer) < $clients, count(DISTINCT answer) $of_request"), 't|1', "$name: the same answer afterwards");
	is($node->safe_psql('postgres', "SELECT $created"), '1', "$name: and still done once");
}

ask_all('project_create', q{project_create('{"name": "New"}', 'create')}, q{(SELECT count(*) FROM propstreet.project WHERE name = 'New')});
ask_all('prospect_add', q{prospect_add(1001, '{"contactId": "1"}', 'add')}, q{(SELECT count(*) FROM propstreet.prospect WHERE contact_id = 1)});
ask_all('prospect_add_batch', q{prospect_add_batch(1001, '{"items": [{"contactId": "2"}, {"contactId": "3"}]}', 'batch')},
	q{(SELECT count(*) / 2.0 = 1 FROM propstreet.prospect WHERE contact_id IN (2, 3))::integer});
is($node->safe_psql('postgres', 'SELECT count(*) FROM propstreet.idempotency_key'), '3', 'a record each');
is($node->safe_psql('postgres', 'SELECT * FROM propstreet.check()'), '', 'nothing stored contradicts the rules');

$node->stop;
done_testing();
