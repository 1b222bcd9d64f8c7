# Webhooks are delivered at least once and in order, whatever happens: the sink fails, hangs and is down, the worker is killed
# and the server stopped in the middle of it, while writers go on. WEBHOOK_CHANGES=n is how many events it takes; SEED=n
# repeats the random choices of a run.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../sink";

use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Sink;
use Test::More;
use Time::HiRes qw(sleep time);

my $changes = $ENV{WEBHOOK_CHANGES} || 1000;
my $seed = $ENV{SEED} || int(rand(2**31));
srand($seed);
note("seed $seed");

my $directory = PostgreSQL::Test::Utils::tempdir;
my $log = "$directory/received";
my $node = webhook_server('main');
$node->append_conf('postgresql.conf', q{
	max_prepared_transactions = 10
	restart_after_crash = on
	propstreet_webhooks.timeout = 500
	propstreet_webhooks.fallback_interval = 500
	propstreet.webhook_retry = '} . join(',', 0, 0, 0, (1) x 90) . q{'
});
$node->start;
set_up($node, 'postgres');
$node->safe_psql('postgres', q{
	SET propstreet.events = off;
	INSERT INTO propstreet.contact (name) SELECT 'Contact ' || g FROM generate_series(1, 50) AS g;
	INSERT INTO propstreet.project (name, external_refs)
	SELECT 'Project ' || g, CASE WHEN g % 2 = 0 THEN ARRAY[propstreet.external_ref('hubspot', g::text)] ELSE '{}' END FROM generate_series(1, 50) AS g;
	INSERT INTO propstreet.prospect (project_id, contact_id) SELECT g, g FROM generate_series(1, 50) AS g;
});

my @hostile = ("log=$log", 'fail=0.3', 'close=0.03', 'hang=0.01', "seed=$seed");
my $sink = start_sink(@hostile);
my $port = $sink->{port};
subscribe($node, "http://127.0.0.1:$port/all",
	'["project.created", "project.updated", "project.deleted", "prospect.created", "prospect.updated", "prospect.deleted"]');
