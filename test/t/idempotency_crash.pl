# Backends are killed and the server is shut down at random points of 1,000 creations with an Idempotency-Key, each of them
# retried until there is an answer: 1,000 resources, no more, no less. SEED=n repeats the random choices of a run.

use strict;
use warnings;

use IPC::Run;
use List::Util qw(shuffle);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

my $requests = 1000;
my $workers = 4;
my $seed = $ENV{SEED} || int(rand(2**31));
srand($seed);
note "seed $seed";

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->append_conf('postgresql.conf', 'restart_after_crash = on');
$node->start;
$node->safe_psql('postgres', q{
	CREATE EXTENSION propstreet;
	SELECT propstreet.install();
	ALTER DATABASE postgres SET propstreet.tenant_id = '1';
});
$node->safe_psql('postgres', qq{
	INSERT INTO propstreet.contact (id, name) SELECT g, 'Contact ' || g FROM generate_series(1, $requests) AS g;
	INSERT INTO propstreet.project (id, name) VALUES (1000001, 'pipeline');

	-- Request number n, with some time before and after it in its transaction
	CREATE FUNCTION request(n integer, delay double precision) RETURNS text LANGUAGE plpgsql AS \$\$
	DECLARE
		answer text;
	BEGIN
		PERFORM pg_sleep(delay * random());
		answer := CASE n % 5
			WHEN 0 THEN propstreet.prospect_add(1000001, json_build_object('contactId', n::text), 'key ' || n)
			WHEN 1 THEN propstreet.prospect_add_batch(1000001, json_build_object('items', json_build_array(json_build_object('contactId', n::text))), 'key ' || n)
			ELSE propstreet.project_create(json_build_object('name', 'Project ' || n), 'key ' || n)
		END;
		PERFORM pg_sleep(delay * random());
		RETURN answer;
	END
	\$\$;
});

# A psql that makes requests one after another, each in its own transaction
sub start_worker
{
	my (@numbers) = @_;
	my %worker = (output => '', errors => '');
	my $script = PostgreSQL::Test::Utils::tempdir . '/script';
	append_to_file($script, join '', "SELECT 'pid', pg_backend_pid();\n", map { "SELECT $_, request($_, 0.002);\n" } @numbers);
	$worker{psql} = IPC::Run::start([ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('postgres'), '-f', $script ],
		'<', \undef, '>', \$worker{output}, '2>', \$worker{errors});
	return \%worker;
}

my $shutdowns = 0;
my %kills = (backend => 0, server => 0);

# A random worker's backend dies, and the server restarts all others; or the server stops without further ado
sub crash
{
	my (@crew) = @_;
	my ($pid) = $crew[ rand @crew ]->{output} =~ /^pid\|(\d+)$/m;
	if (defined $pid && rand() < 0.5)
	{
		$kills{backend} += kill 'KILL', $pid;
	}
	else
	{
		$node->stop('immediate');
		$kills{server}++;
	}
}

sub wait_for_server
{
	$node->start unless -e $node->data_dir . '/postmaster.pid';
	$node->poll_query_until('postgres', 'SELECT true') or die 'the server does not come back';
}

my %answers;
my $unexpected = '';
my $rounds = 0;

while (my @open = grep { !defined $answers{$_} } 1 .. $requests)
{
	die 'it takes too many rounds' if ++$rounds > 300;
	@open = shuffle @open;
	my @crew = map { my $w = $_; start_worker(@open[ grep { $_ % $workers == $w } 0 .. $#open ]) } 0 .. $workers - 1;

	# once all have begun, a random moment
	for my $worker (@crew)
	{
		$worker->{psql}->pump while $worker->{psql}->pumpable && $worker->{output} !~ /^\d+\|/m;
	}
	usleep(rand 40_000);
	crash(@crew);
	for my $worker (@crew)
	{
		$worker->{psql}->finish;
		$unexpected .= $worker->{errors} if $worker->{errors} =~ /ERROR:/;
		$answers{$1} = $2 while $worker->{output} =~ /^(\d+)\|(\{.*\})$/mg;
	}
	wait_for_server();
}

my $counts = q{
	SELECT (SELECT count(*) FROM propstreet.project WHERE name LIKE 'Project %'), (SELECT count(DISTINCT name) FROM propstreet.project WHERE name LIKE 'Project %'),
		(SELECT count(*) FROM propstreet.prospect), (SELECT count(DISTINCT contact_id) FROM propstreet.prospect),
		(SELECT count(*) FROM propstreet.idempotency_key)};
my $expected = join '|', $requests * 3 / 5, $requests * 3 / 5, $requests * 2 / 5, $requests * 2 / 5, $requests;

note "$rounds rounds; killed: $kills{backend} backends, $kills{server} times the server";
cmp_ok($kills{backend}, '>', 0, 'backends were killed');
cmp_ok($kills{server}, '>', 0, 'the server was shut down');
is($unexpected, '', "no error but a lost connection, with seed $seed");
is($node->safe_psql('postgres', $counts), $expected, "$requests resources, no more, no less, with seed $seed");

my $again = $node->safe_psql('postgres', "SELECT n, request(n, 0) FROM generate_series(1, $requests) AS n");
my %again = map { split /\|/, $_, 2 } split /\n/, $again;
is_deeply(\%again, \%answers, "the same answers again, with seed $seed");
is($node->safe_psql('postgres', $counts), $expected, 'and nothing done twice');
is($node->safe_psql('postgres', 'SELECT * FROM propstreet.check()'), '', 'nothing stored contradicts the rules');

$node->stop;
done_testing();
