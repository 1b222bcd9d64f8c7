# On a standby no read can be exact, as it does not know the primary's writers: those that go on from an earlier one fail, a first
# page does not say syncedUtc. When the standby is promoted, all is well again.

use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(allows_streaming => 1);
$primary->start;
$primary->safe_psql('postgres', <<'END');
CREATE EXTENSION propstreet;
SELECT propstreet.install();
ALTER DATABASE postgres SET propstreet.tenant_id = '1';
INSERT INTO propstreet.contact (tenant_id, name) VALUES (1, 'Ada');
INSERT INTO propstreet.project (tenant_id, name) VALUES (1, 'one'), (1, 'two');
INSERT INTO propstreet.prospect (tenant_id, project_id, contact_id) VALUES (1, 1, 1);
END
$primary->backup('backup');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'backup', has_streaming => 1);
$standby->start;

my @first = ('project_list(page_size => 1)', 'prospect_list(1)', 'prospect_list_all()', 'contact_projects(1)');
my @next = (
	'project_changes(NULL)', 'prospect_changes(NULL)', 'sync_barrier()',
	"project_list('2000-01-01Z')", "prospect_list(1, '2000-01-01Z')", "prospect_list_all('2000-01-01Z')",
	map { "$_, cursor => propstreet.cursor_encode('2000-01-01Z', 1))" } 'project_list(NULL', 'prospect_list(1', 'contact_projects(1');

foreach my $call (@first)
{
	is($standby->safe_psql('postgres', "SELECT json_array_length(l->'data'), l->'page'->>'syncedUtc' IS NULL FROM propstreet.$call AS l"),
		'1|t', "$call without syncedUtc");
}
foreach my $call (@next)
{
	my ($status, $stdout, $stderr) = $standby->psql('postgres', "\\set VERBOSITY verbose\nSELECT propstreet.$call");

	like($stderr, qr/ERROR:  PT503: .*^HINT:  This server is a standby/ms, "$call fails");
}
is($standby->safe_psql('postgres', 'SELECT count(*) FROM propstreet.project_delta'), '2', 'the delta view by itself can be read');
is($standby->safe_psql('postgres', q{SELECT string_agg(status::text, ' ') FROM unnest(ARRAY['GET /api/v1/projects/1', 'PATCH /api/v1/projects/1', 'DELETE /api/v1/projects/1', 'POST /api/v1/projects']) AS r,
	propstreet.handle_for(1, split_part(r, ' ', 1), split_part(r, ' ', 2), '{}', '{"name": "Written"}')}), '200 403 403 403', 'REST can only read');

$primary->stop;
$standby->promote;
foreach my $call (@first)
{
	is($standby->safe_psql('postgres', "SELECT json_array_length(l->'data'), l->'page'->>'syncedUtc' IS NULL FROM propstreet.$call AS l"),
		'1|f', "$call with syncedUtc, after promotion");
}
foreach my $call (@next)
{
	$standby->safe_psql('postgres', "SELECT propstreet.$call");
}
is($standby->safe_psql('postgres', 'SELECT count(*) FROM propstreet.project_changes(NULL)'), '2', 'and so are all others');

done_testing();
