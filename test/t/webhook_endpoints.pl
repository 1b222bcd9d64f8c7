# Endpoints that misbehave: one that hangs holds nobody else up, one that is gone or fails for good is disabled and can be enabled
# again, and answers other than 2xx are failures.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../sink";

use POSIX qw(strftime);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Sink;
use Test::More;

my $node = webhook_server('main');
$node->start;
set_up($node, 'postgres');

my $good = start_sink();
my $hanging = start_sink('hang=1');
my $created = '["project.created"]';

sub query
{
	my ($sql) = @_;

	return $node->safe_psql('postgres', $sql);
}

# Makes events, each about a project of its own
sub create_projects
{
	my ($count) = @_;

	query("INSERT INTO propstreet.project (name) SELECT 'p' FROM generate_series(1, $count)");
	return;
}

sub count_of
{
	my ($webhook, $status) = @_;

	return query("SELECT count(*) FROM propstreet.webhook_delivery WHERE webhook_id = $webhook AND status = '$status'");
}

# Waits until a webhook has as many deliveries of a status
sub reaches
{
	my ($webhook, $status, $count) = @_;

	return $node->poll_query_until('postgres',
		"SELECT count(*) = $count FROM propstreet.webhook_delivery WHERE webhook_id = $webhook AND status = '$status'");
}

sub url
{
	my ($sink, $path) = @_;

	return "http://127.0.0.1:$sink->{port}/$path";
}

sub paths
{
	my ($sink) = @_;

	return map { (split / /)[1] } received($sink);
}

# ---- endpoints that hang ----

my @hanging = map { subscribe($node, url($hanging, "hang$_"), $created) } (1 .. 30);
my $fast = subscribe($node, url($good, 'fast'), $created);
create_projects(60);
ok(reaches($fast, 'delivered', 60), 'a webhook gets everything while 30 others hang');
my %under_way;
$under_way{$_}++ foreach paths($hanging);
is(query("SELECT count(*) FROM propstreet.webhook_delivery WHERE webhook_id <> $fast AND status <> 'pending'"), 0, 'they still do');
is_deeply([ grep { $under_way{$_} > 8 } keys %under_way ], [], 'none of them is sent more than 8 at once');
query("SELECT propstreet.webhook_delete(id) FROM propstreet.webhook WHERE id <> $fast");
create_projects(10);
ok(reaches($fast, 'delivered', 70), 'and goes on');
query("SELECT propstreet.webhook_update($fast, '{\"enabled\": false}')");

configure($node, 'propstreet_webhooks.timeout' => '300');
ok(deliver_until($node, url($hanging, 'slow'), qr/^failed .*(timed out|timeout)/i), 'no answer in time is a failure');

# ---- answers ----

my $moved = start_sink('status=302', 'header=Location: ' . url($good, 'moved'));
is(deliver($node, url($moved, '')), 'failed 302 HTTP 302', 'a redirect is a failure');
is(scalar(grep { $_ eq '/moved' } paths($good)), 0, 'and is not followed');
is(deliver($node, url(start_sink('status=204'), '')), 'delivered 204', 'any 2xx is a success');
is(deliver($node, url(start_sink('status=404'), '')), 'failed 404 HTTP 404', '404 is a failure');
is(deliver($node, url(start_sink('close=1'), '')) =~ /^failed \D/ ? 1 : 0, 1, 'a connection that is closed is a failure');

my $mail = start_sink([ 'perl', '-MIO::Socket::INET', '-e', <<'END' ]);
my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 10) or die;
$| = 1;
print $listener->sockport, "\n";
while (my $socket = $listener->accept) { print $socket "220 mail.example ESMTP\r\n"; close $socket; }
END
is(deliver($node, url($mail, '')), 'failed the endpoint does not speak HTTP', 'an endpoint that is no HTTP server is told as such');

