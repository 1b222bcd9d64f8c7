# How long a delta read waits: writers that end one after the other have one time limit together; it goes on waiting for one that
# prepares its transaction, even over a restart; it ends with its writer, however that ends, or when it is told to.

use strict;
use warnings FATAL => 'all';

use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use constant WRITERS => 30;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', 'max_prepared_transactions = ' . WRITERS);
$node->start;
$node->safe_psql('postgres', <<'END');
CREATE EXTENSION propstreet;
SELECT propstreet.install();
ALTER DATABASE postgres SET propstreet.tenant_id = '1';
ALTER DATABASE postgres SET propstreet.notify = off;
END

my $read = q{SELECT string_agg(resource->>'name', ' ') FROM propstreet.project_changes(NULL)};
my $busy = qr/not possible now.*^HINT:  A writer did not end within propstreet\.sync_wait/ms;
my $patient = "SET propstreet.sync_wait = '1h'";

# Runs statements in a session of their own, while the test goes on
sub begin_psql
{
	my @statements = @_;
	my $session = { output => '' };

	$session->{run} = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), map { ('-c', $_) } @statements ],
		'&>', \$session->{output});
	return $session;
}

# What they have printed
sub end_psql
{
	my ($session) = @_;

	$session->{run}->finish;
	return $session->{output};
}

# A read waits for a transaction's end: by its virtual id, or by its real one if it is prepared
sub waits_for
{
	my ($kind, $name) = @_;

	ok($node->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_locks WHERE NOT granted AND locktype = '$kind'"), $name);
	return;
}

# Each of these writers would end in time if the limit began with it
my @endings = 'DO $$BEGIN WHILE NOT EXISTS (SELECT FROM pg_locks WHERE NOT granted) LOOP PERFORM pg_sleep(0.01); END LOOP; END$$';
foreach my $i (1 .. WRITERS)
{
	$node->safe_psql('postgres', "BEGIN; INSERT INTO propstreet.project (name) VALUES ('p$i'); PREPARE TRANSACTION 'writer $i'");
	push @endings, "DO 'BEGIN PERFORM pg_sleep(0.2); END'", "COMMIT PREPARED 'writer $i'";
}
my $ends = begin_psql(@endings);
my ($status, $stdout, $stderr) = $node->psql('postgres', "SET propstreet.sync_wait = 300; $read");
like($stderr, $busy, 'one limit for all writers');
end_psql($ends);
is($node->safe_psql('postgres', $read), join(' ', map { "p$_" } 1 .. WRITERS), 'they have ended');
$node->safe_psql('postgres', 'DELETE FROM propstreet.project');

my $writer = $node->background_psql('postgres');
$writer->query_safe("BEGIN; INSERT INTO propstreet.project (name) VALUES ('prepared')");
my $reader = begin_psql($patient, $read);
waits_for('virtualxid', 'waits for a writer');
$writer->query_safe("PREPARE TRANSACTION 'writer'");
waits_for('transactionid', 'waits on when it prepares its transaction');
$writer->query_safe("COMMIT PREPARED 'writer'");
is(end_psql($reader), "prepared\n", 'ends when that commits');

# Each half of this wait would end in time if the limit began with it; nor does anything go off after the limit
$writer->query_safe("BEGIN; INSERT INTO propstreet.project (name) VALUES ('slow')");
$reader = begin_psql("SET propstreet.sync_wait = '1s'", "SET lock_timeout = '1h'", $read);
waits_for('virtualxid', 'waits for a writer');
$writer->query_safe("SELECT pg_sleep(0.7)");
$writer->query_safe("PREPARE TRANSACTION 'writer'");
$writer->query_safe("SELECT pg_sleep(0.7)");
$writer->query_safe("COMMIT PREPARED 'writer'");
like(end_psql($reader), $busy, 'one limit for a writer that prepares its transaction meanwhile');

$writer->query_safe("BEGIN; DELETE FROM propstreet.project WHERE name = 'slow'; INSERT INTO propstreet.project (name) VALUES ('gone')");
$reader = begin_psql("SET propstreet.sync_wait = '1s'", "SET lock_timeout = '1h'", $read, 'SELECT pg_sleep(1.5)', 'SHOW lock_timeout');
waits_for('virtualxid', 'waits for a writer');
$writer->query_safe("DELETE FROM propstreet.project WHERE name = 'gone'; COMMIT");
is(end_psql($reader), "prepared\n\n1h\n", 'the limit ends with the wait');

$writer->query_safe("BEGIN; INSERT INTO propstreet.project (name) VALUES ('recovered'); PREPARE TRANSACTION 'writer'");
$writer->quit;
$node->restart;
($status, $stdout, $stderr) = $node->psql('postgres', "SET propstreet.sync_wait = 0; $read");
like($stderr, $busy, 'a prepared transaction is waited for after a restart, too');
$node->safe_psql('postgres', "ROLLBACK PREPARED 'writer'");

$writer = $node->background_psql('postgres');
$writer->query_safe("BEGIN; INSERT INTO propstreet.project (name) VALUES ('killed')");
$reader = begin_psql($patient, $read);
waits_for('virtualxid', 'waits for a writer');
$node->safe_psql('postgres', "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE state = 'idle in transaction'");
is(end_psql($reader), "prepared\n", 'ends when that is terminated');

$writer->reconnect_and_clear;
$writer->query_safe("BEGIN; INSERT INTO propstreet.project (name) VALUES ('late')");
$reader = begin_psql($patient, $read);
waits_for('virtualxid', 'waits for a writer');
$node->safe_psql('postgres', "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'virtualxid'");
like(end_psql($reader), qr/ERROR:  canceling statement due to user request/, 'ends when it is cancelled');
($status, $stdout, $stderr) = $node->psql('postgres', "SET statement_timeout = '50ms'; $patient; $read");
like($stderr, qr/ERROR:  canceling statement due to statement timeout/, 'ends when its statement has taken too long');

$writer->query_safe('COMMIT');
is($node->safe_psql('postgres', $read), 'prepared late', 'nothing is left to wait for');
$writer->quit;

done_testing();
