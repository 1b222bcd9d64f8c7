# Webhooks go to public addresses and to those that a setting allows, whatever a URL or a name says: the address that is dialled
# counts. A module made here answers look-ups of names from a file, and writes down what is dialled.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../sink";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Sink;
use Test::More;

my $directory = PostgreSQL::Test::Utils::tempdir;
append_to_file("$directory/preload.c", <<'END');
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The file NAMES has lines of a name and an address; the first address of a name, or NULL */
static const char *
look_up(const char *name, char address[100])
{
	char		known[100];
	FILE	   *file = fopen(getenv("NAMES"), "r");
	int			found = 0;

	while (file && !found && fscanf(file, "%99s %99s", known, address) == 2)
		found = strcmp(known, name) == 0;
	if (file)
		fclose(file);
	return found ? address : NULL;
}

int
getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **result)
{
	int			(*real) (const char *, const char *, const struct addrinfo *, struct addrinfo **) = dlsym(RTLD_NEXT, "getaddrinfo");
	char		text[100];
	const char *address = name ? look_up(name, text) : NULL;
	struct addrinfo any = {.ai_socktype = SOCK_STREAM};

	return address ? real(address, service, &any, result) : real(name, service, hints, result);
}

int
connect(int socket, const struct sockaddr *address, socklen_t len)
{
	int			(*real) (int, const struct sockaddr *, socklen_t) = dlsym(RTLD_NEXT, "connect");
	char		text[INET6_ADDRSTRLEN];
	int			file = open(getenv("DIALLED"), O_WRONLY | O_APPEND | O_CREAT, 0600);

	if (address->sa_family == AF_INET)
		dprintf(file, "%s\n", inet_ntop(AF_INET, &((const struct sockaddr_in *) address)->sin_addr, text, sizeof(text)));
	else if (address->sa_family == AF_INET6)
		dprintf(file, "%s\n", inet_ntop(AF_INET6, &((const struct sockaddr_in6 *) address)->sin6_addr, text, sizeof(text)));
	close(file);
	return real(socket, address, len);
}
END
chomp(my $cc = `pg_config --cc`);
system_or_bail("$cc -fPIC -shared -o $directory/preload.so $directory/preload.c -ldl");

# What names resolve to from now on
sub resolve
{
	my (@lines) = @_;

	# at once: a look-up finds all or nothing of it
	append_to_file("$directory/names.new", join '', map { "$_\n" } @lines);
	rename("$directory/names.new", "$directory/names") or die $!;
	return;
}

# The addresses dialled since this was last asked
sub dialled
{
	my $addresses = -e "$directory/dialled" ? slurp_file("$directory/dialled") : '';

	unlink("$directory/dialled");
	return join ' ', split /\n/, $addresses;
}

my $node = webhook_server('addresses');
$node->append_conf('postgresql.conf', "propstreet_webhooks.allow_addresses = ''");
{
	local @ENV{qw(LD_PRELOAD NAMES DIALLED)} = ("$directory/preload.so", "$directory/names", "$directory/dialled");
	$node->start;
}
set_up($node, 'postgres');
my $sink = start_sink('address=0.0.0.0');
my $port = $sink->{port};

# ---- nothing is allowed ----