# The worker's library lets libcurl's parser look at URLs when they are given
foreach my $url (qw(https://[::1 https://x.example:65536 https://x.example:0))
{
	my ($result, undef, $refusal) = $node->psql('postgres', qq[SELECT propstreet.webhook_create('{"url": "$url", "events": ["project.updated"]}')]);
	is($result, 3, "$url is refused when it is given");
	like($refusal, qr/cannot be called: /, 'by libcurl') if $url ne 'https://x.example:0';
}

# When a delivery is tried again, in seconds from the attempt
sub retry_of
{
	my ($sink) = @_;
	my $delivery = test_event($node, subscribe($node, url($sink, '')));

	$node->poll_query_until('postgres', "SELECT attempts = 1 AND NOT leased FROM propstreet.webhook_delivery WHERE id = $delivery");
	return query("SELECT round(extract(epoch FROM next_attempt_utc - last_attempt_utc)) FROM propstreet.webhook_delivery WHERE id = $delivery");
}

configure($node, 'propstreet.webhook_retry' => '300,300');
ok($node->poll_query_until('postgres', "SELECT current_setting('propstreet.webhook_retry') = '300,300' FROM propstreet.current_tenant()"), 'reloaded');
query("SELECT pg_sleep(1)");
my $delay = retry_of(start_sink('status=500'));
ok($delay >= 269 && $delay <= 331, "a retry after the delay of the setting, give or take a tenth: $delay s");
$delay = retry_of(start_sink('status=503', 'header=Retry-After: 3600'));
ok($delay >= 3595 && $delay <= 3605, "Retry-After in seconds: $delay s");
$delay = retry_of(start_sink('status=429', 'header=Retry-After: ' . strftime('%a, %d %b %Y %H:%M:%S GMT', gmtime(time + 7200))));
ok($delay >= 7100 && $delay <= 7300, "Retry-After as a date: $delay s");
$delay = retry_of(start_sink('status=503', 'header=Retry-After: 1'));
ok($delay >= 269, "not earlier than the setting says: $delay s");
configure($node, 'propstreet.webhook_retry' => '');
query("SELECT pg_sleep(1)");

# ---- disabled ----

my $gone = subscribe($node, url(start_sink('status=410'), ''), $created);
create_projects(1);
ok($node->poll_query_until('postgres', "SELECT NOT enabled FROM propstreet.webhook WHERE id = $gone"), '410 disables a webhook at once');
is(query("SELECT propstreet.webhook_get($gone) ->> 'disabledReason'"), 'The endpoint answered 410 Gone.', 'and says why');

my $failing = subscribe($node, url(start_sink('status=500'), ''), $created);
create_projects(9);
ok(reaches($failing, 'failed', 9), 'nine deliveries fail for good');
is(query("SELECT enabled FROM propstreet.webhook WHERE id = $failing"), 't', 'it is still enabled');
create_projects(3);
ok($node->poll_query_until('postgres', "SELECT NOT enabled FROM propstreet.webhook WHERE id = $failing"), 'the tenth disables it');
like(query("SELECT propstreet.webhook_get($failing) ->> 'disabledReason'"), qr/^10 deliveries in a row .*HTTP 500$/, 'and says why');
create_projects(2);
is(count_of($failing, 'failed') + count_of($failing, 'pending'), 14, 'it goes on to collect');
my $waiting = count_of($failing, 'pending');
query("SELECT propstreet.webhook_update($failing, '{\"url\": \"" . url($good, 'repaired') . "\", \"enabled\": true}')");
ok(reaches($failing, 'delivered', $waiting), 'what it has collected goes out when it is enabled');
query("SELECT propstreet.webhook_replay($failing, '-infinity', failed_only => true)");
ok(reaches($failing, 'delivered', 14), 'and what had failed when it is replayed');
query("SELECT propstreet.webhook_replay($failing, '-infinity')");
ok(reaches($failing, 'delivered', 14), 'and everything');
my %messages;
my @repaired;
for (1 .. 100)
{
	@repaired = grep { / \/repaired / } received($good);
	last if @repaired >= 28;
	select(undef, undef, undef, 0.1);
}
foreach (@repaired)
{
	my (undef, undef, $message) = split / /;
	$messages{$message}++;
}
is(scalar(keys %messages), 14, 'each with the id that it had');
is(scalar(grep { $_ == 2 } values %messages), 14, 'twice');

$node->stop;
done_testing();
