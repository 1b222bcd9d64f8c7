# The webhook worker comes and goes with databases, tables, settings and crashes, waits quietly where there is nothing to do, and
# has no transaction open while it sends.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../sink";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Sink;
use Test::More;
use Time::HiRes qw(sleep);

my $node = webhook_server('worker', allows_streaming => 1);
$node->append_conf('postgresql.conf', <<'END');
propstreet_webhooks.databases = 'postgres, "other database", later'
propstreet_webhooks.fallback_interval = '100ms'
max_prepared_transactions = 5
restart_after_crash = on
autovacuum = off
END
$node->start;
my $sink = start_sink();
my $url = "http://127.0.0.1:$sink->{port}/";

# The process ids of workers; asks in a database that has none
sub workers
{
	my ($database) = @_;

	return $node->safe_psql('template1', "SELECT string_agg(pid::text, ' ' ORDER BY pid) FROM pg_stat_activity WHERE backend_type = 'propstreet webhooks' AND datname = '$database'");
}

sub wait_for_workers
{
	my ($count, $database, $name) = @_;

	return ok($node->poll_query_until('template1', "SELECT count(*) = $count FROM pg_stat_activity WHERE backend_type = 'propstreet webhooks' AND datname = '$database'"), $name);
}

# When the worker of a database has last begun or ended to look for work
sub last_look
{
	my ($database) = @_;

	return $node->safe_psql('template1', "SELECT state_change FROM pg_stat_activity WHERE backend_type = 'propstreet webhooks' AND datname = '$database'");
}

# Waits until it has begun to look for work after this
sub wait_for_look
{
	my ($database) = @_;

	for (1 .. 2)
	{
		my $before = last_look($database);
		$node->poll_query_until('template1', "SELECT state = 'idle' AND query_start > '$before' FROM pg_stat_activity WHERE backend_type = 'propstreet webhooks' AND datname = '$database'")
			or die 'the worker does not look for work';
	}
	return;
}

# ---- installed, removed, installed again ----

wait_for_workers(1, 'postgres', 'a worker where nothing is installed');
wait_for_look('postgres');
set_up($node, 'postgres');
is(deliver($node, $url), 'delivered 204', 'it delivers when something is');

# what is not the extension's own is not called, whatever its name
my $log_start = -s $node->logfile;
$node->safe_psql('postgres', <<'END');
ALTER EXTENSION propstreet DROP FUNCTION propstreet.webhook_next_due(integer);
CREATE OR REPLACE FUNCTION propstreet.webhook_next_due(per_webhook integer = 8) RETURNS timestamptz LANGUAGE plpgsql
	AS $$BEGIN RAISE LOG 'the worker has called it'; RETURN NULL; END$$;
END
wait_for_look('postgres');
unlike(slurp_file($node->logfile, $log_start), qr/LOG:  the worker has called it/, 'nothing is called but functions of the extension');
$node->safe_psql('postgres', 'ALTER EXTENSION propstreet ADD FUNCTION propstreet.webhook_next_due(integer)');

# while the worker waits to look for work; once it has the lock, there is nothing left to work on
my $log_end = -s $node->logfile;
$node->safe_psql('postgres', <<'END');
BEGIN;
DROP EXTENSION propstreet CASCADE;
DO $$BEGIN
	FOR i IN 1 .. 1800 LOOP
		IF EXISTS (SELECT FROM pg_locks WHERE NOT granted AND pid IN (SELECT pid FROM pg_stat_activity WHERE backend_type = 'propstreet webhooks')) THEN
			RETURN;
		END IF;
		PERFORM pg_sleep(0.1), pg_stat_clear_snapshot();
	END LOOP;
	RAISE 'the worker does not look for work';
END$$;
COMMIT;
END
wait_for_look('postgres');
unlike(slurp_file($node->logfile, $log_end), qr/ERROR/, 'dropped under the worker: no error is logged');
$node->safe_psql('postgres', 'DROP SCHEMA propstreet, propstreet_api CASCADE');
wait_for_look('postgres');
set_up($node, 'postgres');
is(deliver($node, $url), 'delivered 204', 'and when it was dropped and is there again');

# ---- databases ----

