# A server with propstreet and the webhook worker, sinks (test/sink/sink) to deliver to, and what came of deliveries, for tests
# of the worker.

package Sink;

use strict;
use warnings;

use Exporter 'import';
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

our @EXPORT = qw(webhook_server set_up configure start_sink stop_sink received subscribe test_event deliver deliver_until outcome);

# A server, not yet started, that delivers the webhooks of the database postgres to loopback addresses, with one attempt each
sub webhook_server
{
	my ($name, %init) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);

	$node->init(extra => [ '--encoding=UTF8', '--locale=C' ], %init);
	$node->append_conf('postgresql.conf', <<'END');
fsync = off
max_worker_processes = 20
shared_preload_libraries = 'propstreet_webhooks'
propstreet_webhooks.databases = 'postgres'
propstreet_webhooks.allow_addresses = '127.0.0.0/8'
propstreet.webhook_allow_http = on
propstreet.webhook_retry = ''
END
	return $node;
}

# Installs propstreet in a database, whose sessions are tenant 1's
sub set_up
{
	my ($node, $database) = @_;

	$node->safe_psql($database, "CREATE EXTENSION propstreet; SELECT propstreet.install(); ALTER DATABASE \"$database\" SET propstreet.tenant_id = '1'");
	return;
}

# Changes settings of a running server, which the worker takes over sooner or later
sub configure
{
	my ($node, %settings) = @_;

	$node->safe_psql('template1', "ALTER SYSTEM SET $_ = '$settings{$_}'") foreach sort keys %settings;
	$node->reload;
	return;
}

my @sinks;

# Starts a program that prints its port, and then a line for each request
sub start_sink
{
	my @command = @_ && ref $_[0] ? @{ $_[0] } : ('test/sink/sink', @_);
	my %sink = (output => '', errors => '');

	$sink{run} = IPC::Run::start(\@command, '<', \undef, '>', \$sink{output}, '2>', \$sink{errors});
	push(@sinks, $sink{run});
	$sink{run}->pump while $sink{run}->pumpable && $sink{output} !~ /\n/;
	$sink{output} =~ s/^(\d+)\n// or die "the sink did not start: $sink{errors}";
	$sink{port} = $1;
	return \%sink;
}

sub stop_sink
{
	my ($sink) = @_;

	$sink->{run}->kill_kill;
	return;
}

END
{
	local $?;
	$_->kill_kill foreach @sinks;
}

# The lines of a sink so far; it writes one before it answers
sub received
{
	my ($sink) = @_;

	$sink->{run}->pump_nb;
	return split /\n/, $sink->{output};
}

# A new webhook; its id
sub subscribe
{
	my ($node, $url, $events, $database) = @_;

	$events //= '["project.updated"]';
	return $node->safe_psql($database // 'postgres', qq[SELECT propstreet.webhook_create('{"url": "$url", "events": $events}')->>'id']);
}

# Sends an event to a webhook; the delivery's id
sub test_event
{
	my ($node, $webhook, $database) = @_;

	return $node->safe_psql($database // 'postgres', "SELECT propstreet.webhook_test($webhook)->>'deliveryId'");
}

# What has come of a delivery when it has ended: status, the response's status, error
sub outcome
{
	my ($node, $delivery, $database) = @_;

	$database //= 'postgres';
	$node->poll_query_until($database, "SELECT status <> 'pending' FROM propstreet.webhook_delivery WHERE id = $delivery")
		or die "delivery $delivery is still pending";
	return $node->safe_psql($database, "SELECT concat_ws(' ', status, response_status, error) FROM propstreet.webhook_delivery WHERE id = $delivery");
}

# Sends an event to a URL; what came of it
sub deliver
{
	my ($node, $url, $database) = @_;

	return outcome($node, test_event($node, subscribe($node, $url, undef, $database), $database), $database);
}

# Sends events to a URL until the worker has taken over settings
sub deliver_until
{
	my ($node, $url, $expected) = @_;
	my $outcome = '';

	for (my $end = time + 180; time < $end;)
	{
		return 1 if ($outcome = deliver($node, $url)) =~ $expected;
		usleep(100_000);
	}
	diag("it stays at: $outcome");
	return 0;
}

1;