$node->safe_psql('postgres', qq[SELECT propstreet.webhook_create('{"url": "http://127.0.0.1:$port/hubspot", "events": ["project.updated"],
	"filter": {"externalRef.namespace": "hubspot"}}')]);

# ---- writers ----

my %scripts = (
	operation => q{SELECT propstreet.project_update(:id, json_build_object('name', 'Name ' || random()));},
	prospect => q{UPDATE propstreet.prospect SET classification = (ARRAY['contacted', 'interested', 'bidder'])[1 + floor(3 * random())]::propstreet.prospect_classification WHERE tenant_id = 1 AND id = :id;},
	rows => q{UPDATE propstreet.project SET property_count = NULL, mandate = (ARRAY['exclusive', 'other'])[1 + floor(2 * random())]::propstreet.mandate WHERE tenant_id = 1 AND id BETWEEN :id AND :id + 5;},
	rolled_back => q{BEGIN; SELECT propstreet.project_update(:id, '{"name": "never"}'); ROLLBACK;},
	prepared => q{SET propstreet.notify = off; BEGIN; UPDATE propstreet.project SET name = 'prepared ' || random() WHERE tenant_id = 1 AND id = :id; PREPARE TRANSACTION 'w:client_id'; COMMIT PREPARED 'w:client_id'; RESET propstreet.notify;},
	created => q{SELECT propstreet.project_create('{"name": "new"}');},
);
foreach my $name (keys %scripts)
{
	append_to_file("$directory/$name.sql", "\\set id random(1, 50)\n" . join("\n", map { "$_;" } split(/; ?/, $scripts{$name})) . "\n");
}

sub begin_writing
{
	return IPC::Run::start([ 'pgbench', '-n', '-c', 4, '-T', 2, '-R', $changes / 10, (map { ('-f', "$directory/$_.sql") } sort keys %scripts),
			$node->connstr('postgres') ], '&>', '/dev/null');
}

sub server_is_up
{
	$node->poll_query_until('postgres', 'SELECT true') or die 'the server is down';
	$node->safe_psql('postgres', 'SELECT pg_catalog.count(*) FROM pg_prepared_xacts');
	# what a crash has left between the two phases
	foreach my $transaction (split /\n/, $node->safe_psql('postgres', 'SELECT gid FROM pg_prepared_xacts'))
	{
		$node->psql('postgres', "COMMIT PREPARED '$transaction'");
	}
	return;
}

# ---- what may happen meanwhile ----

my %happened;
my %accidents = (
	worker_killed => sub {
		my $pid = $node->safe_psql('postgres', "SELECT pid FROM pg_stat_activity WHERE backend_type = 'propstreet webhooks'");
		kill('KILL', $pid) if $pid;
		sleep(0.5);
	},
	server_stopped => sub { $node->stop('immediate'); sleep(0.2); $node->start; },
	sink_down => sub { stop_sink($sink); sleep(1.5); $sink = start_sink(@hostile, "port=$port"); },
);

my $events = 'SELECT count(*) FROM propstreet.event';
my $start = time;
for (my $round = 0; $round < 3 || $node->safe_psql('postgres', $events) < $changes; $round++)
{
	my $writers = begin_writing();
	my $accident = (sort keys %accidents)[$round % 3];

	sleep(0.3 + rand(1));
	$accidents{$accident}->();
	$happened{$accident}++;
	$writers->finish;
	server_is_up();
}
note(join(', ', map { "$_: $happened{$_}" } sort keys %happened), sprintf(', in %.0f s', time - $start));

# ---- what has arrived ----

stop_sink($sink);
$sink = start_sink("log=$log", "port=$port");
ok($node->poll_query_until('postgres', "SELECT NOT EXISTS (SELECT FROM propstreet.webhook_delivery WHERE status = 'pending')"), 'nothing is left to be delivered');
note(sprintf('%.0f s in all', time - $start));
is($node->safe_psql('postgres', "SELECT count(*) FROM propstreet.webhook_delivery WHERE status <> 'delivered'"), 0, 'no delivery was given up');

my %payload = map { split /\|/, $_, 2 } split /\n/, $node->safe_psql('postgres', 'SELECT id, payload FROM propstreet.event');
my %expected = (
	'/all' => [ sort { $a <=> $b } keys %payload ],
	'/hubspot' => [ sort { $a <=> $b } grep { $payload{$_} =~ /"event":"project\.updated"/ && $payload{$_} =~ /"namespace":"hubspot"/ } keys %payload ],
);
my (%arrived, %delivered, %last, %order, %invented, %altered);
my $requests = 0;
foreach my $line (split /\n/, slurp_file($log))
{
	my (undef, $path, $message, $status, $body) = split / /, $line, 5;
	my ($id) = $message =~ /^evt_(\d+)$/;
	my ($kind, $resource) = $body =~ /^\{"event":"(\w+)\.\w+","timestamp":"[^"]*","data":\{"id":"(\d+)"/;

	$requests++;
	$invented{$message}++, next unless defined $id && exists $payload{$id};
	$altered{$id}++ if $body ne $payload{$id};
	$delivered{$path}{$id}++ if $status == 204;
	next if $arrived{$path}{$id}++;
	push(@{ $order{$path} }, "$last{$path}{$kind}{$resource} before $id") if ($last{$path}{$kind}{$resource} // 0) > $id;
	$last{$path}{$kind}{$resource} = $id;
}
cmp_ok(scalar(keys %payload), '>=', $changes, 'events');
is_deeply([ keys %invented ], [], 'nothing arrives that has not happened');
is_deeply([ keys %altered ], [], 'what arrives is what was recorded');
foreach my $path (sort keys %expected)
{
	is_deeply([ sort { $a <=> $b } keys %{ $delivered{$path} } ], $expected{$path}, "$path: each event that it wants arrives, and no other");
	is_deeply($order{$path} // [], [], "$path: in the order of changes to a resource");
}
note(scalar(keys %payload), " events, $requests requests");

$node->stop;
done_testing();
