# openapi.json is valid OpenAPI by a published validator, describes what there is, and answers and bodies fit its schemas.

use strict;
use warnings;

use File::Copy;
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION propstreet; SELECT propstreet.install()');

my $directory = PostgreSQL::Test::Utils::tempdir;
copy("test/openapi/$_", "$directory/$_") or die $! foreach ('package.json', 'validate.js');
my $npm = ['npm', '--prefix', $directory, '--cache', "$directory/cache", 'install', '--no-audit', '--no-fund', '--silent'];
command_ok($npm, 'the validator is there');

# Status and body of the answer to a request; without a tenant if that is null
sub ask
{
	my ($tenant, $method, $target, $body) = @_;
	my $setting = defined $tenant ? "SET propstreet.tenant_id = '$tenant';" : '';
	my $given = defined $body ? "convert_to(\$body\$$body\$body\$, 'UTF8')" : 'NULL';

	my ($status, $answer) = split /\n/, $node->safe_psql('postgres', "$setting SELECT status || E'\\n' || coalesce(body, '') FROM propstreet.handle('$method', '$target', '{}', $given)");
	return ($status, $answer);
}

my ($status, $text) = ask(undef, 'GET', '/api/v1/openapi.json');
is($status, 200, 'it needs no tenant');
my $description = decode_json($text);

# ---- every operation is there, and every method that is not described is refused ----

$node->safe_psql('postgres', q{
	SET propstreet.tenant_id = '1';
	INSERT INTO propstreet.company (id, name) VALUES (1, 'Company');
	INSERT INTO propstreet.contact (id, company_id, name, tags) VALUES (1, 1, 'Contact', '{a}'), (2, NULL, 'Contact', '{}'), (3, NULL, 'Contact', '{}');
	INSERT INTO propstreet.property (id, profile) VALUES (1, '{"city": "Stockholm"}');
	INSERT INTO propstreet.investment_strategy (contact_id) VALUES (3);
});
my $operations = 0;
foreach my $path (sort keys %{ $description->{paths} })
{
	my $described = $description->{paths}{$path};

	foreach my $method ('GET', 'POST', 'PUT', 'PATCH', 'DELETE')
	{
		# what is not a body, an id or a reference is refused for that, not for the route
		(my $target = "/api/v1$path") =~ s/\{(\w+)\}/!/g;
		my ($status) = ask(1, $method, $target);
		my $expected = $described->{ lc $method } ? qr/^(200|400)$/ : qr/^405$/;

		$operations++ if $described->{ lc $method };
		like($status, $expected, "$method $path");
	}
}
cmp_ok($operations, '>', 20, 'there are operations');

# ---- bodies ----

my @bodies;