$node->safe_psql('template1', 'CREATE DATABASE "other database"');
set_up($node, 'other database');
is(deliver($node, $url, 'other database'), 'delivered 204', 'a database that was made later has a worker');
is(deliver($node, $url), 'delivered 204', 'and the first one still has its own');
$node->safe_psql('template1', q{UPDATE pg_database SET datconnlimit = -2 WHERE datname = 'other database'});
$node->safe_psql('template1', q{SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE backend_type = 'propstreet webhooks' AND datname = 'other database'});
sleep(3);
is(workers('other database'), '', 'one that is invalid has none');
my $log = slurp_file($node->logfile);
is(scalar(() = $log =~ /webhooks of invalid database "other database" are not delivered/g), 1, 'which is logged once');
unlike($log, qr/FATAL:  cannot connect to invalid database/, 'and not tried');
$node->safe_psql('template1', q{UPDATE pg_database SET datconnlimit = -1 WHERE datname = 'other database'});
wait_for_workers(1, 'other database', 'it has one when it is valid');
$node->safe_psql('template1', 'DROP DATABASE "other database" WITH (FORCE)');
is(workers('other database') . $node->safe_psql('template1', q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'propstreet webhooks'}), '1', 'one that is dropped has none');
is(deliver($node, $url), 'delivered 204', 'the other worker does not mind');

$node->safe_psql('template1', 'CREATE DATABASE later');
wait_for_workers(1, 'later', 'another database');
configure($node, 'propstreet_webhooks.databases' => 'postgres');
wait_for_workers(0, 'later', 'one that is not listed any more has no worker');
$node->safe_psql('template1', 'DROP DATABASE later');
ok(!$node->log_contains(qr/(ERROR|WARNING|PANIC): |FATAL:  (?!terminating background worker "propstreet webhooks")/), 'nothing of this is an error');

# ---- ends of processes ----

my $before = workers('postgres');
$node->safe_psql('template1', "SELECT pg_terminate_backend($before)");
ok($node->poll_query_until('template1', "SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'propstreet webhooks' AND pid <> $before"), 'a worker that was ended is started again');
is(deliver($node, $url), 'delivered 204', 'and delivers');

my $launcher = $node->safe_psql('template1', q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'propstreet webhooks launcher'});
$node->safe_psql('template1', "SELECT pg_terminate_backend($launcher)");
ok($node->poll_query_until('template1', "SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'propstreet webhooks launcher' AND pid <> $launcher"), 'so is the launcher');
wait_for_workers(1, 'postgres', 'with one worker for the database');
is(deliver($node, $url), 'delivered 204', 'that delivers');
configure($node, 'propstreet_webhooks.databases' => '');
wait_for_workers(0, 'postgres', 'and ends when the list is empty');

my $pending = test_event($node, subscribe($node, $url));
$node->safe_psql('template1', 'ALTER SYSTEM RESET propstreet_webhooks.databases');
$node->restart;
is(outcome($node, $pending), 'delivered 204', 'what is pending is delivered after a restart');

my $client = $node->background_psql('postgres');
my $pid = $client->query('SELECT pg_backend_pid()');
$before = workers('postgres');
kill('KILL', $pid);
$client->{run}->finish;
ok($node->poll_query_until('template1', "SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'propstreet webhooks' AND datname = 'postgres' AND pid <> $before"), 'after a crash there is a worker again');
is(deliver($node, $url), 'delivered 204', 'that delivers');

# ---- nobody is told of prepared transactions ----

my $created = subscribe($node, $url, '["project.created"]');
$node->safe_psql('postgres', q{SET propstreet.notify = off; BEGIN; INSERT INTO propstreet.project (name) VALUES ('prepared'); PREPARE TRANSACTION 'prepared'});
wait_for_look('postgres');
is($node->safe_psql('postgres', "SELECT count(*) FROM propstreet.webhook_delivery WHERE webhook_id = $created"), '0', 'nothing of a prepared transaction');
$node->safe_psql('postgres', q{COMMIT PREPARED 'prepared'});
ok($node->poll_query_until('postgres', "SELECT status = 'delivered' FROM propstreet.webhook_delivery WHERE webhook_id = $created"), 'before it is committed');

# ---- while the network waits ----

