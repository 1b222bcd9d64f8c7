
# FUZZ_REQUESTS random and mutated requests in one session: each gets a proper answer, which is never a 500 and has nothing of
# another tenant; the session's memory does not grow. FUZZ_SEED repeats a run.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

plan skip_all => 'needs /proc' unless -r "/proc/$$/status";

my $chunk = 5000;
my $chunks = int(($ENV{FUZZ_REQUESTS} || 20000) / $chunk) || 1;
my $warm = int($chunks / 4) || 1;
my $seed = $ENV{FUZZ_SEED} || sprintf('%.6f', rand());
my $node = PostgreSQL::Test::Cluster->new('fuzz');

$node->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->append_conf('postgresql.conf', q{
	fsync = off
	autovacuum = off
	shared_buffers = 64MB
});
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION propstreet; SELECT propstreet.install()');
$node->safe_psql('postgres', slurp_file('test/fuzz/fuzz.sql'));

# A part begins with new data, so that lists don't grow; tenant 2's has to stay as it is
my $part = q{
	CALL fuzz.begin();
	SELECT fuzz.tenant_2() AS before \gset
	CALL fuzz.run(%d, %d);
	SELECT 'changed' WHERE fuzz.tenant_2() <> :'before';
};
my $measure = q{
	SELECT pg_stat_clear_snapshot();
	SELECT 'contexts ' || sum(total_bytes) FROM pg_backend_memory_contexts;
	SELECT 'process ' || 1024 * substring(pg_read_file('/proc/' || pg_backend_pid() || '/status') FROM 'RssAnon:\s*(\d+) kB')::bigint;
};
my ($stdout, $stderr) = ('', '');
my $start = time();
$node->psql('postgres', "SELECT setseed($seed);\nCALL fuzz.begin();\nCALL fuzz.warm();\nCALL fuzz.warm();\n"
	  . join('', map { sprintf($part, ($_ - 1) * $chunk + 1, $chunk) . ($_ == $warm || $_ == $chunks ? $measure : '') } (1 .. $chunks)),
	stdout => \$stdout, stderr => \$stderr, on_error_stop => 1);
my $seconds = time() - $start;

my @contexts = $stdout =~ /contexts (\d+)/g;
my @process = $stdout =~ /process (\d+)/g;
my $seen = $node->safe_psql('postgres', q{SELECT string_agg(format('%s: %s', status, requests), ', ' ORDER BY status) FROM fuzz.seen});

diag(sprintf("seed %s: %d requests, %.0f a second; %s; memory %s kB, then %s kB",
		$seed, $chunks * $chunk, $chunks * $chunk / $seconds, $seen, map { int(($_ // 0) / 1024) } $process[0], $process[-1]));
is($stderr, '', 'the session does not fail');
is($node->safe_psql('postgres', 'SELECT sum(requests) FROM fuzz.seen'), $chunks * $chunk, 'all requests are answered');
is($node->safe_psql('postgres', 'SELECT string_agg(f::text, chr(10)) FROM (SELECT DISTINCT ON (why, status) * FROM fuzz.failure ORDER BY why, status, number) AS f'), '', 'all answers are as they should be');
unlike($stdout, qr/changed/, 'nothing of another tenant is changed');
like($seen, qr/\b$_: \d/, "answers with $_") foreach (200, 201, 204, 304, 400, 404, 405, 409, 412, 415, 422);
cmp_ok($contexts[-1] - $contexts[0], '<', 1024 * 1024, 'memory contexts grow by less than 1 MB');
# At first it still gets to keep what malloc had to give for the largest requests
my $limit = $chunks < 40 ? 8 : 1;
cmp_ok($process[-1] - $process[0], '<', $limit * 1024 * 1024, "the process grows by less than $limit MB");

$node->stop;
done_testing();
