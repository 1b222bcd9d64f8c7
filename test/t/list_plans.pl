# How lists read: by an index in their order, and no more rows than they show and one, at any depth, whoever calls them.
#
# auto_explain shows what the statements inside the list functions did. A filter merges ranges of an index, so it may look at some
# more rows: one for each range. Two kinds of lists sort, and so have a limit of their own below: those with tags over a whole tenant,
# where few rows have them, and the projects of one investor, in the order of the projects.

use strict;
use warnings FATAL => 'all';

use JSON::PP;
use List::Util;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use constant SHOWN => 10;
use constant RANGES => 54;    # states of a project, or more than enough for prospects

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "autovacuum = off\njit = off");
$node->start;

# Two tenants with 10,000 projects and 10,000 prospects each; the older half is deleted. Of the others, 50 projects are closed, 5 are
# inactive and have a teaser; 5 prospects are bidders, have accepted, and have the tag vip; project 10000 has 51 prospects.
$node->safe_psql('postgres', <<'END');
CREATE EXTENSION propstreet;
SELECT propstreet.install();
SET propstreet.restore = on;
CREATE TEMP VIEW tenant AS SELECT unnest(ARRAY[1, 2]) AS tenant_id, timestamptz '2020-01-01Z' AS start;

INSERT INTO propstreet.company (tenant_id, id, name) SELECT tenant_id, i, 'company' FROM tenant, generate_series(1, 100) AS i;
INSERT INTO propstreet.contact (tenant_id, id, company_id, name, tags)
SELECT tenant_id, i, 1 + i % 100, 'contact', CASE i % 1000 WHEN 6 THEN '{vip}' ELSE '{any}' END::text[] FROM tenant, generate_series(1, 5000) AS i;

INSERT INTO propstreet.project (tenant_id, id, name, status, classification, teaser_stage, transactions,
	created_utc, updated_utc, deleted_utc, revision)
SELECT tenant_id, i, 'project',
	CASE WHEN i <= 5000 THEN 'deleted' WHEN i % 100 = 5 THEN 'closed' ELSE 'open' END::propstreet.project_status,
	CASE WHEN i % 1000 = 5 THEN 'inactive' WHEN i % 2 = 0 THEN 'draft' ELSE 'active' END::propstreet.project_classification,
	CASE WHEN i % 1000 = 5 THEN 'drafting' END::propstreet.teaser_stage, CASE WHEN i % 100 = 5 THEN '[]'::json END,
	start, start + i * interval '1 minute', CASE WHEN i <= 5000 THEN start END, 1
FROM tenant, generate_series(1, 10000) AS i;

INSERT INTO propstreet.prospect (tenant_id, id, project_id, contact_id, company_id, classification, tags, accepted_utc, deadline_utc,
	created_utc, updated_utc, deleted_utc, revision)
SELECT tenant_id, i, CASE i % 100 WHEN 0 THEN 10000 ELSE 5001 + i % 5000 END, contact, 1 + contact % 100,
	CASE WHEN i % 1000 = 5 THEN 'bidder' ELSE 'contacted' END::propstreet.prospect_classification,
	CASE contact % 1000 WHEN 6 THEN '{vip}' ELSE '{any}' END::text[], CASE WHEN i % 1000 = 5 THEN start END,
	CASE WHEN i % 1000 = 5 THEN start END, start, start + i * interval '1 minute', CASE WHEN i <= 5000 THEN start END, 1
FROM tenant, generate_series(1, 10000) AS i, CAST(CASE i % 20 WHEN 6 THEN 7 ELSE 1 + i % 5000 END AS bigint) AS contact;
ANALYZE;

CREATE ROLE agency LOGIN;
SELECT propstreet.grant_to('agency');
ALTER ROLE agency SET propstreet.tenant_id = '1';
ALTER ROLE CURRENT_USER SET propstreet.tenant_id = '1';
END

$node->append_conf('postgresql.conf', <<'END');
session_preload_libraries = 'auto_explain'
auto_explain.log_min_duration = 0
auto_explain.log_nested_statements = on
auto_explain.log_analyze = on
auto_explain.log_timing = off
auto_explain.log_format = json
auto_explain.log_level = notice
END
$node->reload;