my $silent = start_sink('hang=1');
my $hanging = test_event($node, subscribe($node, "http://127.0.0.1:$silent->{port}/"));
sleep(0.1) while !received($silent);
is($node->safe_psql('postgres', q{SELECT state, xact_start IS NULL, backend_xmin IS NULL, backend_xid IS NULL FROM pg_stat_activity WHERE backend_type = 'propstreet webhooks'}) .
	$node->safe_psql('postgres', "SELECT status, leased FROM propstreet.webhook_delivery WHERE id = $hanging"), 'idle|t|t|tpending|t', 'no transaction is open while an answer is awaited');
stop_sink($silent);
like(outcome($node, $hanging), qr/^failed /, 'there was none');

# ---- nothing to do ----

# Clock ticks that the worker and the launcher have used
sub ticks
{
	my $sum = 0;

	foreach my $process (split /\n/, $node->safe_psql('template1', q{SELECT pid FROM pg_stat_activity WHERE backend_type LIKE 'propstreet webhooks%'}))
	{
		my ($rest) = slurp_file("/proc/$process/stat") =~ /.*\) (.*)/;
		my @fields = split / /, $rest;
		$sum += $fields[11] + $fields[12];
	}
	return $sum;
}

configure($node, 'propstreet_webhooks.fallback_interval' => '1h');
my $look;
for (1 .. 60)
{
	my $now = last_look('postgres');
	last if defined $look && $now eq $look;
	$look = $now;
	sleep(3);
}
my $used = ticks();
sleep(10);
is(last_look('postgres'), $look, 'it executes nothing while there is nothing to do');
cmp_ok(ticks() - $used, '<=', 1, 'nor does it use the CPU');
is(deliver($node, $url), 'delivered 204', 'but is there when there is something');
configure($node, 'propstreet_webhooks.fallback_interval' => '100ms');

# ---- settings ----

sub refused
{
	my ($sql, $expected, $name) = @_;
	my (undef, undef, $stderr) = $node->psql('template1', $sql);

	return like($stderr, $expected, $name);
}

refused(q{ALTER SYSTEM SET propstreet_webhooks.allow_addresses = '10.0.0.0/33'}, qr/invalid value for parameter.*DETAIL:  It must be a list of up to \d+ addresses or ranges such as/s, 'no range');
refused(q{ALTER SYSTEM SET propstreet_webhooks.allow_addresses = 'localhost'}, qr/invalid value for parameter.*DETAIL:/s, 'no address');
refused(q{ALTER SYSTEM SET propstreet_webhooks.databases = 'a,,b'}, qr/invalid value for parameter.*DETAIL:  It must be a list of up to \d+ names/s, 'no list of databases');
refused(q{ALTER SYSTEM SET propstreet_webhooks.timeout = '11s'}, qr/11000 ms is outside the valid range/, 'too long');
refused(q{ALTER SYSTEM SET propstreet_webhooks.databasse = 'a'}, qr/(unrecognized configuration|invalid configuration) parameter/, 'no setting');
refused(q{SET propstreet_webhooks.allow_addresses = '0.0.0.0/0'}, qr/cannot be changed now/, 'nobody allows addresses in a session');

my $plain = PostgreSQL::Test::Cluster->new('plain');
$plain->init;
$plain->start;
my (undef, undef, $stderr) = $plain->psql('postgres', q{LOAD 'propstreet_webhooks'});
like($stderr, qr/ERROR:  propstreet_webhooks must be loaded when the server starts\nHINT:  Add it to shared_preload_libraries/, 'it is loaded when the server starts, or not at all');
$plain->stop;

# ---- a standby ----

configure($node, 'propstreet_webhooks.databases' => '');
wait_for_workers(0, 'postgres', 'none on the primary');
$pending = test_event($node, subscribe($node, $url));
$node->backup('backup');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'backup', has_streaming => 1);
$standby->append_conf('postgresql.auto.conf', q{propstreet_webhooks.databases = 'postgres'});
$standby->start;
$node->wait_for_catchup($standby);
is($standby->safe_psql('postgres', q{SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'propstreet%'}), '0', 'none on a standby');
is($standby->safe_psql('postgres', "SELECT status FROM propstreet.webhook_delivery WHERE id = $pending"), 'pending', 'which delivers nothing');
$node->stop;
$standby->promote;
is(outcome($standby, $pending), 'delivered 204', 'until it is promoted');
ok(!$standby->log_contains(qr/(ERROR|WARNING|PANIC): /), 'without an error');

$standby->stop;
done_testing();
