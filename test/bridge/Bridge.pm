
# A server with propstreet and the roles of examples/postgrest, and the bridge (test/bridge/server) in front of it, for tests
# that speak HTTP. In PostgREST's place it is PostgREST itself where POSTGREST names its program, behind a PgBouncer in transaction
# mode where PGBOUNCER does.

package Bridge;

use strict;
use warnings;

use Exporter 'import';
use IO::Socket::INET;
use IPC::Run;
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;

our @EXPORT = qw(database_server start_bridge stop_bridges postgrest_log token request);

$ENV{PGRST_JWT_SECRET} = 'a secret that only this test knows';
# for those that start a proxy by themselves
$ENV{no_proxy} = '127.0.0.1';

sub database_server
{
	my ($name) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);

	$node->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
	$node->append_conf('postgresql.conf', 'fsync = off');
	$node->start;
	$node->safe_psql('postgres', 'CREATE EXTENSION propstreet; SELECT propstreet.install()');
	system('psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-v', 'password=secret', '-o', '/dev/null',
		'-d', $node->connstr('postgres'), '-f', 'examples/postgrest/roles.sql') == 0 or die 'roles.sql failed';
	return $node;
}

my @bridges;
my $log;

# Starts the bridge, which ends with the test; its port
sub start_bridge
{
	my ($node, @options) = @_;
	my ($in, $out, $err) = ('', '', '');
	my $connection = $node->connstr('postgres') . (@options ? ' user=authenticator' : '');

	return start_postgrest($connection) if @options && $ENV{POSTGREST};
	my $bridge = IPC::Run::start([ '/usr/bin/python3', 'test/bridge/server', @options, $connection ], \$in, \$out, '2>', \$err);

	push(@bridges, $bridge);
	$bridge->pump while $bridge->pumpable && $out !~ /\n/;
	die "the bridge did not start: $err" unless $out =~ /^(\d+)\n/;
	return $1;
}

# PostgREST as the example configures it, less what the environment says
sub start_postgrest
{
	my ($connection) = @_;

	$log = PostgreSQL::Test::Utils::tempdir() . '/postgrest.log';
	local $ENV{PGRST_DB_URI} = $ENV{PGBOUNCER} ? start_pgbouncer($connection) : $connection;
	local $ENV{PGRST_DB_CHANNEL_ENABLED} = 'false' if $ENV{PGBOUNCER};
	local $ENV{PGRST_DB_PREPARED_STATEMENTS} = 'false' if $ENV{PGBOUNCER};
	local $ENV{PGRST_SERVER_PORT} = PostgreSQL::Test::Cluster::get_free_port();
	push(@bridges, IPC::Run::start([ $ENV{POSTGREST}, 'examples/postgrest/postgrest.conf' ], '<', \undef, '>&', $log));
	foreach (1 .. 10 * $PostgreSQL::Test::Utils::timeout_default)
	{
		return $ENV{PGRST_SERVER_PORT} if postgrest_log() =~ /Schema cache loaded in/;
		die 'PostgREST did not start: ' . postgrest_log() unless $bridges[-1]->pumpable;
		select(undef, undef, undef, 0.1);
	}
	die 'PostgREST did not start';
}

# PgBouncer with two connections to the server; the connection string in its place
sub start_pgbouncer
{
	my ($connection) = @_;
	my $directory = PostgreSQL::Test::Utils::tempdir();
	my $port = PostgreSQL::Test::Cluster::get_free_port();

	append_to_file("$directory/users", qq("authenticator" ""\n));
	append_to_file("$directory/pgbouncer.ini", <<"END");
[databases]
postgres = $connection
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = $port
unix_socket_dir =
auth_type = trust
auth_file = $directory/users
pool_mode = transaction
default_pool_size = 2
END
	push(@bridges, IPC::Run::start([ $ENV{PGBOUNCER}, "$directory/pgbouncer.ini" ], '<', \undef, '>&', "$directory/pgbouncer.log"));
	return "host=127.0.0.1 port=$port dbname=postgres user=authenticator";
}

# What PostgREST itself has logged; undef of the bridge
sub postgrest_log
{
	return $log && slurp_file($log);
}

sub stop_bridges
{
	$_->kill_kill foreach splice(@bridges);
}

END
{
	local $?;
	stop_bridges();
}

sub token
{
	my ($tenant) = @_;
	my $token = `examples/postgrest/token $tenant`;

	chomp($token);
	return $token;
}

# Sends a request exactly as given, and gives the answer: status, headers (names in lower case), body
sub request
{
	my ($port, $method, $target, $headers, $body) = @_;
	my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port, Timeout => 60) or die "port $port: $!";
	my %answer = (headers => {});

	$headers = { Host => 'localhost', Connection => 'close', %{ $headers // {} } };
	$headers->{'Content-Length'} //= length($body) if defined($body);
	print $socket "$method $target HTTP/1.1\r\n", (map { "$_: $headers->{$_}\r\n" } sort keys %$headers), "\r\n", $body // '';
	local $/ = "\r\n";
	($answer{status}) = (<$socket> // '') =~ m{^HTTP/1\.1 (\d+)};
	while (defined(my $line = <$socket>))
	{
		chomp($line);
		last if $line eq '';
		my ($name, $value) = $line =~ /^([^:]+): *(.*)$/;
		push(@{ $answer{headers}{ lc $name } }, $value);
	}
	$_ = join(', ', @$_) foreach values %{ $answer{headers} };
	local $/;
	$answer{body} = <$socket> // '';
	$answer{json} = eval { decode_json($answer{body}) };
	return \%answer;
}

1;