# Adds to $seen what a node of a plan did, and those below it
sub look
{
	my ($plan, $seen) = @_;

	$seen->{nodes}{ $plan->{'Node Type'} } = 1;
	$seen->{indexes}{ $plan->{'Index Name'} } = 1 if $plan->{'Index Name'};
	$seen->{rows}{ $plan->{'Relation Name'} } += $plan->{'Actual Loops'} * ($plan->{'Actual Rows'}
		  + ($plan->{'Rows Removed by Filter'} // 0) + ($plan->{'Rows Removed by Index Recheck'} // 0))
	  if $plan->{'Relation Name'};
	$seen->{entries} += $plan->{'Actual Loops'} * $plan->{'Actual Rows'} if $plan->{'Node Type'} eq 'Bitmap Index Scan';
	look($_, $seen) foreach @{ $plan->{Plans} // [] };
	return;
}

# A call reads rows of a table, as many as a limit (a list of two: at least, at most), by these indexes and without sorting unless
# $sorts; the same for both users
sub reads
{
	my ($call, $table, $limit, $indexes, $sorts) = @_;
	my @limit = ref $limit ? @$limit : ($limit, $limit);

	foreach my $user ($node->safe_psql('postgres', 'SELECT current_user'), 'agency')
	{
		my ($stderr, %seen);

		$node->psql('postgres', "SELECT $call", extra_params => [ '-U', $user ], stderr => \$stderr, on_error_die => 1);
		while ($stderr =~ /plan:\n(\{.*?^\})/msg)
		{
			my $plan = decode_json($1)->{Plan};
			look($plan, \%seen) unless $plan->{'Node Type'} =~ /^(Result|Function Scan)$/;
		}
		my $rows = List::Util::max($seen{rows}{$table} // 0, $seen{entries} // 0);
		my @used = grep { /^$table/ && !/pkey/ } sort keys %{ $seen{indexes} };
		my @bad = grep { /Seq Scan/ || /Sort/ && !$sorts } sort keys %{ $seen{nodes} };

		ok( @used && !@bad && $rows >= $limit[0] && $rows <= $limit[1] && (!$indexes || "@used" eq $indexes),
			"$call: $rows rows by @used" . join('', map { ", $_" } @bad))
		  or diag($stderr);
	}
	return;
}
sub list
{
	my ($list, @arguments) = @_;

	return "propstreet.$list(" . join(', ', grep { $_ } @arguments, 'page_size => ' . SHOWN) . ')';
}

# Pages without a filter: the rows shown and one, wherever they begin
my $deep = "cursor => propstreet.cursor_encode(timestamptz '2020-01-01Z' + interval '9900 minutes', 1)";
my $late = "updated_since => timestamptz '2020-01-01Z' + interval '9900 minutes'";
foreach my $where ('', $deep, $late)
{
	reads(list('project_list', $where), 'project', SHOWN + 1, 'project_list');
	reads(list('project_list', $where, 'include_deleted => true'), 'project', SHOWN + 1, 'project_all');
	reads(list('prospect_list_all', $where, 'include_deleted => false'), 'prospect', SHOWN + 1, 'prospect_list');
	reads(list('prospect_list_all', $where, 'include_deleted => true'), 'prospect', SHOWN + 1, 'prospect_all');
}
foreach my $where ('', "updated_since => timestamptz '2020-01-01Z' + interval '8000 minutes'")
{
	reads(list('prospect_list', 10000, $where, 'include_deleted => false'), 'prospect', SHOWN + 1, 'prospect_project_list');
	reads(list('prospect_list', 10000, $where, 'include_deleted => true'), 'prospect', SHOWN + 1, 'prospect_project_all');
}

# Every combination of filters
foreach my $deleted ('', 'include_deleted => true')
{
	foreach my $filters (1 .. 7)
	{
		reads(list('project_list', $deleted, $filters & 1 && "status => 'closed'", $filters & 2 && "classification => 'inactive'",
				$filters & 4 && "teaser_stage => 'drafting'"),
			'project', [ 0, SHOWN + 1 + RANGES ]);
	}
	foreach my $filters (1 .. 7)
	{
		my @filters = ($deleted, $filters & 1 && "classification => 'bidder'", $filters & 2 && "capability => 'chat'",
			$filters & 4 && "tags => '{vip}'");

		# at most all of one project
		reads(list('prospect_list', 10000, @filters), 'prospect', [ 0, $deleted ? 102 : 51 ], $deleted ? 'prospect_project_all' : 'prospect_project_list');
		reads(list('prospect_list_all', @filters), 'prospect', [ 0, SHOWN + 1 + RANGES ], undef, $filters & 4);
	}
}

# Few rows match, and those are read
reads(list('project_list', "status => 'closed'", "teaser_stage => 'drafting'"), 'project', 5, 'project_filter_stage');
reads(list('project_list', "classification => 'inactive'"), 'project', 5, 'project_filter_no_stage project_filter_stage');
reads(list('prospect_list_all', "capability => 'chat'"), 'prospect', 5, 'prospect_filter_chat');
reads(list('prospect_list_all', "classification => 'bidder'"), 'prospect', 5, 'prospect_filter prospect_filter_chat');
reads(list('prospect_list_all', "tags => '{vip,unknown}'"), 'prospect', 10, 'prospect_tags', 1);
# Many match, and a page of them is read
reads(list('project_list', "status => 'deleted'"), 'project', [ SHOWN + 1, SHOWN + 1 + RANGES ]);
reads(list('project_list', "classification => 'draft'", $deep), 'project', [ SHOWN + 1, SHOWN + 1 + RANGES ]);
reads(list('prospect_list_all', "classification => 'contacted'", $deep), 'prospect', [ SHOWN + 1, SHOWN + 1 + RANGES ]);
reads(list('prospect_list_all', "tags => '{any}'"), 'prospect', [ SHOWN + 1, SHOWN + 2 ], 'prospect_list');

# One investor's projects, and the numbers of prospects for those that are shown
reads(list('contact_projects', 7), 'prospect', [ 250, 251 + SHOWN ], 'prospect_project_list prospect_unique_contact', 1);
reads(list('company_projects', 7), 'prospect', [ 50, 51 + SHOWN ], 'prospect_company prospect_project_list', 1);

# Changes, and the same by views
foreach my $table ('project', 'prospect')
{
	my $index = $table eq 'project' ? 'project_all' : 'prospect_all';
	my $since = "timestamptz '2020-01-01Z' + interval '9900 minutes'";

	reads("count(*) FROM propstreet.${table}_changes($since)", $table, 101, $index);
	reads("resource FROM propstreet.${table}_delta WHERE tenant_id = propstreet.current_tenant() AND updated_utc >= $since "
		  . 'AND updated_utc < now() ORDER BY updated_utc, id LIMIT ' . SHOWN,
		$table, SHOWN, $index);
}

# No statement of ours is compiled, whatever the planner takes it to cost: that would take longer than to run it
SKIP:
{
	skip 'no provider of JIT compilation', 3 unless $node->safe_psql('postgres', 'SET jit = on; SELECT pg_jit_available()') eq 't';
	foreach my $query ('SELECT count(*) FROM propstreet.project WHERE id > 0 /* by itself */', 'SELECT propstreet.project_list()', 'SELECT propstreet.project_update(10000, \'{"name": "x"}\')')
	{
		my ($stderr, $compiled) = ('', 0);

		$node->psql('postgres', "SET jit = on; SET jit_above_cost = 0; $query", stderr => \$stderr, on_error_die => 1);
		while ($stderr =~ /plan:\n(\{.*?^\})/msg)
		{
			my $shown = decode_json($1);

			$compiled ||= $shown->{JIT} && ($query =~ /by itself/ || $shown->{'Query Text'} ne $query);
		}
		is($compiled ? 'compiled' : 'not compiled', $query =~ /by itself/ ? 'compiled' : 'not compiled', $query);
	}
}

done_testing();