resolve('private.test 10.0.0.1', 'loopback.test 127.0.0.1', 'mapped.test ::ffff:127.0.0.1', 'unique.test fd00::1', 'cloud.test 169.254.169.254');
my %refused = (
	'127.0.0.1' => '127.0.0.1 is a loopback address',
	'127.255.255.254' => '127.255.255.254 is a loopback address',
	'[::1]' => '::1 is a loopback address',
	'localhost' => qr/(127\.0\.0\.1|::1) is a loopback address/,
	'[::ffff:127.0.0.1]' => '::ffff:127.0.0.1 is a loopback address',
	'[::127.0.0.1]' => '::127.0.0.1 is a reserved address',
	'[::]' => ':: is a reserved address',
	'10.0.0.1' => '10.0.0.1 is a private address',
	'172.31.255.255' => '172.31.255.255 is a private address',
	'192.168.1.1' => '192.168.1.1 is a private address',
	'[::ffff:192.168.1.1]' => '::ffff:192.168.1.1 is a private address',
	'169.254.169.254' => '169.254.169.254 is a link-local address',
	'168.63.129.16' => '168.63.129.16 is a metadata address',
	'100.64.0.1' => q{100.64.0.1 is an address of a carrier's own network},
	'224.0.0.1' => '224.0.0.1 is a multicast address',
	'255.255.255.255' => '255.255.255.255 is a reserved address',
	'0.0.0.0' => '0.0.0.0 is a reserved address',
	'[fe80::1]' => 'fe80::1 is a link-local address',
	'[fc00::1]' => 'fc00::1 is a private address',
	'[fd00:ec2::254]' => 'fd00:ec2::254 is a private address',
	'[ff02::1]' => 'ff02::1 is a multicast address',
	'[64:ff9b::7f00:1]' => '64:ff9b::7f00:1 is a loopback address',
	'[64:ff9b:1::1]' => '64:ff9b:1::1 is a private address',
	'[2002:7f00:1::]' => '2002:7f00:1:: is a loopback address',
	'[2002:a00:1::1]' => '2002:a00:1::1 is a private address',
	'[2001:0:7f00:1::]' => '2001:0:7f00:1:: is a reserved address',
	'[2001:db8::1]' => '2001:db8::1 is an address for documentation',
	'2130706433' => '127.0.0.1 is a loopback address',
	'0x7f.1' => '127.0.0.1 is a loopback address',
	'0177.0.0.01' => '127.0.0.1 is a loopback address',
	'0x7f000001' => '127.0.0.1 is a loopback address',
	'127.1' => '127.0.0.1 is a loopback address',
	'private.test' => '10.0.0.1 is a private address',
	'loopback.test' => '127.0.0.1 is a loopback address',
	'mapped.test' => qr/(::ffff:)?127\.0\.0\.1 is a loopback address/,
	'unique.test' => 'fd00::1 is a private address',
	'cloud.test' => '169.254.169.254 is a link-local address',
);
my %delivery = map { $_ => test_event($node, subscribe($node, "http://$_:$port/")) } sort keys %refused;
my $outcomes = '';
foreach my $host (sort keys %refused)
{
	my $why = ref $refused{$host} ? $refused{$host} : quotemeta $refused{$host};
	my $outcome = outcome($node, $delivery{$host});

	like($outcome, qr/^failed $why, which is not allowed$/, "$host is refused");
	$outcomes .= $outcome;
}
my $log = slurp_file($node->logfile);
my $logged = () = $log =~ /LOG:  webhook \d+ of tenant 1 was not delivered: \S+ is an? [^\n]*, which is not allowed$/mg;
is($logged, scalar keys %refused, 'each is in the log');
is(dialled(), '', 'none of them is dialled');

# ---- ranges that are allowed ----

configure($node, 'propstreet_webhooks.allow_addresses' => '127.0.0.2/31, ::1');
ok(deliver_until($node, "http://127.0.0.2:$port/", qr/^delivered 204$/), 'an address that is allowed');
is(deliver($node, "http://127.0.0.3:$port/"), 'delivered 204', 'the last one of the range');
is(deliver($node, "http://[::ffff:127.0.0.3]:$port/"), 'delivered 204', 'the same, mapped');
dialled();
like(deliver($node, "http://127.0.0.1:$port/"), qr/^failed 127\.0\.0\.1 is a loopback address/, 'the one before the range');
like(deliver($node, "http://127.0.0.4:$port/"), qr/^failed 127\.0\.0\.4 is a loopback address/, 'the one after the range');
like(deliver($node, "http://[::2]:$port/"), qr/^failed ::2 is a reserved address/, 'the one after a single address');
is(dialled(), '', 'neither is dialled');
unlike(deliver($node, "http://[::1]:$port/"), qr/not allowed/, 'an IPv6 address that is allowed');
is(dialled(), '::1', 'and dialled');

# ---- names ----

resolve('moving.test 127.0.0.2');
my $closing = start_sink('address=0.0.0.0', 'header=Connection: close');
my $moving = subscribe($node, "http://moving.test:$closing->{port}/");
is(outcome($node, test_event($node, $moving)), 'delivered 204', 'a name that leads to an address that is allowed');
is(dialled(), '127.0.0.2', 'it is dialled');
resolve('moving.test 192.168.7.7');
is(outcome($node, test_event($node, $moving)), 'failed 192.168.7.7 is a private address, which is not allowed', 'and then to another');
ok($node->log_contains(qr/webhook $moving of tenant 1 was not delivered: 192\.168\.7\.7 is a private address/), 'which is in the log');
is(dialled(), '', 'and not dialled');
is(scalar(received($closing)), 1, 'one has arrived');

# ---- allowed no more ----

my $kept = subscribe($node, "http://127.0.0.2:$port/");
is(outcome($node, test_event($node, $kept)), 'delivered 204', 'a connection is kept');
configure($node, 'propstreet_webhooks.allow_addresses' => '');
# the connection that is kept is not used by these
ok(deliver_until($node, "http://127.0.0.3:$closing->{port}/", qr/^failed 127\.0\.0\.3 is a loopback address/), 'no address is allowed again');
dialled();
my $before = received($sink);
is(outcome($node, test_event($node, $kept)), 'failed 127.0.0.2 is a loopback address, which is not allowed', 'nor used while a connection is kept');
is(scalar(received($sink)), $before, 'nothing arrives');
is(dialled(), '', 'nothing is dialled');

# ---- http ----

configure($node, 'propstreet_webhooks.allow_addresses' => '127.0.0.1', 'propstreet.webhook_allow_http' => 'off');
ok(deliver_until($node, "https://127.0.0.1:$port/", qr/^failed (?!127)/), 'an address is allowed');
dialled();
$before = received($sink);
my ($status, $stdout, $stderr) = $node->psql('postgres', q[SELECT propstreet.webhook_create('{"url": "http://example.com/", "events": ["project.updated"]}')]);
like($stderr, qr/must begin with https:/, 'a URL with http is refused');
is(outcome($node, test_event($node, $kept)), 'failed the URL is not https', 'and nothing is sent to one that there is');
is(dialled(), '', 'nothing is dialled');
is(scalar(received($sink)), $before, 'nothing arrives');

$node->stop;
done_testing();
