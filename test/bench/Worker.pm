# The database propstreet_deliver, whose webhooks the worker of the server of PGHOST and PGUSER delivers, sinks (test/sink/sink) to
# deliver to, and how long events take to arrive there, for benchmarks of the worker.

package Worker;

use strict;
use warnings;

use Exporter 'import';
use FindBin;
use Time::HiRes qw(sleep);
use Time::Local qw(timegm);

our @EXPORT = qw(psql set_up start_sink wait_until_delivered latencies median p99 finish);

my $database = 'propstreet_deliver';
my @pids;
my @outputs;

sub psql
{
	my ($sql, $name) = @_;

	open(my $out, '-|', 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $name // $database, map { ('-c', $_) } ref $sql ? @$sql : $sql) or die $!;
	my $answer = do { local $/; <$out> } // '';
	close($out) or die 'psql failed';
	chomp $answer;
	return $answer;
}

# Makes the database anew; its sessions are tenant 1's
sub set_up
{
	psql([ "DROP DATABASE IF EXISTS $database WITH (FORCE)", "CREATE DATABASE $database" ], 'postgres');
	psql([ 'CREATE EXTENSION propstreet', 'SELECT propstreet.install()', "ALTER DATABASE $database SET propstreet.tenant_id = '1'" ]);
	return;
}

# Starts a sink; its port and its log
sub start_sink
{
	my $log = "$ENV{TMPDIR}/sink.$$." . scalar(@pids);

	push(@pids, open(my $out, '-|', "$FindBin::Bin/../sink/sink", "log=$log", @_));
	push(@outputs, $out);
	my $port = <$out>;
	chomp $port;
	return ($port, $log);
}

sub wait_until_delivered
{
	until (psql("SELECT NOT EXISTS (SELECT FROM propstreet.webhook_delivery WHERE status = 'pending')") eq 't')
	{
		sleep(0.05);
	}
	return;
}

# From the changes of projects of a name, an instant before their commits, to their arrivals in a sink's log: milliseconds, in order
sub latencies
{
	my ($log, $name) = @_;
	my @ms;

	open(my $in, '<', $log) or die $!;
	while (my $line = <$in>)
	{
		my ($moment) = $line =~ /^([\d.]+) .*"name":"$name".*\n/ or next;
		my ($year, $month, $day, $hour, $minute, $second) = $line =~ /"timestamp":"(\d+)-(\d+)-(\d+)T(\d+):(\d+):([\d.]+)Z"/;

		push(@ms, 1000 * ($moment - timegm(0, $minute, $hour, $day, $month - 1, $year) - $second));
	}
	return sort { $a <=> $b } @ms;
}

sub median
{
	return $_[ @_ / 2 ];
}

sub p99
{
	return $_[ @_ * 0.99 ];
}

sub finish
{
	psql("DROP DATABASE $database WITH (FORCE)", 'postgres');
	kill('TERM', @pids);
	return;
}

1;
