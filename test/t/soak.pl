# Sync that loses nothing, under stress: eight writers of all kinds, and eight readers that keep copies in step meanwhile. Five read
# by what the extension has, which waits for writers, and must end up with exactly what the tables hold. Three read lists that are
# the same, but do not wait: they must lose changes, or the test would show nothing.
#
# Writing goes on for SOAK_SECONDS, and again until SOAK_CHANGES row changes are committed. Scripts are in test/soak.

use strict;
use warnings FATAL => 'all';

use File::Basename;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $seconds = $ENV{SOAK_SECONDS} || 20;
my $wanted = $ENV{SOAK_CHANGES} || 1;
my $scripts = dirname(__FILE__) . '/../soak';
my @writers = map { ('-f', "$scripts/$_") } qw(operations.sql@4 plain.sql@4 copy.sql@2 savepoints.sql@3 two_phase.sql@3 rollback.sql@2 many_tenants.sql@1);

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', 'max_prepared_transactions = 20');
$node->start;
$node->safe_psql('postgres', q{ALTER DATABASE postgres SET propstreet.tenant_id = '1'});
# which two-phase commit needs
$node->safe_psql('postgres', 'ALTER DATABASE postgres SET propstreet.notify = off');
$node->safe_psql('postgres', slurp_file("$scripts/setup.sql"));
my $changes = 'SELECT sum(revision) FROM soak.truth';
my $before = $node->safe_psql('postgres', $changes);

# Starts pgbench
sub begin_pgbench
{
	my @arguments = @_;
	my $bench = { output => '' };

	$bench->{run} = IPC::Run::start([ 'pgbench', '-n', @arguments, $node->connstr('postgres') ], '&>', \$bench->{output});
	return $bench;
}

# Waits for it; nothing may have failed
sub end_pgbench
{
	my ($bench, $name) = @_;

	ok($bench->{run}->finish, $name) or diag($bench->{output});
	note($bench->{output});
	return;
}

my $start = time;
my $readers = begin_pgbench(qw(-c 8 -j 2 -t 1 -f), "$scripts/read.sql");
my $written;
do
{
	end_pgbench(begin_pgbench(qw(-c 8 -j 2 --max-tries 1000 -T), $seconds, @writers), "wrote for $seconds s");
	$written = $node->safe_psql('postgres', $changes) - $before;
} while ($written < $wanted);
my $elapsed = time - $start;
$node->safe_psql('postgres', 'UPDATE soak.state SET writing = false');
end_pgbench($readers, 'read until nobody wrote any more');

diag(sprintf('%d row changes committed in %.0f s', $written, $elapsed));
my $results = $node->safe_psql('postgres', <<'END');
SELECT reads, goes_on_from, syncs, pages, round(extract(epoch FROM took) / pages * 1000), round(extract(epoch FROM longest) * 1000), busy, lost, stale
FROM soak.result ORDER BY id
END
my $missed = 0;
foreach my $line (split /\n/, $results)
{
	my ($reads, $from, $syncs, $pages, $mean, $longest, $busy, $lost, $stale) = split /\|/, $line;

	diag(sprintf('%-11s from %-10s: %6d syncs, %6d pages, %3d ms each (%4d at most, %d times busy): %6d lost, %6d stale',
			$reads, $from, $syncs, $pages, $mean, $longest, $busy, $lost, $stale));
	cmp_ok($syncs, '>', 1, "$reads from $from: more than one sync");
	if ($reads eq 'plain lists')
	{
		$missed += $lost + $stale;
	}
	else
	{
		is($lost + $stale, 0, "$reads from $from: nothing lost, nothing stale");
	}
}
cmp_ok($missed, '>', 0, 'plain lists: something lost or stale');
is($node->safe_psql('postgres', 'SELECT count(*) FROM propstreet.check()'), '0', 'the tables are in order');

done_testing();
