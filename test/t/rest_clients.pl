
# The guide's own client code, unchanged but for the server's address, over HTTP: it ends with the data of the database
# where at most 500 projects changed, and every changed prospect's project did too. The recipe of doc/sync.md does in every case.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../bridge";

use Bridge;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = database_server('clients');
my $server = 'http://127.0.0.1:' . start_bridge($node);
my $directory = PostgreSQL::Test::Utils::tempdir();

$node->safe_psql('postgres', q{
	INSERT INTO propstreet.company (tenant_id, id, name, tags) SELECT 1, g, 'Company ' || g, '{c}' FROM generate_series(1, 20) AS g;
	INSERT INTO propstreet.contact (tenant_id, id, company_id, name, tags) SELECT 1, g, nullif(g % 21, 0), 'Contact ' || g, '{tier-1}' FROM generate_series(1, 700) AS g;
	INSERT INTO propstreet.investment_strategy (tenant_id, contact_id) SELECT 1, g FROM generate_series(1, 60) AS g;
	INSERT INTO propstreet.project (tenant_id, id, name, asset_type, property_count)
	SELECT 1, g, 'Project ' || g, CASE g % 2 WHEN 0 THEN 'single'::propstreet.asset_type ELSE 'portfolio' END, CASE g % 2 WHEN 1 THEN g END
	FROM generate_series(1, 603) AS g;
	INSERT INTO propstreet.prospect (tenant_id, project_id, contact_id, company_id)
	SELECT 1, p, CASE WHEN i < 3 THEN 1 + (p + i) % 700 END, CASE WHEN i = 3 THEN 1 + p % 20 END
	FROM generate_series(1, 603) AS p, generate_series(1, 3) AS i WHERE p % 2 = 1;
	INSERT INTO propstreet.prospect (tenant_id, project_id, contact_id) SELECT 1, 2, g FROM generate_series(1, 510) AS g;
	INSERT INTO propstreet.contact (tenant_id, id, name) SELECT 3, g, 'Contact ' || g FROM generate_series(1, 60) AS g;
	INSERT INTO propstreet.company (tenant_id, id, name) VALUES (3, 1, 'Company');
	INSERT INTO propstreet.investment_strategy (tenant_id, contact_id) SELECT 3, g FROM generate_series(1, 20) AS g;
	INSERT INTO propstreet.project (tenant_id, id, name, teaser_stage) SELECT 3, ord, format('Project %s', stage), stage FROM unnest('{NULL, property_added, drafting, published, verified, communicated}'::propstreet.teaser_stage[]) WITH ORDINALITY AS s (stage, ord);
	INSERT INTO propstreet.project (tenant_id, id, name) SELECT 3, g, 'Project ' || g FROM generate_series(7, 80) AS g;
	INSERT INTO propstreet.prospect (tenant_id, project_id, contact_id) SELECT 3, p, c FROM generate_series(1, 10) AS p, generate_series(1, 30) AS c;
	INSERT INTO propstreet.prospect (tenant_id, project_id, company_id) SELECT 3, p, 1 FROM generate_series(1, 10) AS p;
	INSERT INTO propstreet.project (tenant_id, id, name) SELECT 2, g, 'Of somebody else ' || g FROM generate_series(1, 100) AS g;
	INSERT INTO propstreet.contact (tenant_id, id, name) VALUES (2, 1, 'Of somebody else');
	INSERT INTO propstreet.prospect (tenant_id, project_id, contact_id) SELECT 2, g, 1 FROM generate_series(1, 100) AS g;
	SELECT setval('propstreet.project_id_seq', 10000);
});

# Does work for a tenant, each statement a transaction of its own
sub work
{
	my ($tenant, $sql) = @_;

	$node->safe_psql('postgres', "SELECT propstreet.set_tenant($tenant);\n$sql");
}

sub from_database
{
	my ($sql) = @_;

	return decode_json($node->safe_psql('postgres', $sql));
}

sub resources
{
	my ($view, $condition) = @_;

	return from_database("SELECT coalesce(json_object_agg(d.id, d.resource), '{}') FROM propstreet.$view AS d WHERE d.tenant_id = 1 AND d.deleted_utc IS NULL AND $condition");
}

# Runs a client for a step; its database after it
sub client
{
	my ($name, $tenant, $program, @step) = @_;
	my $file = "$directory/$name.json";
	my ($out, $err) = ('', '');

	ok(IPC::Run::run([ @$program, $server, token($tenant), $file, @step ], '>', \$out, '2>', \$err), "$name: @step[0 .. 0]") or diag($err);
	is($err, '', "$name: no complaint");
	return -e $file ? decode_json(slurp_file($file)) : undef;
}

sub guide_syncs
{
	my ($step) = @_;
	my $state = client('guide', 1, [ 'node', 'test/clients/sync.js' ], $step);

	is_deeply($state->{projects}, resources('project_delta', 'true'), "${step}Sync: projects are equal");
	is_deeply($state->{prospects},
		resources('prospect_delta', 'EXISTS (SELECT FROM propstreet.project AS p WHERE p.tenant_id = 1 AND p.id = d.project_id AND p.deleted_utc IS NULL)'),
		"${step}Sync: prospects are equal");
}

sub recipe_syncs
{
	my ($when) = @_;
	my $state = client('recipe', 1, [ 'node', 'test/clients/sync.js' ], 'recipe');

	is_deeply($state->{projects}, resources('project_delta', 'true'), "recipe: projects are equal $when");
	is_deeply($state->{prospects}, resources('prospect_delta', 'true'), "recipe: prospects are equal $when");
}