# Asks, and keeps the body and the answer with their schemas, which the description gives
sub exchange
{
	my ($method, $path, $target, $body, $expected) = @_;
	my $operation = $description->{paths}{$path}{ lc $method };
	my ($status, $answer) = ask(1, $method, "/api/v1$target", $body);

	is($status, $expected, "$method $target") or diag $answer;
	foreach my $part ([ $operation->{requestBody}, $body ], [ $operation->{responses}{$status} // { content => { 'application/json' => { schema => { '$ref' => '/Problem' } } } }, $answer ])
	{
		my ($about, $json) = @$part;
		next unless defined $json && $json ne '';
		next if $status >= 400 && $json eq ($body // '');
		my ($schema) = $about->{content}{'application/json'}{schema}{'$ref'} =~ m{(\w+)$};
		push @bodies, [ $schema, decode_json($json) ];
	}
	return;
}

my $project = q({"name": "Stockholm", "asset": {"type": "portfolio", "propertyCount": 5}, "mandate": null, "classification": "active",
	"price": {"value": 150.5, "currency": "SEK", "scale": "millions"}, "priceRange": {"min": 1, "currency": "EUR"}, "externalRefs": [{"namespace": "hubspot", "id": "1"}]});
exchange('POST', '/projects', '/projects', $project, 201);
exchange('POST', '/projects', '/projects', $project, 409);
exchange('POST', '/projects', '/projects', '{"name": ""}', 400);
exchange('POST', '/projects', '/projects', '{"name": "Nulls", "asset": {"type": "portfolio", "propertyCount": null}, "price": {"value": 1, "currency": "SEK", "scale": null},
	"priceRange": {"min": 1, "max": null, "currency": "SEK"}}', 201);
$node->safe_psql('postgres', q{SET propstreet.tenant_id = '1'; INSERT INTO propstreet.project_property (project_id, property_id) VALUES (1, 1);
	SELECT propstreet.project_close(1, '[{"a": 1}]'), propstreet.teaser_communicate(1, now() + interval '1 day'), propstreet.teaser_accept(1, 1)});
exchange('GET', '/projects', '/projects', undef, 200);
exchange('GET', '/projects/{id}', '/projects/1', undef, 200);
exchange('PATCH', '/projects/{id}', '/projects/1', '{"priceRange": null, "name": "B"}', 200);
exchange('GET', '/projects/{id}/properties', '/projects/1/properties', undef, 200);
exchange('PUT', '/projects/external/{namespace}/{external_id}', '/projects/external/hubspot/2', '{"name": "C"}', 201);
exchange('PUT', '/projects/external/{namespace}/{external_id}', '/projects/external/hubspot/2', '{}', 200);
exchange('POST', '/projects/{project_id}/prospects', '/projects/1/prospects', '{"contactId": "1", "externalRefs": []}', 201);
exchange('POST', '/projects/{project_id}/prospects', '/projects/1/prospects', '{"contactId": "1"}', 409);
exchange('POST', '/projects/{project_id}/prospects', '/projects/1/prospects', '{"contactId": null, "companyId": "1"}', 201);
exchange('GET', '/projects/{project_id}/prospects', '/projects/1/prospects', undef, 200);
exchange('GET', '/prospects', '/prospects?page_size=1', undef, 200);
exchange('POST', '/projects/{project_id}/prospects:batch', '/projects/1/prospects:batch', '{"items": [{"contactId": "1"}, {"contactId": "2", "clientRef": "x"}], "atomic": false}', 200);
exchange('POST', '/projects/{project_id}/prospects:batch', '/projects/1/prospects:batch', '{"items": [{"contactId": "1"}], "atomic": true}', 409);
exchange('PATCH', '/projects/{project_id}/prospects:batch', '/projects/1/prospects:batch', '{"items": [{"id": "1", "classification": "bidder"}, {"id": "99"}]}', 200);
exchange('PATCH', '/projects/{project_id}/prospects/{id}', '/projects/1/prospects/1', '{"classification": "interested"}', 200);
exchange('PUT', '/projects/{project_id}/prospects/external/{namespace}/{external_id}', '/projects/1/prospects/external/crm/1', '{"contactId": "1"}', 200);
exchange('GET', '/network/contacts/{contact_id}/projects', '/network/contacts/1/projects', undef, 200);
exchange('POST', '/webhooks', '/webhooks', '{"name": "w", "url": "https://example.com/hook", "events": ["project.updated"], "filter": {"externalRef.namespace": "hubspot"}}', 201);
exchange('POST', '/webhooks', '/webhooks', '{"url": "https://example.com/hook", "events": ["project.updated"], "filter": {"externalRef.namespace": null}}', 201);
exchange('GET', '/webhooks', '/webhooks', undef, 200);
exchange('GET', '/webhooks/{id}', '/webhooks/1', undef, 200);
exchange('PATCH', '/webhooks/{id}', '/webhooks/1', '{"filter": null, "excludeOrigin": "crm"}', 200);
exchange('POST', '/webhooks/{id}/rotate-secret', '/webhooks/1/rotate-secret', undef, 200);
exchange('POST', '/webhooks/{id}/test', '/webhooks/1/test', undef, 202);
exchange('POST', '/webhooks/{id}/replay', '/webhooks/1/replay', '{"since": "2026-01-01T00:00:00Z", "failedOnly": false}', 202);
exchange('GET', '/webhooks/{id}/deliveries', '/webhooks/1/deliveries?status=pending', undef, 200);
exchange('DELETE', '/webhooks/{id}', '/webhooks/1', undef, 204);
exchange('DELETE', '/projects/{project_id}/prospects/{id}', '/projects/1/prospects/1', undef, 204);
exchange('GET', '/projects/{project_id}/prospects', '/projects/1/prospects?include_deleted=true', undef, 200);
exchange('DELETE', '/projects/{id}', '/projects/1', undef, 204);
exchange('GET', '/projects', '/projects?include_deleted=true', undef, 200);

append_to_file("$directory/openapi.json", $text);
append_to_file("$directory/bodies.json", encode_json(\@bodies));
command_checks_all([ 'node', "$directory/validate.js", "$directory/openapi.json", "$directory/bodies.json" ], 0, [qr/^$/], [qr/^$/], 'the description, and what fits it');
# it would tell
append_to_file("$directory/wrong.json", encode_json([ [ 'Project', { id => 1 } ],
	# these are refused: unknown members, both of two
	[ 'ProjectCreate', { name => 'a', asset => { type => 'single', x => 1 } } ], [ 'ProjectCreate', { name => 'a', price => { value => 1, currency => 'SEK', x => 1 } } ],
	[ 'ProjectPatch', { externalRefs => [ { namespace => 'a', id => '1', x => 1 } ] } ], [ 'ProspectAdd', { contactId => '1', companyId => '1' } ],
	[ 'BatchAdd', { items => [ { contactId => '1' } ], x => 1 } ], [ 'LiveStatus', 'deleted' ] ]));
command_like([ 'node', "$directory/validate.js", "$directory/openapi.json", "$directory/wrong.json" ], qr/\AProject: .*must have required property.*\n(?:\w+: .*\n){6}\z/, 'what does not');
my $get = $description->{paths}{'/projects/{id}'}{get};
ok((grep { $_->{name} eq 'If-None-Match' } @{ $get->{parameters} }) && $get->{responses}{304} && $get->{responses}{200}{headers}{ETag}, 'conditional requests');
foreach my $route ([ '/projects/{id}', 'get' ], [ '/projects/{id}', 'patch' ], [ '/webhooks/{id}', 'delete' ], [ '/projects/external/{namespace}/{external_id}', 'put' ])
{
	is(join(' ', grep { /^If-/ } map { $_->{name} } @{ $description->{paths}{ $route->[0] }{ $route->[1] }{parameters} }), 'If-Match If-None-Match', "preconditions of $route->[1] $route->[0]");
}
ok($description->{paths}{'/projects'}{post}{responses}{201}{headers}{Location} && $description->{paths}{'/projects'}{get}{responses}{200}{headers}{Link}, 'headers of answers');

$node->stop;
done_testing();
