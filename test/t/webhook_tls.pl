# Webhooks go only to servers whose certificate is valid for the host and signed by an authority that is trusted, and never
# through a proxy.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../sink";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Sink;
use Test::More;

my $directory = PostgreSQL::Test::Utils::tempdir;
append_to_file("$directory/openssl.conf", <<"END");
[req]
distinguished_name = none
[none]
[ca]
default_ca = test
[test]
database = $directory/index
new_certs_dir = $directory
rand_serial = yes
default_md = sha256
policy = any
unique_subject = no
x509_extensions = extensions
[any]
commonName = supplied
[extensions]
subjectAltName = \$ENV::ALTERNATIVES
END
append_to_file("$directory/index", '');

# Makes a certificate that signs itself, and its key; their files
sub certificate
{
	my ($name, $host, $end) = @_;
	my $file = "$directory/$name";
	my @config = ('-config', "$directory/openssl.conf");

	local $ENV{ALTERNATIVES} = "DNS:$host";
	system_or_bail('openssl', 'req', @config, '-new', '-newkey', 'rsa:2048', '-nodes', '-keyout', "$file.key", '-out', "$file.request", '-subj', "/CN=$host");
	system_or_bail('openssl', 'ca', @config, '-batch', '-notext', '-selfsign', '-keyfile', "$file.key", '-in', "$file.request",
		'-out', "$file.crt", '-startdate', '20200101000000Z', '-enddate', $end);
	append_to_file("$directory/authorities", slurp_file("$file.crt"));
	return ("$file.key", "$file.crt");
}

my $good = start_sink([ 'test/sink/receiver', certificate('good', 'localhost', '20490101000000Z') ]);
my $expired = start_sink([ 'test/sink/receiver', certificate('expired', 'localhost', '20210101000000Z') ]);
my $elsewhere = start_sink([ 'test/sink/receiver', certificate('elsewhere', 'elsewhere.example', '20490101000000Z') ]);
my $plain = start_sink();
my $proxy = start_sink();

my $node = webhook_server('tls');
{
	my $url = "http://127.0.0.1:$proxy->{port}";
	local @ENV{qw(http_proxy https_proxy HTTPS_PROXY all_proxy ALL_PROXY no_proxy NO_PROXY)} = (($url) x 5, '', '');
	$node->start;
}
set_up($node, 'postgres');

# ---- certificates ----

my $url = "https://localhost:$good->{port}/";
like(deliver($node, $url), qr/^failed .*certificate/i, 'a certificate that signs itself is not trusted');
is(scalar(received($good)), 0, 'nothing arrives');

configure($node, 'propstreet_webhooks.ca_file' => "$directory/authorities");
ok(deliver_until($node, $url, qr/^delivered 204$/), 'it is when it is in ca_file');
my $count = received($good);
cmp_ok($count, '>', 0, 'what is sent arrives');
like(deliver($node, "https://127.0.0.1:$good->{port}/"), qr/^failed .*(host name|certificate|subject)/i, 'a certificate is for its host');
like(deliver($node, "https://localhost:$elsewhere->{port}/"), qr/^failed .*(host name|certificate|subject)/i, 'and not for another');
like(deliver($node, "https://localhost:$expired->{port}/"), qr/^failed .*(expired|certificate)/i, 'a certificate that has expired');
like(deliver($node, "https://127.0.0.1:$plain->{port}/"), qr/^failed (?!\d)/, 'a server without TLS');
is(received($good) - $count + received($elsewhere) + received($expired) + received($plain), 0, 'nothing arrives there');

my $kept = subscribe($node, $url);
is(outcome($node, test_event($node, $kept)), 'delivered 204', 'a connection is kept');
configure($node, 'propstreet_webhooks.ca_file' => "$directory/elsewhere.crt");
ok(deliver_until($node, "https://127.0.0.1:$elsewhere->{port}/", qr/^failed .*(host name|subject)/i), 'others are trusted from now on');
like(outcome($node, test_event($node, $kept)), qr/^failed .*certificate/i, 'but not the one that was, also where a connection is kept');

configure($node, 'propstreet_webhooks.ca_file' => "$directory/missing");
ok(deliver_until($node, $url, qr/^failed .*missing/), 'a file that is missing');
configure($node, 'propstreet_webhooks.ca_file' => "$directory/authorities");
ok(deliver_until($node, $url, qr/^delivered 204$/), 'until there is one');

# ---- proxies ----

is(deliver($node, "http://127.0.0.1:$plain->{port}/"), 'delivered 204', 'without TLS');
is(scalar(received($plain)), 1, 'it arrives');
is(scalar(received($proxy)), 0, 'no proxy is used');

$node->stop;
done_testing();
