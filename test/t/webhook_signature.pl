# What arrives at a webhook is accepted by a published verifier of Standard Webhooks with the webhook's secret, or with either one
# while it is being rotated, and nothing else is.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../sink";

use File::Copy;
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Sink;
use Test::More;

my $directory = PostgreSQL::Test::Utils::tempdir;
copy("test/verifier/$_", "$directory/$_") or die $! foreach ('package.json', 'verify.js');
my $npm = ['npm', '--prefix', $directory, '--cache', "$directory/cache", 'install', '--no-audit', '--no-fund', '--silent'];
command_ok($npm, 'the verifier is there');

my $node = webhook_server('signature');
$node->start;
set_up($node, 'postgres');
my $sink = start_sink(['test/sink/receiver']);
my $webhook = decode_json($node->safe_psql('postgres', qq[SELECT propstreet.webhook_create('{"url": "http://127.0.0.1:$sink->{port}/hook?a=b", "events": ["project.created"]}')]));
my ($secret, $other) = ($webhook->{secret}, 'whsec_' . 'AAAA' x 8);

# Writes a project and waits for its event to be delivered; the request, and what the verifier says of it with each of the secrets
sub verify
{
	my ($name, @secrets) = @_;
	my $id = $node->safe_psql('postgres', "INSERT INTO propstreet.project (name) VALUES ('$name') RETURNING id");

	is(outcome($node, $node->safe_psql('postgres', "SELECT id FROM propstreet.webhook_delivery WHERE resource_id = $id")), 'delivered 204', 'an event is delivered');
	my ($line) = grep { JSON::PP->new->decode(decode_json($_)->{body})->{data}{id} eq $id } received($sink);
	append_to_file("$directory/request.$id", $line);
	my ($verdicts, $errors) = run_command([ 'node', "$directory/verify.js", "$directory/request.$id", @secrets ]);
	is($errors, '', 'the verifier has no other errors');
	return (decode_json($line), $verdicts);
}

# As it came, with another body, id, timestamp
my $accepted = join ', ', 'accepted', ('No matching signature found') x 3;
my $refused = join ', ', ('No matching signature found') x 4;

my ($request, $verdicts) = verify('Ängsholmen "🏠" \\', $secret, $other);
is($verdicts, "$accepted\n$refused", 'by the secret of the webhook, and nothing but what came');
is("$request->{method} $request->{path}", 'POST /hook?a=b', 'the method and the URL');
my $headers = $request->{headers};
is($headers->{'content-type'}, 'application/json', 'the type');
like($headers->{'webhook-id'}, qr/^evt_\d+$/, 'the id');
like($headers->{'webhook-signature'}, qr/^v1,[A-Za-z0-9+\/]{43}=$/, 'one signature');
is(join(' ', sort grep { !/^webhook-/ } keys %$headers), 'accept content-length content-type host user-agent', 'no other headers');

my $rotated = decode_json($node->safe_psql('postgres', "SELECT propstreet.webhook_rotate_secret($webhook->{id})"))->{secret};
isnt($rotated, $secret, 'another secret');
($request, $verdicts) = verify('while the secret is being rotated', $secret, $rotated, $other);
is($verdicts, "$accepted\n$accepted\n$refused", 'by either secret');
like($request->{headers}{'webhook-signature'}, qr/^v1,\S+ v1,\S+$/, 'two signatures');

$node->safe_psql('postgres', "UPDATE propstreet.webhook_secret SET until_utc = now() WHERE webhook_id = $webhook->{id} AND until_utc IS NOT NULL");
(undef, $verdicts) = verify('a day later', $secret, $rotated);
is($verdicts, "$refused\n$accepted", 'by the new secret only');

$node->stop;
done_testing();