my $changes = q{
	UPDATE propstreet.project SET name = 'Changed ' || id WHERE tenant_id = 1 AND id % 11 = 0;
	SELECT propstreet.project_update(id, '{"price": {"value": 1.5, "currency": "SEK", "scale": "billions"}, "externalRefs": [{"namespace": "hubspot", "id": "of a project"}]}')
	FROM generate_series(21, 21) AS id;
	SELECT propstreet.project_delete(id) FROM unnest('{31, 33, 35}'::bigint[]) AS id;
	SELECT propstreet.project_close(41, '[{"buyer": "x"}]');
	SELECT propstreet.teaser_advance(43, 'published');
	SELECT propstreet.teaser_communicate(45, now() + interval '1 day');
	SELECT propstreet.teaser_accept(45, id) FROM propstreet.prospect WHERE tenant_id = 1 AND project_id = 45 AND deadline_utc IS NOT NULL AND contact_id < 10;
	SELECT propstreet.prospect_update(project_id, id, '{"classification": "bidder"}') FROM propstreet.prospect WHERE tenant_id = 1 AND project_id = 11;
	SELECT propstreet.prospect_remove(project_id, id) FROM propstreet.prospect WHERE tenant_id = 1 AND project_id IN (55, 77) AND contact_id IS NOT NULL;
	SELECT propstreet.prospect_add(99, '{"contactId": "699"}');
	SELECT propstreet.project_create('{"name": "New"}');
};
my @more = (
	[ 'after more than 500 projects changed', q{
		UPDATE propstreet.project SET name = 'Again ' || id WHERE tenant_id = 1 AND deleted_utc IS NULL} ],
	[ 'after prospects changed and their projects did not', q{
		UPDATE propstreet.prospect SET classification = 'contacted' WHERE tenant_id = 1 AND id % 3 = 0 AND deleted_utc IS NULL;
		UPDATE propstreet.contact SET tags = '{new}' WHERE tenant_id = 1 AND id = 1;
		SELECT propstreet.prospect_remove(2, id) FROM propstreet.prospect WHERE tenant_id = 1 AND project_id = 2 AND id % 5 = 0 AND deleted_utc IS NULL} ],
	[ 'after a project with many prospects was deleted', q{SELECT propstreet.project_delete(2)} ],
	[ 'after nothing', '' ]);

# JavaScript
guide_syncs('initial');
recipe_syncs('at first');
work(1, $changes);
guide_syncs('delta');
recipe_syncs('after changes');
foreach my $case (@more)
{
	work(1, $case->[1]);
	recipe_syncs($case->[0]);
}

# Python: deals to projects
my %deals = map { ("deal $_ \xe5+" => "Deal $_") } (1 .. 20);
my $by_reference = q{
	SELECT json_object_agg(propstreet.external_id(r), p.name) FROM propstreet.project AS p, unnest(p.external_refs) AS r
	WHERE p.tenant_id = 3 AND p.deleted_utc IS NULL AND propstreet.namespace(r) = 'hubspot' AND propstreet.external_id(r) LIKE 'deal %'};
my $python = [ '/usr/bin/python3', '-B', 'test/clients/sync.py' ];

foreach my $name ('created', 'updated')
{
	client('deals', 3, $python, 'from-crm', JSON::PP->new->ascii->encode(\%deals));
	is_deeply(from_database($by_reference), \%deals, "PropstreetCRMSync: deals are $name");
	$_ .= ' again' foreach values %deals;
}

# Python: projects to deals
my $crm = q{
	SELECT json_object_agg(p.id, json_build_object('external_id', p.id::text, 'name', p.name, 'is_portfolio', p.asset_type = 'portfolio',
		'property_count', p.property_count, 'stage', CASE WHEN p.status = 'closed' THEN 'Closed Won' WHEN p.teaser_stage = 'communicated' THEN 'Negotiation'
			WHEN p.teaser_stage IN ('published', 'verified') THEN 'Proposal' ELSE 'Qualification' END,
		'contacts', (SELECT coalesce(json_object_agg(coalesce(r.contact_id, r.company_id), json_build_object('role', r.classification, 'is_communicated', r.accepted_utc IS NOT NULL)), '{}')
			FROM propstreet.prospect AS r WHERE r.tenant_id = 3 AND r.project_id = p.id AND r.deleted_utc IS NULL)))
	FROM propstreet.project AS p WHERE p.tenant_id = 3 AND p.deleted_utc IS NULL};
my $now = sub { return $node->safe_psql('postgres', q{SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US+00:00')}) };

my $since = $now->();
my $state = client('crm', 3, $python, 'to-crm', '2026-01-01T00:00:00+00:00');
is_deeply($state, from_database($crm), 'PropstreetSync: the CRM is equal at first');
work(3, q{
	SELECT propstreet.project_update(id, '{"asset": {"type": "portfolio", "propertyCount": 7}}') FROM generate_series(4, 8) AS id;
	SELECT propstreet.project_close(12);
	SELECT propstreet.project_delete(13);
	SELECT propstreet.teaser_communicate(14, now() + interval '1 day');
	SELECT propstreet.teaser_accept(14, id) FROM propstreet.prospect WHERE tenant_id = 3 AND project_id = 14 AND deadline_utc IS NOT NULL AND contact_id < 10;
	SELECT propstreet.project_create('{"name": "Newest"}');
});
$state = client('crm', 3, $python, 'to-crm', $since);
is_deeply($state, from_database($crm), 'PropstreetSync: the CRM is equal after changes');

$node->stop;
done_testing();
